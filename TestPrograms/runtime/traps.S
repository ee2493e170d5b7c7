# traps.S: catches every vector, writes the trap down and resumes where TRY said.
#
# What the CPU and the stub leave on the stack:
#   ebp+ 0  es, ds (ours)            ebp+48  EIP
#   ebp+ 8  edi .. eax (pushal)      ebp+52  CS
#   ebp+40  vector (stub)            ebp+56  EFLAGS
#   ebp+44  error code (or 0)        ebp+60  ESP, SS (from an outer ring), ES DS FS GS (from V86)
#include "guest.h"
        .text
        .globl trap_stubs, setup_traps, check_trap, enter_user

        .align 16
trap_stubs:
        .set vector, 0
        .rept 256
        .align 16
        .if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17)
        .else
        pushl $0
        .endif
        pushl $vector
        jmp trap_common
        .set vector, vector + 1
        .endr
        .align 16

trap_common:
        pushal
        pushl %ds
        pushl %es
        movl $KERNEL_DATA, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %esp, %ebp                 // EBP-relative operands use SS, whatever it is
        cld
        movl trap_hook, %eax
        testl %eax, %eax
        jz 1f
        call *%eax                      // a hook that returns 1 has mended the cause: go back
        testl %eax, %eax
        jz 1f
        popl %es
        popl %ds
        popal
        addl $8, %esp
        iretl

1:      incl trap_count
        .macro NOTE offset, where
        movl \offset(%ebp), %eax
        movl %eax, \where
        .endm
        NOTE 0, trap_es
        NOTE 4, trap_ds
        NOTE 40, trap_vector
        NOTE 44, trap_error
        NOTE 48, trap_eip
        NOTE 52, trap_cs
        NOTE 56, trap_eflags
        andl $0xffff, trap_es
        andl $0xffff, trap_ds
        andl $0xffff, trap_cs
        movl %fs, %eax
        movl %eax, trap_fs
        movl %gs, %eax
        movl %eax, trap_gs
        movl %cr2, %eax
        movl %eax, trap_cr2
        leal 60(%ebp), %eax
        movl %eax, trap_frame_end       // same ring: ESP before the trap
        testl $F_VM, 56(%ebp)
        jnz 2f
        testb $3, 52(%ebp)
        jz 3f
2:      NOTE 60, trap_esp
        NOTE 64, trap_ss
        andl $0xffff, trap_ss
        testl $F_VM, 56(%ebp)
        jz 3f
        NOTE 68, trap_es
        NOTE 72, trap_ds
        NOTE 76, trap_fs
        NOTE 80, trap_gs
3:      movl trap_resume, %eax
        movl %eax, trap_resume_now
        movl $0, trap_resume
        testl %eax, %eax
        jz unexpected
        addl $8, %esp
        popal
        movw kernel_data, %ss
        movl trap_resume_esp, %esp
        pushl $2
        popfl
        jmp *trap_resume_now

# A trap that nobody asked for ends the guest.
unexpected:
        movw kernel_data, %ss
        movl $stack_top, %esp
        PRINT "FAIL unexpected-trap vector "
        pushl trap_vector
        call print_hex
        PRINT " error "
        pushl trap_error
        call print_hex
        PRINT " eip "
        pushl trap_eip
        call print_hex
        PRINT " cr2 "
        pushl trap_cr2
        call print_hex
        PRINT "\n"
        incl failures
        jmp finish

# check_trap(name, vector, error, eip): compares with what was caught.
check_trap:
        pushfl
        pushal
        movl $0, trap_resume
        movl $suffix_vector, check_suffix
        movl 44(%esp), %eax
        movl trap_vector, %edx
        cmpl %eax, %edx
        jne 3f
        movl $suffix_error, check_suffix
        movl 48(%esp), %eax
        movl trap_error, %edx
        cmpl %eax, %edx
        jne 3f
        movl $suffix_eip, check_suffix
        movl 52(%esp), %eax
        cmpl $-1, %eax                  // any
        je 4f
        movl trap_eip, %edx
        cmpl %eax, %edx
        je 4f
3:      pushl %eax
        pushl %edx
        pushl 48(%esp)
        call check_equal
4:      movl $0, check_suffix
        popal
        popfl
        ret $16

# enter_user: returns to its caller at CPL 3. Keeps the general registers but ESP.
enter_user:
        popl user_eip
        pushl $USER_DATA
        pushl $user_stack_top
        pushl user_eflags
        pushl $USER_CODE
        pushl user_eip
        pushl $USER_DATA
        popl %ds
        pushl $USER_DATA
        popl %es
        iretl

setup_traps:
        xorl %ebx, %ebx
1:      leal idt(, %ebx, 8), %edi
        movl %ebx, %eax
        shll $4, %eax
        addl $trap_stubs, %eax
        pushl $(G_INT32 << 8)
        pushl %eax
        pushl $KERNEL_CODE
        pushl %edi
        call set_gate
        incl %ebx
        cmpl $256, %ebx
        jne 1b
        orb $G_DPL3, idt + 8 * V_LEAVE + 5
        lidt idt_pointer
        xorl %eax, %eax
        lldt %ax                        // no LDT
        movl $trap_stack_top, main_tss + 4
        movl $KERNEL_DATA, main_tss + 8
        movw $104, main_tss + 102       // I/O bitmap beyond the limit: none
        SET_DESCRIPTOR MAIN_TSS, $main_tss, 103, A_TSS32
        movl $MAIN_TSS, %eax
        ltr %ax
        ret

        .section .rodata
suffix_vector: .asciz ".vector"
suffix_error: .asciz ".error-code"
suffix_eip: .asciz ".eip"
        .data
        .globl user_eflags
user_eflags: .long 2                    // IOPL 0, interrupts off
kernel_data: .word KERNEL_DATA
        .bss
        .globl trap_vector, trap_error, trap_eip, trap_cs, trap_eflags, trap_esp, trap_ss, trap_cr2
        .globl trap_ds, trap_es, trap_fs, trap_gs, trap_count, trap_hook, trap_resume, trap_resume_esp, trap_frame_end
        .align 4
trap_vector: .skip 4
trap_error: .skip 4
trap_eip: .skip 4
trap_cs: .skip 4
trap_eflags: .skip 4
trap_esp: .skip 4
trap_ss: .skip 4
trap_ds: .skip 4
trap_es: .skip 4
trap_fs: .skip 4
trap_gs: .skip 4
trap_cr2: .skip 4
trap_count: .skip 4
trap_hook: .skip 4
trap_resume: .skip 4
trap_resume_now: .skip 4
trap_resume_esp: .skip 4
trap_frame_end: .skip 4
user_eip: .skip 4
