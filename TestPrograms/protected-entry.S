# protected-entry.S: what a multiboot loader promises, and 16-bit to 32-bit to real mode and back by hand.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: protected-entry: ok
# QEMU: yes
#include "guest.h"
#define CODE16 FREE_SELECTOR
#define DATA16 (FREE_SELECTOR + 8)
#define LOW 0x8000                      /* the real-mode part runs from here */

        PROGRAM "protected-entry"
        CHECK "multiboot-magic", boot_eax, $0x2badb002
        movl boot_ebx, %ebx
        testl %ebx, %ebx
        setnz %al
        movzbl %al, %eax
        CHECK "multiboot-information", %eax, $1
        movl (%ebx), %eax
        andl $1, %eax
        CHECK "multiboot-has-memory", %eax, $1

        // Control registers: protected, not paged.
        movl %cr0, %eax
        andl $(CR0_PE | CR0_PG), %eax
        CHECK "cr0", %eax, $CR0_PE
        smsw %ax
        andl $1, %eax
        CHECK "smsw-pe", %eax, $1
        // LMSW can set PE but never clear it.
        smsw %ax
        andl $0xfffe, %eax
        lmsw %ax
        smsw %ax
        andl $1, %eax
        CHECK "lmsw-keeps-pe", %eax, $1
        // ET reads as one, whatever is written.
        movl %cr0, %eax
        andl $~0x10, %eax
        movl %eax, %cr0
        movl %cr0, %eax
        andl $0x10, %eax
        CHECK "cr0-et", %eax, $0x10

        // The tables are where we put them.
        sgdt scratch
        movzwl scratch, %eax
        CHECK "sgdt-limit", %eax, $(64 * 8 - 1)
        CHECK "sgdt-base", scratch + 2, $gdt
        sidt scratch
        movzwl scratch, %eax
        CHECK "sidt-limit", %eax, $(256 * 8 - 1)
        CHECK "sidt-base", scratch + 2, $idt
        str %ax
        movzwl %ax, %eax
        CHECK "str", %eax, $MAIN_TSS
        sldt %ax
        movzwl %ax, %eax
        CHECK "sldt", %eax, $0
        CHECK_FLAGS "vm-and-nt-clear", F_VM | F_NT | F_IF, 0

        // A 16-bit code segment: addresses and operands are 16 bits wide unless a prefix says otherwise.
        SET_DESCRIPTOR CODE16, $LOW, 0xffff, A_CODE16
        SET_DESCRIPTOR DATA16, $LOW, 0xffff, A_DATA16
        cld
        movl $low_start, %esi
        movl $LOW, %edi
        movl $(low_end - low_start), %ecx
        rep movsb
        movl $0x12345678, %eax
        movl $0, %edx
        lcall $CODE16, $(in16 - low_start)
        CHECK "add-in-16-bit-code", %eax, $0x12340003
        CHECK "add-prefixed-in-16-bit-code", %edx, $0x10001

        // To real mode and back. 20-bit segments, the IDT of a real-mode CPU, and a software interrupt.
        movl %esp, saved_esp
        ljmp $CODE16, $(to_real - low_start)
back:   movl $KERNEL_DATA, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        movl saved_esp, %esp
        lidt idt_pointer
        movl $0, %eax
        movl %eax, %fs
        movl %eax, %gs
        CHECK "real-mode-ran", LOW + (witness - low_start), $0x600dcafe
        CHECK "real-mode-interrupt", LOW + (frame - low_start), $((LOW >> 4) << 16 | (after_int - low_start))
        movzwl LOW + (real_cr0 - low_start), %eax
        andl $1, %eax
        CHECK "real-mode-cr0", %eax, $0
        movzwl LOW + (wrapped - low_start), %eax
        CHECK "real-mode-segment-arithmetic", %eax, $0xbeef
        ret

low_start:
        .code16
in16:   movw $1, %ax
        addw $2, %ax                    // leaves the high half of EAX
        movl $0x10000, %edx
        incl %edx
        lretl

to_real:
        movw $DATA16, %ax               // 64 KiB limits before PE goes
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %fs
        movw %ax, %gs
        movw %ax, %ss
        movl %cr0, %eax
        andb $~CR0_PE, %al
        movl %eax, %cr0
        ljmp $(LOW >> 4), $(in_real - low_start)
in_real:
        movw $(LOW >> 4), %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7000, %sp
        lidtl real_idt - low_start
        smsww real_cr0 - low_start
        movl $0x600dcafe, witness - low_start
        // 0x8000:0x0000 by another segment: (LOW >> 4) - 0x100, offset 0x1000 + x.
        movw $(LOW >> 4) - 0x100, %ax
        movw %ax, %es
        movw $0xbeef, %es:(0x1000 + wrapped - low_start)
        xorw %ax, %ax
        movw %ax, %es
        movl %es:(0x40 * 4), %ebx       // vector 0x40 borrowed
        movw $(handler - low_start), %es:(0x40 * 4)
        movw $(LOW >> 4), %es:(0x40 * 4 + 2)
        int $0x40
after_int:
        movl %ebx, %es:(0x40 * 4)
        movl %cr0, %eax
        orb $CR0_PE, %al
        movl %eax, %cr0
        ljmpl $KERNEL_CODE, $back
handler:
        pushw %bp
        movw %sp, %bp
        movl 2(%bp), %eax               // IP, CS
        movl %eax, frame - low_start
        popw %bp
        iretw

        .balign 4
real_idt: .word 0x3ff
        .long 0
        .balign 4
witness: .long 0
frame:  .long 0
real_cr0: .word 0
wrapped: .word 0
low_end:
        .code32

        .bss
        .align 4
scratch: .skip 8
saved_esp: .skip 4
