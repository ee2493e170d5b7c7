# privilege.S: call gates with parameters, conforming code, RET and IRET to outer rings, gates and IF, POPF, SYSENTER.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: privilege: ok
# QEMU: yes
#include "guest.h"
#define GATE32    0x30                  /* to ring 0, three doublewords */
#define GATE16    0x38                  /* to ring 0, two words */
#define CONFORM   0x40
#define GATE_CONF 0x48
#define CODE_LOW  0x50                  /* ring 0, based so that offsets fit 16 bits */
#define USER_LOW  0x58                  /* ring 3, the same */
#define GATE_DPL0 0x60
#define GATE_OUT  0x68                  /* to ring 3 code: nobody may call outwards */
#define LOW_STACK 0x7000

.macro FAULT3 name:req, vector:req, error:req, instruction:vararg
        TRY
        USER
1:      \instruction
        LEAVE
        CAUGHT "\name", \vector, \error, 1b
.endm

        PROGRAM "privilege"
        SET_GATE (gdt + GATE32), KERNEL_CODE, $gate32, (G_CALL32 | G_DPL3), 3
        SET_GATE (gdt + GATE16), CODE_LOW, $(gate16 - low), (G_CALL16 | G_DPL3), 2
        SET_DESCRIPTOR CONFORM, $0, 0xfffff, 0xc09f
        SET_GATE (gdt + GATE_CONF), CONFORM, $conforming, (G_CALL32 | G_DPL3), 0
        SET_DESCRIPTOR CODE_LOW, $low, 0xffff, 0x409b
        SET_DESCRIPTOR USER_LOW, $low, 0xffff, (0x409b | A_DPL3)
        SET_GATE (gdt + GATE_DPL0), KERNEL_CODE, $gate32, G_CALL32, 0
        SET_GATE (gdt + GATE_OUT), USER_CODE, $0, G_CALL32, 0

// ---- a 32-bit call gate: stack switched, parameters copied, everything put back by RET n ----
        movl $trap_stack_top - 256, main_tss + 4
        TRY
        USER
        movl %esp, %ebp
        pushl $0x11111111
        pushl $0x22222222
        pushl $0x33333333
        lcall $(GATE32 | 3), $0x87654321 // the offset in the instruction is ignored
1:      movl %cs, %ebx
        LEAVE
        DONE "call-gate-32"
        CHECK "gate32-eip", frame, $1b
        CHECK "gate32-cs", frame + 4, $USER_CODE
        CHECK "gate32-last-parameter", frame + 8, $0x33333333
        CHECK "gate32-first-parameter", frame + 16, $0x11111111
        movl %ebp, %eax
        subl $12, %eax
        CHECK "gate32-outer-esp", frame + 20, %eax
        CHECK "gate32-outer-ss", frame + 24, $USER_DATA
        CHECK "gate32-inner-esp", frame_esp, $(trap_stack_top - 256 - 28)
        CHECK "gate32-inner-cs", frame_cs, $KERNEL_CODE
        CHECK "gate32-inner-ss", frame_ss, $KERNEL_DATA
        CHECK "gate32-ret-n-releases-parameters", trap_esp, %ebp
        CHECK "gate32-back-at-cpl-3", %ebx, $USER_CODE

// ---- a 16-bit call gate pushes words ----
        TRY
        USER
        movl $LOW_STACK, %esp
        pushw $0x1111
        pushw $0x2222
        ljmp $(USER_LOW | 3), $(call16 - low)
back16: LEAVE
        DONE "call-gate-16"
        movzwl frame, %eax
        CHECK "gate16-ip", %eax, $(call16_return - low)
        movzwl frame + 2, %eax
        CHECK "gate16-cs", %eax, $(USER_LOW | 3)
        CHECK "gate16-parameters", frame + 4, $0x11112222
        movzwl frame + 8, %eax
        CHECK "gate16-outer-sp", %eax, $(LOW_STACK - 4)
        movzwl frame + 10, %eax
        CHECK "gate16-outer-ss", %eax, $USER_DATA
        CHECK "gate16-inner-esp", frame_esp, $(trap_stack_top - 256 - 12)
        CHECK "gate16-ret-n", trap_esp, $LOW_STACK
        movl $trap_stack_top, main_tss + 4

// ---- calls that stay in the ring ----
        movl %esp, %ebp
        lcall $GATE_DPL0, $0            // same ring: only CS and EIP
