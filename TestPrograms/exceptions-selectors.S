# exceptions-selectors.S: #DF #TS #NP #SS #GP and the selector, IDT and EXT bits of their error codes.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: exceptions-selectors: ok
# QEMU: yes
#
# Error code:  15         3   2    1    0
#              | index    | TI  IDT  EXT |
#include "guest.h"
#define DATA_NP     0x30
#define CODE_NP     0x38
#define GATE_NP     0x40
#define DATA_RO     0x48
#define CODE_X      0x50                /* execute only */
#define LDT_NP      0x58
#define TSS_NP      0x60
#define CODE_RING1  0x68
#define GATE_RING1  0x70
#define STACK       0x78                /* what SS1 names; changed by each case */
#define GATE_TO_DATA 0x80
#define CODE_RING3  0x88
#define LDT_BAD     0x90
#define BEYOND      0xfff8

.macro FAULT name:req, vector:req, error:req, instruction:vararg
        TRY
1:      \instruction
        CAUGHT "\name", \vector, \error, 1b
.endm
# The same at CPL 3.
.macro FAULT3 name:req, vector:req, error:req, instruction:vararg
        TRY
        USER
1:      \instruction
        LEAVE
        CAUGHT "\name", \vector, \error, 1b
.endm
        PROGRAM "exceptions-selectors"
        SET_DESCRIPTOR DATA_NP, $0, 0xfffff, A_DATA32 - 0x80
        SET_DESCRIPTOR CODE_NP, $0, 0xfffff, A_CODE32 - 0x80
        SET_GATE (gdt + GATE_NP), KERNEL_CODE, $0, (G_CALL32 - 0x80)
        SET_DESCRIPTOR DATA_RO, $0, 0xfffff, A_DATA32 - 2
        SET_DESCRIPTOR CODE_X, $0, 0xfffff, A_CODE32 - 2
        SET_DESCRIPTOR LDT_NP, $gdt, 0xff, (A_LDT - 0x80)
        SET_DESCRIPTOR TSS_NP, $main_tss, 103, (A_TSS32 - 0x80)
        SET_DESCRIPTOR CODE_RING1, $0, 0xfffff, (A_CODE32 | 0x20)
        SET_GATE (gdt + GATE_RING1), (CODE_RING1 | 1), $in_ring1, (G_CALL32 | G_DPL3)
        SET_GATE (gdt + GATE_TO_DATA), KERNEL_DATA, $0, G_CALL32
        SET_DESCRIPTOR CODE_RING3, $0, 0xfffff, (A_CODE32 | A_DPL3)

// ---- #NP ----
        movl $DATA_NP, %eax
        FAULT "np-data", V_NP, DATA_NP, movl %eax, %ds
        movl $DATA_NP | 1, %eax
        FAULT "np-error-code-drops-rpl", V_GP, DATA_NP, movl %eax, %fs
        FAULT "np-code", V_NP, CODE_NP, ljmp $CODE_NP, $0
        FAULT "np-call", V_NP, CODE_NP, lcall $CODE_NP, $0
        FAULT "np-call-gate", V_NP, GATE_NP, lcall $GATE_NP, $0
        movl $LDT_NP, %eax
        FAULT "np-ldt", V_NP, LDT_NP, lldt %ax
        movl $TSS_NP, %eax
        FAULT "np-tss", V_NP, TSS_NP, ltr %ax
        SET_IDT 0x81, $0, (G_INT32 - 0x80)
        FAULT "np-int-gate", V_NP, (0x81 * 8 + 2), int $0x81
        pushfl
        pushl $CODE_NP
        pushl $0
        FAULT "np-iret", V_NP, CODE_NP, iretl
        FAULT "np-far-return", V_NP, CODE_NP, lretl
        addl $12, %esp

// ---- #SS ----
        movl $DATA_NP, %eax
        FAULT "ss-not-present", V_SS, DATA_NP, movl %eax, %ss
        pushl $DATA_NP
        FAULT "ss-pop-not-present", V_SS, DATA_NP, popl %ss
        addl $4, %esp
        movl $stack_pointer, %ebx
        FAULT "ss-lss-not-present", V_SS, DATA_NP, lssl (%ebx), %edx
