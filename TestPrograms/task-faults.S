# task-faults.S: task switches that fail: before the switch (in the old task) and after it (in the new one).
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: task-faults: ok
# QEMU: yes
#
# #TS #NP #SS #GP go through task gates to tasks of their own, because the new task's stack may be what is wrong.
# The handler's link says in whose context the fault was raised, that task's saved EIP where.
#include "guest.h"
#include "task.h"
#define TASK_A    0x30
#define TASK_TS   0x38                  /* handlers */
#define TASK_NP   0x40
#define TASK_SS   0x48
#define TASK_GP   0x50
#define SHORT_TSS 0x58                  /* limit 102 */
#define TSS_NP    0x60
#define GATE_NP   0x68                  /* task gate, not present */
#define GATE_DATA 0x70                  /* task gate to what is no TSS */
#define DATA_NP   0x78
#define CODE_NP   0x80
#define LDT_NP    0x88
#define DATA_RO   0x90
#define CODE_SMALL 0x98
#define BEYOND    0xfff8

# FAULTS name, vector, error, task, eip, instruction
.macro FAULTS name:req, vector:req, error:req, task:req, eip:req, instruction:vararg
        movl $-1, seen_vector
        movl $78f, fault_resume
        movl %esp, resume_esp
1:      \instruction
78:     CHECK "\name", seen_vector, $\vector
        CHECK "\name-error-code", seen_error, $(\error)
        CHECK "\name-in-task", seen_link, $\task
        .if \task == TASK_A
        SKIP_ON_TCG 79f, "TCG saves the old task's EIP in the new task"
        .endif
        CHECK "\name-eip", seen_eip, $\eip
79:
.endm
# A field of task A is wrong: the fault comes in the new task, at its first instruction.
.macro BAD_FIELD name:req, vector:req, error:req, field:req, value:req
        NEW_TASK tss_a, $task_a, $stack_a
        movl $\value, tss_a + \field
        FAULTS "\name", \vector, \error, TASK_A, task_a, ljmp $TASK_A, $0
.endm
.macro HANDLER selector, tss, vector, entry, stack
        SET_DESCRIPTOR \selector, $\tss, 103, A_TSS32
        NEW_TASK \tss, $\entry, $\stack
        SET_IDT \vector, $0, G_TASK, \selector
.endm

        PROGRAM "task-faults"
        call setup_paging
        movl $page_directory, main_tss + TSS_CR3
        SET_DESCRIPTOR TASK_A, $tss_a, 103, A_TSS32
        SET_DESCRIPTOR SHORT_TSS, $tss_a, 102, A_TSS32
        SET_DESCRIPTOR TSS_NP, $tss_a, 103, (A_TSS32 - 0x80)
        SET_GATE (gdt + GATE_NP), TASK_A, $0, (G_TASK - 0x80)
        SET_GATE (gdt + GATE_DATA), KERNEL_DATA, $0, G_TASK
        SET_DESCRIPTOR DATA_NP, $0, 0xfffff, (A_DATA32 - 0x80)
        SET_DESCRIPTOR CODE_NP, $0, 0xfffff, (A_CODE32 - 0x80)
        SET_DESCRIPTOR LDT_NP, $tss_a, 7, (A_LDT - 0x80)
        SET_DESCRIPTOR DATA_RO, $0, 0xfffff, (A_DATA32 - 2)
        SET_DESCRIPTOR CODE_SMALL, $0, 0xff, 0x409b
        HANDLER TASK_TS, tss_ts, V_TS, handle_ts, stack_ts
        HANDLER TASK_NP, tss_np, V_NP, handle_np, stack_np
        HANDLER TASK_SS, tss_ss, V_SS, handle_ss, stack_ss
        HANDLER TASK_GP, tss_gp, V_GP, handle_gp, stack_gp
        NEW_TASK tss_a, $task_a, $stack_a

// ---- before the switch: the old task is at the instruction, nothing has changed ----
        FAULTS "jump-busy", V_GP, MAIN_TSS, MAIN_TSS, 1b, ljmp $MAIN_TSS, $0
        FAULTS "call-busy", V_GP, MAIN_TSS, MAIN_TSS, 1b, lcall $MAIN_TSS, $0
        FAULTS "tss-not-present", V_NP, TSS_NP, MAIN_TSS, 1b, ljmp $TSS_NP, $0
        FAULTS "tss-limit", V_TS, SHORT_TSS, MAIN_TSS, 1b, ljmp $SHORT_TSS, $0
        FAULTS "task-gate-not-present", V_NP, GATE_NP, MAIN_TSS, 1b, ljmp $GATE_NP, $0
        FAULTS "task-gate-to-data", V_GP, KERNEL_DATA, MAIN_TSS, 1b, lcall $GATE_DATA, $0
        CHECK_TYPE "task-a-still-available", TASK_A, AVAILABLE
        SET_IDT 0x85, $0, G_TASK, SHORT_TSS
        FAULTS "int-tss-limit", V_TS, SHORT_TSS, MAIN_TSS, 1b, int $0x85
        // IRET with NT: the link must name a busy TSS.
        movw $TASK_A, main_tss + TSS_LINK
        pushl $(F_NT | 2)
        popfl
        FAULTS "iret-link-not-busy", V_TS, TASK_A, MAIN_TSS, 1b, iretl
        movw $KERNEL_DATA, main_tss + TSS_LINK
        pushl $(F_NT | 2)
        popfl
        FAULTS "iret-link-to-data", V_TS, KERNEL_DATA, MAIN_TSS, 1b, iretl
        movw $BEYOND, main_tss + TSS_LINK
        pushl $(F_NT | 2)
        popfl
        FAULTS "iret-link-beyond-gdt", V_TS, BEYOND, MAIN_TSS, 1b, iretl