1:      movl %ebp, %esp                 // gate32's RET 12 has taken more than the gate pushed
        CHECK "gate-same-ring-eip", frame, $1b
        CHECK "gate-same-ring-cs", frame + 4, $KERNEL_CODE
        movl %ebp, %eax
        subl $8, %eax
        CHECK "gate-same-ring-esp", frame_esp, %eax
        TRY
        USER
        lcall $CONFORM, $conforming     // conforming: CPL stays 3
        movl %eax, %ecx
        lcall $(GATE_CONF | 3), $0
        LEAVE
        DONE "conforming"
        CHECK "conforming-cs", %ecx, $(CONFORM | 3)
        SKIP_ON_TCG 1f, "TCG leaves the gate's RPL in CS"
        CHECK "conforming-by-gate-cs", %eax, $(CONFORM | 3)
1:
        FAULT3 "nonconforming-inner", V_GP, KERNEL_CODE, lcall $KERNEL_CODE, $conforming
        FAULT3 "gate-dpl", V_GP, GATE_DPL0, lcall $GATE_DPL0, $0
        FAULT3 "jump-through-gate-inwards", V_GP, KERNEL_CODE, ljmp $(GATE32 | 3), $0
        TRY
1:      lcall $GATE_OUT, $0
        CAUGHT "call-gate-outwards", V_GP, (USER_CODE & ~3), 1b

// ---- RET far and IRET to an outer ring: data segments that the ring may not have become null ----
        movl $KERNEL_DATA, %eax
        movl %eax, %ds
        movl $USER_DATA, %eax
        movl %eax, %es
        movl $CONFORM, %eax
        movl %eax, %gs
        movl $KERNEL_DATA, %eax
        movl %eax, %fs
        TRY
        pushl $USER_DATA
        pushl $user_stack_top
        pushl $USER_CODE
        pushl $2f
        lretl
2:      LEAVE
        DONE "far-return-outwards"
        CHECK "lret-nulls-ds", trap_ds, $0
        CHECK "lret-keeps-es", trap_es, $USER_DATA
        CHECK "lret-nulls-fs", trap_fs, $0
        CHECK "lret-keeps-conforming-gs", trap_gs, $CONFORM
        CHECK "lret-esp", trap_esp, $user_stack_top
        CHECK "lret-ss", trap_ss, $USER_DATA
        movl $KERNEL_DATA, %eax
        movl %eax, %fs
        TRY
        pushl $USER_DATA
        pushl $user_stack_top
        pushl $(F_IOPL3 | F_CF | 2)
        pushl $USER_CODE
        pushl $2f
        iretl
2:      LEAVE
        DONE "iret-outwards"
        CHECK "iret-nulls-ds", trap_ds, $0
        CHECK "iret-nulls-fs", trap_fs, $0
        CHECK "iret-keeps-conforming-gs", trap_gs, $CONFORM
        CHECK "iret-flags", trap_eflags, $(F_IOPL3 | F_CF | 2)
        xorl %eax, %eax
        movl %eax, %gs
        // Inwards is not allowed.
        TRY
        USER
        pushl $2
        pushl $KERNEL_CODE
        pushl $0
1:      lretl
        CAUGHT "far-return-inwards", V_GP, KERNEL_CODE, 1b
        TRY
        USER
        pushl $2
        pushl $KERNEL_CODE
        pushl $0
1:      iretl
        CAUGHT "iret-inwards", V_GP, KERNEL_CODE, 1b

// ---- gates and flags ----
        SET_IDT 0x81, $note_flags, G_INT32
        SET_IDT 0x82, $note_flags, G_TRAP32
        pushl $(F_NT | F_IF | F_CF | 2)
        popfl
        int $0x81
        CHECK "interrupt-gate-flags", %eax, $(F_CF | 2)
        CHECK_FLAGS "iret-restores", (F_NT | F_IF | F_CF), (F_NT | F_IF | F_CF)
        int $0x82
        CHECK "trap-gate-flags", %eax, $(F_IF | F_CF | 2)
        pushl $2
        popfl
        SET_IDT 0x83, $(handler16 - low), G_INT16, CODE_LOW
        movl %esp, %ebp
        lcall $CODE_LOW, $(int16 - low)
        movl %ebp, %eax
        subl $(8 + 6), %eax             // the far call's 8 bytes, then three words
        CHECK "int-gate-16-esp", frame_esp, %eax
        movzwl frame, %eax
        CHECK "int-gate-16-ip", %eax, $(int16_return - low)
        movzwl frame + 2, %eax
        CHECK "int-gate-16-cs", %eax, $CODE_LOW

