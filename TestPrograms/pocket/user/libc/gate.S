// The first instruction of a program, and the way into the kernel.
    .text
    .globl _start
_start:
    xorl %ebp, %ebp
    movl %esp, %eax
    andl $-16, %esp
    pushl %eax
    call program_start

// int system_call(int number, ...), up to six arguments
    .globl system_call
system_call:
    pushl %ebx
    pushl %esi
    pushl %edi
    pushl %ebp
    movl 20(%esp), %eax
    movl 24(%esp), %ebx
    movl 28(%esp), %ecx
    movl 32(%esp), %edx
    movl 36(%esp), %esi
    movl 40(%esp), %edi
    movl 44(%esp), %ebp
    call *system_gate
    popl %ebp
    popl %edi
    popl %esi
    popl %ebx
    ret

    .globl gate_interrupt
gate_interrupt:
    int $0x80
    ret

    .data
    .globl system_gate
system_gate:
    .long gate_interrupt
