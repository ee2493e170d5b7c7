// void switch_stacks(uint32_t *save, uint32_t load): parks the caller's registers on its kernel stack and goes on
// where another process was parked. A new process is parked as if it had been about to return_to_user.
    .text
    .globl switch_stacks
    .align 16
switch_stacks:
    movl 4(%esp), %eax
    movl 8(%esp), %edx
    pushl %ebp
    pushl %ebx
    pushl %esi
    pushl %edi
    movl %esp, (%eax)
    movl %edx, %esp
    popl %edi
    popl %esi
    popl %ebx
    popl %ebp
    ret