// ---- after the switch: the new task is at its first instruction ----
        BAD_FIELD "cs-null", V_TS, 0, TSS_CS, 0
        BAD_FIELD "cs-beyond", V_TS, BEYOND, TSS_CS, BEYOND
        BAD_FIELD "cs-data", V_TS, KERNEL_DATA, TSS_CS, KERNEL_DATA
        NEW_TASK tss_a, $task_a, $stack_a
        movl $KERNEL_CODE | 3, tss_a + TSS_CS   // and only CS is wrong: the order of the checks doesn't matter
        movl $USER_DATA, tss_a + TSS_SS
        movl $USER_DATA, tss_a + TSS_DS
        movl $USER_DATA, tss_a + TSS_ES
        FAULTS "cs-rpl", V_TS, KERNEL_CODE, TASK_A, task_a, ljmp $TASK_A, $0
        BAD_FIELD "cs-not-present", V_NP, CODE_NP, TSS_CS, CODE_NP
        BAD_FIELD "ss-null", V_TS, 0, TSS_SS, 0
        BAD_FIELD "ss-beyond", V_TS, BEYOND, TSS_SS, BEYOND
        BAD_FIELD "ss-read-only", V_TS, DATA_RO, TSS_SS, DATA_RO
        BAD_FIELD "ss-code", V_TS, KERNEL_CODE, TSS_SS, KERNEL_CODE
        BAD_FIELD "ss-privilege", V_TS, (USER_DATA & ~3), TSS_SS, USER_DATA
        BAD_FIELD "ds-beyond", V_TS, BEYOND, TSS_DS, BEYOND
        BAD_FIELD "ds-system", V_TS, TASK_A, TSS_DS, TASK_A
        BAD_FIELD "es-not-present", V_NP, DATA_NP, TSS_ES, DATA_NP
        BAD_FIELD "gs-beyond", V_TS, BEYOND, TSS_GS, BEYOND
        BAD_FIELD "ldt-data", V_TS, KERNEL_DATA, TSS_LDT, KERNEL_DATA
        BAD_FIELD "ldt-beyond", V_TS, BEYOND, TSS_LDT, BEYOND
        BAD_FIELD "ldt-not-present", V_TS, LDT_NP, TSS_LDT, LDT_NP
        SKIP_ON_TCG 2f, "TCG gives #NP for an absent SS, and checks no limits"
        BAD_FIELD "ss-not-present", V_SS, DATA_NP, TSS_SS, DATA_NP
        NEW_TASK tss_a, $task_a, $stack_a
        movl $CODE_SMALL, tss_a + TSS_CS
        FAULTS "eip-beyond-limit", V_GP, 0, TASK_A, task_a, ljmp $TASK_A, $0
2:      ret

task_a: ljmp $MAIN_TSS, $0              // nothing was wrong: main sees vector -1

// ---- the handlers: note, then make it look as if main had called us ----
.macro HANDLE name, vector, tss
handle_\name:
        popl seen_error
        movl $\vector, seen_vector
        movzwl \tss + TSS_LINK, %eax
        movl $MAIN_TSS, \tss + TSS_LINK
        call note
        iretl
        jmp handle_\name
.endm
        HANDLE ts, V_TS, tss_ts
        HANDLE np, V_NP, tss_np
        HANDLE ss, V_SS, tss_ss
        HANDLE gp, V_GP, tss_gp

# EAX is the link.
note:   movl %eax, seen_link
        movl main_tss + TSS_EIP, %ecx
        cmpl $MAIN_TSS, %eax
        je 1f
        movl tss_a + TSS_EIP, %ecx
1:      movl %ecx, seen_eip
        movb $AVAILABLE, gdt + TASK_A + 5
        movb $BUSY, gdt + MAIN_TSS + 5
        movl fault_resume, %eax
        movl %eax, main_tss + TSS_EIP
        movl resume_esp, %eax
        movl %eax, main_tss + TSS_ESP
        movl $2, main_tss + TSS_EFLAGS
        ret

        .bss
        .align 128
tss_a:  .skip 128
tss_ts: .skip 128
tss_np: .skip 128
tss_ss: .skip 128
tss_gp: .skip 128
        .skip 1024
stack_a:
        .skip 1024
stack_ts:
        .skip 1024
stack_np:
        .skip 1024
stack_ss:
        .skip 1024
stack_gp:
seen_vector: .skip 4
seen_error: .skip 4
seen_link: .skip 4
seen_eip: .skip 4
fault_resume: .skip 4
resume_esp: .skip 4
