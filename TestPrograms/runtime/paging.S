# paging.S: 16 MiB mapped to themselves by 4 KiB pages, and probes: accesses that may fault, callable from C.
#include "guest.h"
        .text
        .globl setup_paging, probe_read, probe_write, probe_modify, probe_fetch
        .globl probe_user_read, probe_user_write, probe_user_fetch

# setup_paging(): every page present, writable, user; CR0.PG and CR0.WP on.
setup_paging:
        pushal
        movl $7, %eax
        xorl %ecx, %ecx
1:      movl %eax, page_tables(, %ecx, 4)
        addl $4096, %eax
        incl %ecx
        cmpl $4096, %ecx
        jne 1b
        movl $page_tables + 7, %eax
        xorl %ecx, %ecx
2:      movl %eax, page_directory(, %ecx, 4)
        addl $4096, %eax
        incl %ecx
        cmpl $4, %ecx
        jne 2b
        movl $page_directory, %eax
        movl %eax, %cr3
        movl %cr0, %eax
        orl $(CR0_PG | CR0_WP), %eax
        movl %eax, %cr0
        popal
        ret

# u32 probe_read(address) and so on: the vector of the trap, or -1 for none.
# What the trap said is in trap_error, trap_cr2 and trap_eip; what was read, in probe_value.
.macro PROBE name, instruction:vararg
\name:  pushl %ebx
        pushl %esi
        pushl %edi
        pushl %ebp
        movl 20(%esp), %ecx
        TRY
        \instruction
        movl %eax, probe_value
77:     movl trap_vector, %eax
        movl $0, trap_resume
        popl %ebp
        popl %edi
        popl %esi
        popl %ebx
        ret
.endm
.macro PROBE_USER name, instruction:vararg
\name:  pushl %ebx
        pushl %esi
        pushl %edi
        pushl %ebp
        movl 20(%esp), %ecx
        TRY
        USER
        \instruction
        movl %eax, probe_value
        LEAVE
77:     movl trap_vector, %eax
        cmpl $V_LEAVE, %eax
        jne 1f
        movl $-1, %eax
1:      popl %ebp
        popl %edi
        popl %esi
        popl %ebx
        ret
.endm
        PROBE probe_read, movl (%ecx), %eax
        PROBE probe_write, movl $0x5a5a5a5a, (%ecx)
        PROBE probe_modify, incl (%ecx)
        PROBE probe_fetch, call *%ecx
        PROBE_USER probe_user_read, movl (%ecx), %eax
        PROBE_USER probe_user_write, movl $0xa5a5a5a5, (%ecx)
        PROBE_USER probe_user_fetch, call *%ecx

        .bss
        .globl page_directory, page_tables, probe_value
        .align 4096
page_directory: .skip 4096
page_tables: .skip 4 * 4096
probe_value: .skip 4
