# v86.S: virtual-8086 mode: what IOPL lets through, what goes to ring 0 and how the frame looks, I/O bitmap, back by IRET.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: v86: ok
# QEMU: yes
#include "guest.h"
#include "task.h"
#define LOW 0x8000                      /* the 8086 code is copied here and runs as 0800:xxxx */
#define LOW_SEGMENT (LOW >> 4)
#define V86_SS 0x700
#define V86_SP 0x0800
#define V86_DS 0x1111
#define V86_ES 0x2222
#define V86_FS 0x3333
#define V86_GS 0x4444
#define TASK_V 0x30

# V86 label: goes there in virtual-8086 mode with the flags in v86_eflags.
.macro V86 label
        pushl $(\label - low)
        jmp enter_v86
.endm
# FAULT86 name, vector, error, instruction: the instruction traps, at its own address.
.macro FAULT86 name:req, vector:req, error:req, instruction:vararg
        .pushsection .text.low, "ax"
        .code16
.Lcode\@:
        \instruction
        int $V_LEAVE
        .code32
        .popsection
        TRY
        V86 .Lcode\@
        CAUGHT "\name", \vector, \error, (.Lcode\@ - low)
.endm

        .section .text.low, "ax"
low:                                    // this section is copied to LOW
        PROGRAM "v86"
        cld
        movl $low, %esi
        movl $LOW, %edi
        movl $low_end - low, %ecx
        rep movsb
        movl $(F_VM | 2), v86_eflags

// ---- IOPL 0: what could touch IF goes to the monitor ----
        FAULT86 "iopl0-cli", V_GP, 0, cli
        FAULT86 "iopl0-sti", V_GP, 0, sti
        FAULT86 "iopl0-pushf", V_GP, 0, pushfw
        FAULT86 "iopl0-pushfl", V_GP, 0, pushfl
        FAULT86 "iopl0-popf", V_GP, 0, popfw
        FAULT86 "iopl0-int", V_GP, 0, int $V_LEAVE
        FAULT86 "iopl0-iret", V_GP, 0, iretw
        // The frame: nine doublewords, and null data segments for the handler.
        CHECK "frame-cs", trap_cs, $LOW_SEGMENT
        CHECK "frame-ss", trap_ss, $V86_SS
        CHECK "frame-esp", trap_esp, $V86_SP
        CHECK "frame-ds", trap_ds, $V86_DS
        CHECK "frame-es", trap_es, $V86_ES
        CHECK "frame-fs", trap_fs, $V86_FS
        CHECK "frame-gs", trap_gs, $V86_GS
        movl trap_eflags, %eax
        andl $(F_VM | F_IOPL3 | F_IF), %eax
        CHECK "frame-eflags", %eax, $F_VM
        CHECK_FLAGS "handler-vm-clear", F_VM, 0

// ---- at any IOPL ----
        movl $(F_VM | F_IOPL3 | 2), v86_eflags
        FAULT86 "hlt", V_GP, 0, hlt
        FAULT86 "clts", V_GP, 0, clts
        FAULT86 "lgdt", V_GP, 0, lgdtw 0
        FAULT86 "lmsw", V_GP, 0, lmsw %ax
        FAULT86 "mov-from-cr0", V_GP, 0, movl %cr0, %eax
        FAULT86 "mov-from-dr7", V_GP, 0, movl %dr7, %eax
        FAULT86 "lldt", V_UD, 0, lldt %ax
        FAULT86 "ltr", V_UD, 0, ltr %ax
        FAULT86 "sldt", V_UD, 0, sldt %ax
        FAULT86 "str", V_UD, 0, str %ax
        FAULT86 "lar", V_UD, 0, larw %ax, %bx
        FAULT86 "lsl", V_UD, 0, lslw %ax, %bx
        FAULT86 "verr", V_UD, 0, verr %ax
        FAULT86 "verw", V_UD, 0, verw %ax
        FAULT86 "arpl", V_UD, 0, arpl %ax, %bx
        FAULT86 "mov-to-cs", V_UD, 0, .byte 0x8e, 0xc8
        FAULT86 "int-dpl-0", V_GP, (0x20 * 8 + 2), int $0x20
        FAULT86 "int3-dpl-0", V_GP, (V_BP * 8 + 2), int3
        orb $G_DPL3, idt + 8 * V_BP + 5
        TRY
        V86 code_int3
        CAUGHT "int3-dpl-3", V_BP, 0, (code_int3_after - low)
        movl $(F_VM | 2), v86_eflags
        TRY
        V86 code_int3                   // INT3 doesn't look at IOPL
        CAUGHT "int3-iopl-0", V_BP, 0, (code_int3_after - low)
        andb $~G_DPL3, idt + 8 * V_BP + 5
        xorl %edx, %edx
        xorl %ecx, %ecx
        FAULT86 "divide", V_DE, 0, divw %cx
        SKIP_ON_TCG 2f, "TCG checks no limits"
        movl $0xffff, %ebx
        FAULT86 "word-at-ffff", V_GP, 0, movw (%bx), %ax
        FAULT86 "offset-above-64k", V_GP, 0, movb 1(%ebx), %al
        movl $0xffff, %ebp
        FAULT86 "word-at-ss-ffff", V_SS, 0, movw (%bp), %ax
