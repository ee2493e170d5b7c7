# backward-string-fault.S: a downward REP that faults left the lowest address of its chunk in CR2, not its first element's.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: backward-string-fault: ok
# QEMU: yes
#include "guest.h"
#define HOLE 0x00a01000                 /* a page that is absent until the hook maps it */
#define HOLE_ENTRY (page_tables + (HOLE >> 12) * 4)

        PROGRAM "backward-string-fault"
        call setup_paging
        movl $mend, trap_hook
.macro HOLE_OPEN
        movl $(HOLE | 6), HOLE_ENTRY
        invlpg HOLE
.endm
        HOLE_OPEN
        std
        movl $HOLE + 8, %edi
        movl $3, %ecx
        rep stosl
        cld
        CHECK "stos", fault_address, $(HOLE + 8)
        HOLE_OPEN
        std
        movl $HOLE + 5, %esi
        movl $buffer + 8, %edi
        movl $4, %ecx
        rep movsb
        cld
        CHECK "movs-source", fault_address, $(HOLE + 5)
        movl $0, trap_hook
        ret

mend:   cmpl $V_PF, 40(%ebp)
        movl $0, %eax
        jne 1f
        movl %cr2, %eax
        movl %eax, fault_address
        orl $1, HOLE_ENTRY
        invlpg HOLE
        movl $1, %eax
1:      ret

        .bss
buffer: .skip 16
fault_address: .skip 4
