// attempts.h: accesses of many kinds that may fault, at CPL 0 or at CPL 3, with a value to store: the probes of
// paging.h for those who choose at random. To be included in one file of a guest.
#ifndef ATTEMPTS_H
#define ATTEMPTS_H
#include "paging.h"

enum { READ, WRITE, WRITE_BYTE, ADD, EXCHANGE, FETCH, KINDS };

// Each returns the vector of the trap, NO_TRAP, or V_LEAVE from CPL 3; what was read is in probe_value, what the trap
// said in trap_error, trap_cr2 and trap_eip. EXCHANGE is a CMPXCHG8B that compares with 0 (low) and the value (high).
typedef u32 Attempt(u32 linear, u32 value);
Attempt try_read, try_write, try_write_byte, try_add, try_exchange, try_fetch;
Attempt try_user_read, try_user_write, try_user_write_byte, try_user_add, try_user_exchange, try_user_fetch;

__asm__(".macro ATTEMPT name, user, instruction:vararg\n"
        "\\name: pushl %ebx; pushl %esi; pushl %edi; pushl %ebp\n"
        "movl 20(%esp), %ecx; movl 24(%esp), %edx\n"
        "movl %edx, %ebx; xorl %eax, %eax\n"
        "movl $77f, trap_resume; movl %esp, trap_resume_esp; movl $-1, trap_vector\n"
        ".if \\user; call enter_user; .endif\n"
        "\\instruction\n"
        "movl %eax, probe_value\n"
        ".if \\user; int $0x80; .endif\n"
        "77: movl $0, trap_resume; movl trap_vector, %eax\n"
        "popl %ebp; popl %edi; popl %esi; popl %ebx\n"
        "ret\n"
        ".endm\n"
        ".macro ATTEMPTS name, instruction:vararg\n"
        "ATTEMPT try_\\name, 0, \\instruction\n"
        "ATTEMPT try_user_\\name, 1, \\instruction\n"
        ".endm\n"
        "ATTEMPTS read, movl (%ecx), %eax\n"
        "ATTEMPTS write, movl %edx, (%ecx)\n"
        "ATTEMPTS write_byte, movb %dl, (%ecx)\n"
        "ATTEMPTS add, xaddl %edx, (%ecx)\n"
        "ATTEMPTS exchange, cmpxchg8b (%ecx)\n"
        "ATTEMPTS fetch, call *%ecx\n");

// One access. Where it must succeed, it is done again after INVLPG when it faults: a right that was added without
// INVLPG may be unknown to a TLB, once for each page (SDM 3A, 4.10.4.3). Returns: the vector of the trap, or NO_TRAP.
static inline u32 attempt(u32 kind, u32 user, u32 linear, u32 value, u32 must_succeed)
{
    static Attempt *const attempts[KINDS][2] = {
        [READ] = { try_read, try_user_read },
        [WRITE] = { try_write, try_user_write },
        [WRITE_BYTE] = { try_write_byte, try_user_write_byte },
        [ADD] = { try_add, try_user_add },
        [EXCHANGE] = { try_exchange, try_user_exchange },
        [FETCH] = { try_fetch, try_user_fetch },
    };
    u32 vector = attempts[kind][user](linear, value);
    for (u32 i = 0; i < 2 && vector == V_PF && must_succeed; i++) {
        invlpg(trap_cr2);
        vector = attempts[kind][user](linear, value);
    }
    return vector == V_LEAVE ? NO_TRAP : vector;
}

#endif