2:
// ---- IOPL 3: an 8086 of its own ----
        movl $(F_VM | F_IOPL3 | 2), v86_eflags
        movl $0xfedcba98, (V86_SS << 4)
        TRY
        V86 code_8086
        CAUGHT "iopl3", V_LEAVE, 0, (code_8086_end - low)
        movzwl LOW + (flags_sti - low), %eax
        andl $(F_IF | F_IOPL3), %eax
        CHECK "iopl3-sti-pushf", %eax, $(F_IF | F_IOPL3)
        movzwl LOW + (flags_popf - low), %eax
        andl $(F_IF | F_CF | F_IOPL3), %eax
        CHECK "iopl3-popf-keeps-iopl", %eax, $(F_CF | F_IOPL3)
        movl LOW + (flags_long - low), %eax
        andl $(F_VM | F_RF), %eax
        CHECK "iopl3-pushfl-hides-vm", %eax, $0
        CHECK "segment-arithmetic", LOW + (value_ss - low), $0xfedcba98
        CHECK "above-1m-without-wrap", LOW + (value_high - low), $0x1badb002
        movzwl LOW + (value_iret - low), %eax
        CHECK "iret-inside", %eax, $0x7e57
        movzwl LOW + (value_far - low), %eax
        CHECK "far-call-inside", %eax, $LOW_SEGMENT
        CHECK "ds-any-value", trap_ds, $0xabcd
        movl trap_eflags, %eax
        andl $F_VM, %eax
        CHECK "popfl-cannot-clear-vm", %eax, $F_VM

// ---- a monitor that skips what it caught, and everything else comes back by IRET ----
        movl $(F_VM | F_CF | 2), v86_eflags
        movl $skip_one_byte, trap_hook
        movl $0x0a, %eax
        movl $0x0b, %ebx
        TRY
        V86 code_skipped
        CAUGHT "monitor", V_UD, 0, (code_skipped_end - low)
        CHECK "monitor-count", skipped, $3
        CHECK "monitor-eax", %eax, $0x0a
        CHECK "monitor-ebx", %ebx, $0x0d
        CHECK "monitor-ds-restored", trap_ds, $V86_DS
        CHECK "monitor-gs-restored", trap_gs, $V86_GS
        CHECK "monitor-esp", trap_esp, $V86_SP
        movl $0, trap_hook

// ---- the I/O permission bitmap decides, not IOPL ----
        movl $(F_VM | F_IOPL3 | 2), v86_eflags
        FAULT86 "io-without-bitmap", V_GP, 0, outb %al, $0x80
        movw $104, main_tss + TSS_IO
        SET_DESCRIPTOR MAIN_TSS, $main_tss, (104 + 32), A_TSS32
        movl $MAIN_TSS, %eax
        ltr %ax
        movb $0xff, main_tss + 104 + 32
        movb $0xfe, main_tss + 104 + 0x10       // ports 0x81 to 0x87 forbidden, 0x80 allowed
        movl $(F_VM | 2), v86_eflags
        TRY
        V86 code_out80
        CAUGHT "io-allowed", V_UD, 0, (code_out80_end - low)
        FAULT86 "io-forbidden", V_GP, 0, outb %al, $0x81
        FAULT86 "io-word-partly-forbidden", V_GP, 0, outw %ax, $0x80
        movw $0x100, %dx
        FAULT86 "io-terminator", V_GP, 0, inb %dx, %al
        movw $0x400, %dx
        FAULT86 "io-beyond-bitmap", V_GP, 0, inb %dx, %al

// ---- interrupts out of V86: the gate must lead to ring 0; data segments arrive null ----
        movl $(F_VM | F_IOPL3 | F_IF | 2), v86_eflags
        SET_IDT 0x86, $note_segments, (G_INT32 | G_DPL3)
        TRY
        V86 code_int86
        CAUGHT "int-and-back", V_LEAVE, 0, (code_int86_end - low)
        CHECK "handler-segments", segments_or, $0
        CHECK "handler-esp", handler_esp, $(trap_stack_top - 36)
        CHECK "handler-if", handler_flags, $2
        SET_DESCRIPTOR 0x38, $0, 0xfffff, (A_CODE32 | A_DPL3)
        SET_IDT 0x87, $note_segments, (G_INT32 | G_DPL3), 0x38
        FAULT86 "gate-to-ring-3", V_GP, 0x38, int $0x87

