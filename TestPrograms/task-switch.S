# task-switch.S: hardware task switches that work: JMP, CALL, IRET, task gates, interrupts, 16-bit TSS, LDT, CR3, ring 3, T bit.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: task-switch: ok
# QEMU: yes
#include "guest.h"
#include "task.h"
#define TASK_A    0x30
#define TASK_B    0x38
#define TASK16    0x40
#define GATE_A    0x48                  /* task gates in the GDT */
#define GATE_MAIN 0x50
#define LDT_A     0x58
#define CODE_LOW  0x60
#define STACK16   0x68
#define PAGE      0x00a00000

        PROGRAM "task-switch"
        call setup_paging
        movl $page_directory, main_tss + TSS_CR3
        SET_DESCRIPTOR TASK_A, $tss_a, 103, A_TSS32
        SET_DESCRIPTOR TASK_B, $tss_b, 103, A_TSS32
        SET_DESCRIPTOR TASK16, $tss_16, 43, A_TSS16
        SET_GATE (gdt + GATE_A), TASK_A, $0, G_TASK
        SET_GATE (gdt + GATE_MAIN), MAIN_TSS, $0, (G_TASK | G_DPL3)
        SET_DESCRIPTOR LDT_A, $local_table, 7, A_LDT
        SET_DESCRIPTOR CODE_LOW, $low, 0xffff, 0x409b
        SET_DESCRIPTOR STACK16, $0, 0xffff, A_DATA16

// ---- JMP: the old task becomes available, the new one busy; no link, no NT ----
        NEW_TASK tss_a, $task_jump, $stack_a
        movl $0x0a, tss_a + TSS_EAX
        movl $0x0b, tss_a + TSS_EBX
        movl $0x0c, tss_a + TSS_EDI
        movl $(F_CF | F_OF | 2), tss_a + TSS_EFLAGS
        movw $0x7777, tss_a + TSS_LINK
        clts
        movl $1, %eax
        movl $2, %ebx
        movl $3, %ecx
        movl $4, %edx
        movl $5, %esi
        movl $6, %edi
        movl $7, %ebp
        stc
        ljmp $TASK_A, $0x12345678       // the offset is ignored
returned:
        CHECK_FLAGS "jump-restores-flags", F_CF, F_CF
        CHECK "jump-restores-eax", %eax, $1
        CHECK "jump-restores-ebp", %ebp, $7
        CHECK "saved-eip", main_tss + TSS_EIP, $returned
        CHECK "saved-eax", main_tss + TSS_EAX, $1
        CHECK "saved-ecx", main_tss + TSS_ECX, $3
        CHECK "saved-edx", main_tss + TSS_EDX, $4
        CHECK "saved-ebx", main_tss + TSS_EBX, $2
        CHECK "saved-esi", main_tss + TSS_ESI, $5
        CHECK "saved-edi", main_tss + TSS_EDI, $6
        CHECK "saved-esp", main_tss + TSS_ESP, %esp
        movzwl main_tss + TSS_CS, %eax
        CHECK "saved-cs", %eax, $KERNEL_CODE
        movzwl main_tss + TSS_SS, %eax
        CHECK "saved-ss", %eax, $KERNEL_DATA
        movl main_tss + TSS_EFLAGS, %eax
        andl $(F_CF | F_NT | 2), %eax
        CHECK "saved-flags", %eax, $(F_CF | 2)
        CHECK "new-task-eax", seen, $0x0a
        CHECK "new-task-ebx", seen + 4, $0x0b
        CHECK "new-task-edi", seen + 8, $0x0c
        movl seen + 12, %eax
        CHECK "new-task-flags", %eax, $(F_CF | F_OF | 2)
        CHECK "new-task-esp", seen + 16, $stack_a
        CHECK "new-task-tr", seen + 20, $TASK_A
        movl seen + 24, %eax
        andl $CR0_TS, %eax
        CHECK "switch-sets-ts", %eax, $CR0_TS
        CHECK "jump-main-available", seen + 28, $AVAILABLE
        CHECK "jump-new-busy", seen + 32, $BUSY
        movzwl tss_a + TSS_LINK, %eax
        CHECK "jump-writes-no-link", %eax, $0x7777
        CHECK_TYPE "back-main-busy", MAIN_TSS, BUSY
        CHECK_TYPE "back-new-available", TASK_A, AVAILABLE
        clts

// ---- CALL: link, NT, both busy; IRET undoes it ----
        NEW_TASK tss_a, $task_call, $stack_a
        NEW_TASK tss_b, $task_inner, $stack_b
        lcall $TASK_A, $0