// ---- #GP with a selector ----
        movl $BEYOND, %eax
        FAULT "gp-beyond-gdt", V_GP, BEYOND, movl %eax, %es
        movl $0x0c, %eax                // TI set, but LDTR is null
        FAULT "gp-no-ldt", V_GP, 0x0c, movl %eax, %es
        movl $CODE_X, %eax
        FAULT "gp-load-execute-only", V_GP, CODE_X, movl %eax, %ds
        movl $MAIN_TSS, %eax
        FAULT "gp-load-system-segment", V_GP, MAIN_TSS, movl %eax, %gs
        movl $DATA_RO, %eax
        FAULT "gp-ss-read-only", V_GP, DATA_RO, movl %eax, %ss
        movl $KERNEL_CODE, %eax
        FAULT "gp-ss-code", V_GP, KERNEL_CODE, movl %eax, %ss
        movl $USER_DATA, %eax
        FAULT "gp-ss-wrong-privilege", V_GP, (USER_DATA & ~3), movl %eax, %ss
        xorl %eax, %eax
        FAULT "gp-ss-null", V_GP, 0, movl %eax, %ss
        FAULT "gp-jump-null", V_GP, 0, ljmp $0, $0
        FAULT "gp-jump-data", V_GP, KERNEL_DATA, ljmp $KERNEL_DATA, $0
        FAULT "gp-call-ring-3", V_GP, CODE_RING3, lcall $CODE_RING3, $0
        FAULT "gp-call-beyond", V_GP, BEYOND, lcall $BEYOND, $0
        FAULT "gp-gate-to-data", V_GP, KERNEL_DATA, lcall $GATE_TO_DATA, $0
        FAULT "gp-jump-ldt-descriptor", V_GP, LDT_NP, ljmp $LDT_NP, $0
        movl $MAIN_TSS, %eax
        FAULT "gp-ltr-busy", V_GP, MAIN_TSS, ltr %ax
        FAULT "gp-lldt-of-tss", V_GP, MAIN_TSS, lldt %ax
        movl $KERNEL_DATA, %eax
        FAULT "gp-ltr-of-data", V_GP, KERNEL_DATA, ltr %ax
        xorl %eax, %eax
        SKIP_ON_TCG 2f, "TCG loads it"
        FAULT "gp-ltr-null", V_GP, 0, ltr %ax
2:
        pushfl
        pushl $KERNEL_DATA
        pushl $0
        FAULT "gp-iret-to-data", V_GP, KERNEL_DATA, iretl
        movl $0, 4(%esp)
        FAULT "gp-iret-null", V_GP, 0, iretl
        FAULT "gp-far-return-null", V_GP, 0, lretl
        addl $12, %esp

// ---- #GP through the IDT ----
        FAULT3 "gp-int-dpl", V_GP, (0x20 * 8 + 2), int $0x20
        SET_IDT 0x81, $0, 0x82          // an LDT descriptor is no gate
        FAULT "gp-idt-type", V_GP, (0x81 * 8 + 2), int $0x81
        SET_IDT 0x81, $0, G_INT32, 0
        FAULT "gp-idt-null-selector", V_GP, 0, int $0x81
        SET_IDT 0x81, $0, G_INT32, KERNEL_DATA
        FAULT "gp-idt-data-selector", V_GP, KERNEL_DATA, int $0x81
        lidt short_idt
        FAULT "gp-beyond-idt", V_GP, (0x40 * 8 + 2), int $0x40
        lidt idt_pointer

// ---- #GP(0): privileged instructions at CPL 3 ----
        .irp instruction, hlt, cli, sti, clts, invd, wbinvd, rdmsr, wrmsr, insb, outsb
        FAULT3 "cpl3-\instruction", V_GP, 0, \instruction
        .endr
        FAULT3 "cpl3-lgdt", V_GP, 0, lgdt gdt_pointer
        FAULT3 "cpl3-lidt", V_GP, 0, lidt idt_pointer
        FAULT3 "cpl3-lldt", V_GP, 0, lldt %ax
        FAULT3 "cpl3-ltr", V_GP, 0, ltr %ax
        FAULT3 "cpl3-lmsw", V_GP, 0, lmsw %ax
        FAULT3 "cpl3-invlpg", V_GP, 0, invlpg (%eax)
        FAULT3 "cpl3-mov-from-cr0", V_GP, 0, movl %cr0, %eax
        FAULT3 "cpl3-mov-to-cr3", V_GP, 0, movl %eax, %cr3
        FAULT3 "cpl3-mov-from-cr4", V_GP, 0, movl %cr4, %eax
        FAULT3 "cpl3-in", V_GP, 0, inb $0x60, %al
        FAULT3 "cpl3-out-dx", V_GP, 0, outl %eax, %dx
        TRY
        USER
        sgdt scratch                    // allowed: this is why x86 was hard to virtualise
        sidt scratch
        sldt %ax
        str %bx
        smsw %cx
        movl %cs, %edx
        LEAVE
        DONE "sensitive-but-not-privileged"
        andl $0xffff, %ebx
        CHECK "cpl3-str", %ebx, $MAIN_TSS
        CHECK "cpl3-cs", %edx, $USER_CODE

// ---- #GP(0): control registers and MSRs at CPL 0 ----
        SKIP_ON_TCG 2f, "TCG takes any value"
        movl $CR0_PG, %eax
        FAULT "cr0-pg-without-pe", V_GP, 0, movl %eax, %cr0
        movl %cr0, %eax
        andl $~0x40000000, %eax
        orl $0x20000000, %eax
        FAULT "cr0-nw-without-cd", V_GP, 0, movl %eax, %cr0
        movl $0x80000000, %eax
        FAULT "cr4-reserved", V_GP, 0, movl %eax, %cr4
        movl $1, %eax
        cpuid
        testl $0x20, %edx               // MSR
        jz 2f
        movl $0x00bad000, %ecx
        FAULT "rdmsr-unknown", V_GP, 0, rdmsr
        FAULT "wrmsr-unknown", V_GP, 0, wrmsr