// ---- single step ----
        movl $(F_VM | F_IOPL3 | F_TF | 2), v86_eflags
        TRY
        V86 code_nops
        CAUGHT "single-step", V_DB, 0, (code_nops + 1 - low)

// ---- a task that is born in V86 mode ----
        call setup_paging
        movl $page_directory, main_tss + TSS_CR3
        SET_DESCRIPTOR TASK_V, $tss_v, 103, A_TSS32
        NEW_TASK tss_v, $(code_task - low), $V86_SP
        movl $(F_VM | F_IOPL3 | 2), tss_v + TSS_EFLAGS
        movl $LOW_SEGMENT, tss_v + TSS_CS
        movl $V86_SS, tss_v + TSS_SS
        movl $V86_DS, tss_v + TSS_DS
        TRY
        ljmp $TASK_V, $0
        ret                             // main goes on here after the task
        CAUGHT "v86-task", V_LEAVE, 0, (code_task_end - low)
        CHECK "v86-task-cs", trap_cs, $LOW_SEGMENT
        CHECK "v86-task-ds", trap_ds, $V86_DS
        clts
        ljmp $MAIN_TSS, $0

# enter_v86: the offset is on the stack; keeps the general registers.
enter_v86:
        popl v86_eip
        pushl $V86_GS
        pushl $V86_FS
        pushl $V86_DS
        pushl $V86_ES
        pushl $V86_SS
        pushl $V86_SP
        pushl v86_eflags
        pushl $LOW_SEGMENT
        pushl v86_eip
        iretl

# The hook: one-byte instructions that gave #GP are skipped.
skip_one_byte:
        xorl %eax, %eax
        cmpl $V_GP, 40(%ebp)
        jne 1f
        incl skipped
        incl 48(%ebp)
        movl $1, %eax
1:      ret

note_segments:
        pushl %eax
        pushl %ecx
        movl %ds, %eax
        movl %es, %ecx
        orl %ecx, %eax
        movl %fs, %ecx
        orl %ecx, %eax
        movl %gs, %ecx
        orl %ecx, %eax
        movl %eax, %ss:segments_or
        leal 8(%esp), %eax
        movl %eax, %ss:handler_esp
        pushfl
        popl %eax
        andl $(F_VM | F_IF | F_TF | 2), %eax
        movl %eax, %ss:handler_flags
        popl %ecx
        popl %eax
        iretl

        .section .text.low, "ax"
        .subsection 1                   // after what FAULT86 put there
        .code16
code_int3:
        int3
code_int3_after:
        hlt
code_8086:
        sti
        pushfw
        popw %cs:flags_sti - low
        pushw $F_CF
        popfw                           // IF off, CF on, IOPL untouched
        pushfw
        popw %cs:flags_popf - low
        pushfl
        popl %cs:flags_long - low
        pushl $F_IOPL3
        popfl
        movl %ss:0, %eax
        movl %eax, %cs:value_ss - low
        movw $0xffff, %ax
        movw %ax, %es
        movl %es:0x10, %eax             // FFFF:0010 is 0x100000: no wrap unless A20 is off
        movl %eax, %cs:value_high - low
        pushfw
        pushw %cs
        pushw $(1f - low)
        iretw
        hlt
1:      movw $0x7e57, %cs:value_iret - low
        lcall $LOW_SEGMENT, $(2f - low)
        movw $0xabcd, %ax
        movw %ax, %ds
        int $V_LEAVE
code_8086_end:
2:      movw %cs, %cs:value_far - low
        lretw
code_skipped:
        cli
        sti
        incw %bx
        pushfw
        incw %bx
code_skipped_end:
        ud2
code_out80:
        outb %al, $0x80
code_out80_end:
        ud2
code_int86:
        int $0x86
        int $V_LEAVE
code_int86_end:
code_nops:
        nop
        nop
        hlt
code_task:
        int $V_LEAVE
code_task_end:
        .balign 4
flags_long: .long 0
value_ss: .long 0
value_high: .long 0
flags_sti: .word 0
flags_popf: .word 0
value_iret: .word 0
value_far: .word 0
low_end:
        .code32

        .bss
        .align 128
tss_v:  .skip 128
v86_eip: .skip 4
v86_eflags: .skip 4
skipped: .skip 4
segments_or: .skip 4
handler_esp: .skip 4
handler_flags: .skip 4