1:      CHECK_FLAGS "call-nt-clear-afterwards", F_NT, 0
        CHECK "call-saved-eip", main_tss + TSS_EIP, $1b
        CHECK "call-new-task-nt", seen, $F_NT
        CHECK "call-link", seen + 4, $MAIN_TSS
        CHECK "call-main-busy", seen + 8, $BUSY
        CHECK "nested-link", seen + 12, $TASK_A
        CHECK "nested-a-busy", seen + 16, $BUSY
        CHECK "after-nested-iret-nt", seen + 20, $F_NT
        CHECK_TYPE "iret-a-available", TASK_A, AVAILABLE
        CHECK_TYPE "iret-b-available", TASK_B, AVAILABLE
        CHECK_TYPE "iret-main-busy", MAIN_TSS, BUSY
        movl tss_a + TSS_EFLAGS, %eax
        andl $F_NT, %eax
        CHECK "iret-saves-nt-clear", %eax, $0

// ---- task gates: CALL, and interrupts; the task goes on after its IRET the next time ----
        NEW_TASK tss_a, $task_counts, $stack_a
        movl $0, seen
        lcall $GATE_A, $0
        SET_IDT 0x85, $0, G_TASK, TASK_A
        int $0x85
1:      int $0x85
        CHECK "task-gate-count", seen, $3
        CHECK "int-saved-eip", main_tss + TSS_EIP, $(1b + 2)
        // An exception's error code is pushed on the new task's stack.
        NEW_TASK tss_b, $task_error, $stack_b
        SET_IDT V_GP, $0, G_TASK, TASK_B
        movl $0xfff8, %eax
1:      movl %eax, %fs
after_gp:
        CHECK "exception-error-code", seen, $0xfff8
        CHECK "exception-saved-eip", seen + 4, $1b
        CHECK "exception-esp", seen + 8, $(stack_b - 4)
        RESET_IDT V_GP

// ---- a 16-bit TSS ----
        movw $(task_16 - low), tss_16 + TSS16_IP
        movw $(F_CF | 2), tss_16 + TSS16_FLAGS
        movw $0x1616, tss_16 + TSS16_AX
        movw $0x7000, tss_16 + TSS16_SP
        movw $0x4444, tss_16 + TSS16_DI
        movw $KERNEL_DATA, tss_16 + TSS16_ES
        movw $CODE_LOW, tss_16 + TSS16_CS
        movw $STACK16, tss_16 + TSS16_SS
        movw $KERNEL_DATA, tss_16 + TSS16_DS
        movw $0, tss_16 + TSS16_LDT
        movl $0x89abcdef, %ebx
        movl $USER_DATA, %eax
        movl %eax, %fs
        lcall $TASK16, $0
        movl %fs, %eax
        CHECK "fs-back-after-16-bit-task", %eax, $USER_DATA
        CHECK "upper-half-back", %ebx, $0x89abcdef
        movzwl seen, %eax
        CHECK "task-16-ax", %eax, $0x1616
        movzwl seen + 4, %eax
        CHECK "task-16-di", %eax, $0x4444
        movzwl seen + 8, %eax
        CHECK "task-16-sp", %eax, $0x7000
        CHECK "task-16-fs-is-null", seen + 16, $0
        movl seen + 12, %eax
        andl $(F_NT | F_CF), %eax
        CHECK "task-16-flags", %eax, $(F_NT | F_CF)
        movzwl tss_16 + TSS16_LINK, %eax
        CHECK "task-16-link", %eax, $MAIN_TSS
        movzwl tss_16 + TSS16_AX, %eax
        CHECK "task-16-saved-ax", %eax, $0x6161
        movzwl tss_16 + TSS16_IP, %eax
        CHECK "task-16-saved-ip", %eax, $(task_16_end - low)

// ---- LDT and CR3 come from the TSS ----
        pushl $0x4093
        pushl $0xfff
        pushl $PAGE
        pushl $local_table
        call set_descriptor
        cld
        movl $page_directory, %esi
        movl $other_directory, %edi
        movl $1024, %ecx
        rep movsl
        movl $page_tables + 4096 * (PAGE >> 22), %esi
        movl $other_table, %edi
        movl $1024, %ecx
        rep movsl
        movl $other_table + 7, other_directory + 4 * (PAGE >> 22)
        movl $(PAGE + 0x1000 + 7), other_table + 4 * ((PAGE >> 12) & 1023)
        movl $0x11111111, PAGE
        movl $0x22222222, PAGE + 0x1000
        NEW_TASK tss_a, $task_space, $stack_a
        movl $other_directory, tss_a + TSS_CR3
        movw $LDT_A, tss_a + TSS_LDT
        movw $0x04, tss_a + TSS_FS      // entry 0 of the LDT
        lcall $TASK_A, $0
        CHECK "other-cr3", seen, $0x22222222
        CHECK "other-ldt", seen + 4, $LDT_A
        CHECK "segment-from-ldt", seen + 8, $0x22222222
        CHECK "cr3-back", PAGE, $0x11111111
        sldt %ax
        movzwl %ax, %eax
        CHECK "ldt-back", %eax, $0

