# start.S: where a multiboot loader jumps: sets up our own tables and a stack, then calls main.
# The multiboot loader leaves flat segments of its own, paging off, interrupts off, EAX = 0x2BADB002.
#include "guest.h"

        .section .multiboot, "a"
        .align 4
        .long 0x1badb002, 3, -(0x1badb002 + 3)

        .text
        .globl _start
_start: cli
        cld
        movl %eax, boot_eax
        movl %ebx, boot_ebx
        movl $stack_top, %esp
        lgdt gdt_pointer
        ljmp $KERNEL_CODE, $1f
1:      movl $KERNEL_DATA, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %fs
        movl %eax, %gs
        movl %eax, %ss
        movb $0xff, %al
        outb %al, $0x21                 // no interrupt from either PIC until a guest asks
        outb %al, $0xa1
        call serial_init
        call setup_traps
        call detect_tcg
        call main
        jmp finish

# finish: the verdict on COM1 and to the exit port. Status 1 is success, 3 is failure.
        .globl finish
finish: pushl $program_name
        call print
        cmpl $0, failures
        jne 1f
        PRINT ": ok\n"
        xorl %eax, %eax
        jmp exit
1:      PRINT ": FAILED\n"
        movl $1, %eax
# exit: ends the machine with status (EAX << 1) | 1.
        .globl exit
exit:   outb %al, $PORT_EXIT
1:      cli
        hlt
        jmp 1b

# detect_tcg: CPUID leaf 0x40000000 says "TCGTCGTCGTCG" on QEMU's translator.
detect_tcg:
        movl $1, %eax
        cpuid
        btl $31, %ecx
        jnc 1f
        movl $0x40000000, %eax
        cpuid
        cmpl $0x54474354, %ebx          // "TCGT"
        sete running_on_tcg
1:      ret

        .bss
        .globl boot_eax, boot_ebx, running_on_tcg, stack_top
        .align 16
        .skip 16384
stack_top:
boot_eax: .skip 4
boot_ebx: .skip 4
running_on_tcg: .skip 4
