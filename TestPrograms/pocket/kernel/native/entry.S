// Every way from user code into the kernel and back. All of them build the same struct frame (../frame.h) on the
// process's kernel stack; the kernel then runs with interrupts off until it leaves or waits.
#include "../layout.h"

#define FLAGS_CLEAR 0x002              /* DF, NT, TF, IF all off */
#define FLAGS_USER 0x202
#define FLAG_TF 0x100

// The user's segment registers may hold anything that loads: save them, take our own. Clobbers one register.
    .macro ENTER_KERNEL scratch
    pushl %ds
    pushl %es
    pusha
    movl $KERNEL_DATA, %\scratch
    movl %\scratch, %ds
    movl %\scratch, %es
    .endm

    .macro LEAVE_KERNEL
    popa
    popl %es
    popl %ds
    addl $8, %esp                      /* vector and error code */
    iret
    .endm

    .text

// ---- System calls: number in EAX, arguments in EBX ECX EDX ESI EDI EBP, result in EAX ----

    .globl syscall_entry
    .align 16
syscall_entry:                         /* INT 0x80 */
    subl $8, %esp
    ENTER_KERNEL edx
    cld
    cmpl $SYSCALL_LIMIT, %eax
    jae 2f
    pushl %esp
    call *syscall_table(,%eax,4)
    addl $4, %esp
1:  movl %eax, FRAME_EAX(%esp)
    cmpb $0, reschedule_wanted
    jne return_to_user
    LEAVE_KERNEL
2:  movl $-38, %eax                    /* ENOSYS */
    jmp 1b

// SYSENTER saves nothing: the vsyscall page has left the user's ESP in EBP, and there is one place to return to.
// The stack pointer it loads (an MSR) points at the TSS's word that holds the process's kernel stack.
    .globl sysenter_entry
    .align 16
sysenter_entry:
    movl (%esp), %esp
    pushl $USER_DATA
    pushl %ebp
    pushl $FLAGS_USER
    pushl $USER_CODE
    pushl $vsyscall_return
    subl $8, %esp
    ENTER_KERNEL edx
    pushl $FLAGS_CLEAR                 /* unlike a gate, SYSENTER leaves DF and NT as the user had them */
    popfl
    cmpl $SYSCALL_LIMIT, %eax
    jae 2f
    pushl %esp
    call *syscall_table(,%eax,4)
    addl $4, %esp
1:  movl %eax, FRAME_EAX(%esp)
    cmpb $0, reschedule_wanted
    jne return_to_user
    popa
    popl %es
    popl %ds
    movl %ebp, %ecx                    /* SYSEXIT: ESP from ECX, EIP from EDX */
    movl $vsyscall_return, %edx
    sti
    sysexit
2:  movl $-38, %eax
    jmp 1b

// What each process sees at VSYSCALL_PAGE (one of the two, as the CPU allows). The kernel keeps EBX ESI EDI; this
// keeps the rest.
    .globl vsyscall_sysenter, vsyscall_interrupt, vsyscall_end, vsyscall_return
    .align 16
vsyscall_sysenter:
    pushl %ecx
    pushl %edx
    pushl %ebp
    movl %esp, %ebp
    sysenter
0:  popl %ebp
    popl %edx
    popl %ecx
    ret
    .set vsyscall_return, VSYSCALL_PAGE + (0b - vsyscall_sysenter)
vsyscall_interrupt:
    int $SYSCALL_VECTOR
    ret
vsyscall_end:

// ---- Exceptions and interrupt lines ----

// Vectors 8, 10 to 14 and 17 come with an error code; the others push a zero in its place.
    .altmacro
    .macro TRAP_ENTRY vector
    .align 8
trap_\vector:
    .if (\vector == 8) || ((\vector >= 10) && (\vector <= 14)) || (\vector == 17)
    .else
    pushl $0
    .endif
    pushl $\vector
    jmp trap_common
    .endm

    .set number, 0
    .rept 48
    .if number == 1
    .align 8
trap_1:                                /* single-stepping into SYSENTER traps before there is a stack: */
    cmpl $sysenter_entry, (%esp)       /* step no further */
    je 1f
    pushl $0
    pushl $1
    jmp trap_common
1:  andl $~FLAG_TF, 8(%esp)
    iret
    .else
    TRAP_ENTRY %number
    .endif
    .set number, number + 1
    .endr

    .align 16
trap_common:
    ENTER_KERNEL edx
    cld
    movl FRAME_VECTOR(%esp), %eax
    pushl %esp
    call *trap_handlers(,%eax,4)
    addl $4, %esp
    testb $3, FRAME_CS(%esp)
    jz leave                           /* back into the kernel: it is never preempted */

    .globl return_to_user
return_to_user:
    cmpb $0, reschedule_wanted
    je leave
    call preempt
leave:
    LEAVE_KERNEL

    .globl enter_user
enter_user:
    movl 4(%esp), %esp
    jmp return_to_user

    .section .rodata
    .globl trap_entries
    .align 4
    .macro TRAP_ADDRESS vector
    .long trap_\vector
    .endm
trap_entries:
    .set number, 0
    .rept 48
    TRAP_ADDRESS %number
    .set number, number + 1
    .endr