// ---- a task at CPL 3, and back through a task gate with DPL 3 ----
        NEW_TASK tss_a, $task_user, $stack_a
        movw $USER_CODE, tss_a + TSS_CS
        movw $USER_DATA, tss_a + TSS_SS
        movw $USER_DATA, tss_a + TSS_DS
        movw $USER_DATA, tss_a + TSS_ES
        ljmp $TASK_A, $0
        CHECK "user-task-cs", seen, $USER_CODE
        movzwl tss_a + TSS_CS, %eax
        CHECK "user-task-saved-cs", %eax, $USER_CODE
        TRY
        USER
1:      ljmp $TASK_B, $0               // DPL 0
        LEAVE
        CAUGHT "tss-dpl", V_GP, TASK_B, 1b
        TRY
        USER
1:      lcall $GATE_A, $0
        LEAVE
        CAUGHT "task-gate-dpl", V_GP, GATE_A, 1b

// ---- T: #DB in the new task before its first instruction ----
        SKIP_ON_TCG 3f, "TCG ignores the T bit"
        NEW_TASK tss_a, $task_jump, $stack_a
        movw $1, tss_a + TSS_T
        xorl %eax, %eax
        movl %eax, %dr6
        TRY
        ljmp $TASK_A, $0
        jmp 2f
        CAUGHT "t-bit", V_DB, 0, task_jump
        movl %dr6, %eax
        andl $DR6_BT, %eax
        CHECK "t-bit-dr6", %eax, $DR6_BT
        str %ax
        movzwl %ax, %eax
        CHECK "t-bit-task", %eax, $TASK_A
        ljmp $MAIN_TSS, $0              // we are still in task A
2:      movw $0, tss_a + TSS_T
3:      ret

// ---- the tasks ----
task_jump:
        movl %eax, seen
        movl %ebx, seen + 4
        movl %edi, seen + 8
        movl %esp, seen + 16
        pushfl
        popl seen + 12
        str %ax
        movzwl %ax, %eax
        movl %eax, seen + 20
        movl %cr0, %eax
        movl %eax, seen + 24
        movzbl gdt + MAIN_TSS + 5, %eax
        movl %eax, seen + 28
        movzbl gdt + TASK_A + 5, %eax
        movl %eax, seen + 32
        ljmp $MAIN_TSS, $0

task_call:
        pushfl
        popl %eax
        andl $F_NT, %eax
        movl %eax, seen
        movzwl tss_a + TSS_LINK, %eax
        movl %eax, seen + 4
        movzbl gdt + MAIN_TSS + 5, %eax
        movl %eax, seen + 8
        lcall $TASK_B, $0
        pushfl
        popl %eax
        andl $F_NT, %eax
        movl %eax, seen + 20
        iretl
task_inner:
        movzwl tss_b + TSS_LINK, %eax
        movl %eax, seen + 12
        movzbl gdt + TASK_A + 5, %eax
        movl %eax, seen + 16
        iretl

task_counts:
        incl seen
        iretl
        jmp task_counts

task_error:
        movl %esp, seen + 8
        popl seen
        movl main_tss + TSS_EIP, %eax
        movl %eax, seen + 4
        movl $after_gp, main_tss + TSS_EIP
        iretl

task_space:
        movl PAGE, %eax
        movl %eax, seen
        sldt %ax
        movzwl %ax, %eax
        movl %eax, seen + 4
        movl %fs:0, %eax
        movl %eax, seen + 8
        iretl

task_user:
        movl %cs, %eax
        movl %eax, seen
        ljmp $GATE_MAIN, $0

low:
task_16:
        pushfl
        popl seen + 12
        movl %eax, seen
        movl %edi, seen + 4
        movl %esp, seen + 8
        movl %fs, %eax
        movl %eax, seen + 16
        movw $0x6161, %ax
        iretl
task_16_end:

        .bss
        .align 128
tss_a:  .skip 128
tss_b:  .skip 128
tss_16: .skip 64
seen:   .skip 64
local_table: .skip 8
        .align 16
        .skip 2048
stack_a:
        .skip 2048
stack_b:
        .align 4096
other_directory: .skip 4096
other_table: .skip 4096
