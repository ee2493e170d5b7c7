// int copy_user(void *to, const void *from, uint32_t size). A page fault between copy_user and copy_user_failed
// that can't be served goes on at copy_user_failed (page_fault in traps.c).
    .text
    .globl copy_user, copy_user_failed
    .align 16
copy_user:
    pushl %esi
    pushl %edi
    movl 12(%esp), %edi
    movl 16(%esp), %esi
    movl 20(%esp), %edx
    movl %edx, %ecx
    shrl $2, %ecx
    rep movsl
    movl %edx, %ecx
    andl $3, %ecx
    rep movsb
    xorl %eax, %eax
1:  popl %edi
    popl %esi
    ret
copy_user_failed:
    movl $-14, %eax                    /* EFAULT */
    jmp 1b
