# tasks.S: fills in a task-state segment.
#include "guest.h"
#include "task.h"
        .text
        .globl new_task
# new_task(tss, eip, esp): ring 0, flat, our page tables, no LDT, no I/O bitmap.
new_task:
        pushfl
        pushal
        cld
        movl 40(%esp), %ebx
        movl %ebx, %edi
        xorl %eax, %eax
        movl $26, %ecx
        rep stosl
        movl 44(%esp), %eax
        movl %eax, TSS_EIP(%ebx)
        movl 48(%esp), %eax
        movl %eax, TSS_ESP(%ebx)
        movl $page_directory, TSS_CR3(%ebx)
        movl $2, TSS_EFLAGS(%ebx)
        movl $KERNEL_CODE, TSS_CS(%ebx)
        movl $KERNEL_DATA, TSS_SS(%ebx)
        movl $KERNEL_DATA, TSS_DS(%ebx)
        movl $KERNEL_DATA, TSS_ES(%ebx)
        movl $trap_stack_top, TSS_ESP0(%ebx)
        movl $KERNEL_DATA, TSS_SS0(%ebx)
        movw $104, TSS_IO(%ebx)
        popal
        popfl
        ret $12
