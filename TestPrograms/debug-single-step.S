# debug-single-step.S: the exact places where TF traps: REP iterations, jumps, INT and IRET, POPF, the MOV SS shadow, faults.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: debug-single-step: ok
# QEMU: yes
#include "guest.h"
#define DR6_BS 0x4000

        PROGRAM "debug-single-step"
        SET_IDT V_DB, $note_step
        SET_IDT 0x86, $handler
        xorl %eax, %eax
        movl %eax, %dr6
        cld
        movl $source, %esi
        movl $target, %edi
        movl $3, %ecx
        movl $2, %edx
        pushfl
        orl $F_TF, (%esp)
        popfl                           // no trap after the POPF that sets TF
        nop
s1:     call subroutine
s3:     rep movsb                       // three iterations: two traps here, one behind
s4:     movl $0, %ecx
s5:     rep movsb                       // none: one trap
s6:     decl %edx
s7:     jnz s6
s8:     movl %ss, %eax
s9:     movl %eax, %ss                  // no trap between MOV SS and the next instruction
        nop
s10:    pushl %ss
s11:    popl %ss                        // the same for POP SS
        nop
s12:    pushfl
s13:    popl %ebx
s14:    int $0x86                       // the handler runs with TF clear; IRET sets it: the next NOP traps
        nop
s15:    cmpl $3, %ebx
s16:    pushfl
s17:    andl $~F_TF, (%esp)
s18:    popfl                           // TF was set when it began: one more trap
s19:    nop
        movl $steps, %esi
        movl $expected, %edi
        movl $EXPECTED_COUNT, %ecx
1:      movl (%edi), %eax
        cmpl %eax, (%esi)
        jne 2f
        addl $4, %esi
        addl $4, %edi
        decl %ecx
        jnz 1b
2:      movl $EXPECTED_COUNT, %eax      // how far the two lists agree
        subl %ecx, %eax
        CHECK "steps-in-order", %eax, $EXPECTED_COUNT
        CHECK "step", (%esi), (%edi)
        CHECK "number-of-steps", step_count, $EXPECTED_COUNT
        movl %dr6, %eax
        andl $DR6_BS, %eax
        CHECK "dr6-bs", %eax, $DR6_BS
        andl $F_TF, %ebx
        CHECK "pushf-shows-tf", %ebx, $F_TF
        movl handler_flags, %eax
        andl $F_TF, %eax
        CHECK "int-clears-tf", %eax, $0
        CHECK_FLAGS "tf-off", F_TF, 0

        // A fault comes before the trap; the saved flags still have TF.
        RESET_IDT V_DB
        TRY
        pushfl
        orl $F_TF, (%esp)
        popfl
1:      ud2
        CAUGHT "fault-under-tf", V_UD, 0, 1b
        movl trap_eflags, %eax
        andl $F_TF, %eax
        CHECK "fault-under-tf-flags", %eax, $F_TF
        // Set by IRET rather than POPF.
        TRY
        pushl $(F_TF | 2)
        pushl $KERNEL_CODE
        pushl $1f
        iretl
1:      nop
2:      nop
        CAUGHT "tf-by-iret", V_DB, 0, 2b
        // And at CPL 3.
        movl $(F_TF | 2), user_eflags
        TRY
        USER
1:      nop
        LEAVE
        CAUGHT "tf-at-cpl-3", V_DB, 0, (1b + 1)
        CHECK "tf-at-cpl-3-cs", trap_cs, $USER_CODE
        ret

subroutine:
        ret

handler:
        pushfl
        popl handler_flags
        nop
        iretl

note_step:
        pushl %eax
        pushl %ebx
        movl step_count, %ebx
        movl 8(%esp), %eax
        cmpl $63, %ebx
        ja 1f
        movl %eax, steps(, %ebx, 4)
        incl step_count
        popl %ebx
        popl %eax
        iretl
1:      andl $~F_TF, 16(%esp)           // something runs away
        popl %ebx
        popl %eax
        iretl

        .data
        .align 4
source: .byte 1, 2, 3
target: .byte 0, 0, 0
        .align 4
expected:
        .long s1, subroutine, s3, s3, s3, s4, s5, s6, s7, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15, s16, s17, s18, s19
        .set EXPECTED_COUNT, (. - expected) / 4
        .long 0
        .bss
        .align 4
steps:  .skip 256
step_count: .skip 4
handler_flags: .skip 4