2:
// ---- #TS: the inner stack named by the TSS, on a call from CPL 3 to ring 1 ----
        movl $user_stack_top - 4096, main_tss + 12
        movw $STACK | 1, main_tss + 16
        SET_DESCRIPTOR STACK, $0, 0xfffff, (A_DATA32 | 0x20)
        TRY
        USER
        lcall $GATE_RING1, $0
1:      LEAVE
        DONE "call-to-ring-1"
        movw $0, main_tss + 16
        FAULT3 "ts-null", V_TS, 0, lcall $GATE_RING1, $0
        movw $BEYOND | 1, main_tss + 16
        FAULT3 "ts-beyond-gdt", V_TS, BEYOND, lcall $GATE_RING1, $0
        movw $STACK | 2, main_tss + 16
        FAULT3 "ts-rpl", V_TS, STACK, lcall $GATE_RING1, $0
        movw $STACK | 1, main_tss + 16
        SET_DESCRIPTOR STACK, $0, 0xfffff, (A_DATA32 | 0x40)
        FAULT3 "ts-dpl", V_TS, STACK, lcall $GATE_RING1, $0
        SET_DESCRIPTOR STACK, $0, 0xfffff, (A_DATA32 | 0x20) - 2
        FAULT3 "ts-read-only", V_TS, STACK, lcall $GATE_RING1, $0
        SET_DESCRIPTOR STACK, $0, 0xfffff, (A_CODE32 | 0x20)
        FAULT3 "ts-code", V_TS, STACK, lcall $GATE_RING1, $0
        SET_DESCRIPTOR STACK, $0, 0xfffff, (A_DATA32 | 0x20) - 0x80
        SKIP_ON_TCG 2f, "TCG gives #TS, the manual #SS"
        FAULT3 "ts-stack-not-present", V_SS, STACK, lcall $GATE_RING1, $0
2:
        // Through an interrupt gate the same; INT n is no external event.
        SET_IDT 0x81, $0, (G_INT32 | G_DPL3), (CODE_RING1 | 1)
        movw $0, main_tss + 16
        FAULT3 "ts-int-null", V_TS, 0, int $0x81
        SET_DESCRIPTOR STACK, $0, 0xfffff, (A_DATA32 | 0x20)
        movw $STACK | 1, main_tss + 16
        SKIP_ON_TCG 2f, "TCG checks no limits"
        SET_DESCRIPTOR STACK, $0, 0xff, (0x4093 | 0x20)
        movl $0x2000, main_tss + 12
        FAULT3 "ss-inner-stack-limit", V_SS, STACK, lcall $GATE_RING1, $0
        SET_DESCRIPTOR MAIN_TSS, $main_tss, 15, A_TSS32     // the TSS limit leaves SS1 out
        movl $MAIN_TSS, %eax
        ltr %ax
        FAULT3 "ts-tss-limit", V_TS, MAIN_TSS, lcall $GATE_RING1, $0
        SET_DESCRIPTOR MAIN_TSS, $main_tss, 103, A_TSS32
        movl $MAIN_TSS, %eax
        ltr %ax
2:
// ---- #DF: an exception while a contributory one is delivered ----
        andb $0x7f, idt + 8 * V_GP + 5  // #GP's gate: not present
        movl $BEYOND, %eax
        TRY
        movl %eax, %es
        CAUGHT "df-gp-then-np", V_DF, 0, -1
        orb $0x80, idt + 8 * V_GP + 5
        andb $0x7f, idt + 8 * V_DE + 5
        xorl %ecx, %ecx
        TRY
        divl %ecx
        CAUGHT "df-de-then-np", V_DF, 0, -1
        orb $0x80, idt + 8 * V_DE + 5
        // #UD, #BP and #DB are benign: the second exception is delivered by itself.
        andb $0x7f, idt + 8 * V_UD + 5
        andb $0x7f, idt + 8 * V_BP + 5
        FAULT "bp-gate-not-present", V_NP, (V_BP * 8 + 2), int3
        SKIP_ON_TCG 2f, "TCG never sets EXT"
        FAULT "ud-then-np-sets-ext", V_NP, (V_UD * 8 + 3), ud2
2:      orb $0x80, idt + 8 * V_UD + 5
        orb $0x80, idt + 8 * V_BP + 5
        ret

in_ring1:
        lretl

        .data
        .align 4
stack_pointer: .long 0x1234
        .word DATA_NP
short_idt:
        .word 0x40 * 8 - 1
        .long idt
        .bss
scratch: .skip 8