// ---- POPF and CLI/STI against IOPL ----
        TRY
        USER
        pushl $(F_IOPL3 | F_IF | F_CF | 2)
        popfl
        LEAVE
        DONE "popf-at-cpl-3"
        CHECK "popf-changes-neither-if-nor-iopl", trap_eflags, $(F_CF | 2)
        movl $(F_IOPL3 | 2), user_eflags
        TRY
        USER
        sti
        pushfl
        popl %ecx
        cli
        pushl $(F_IF | 2)               // IF yes, IOPL still no
        popfl
        LEAVE
        DONE "iopl-3"
        CHECK "sti-with-iopl-3", %ecx, $(F_IOPL3 | F_IF | 2)
        CHECK "popf-with-iopl-3", trap_eflags, $(F_IOPL3 | F_IF | 2)
        movl $2, user_eflags

// ---- SYSENTER, SYSEXIT ----
        movl $1, %eax
        cpuid
        testl $(1 << 11), %edx
        jz no_sep
        xorl %edx, %edx
        xorl %eax, %eax
        movl $0x174, %ecx
        wrmsr
        FAULT3 "sysenter-null-cs", V_GP, 0, sysenter
        TRY
        movl $2f, %edx
        movl $user_stack_top, %ecx
1:      sysexit
2:      LEAVE
        CAUGHT "sysexit-null-cs", V_GP, 0, 1b
        xorl %edx, %edx
        movl $0x174, %ecx
        movl $KERNEL_CODE, %eax
        wrmsr
        incl %ecx
        movl $trap_stack_top - 64, %eax
        wrmsr
        incl %ecx
        movl $fast_entry, %eax
        wrmsr
        movl $(F_IF | F_CF | 2), user_eflags
        TRY
        USER
        movl %esp, %ecx
        movl $2f, %edx
        sysenter
        hlt
2:      LEAVE
        DONE "sysenter"
        CHECK "sysenter-esp", frame, $(trap_stack_top - 64)
        CHECK "sysenter-cs", frame + 4, $KERNEL_CODE
        CHECK "sysenter-ss", frame + 8, $KERNEL_DATA
        CHECK "sysenter-clears-if", frame + 12, $(F_CF | 2)
        CHECK "sysexit-cs", trap_cs, $USER_CODE
        CHECK "sysexit-ss", trap_ss, $USER_DATA
        CHECK "sysexit-esp", trap_esp, $user_stack_top
        CHECK "sysexit-leaves-flags", trap_eflags, $(F_CF | 2)
        movl $2, user_eflags
        FAULT3 "sysexit-at-cpl-3", V_GP, 0, sysexit
no_sep: ret

// Notes the stack that the gate built: seven doublewords.
gate32: movl %esp, frame_esp
        call note_frame
        lretl $12
note_frame:
        pushal
        movl %cs, %eax
        movl %eax, frame_cs
        movl %ss, %eax
        movl %eax, frame_ss
        leal 36(%esp), %esi
        movl $frame, %edi
        movl $7, %ecx
        cld
        rep movsl
        popal
        ret
conforming:
        movl %cs, %eax
        lretl
note_flags:
        pushfl
        popl %eax
        iretl
fast_entry:
        movl %esp, frame
        pushfl
        popl frame + 12
        movl %cs, %eax
        movl %eax, frame + 4
        movl %ss, %eax
        movl %eax, frame + 8
        sysexit

low:                                    // CODE_LOW and USER_LOW start here
call16: .byte 0x9a                      // LCALL GATE16 | 3
        .long 0
        .word GATE16 | 3
call16_return:
        ljmp $USER_CODE, $back16
gate16: movl %esp, frame_esp
        pushl %eax
        movl 4(%esp), %eax
        movl %eax, frame
        movl 8(%esp), %eax
        movl %eax, frame + 4
        movl 12(%esp), %eax
        movl %eax, frame + 8
        popl %eax
        lretw $4
int16:  int $0x83
int16_return:
        lretl
handler16:
        movl %esp, frame_esp
        pushl %eax
        movl 4(%esp), %eax
        movl %eax, frame
        popl %eax
        iretw

        .bss
        .align 4
frame:  .skip 28
frame_esp: .skip 4
frame_cs: .skip 4
frame_ss: .skip 4
