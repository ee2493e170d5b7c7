# exceptions-debug.S: #DB from TF, ICEBP and the debug registers: DR6, DR7, fault or trap, GD, DE, LE/GE, and MOV DR faults.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: exceptions-debug: ok
# QEMU: yes
#include "guest.h"
#define DR6_CLEAR 0xffff0ff0            /* what DR6 reads with no condition set */
#define DR6_BD 0x2000
#define DR6_BS 0x4000

# DR7: L0..G3 in bits 0-7, LE GE 8-9, bit 10 one, GD 13, then R/W and LEN of each breakpoint from bit 16.
#define BREAK(n, rw, len) (0x400 | (2 << ((n) * 2)) | ((rw) | (((len) - 1) << 2)) << (16 + (n) * 4))
#define EXECUTE 0
#define WRITE 1
#define PORT 2
#define ACCESS 3

.macro SET_DR7 value
        movl $(\value), %eax
        movl %eax, %dr7
.endm
.macro CLEAR_DR6
        movl $DR6_CLEAR, %eax
        movl %eax, %dr6
.endm
.macro CHECK_DR6 name, bits
        movl %dr6, %eax
        CHECK "\name-dr6", %eax, $(DR6_CLEAR | (\bits))
        CLEAR_DR6
.endm
.macro SET_TF
        pushfl
        orl $F_TF, (%esp)
        popfl
.endm

        PROGRAM "exceptions-debug"
        SET_DR7 0x400
        CLEAR_DR6
        CHECK_DR6 "start", 0

// ---- TF: a trap after the instruction that follows the one that set it ----
        TRY
        SET_TF
        nop
1:      nop
        CAUGHT "single-step", V_DB, 0, 1b
        CHECK_DR6 "single-step", DR6_BS
        movl trap_eflags, %eax
        andl $(F_TF | F_RF), %eax
        CHECK "single-step-saved-tf", %eax, $F_TF
        CHECK_FLAGS "handler-had-tf-cleared", F_TF, 0

// ---- ICEBP (F1): a trap; DR6 is not touched ----
        SKIP_ON_TCG 2f, "TCG gives #UD"
        TRY
        .byte 0xf1
1:      CAUGHT "icebp", V_DB, 0, 1b
        CHECK_DR6 "icebp", 0
2:
        TRY
        int $1
1:      CAUGHT "int-1", V_DB, 0, 1b
        CHECK_DR6 "int-1", 0

// ---- instruction breakpoints: faults; RF lets the instruction pass once ----
        movl $break_here, %eax
        movl %eax, %dr0
        SET_DR7 BREAK(0, EXECUTE, 1)
        xorl %ebx, %ebx
        TRY
        incl %ebx
break_here:
        incl %ebx
        CAUGHT "execute-dr0", V_DB, 0, break_here
        CHECK "execute-dr0-before", %ebx, $1
        CHECK_DR6 "execute-dr0", 1
        movl $break_rf, %eax
        movl %eax, %dr3
        SET_DR7 BREAK(3, EXECUTE, 1)
        xorl %ebx, %ebx
        TRY
        pushl $(F_RF | 2)
        pushl $KERNEL_CODE
        pushl $break_rf
        iretl
break_rf:
        incl %ebx                       // RF: no breakpoint here
        pushfl
        popl %ecx
        ud2
        CAUGHT "rf-passes-once", V_UD, 0, break_rf + 3
        CHECK "rf-instruction-ran", %ebx, $1
        andl $F_RF, %ecx
        CHECK "rf-cleared-after-one-instruction", %ecx, $0
        CHECK_DR6 "rf", 0

// ---- data breakpoints: traps after the access ----
        movl $watched, %eax
        movl %eax, %dr1
        SET_DR7 BREAK(1, WRITE, 4)
        movl watched, %eax              // a read doesn't count
        TRY
        movl $0x11223344, watched
1:      nop
        CAUGHT "write-dr1", V_DB, 0, 1b
        CHECK "write-dr1-done", watched, $0x11223344
        CHECK_DR6 "write-dr1", 2
        TRY
        movb $1, watched + 3            // the last byte of four
1:      nop
        CAUGHT "write-dr1-last-byte", V_DB, 0, 1b
        CHECK_DR6 "write-dr1-last-byte", 2
        movb $1, watched + 4            // beyond
        TRY
        movw $1, watched - 1            // overlaps the first byte
1:      nop
        CAUGHT "write-dr1-overlap", V_DB, 0, 1b
        CHECK_DR6 "write-dr1-overlap", 2
        TRY
        pushl watched                   // read of it, push elsewhere: nothing
        popl watched                    // write
1:      nop
        CAUGHT "write-dr1-pop", V_DB, 0, 1b
        CHECK_DR6 "write-dr1-pop", 2

        movl $watched + 2, %eax
        movl %eax, %dr2
        SET_DR7 BREAK(2, ACCESS, 2)
        movb watched + 1, %al
        TRY
        movb watched + 2, %al
1:      nop
        CAUGHT "access-dr2-read", V_DB, 0, 1b
        CHECK_DR6 "access-dr2", 4
        // The address is aligned to the length: DR2 odd with LEN 2 watches the word below.
        movl $watched + 3, %eax
        movl %eax, %dr2
        SKIP_ON_TCG 2f, "TCG takes the address as it is"
        TRY
        movb watched + 2, %al
1:      nop
        CAUGHT "access-dr2-aligned-down", V_DB, 0, 1b
2:      CLEAR_DR6

        // Two at once: both bits.
        SKIP_ON_TCG 2f, "TCG reports the first"
        movl $watched, %eax
        movl %eax, %dr0
        movl %eax, %dr3
        SET_DR7 BREAK(0, WRITE, 4) | BREAK(3, ACCESS, 1)
        TRY
        movl $2, watched
1:      nop
        CAUGHT "two-at-once", V_DB, 0, 1b
        CHECK_DR6 "two-at-once", 9
2:
        // Bits stay until software clears them, and a disabled match may be recorded but doesn't trap.
        SET_DR7 0x400
        movl $3, watched

        // Data breakpoint and single step together: both are reported in one #DB.
        SET_DR7 BREAK(0, WRITE, 4)
        CLEAR_DR6
        SKIP_ON_TCG 2f, "TCG delivers the two one after the other"
        TRY
        SET_TF
        movl $4, watched
1:      nop
        CAUGHT "step-and-watch", V_DB, 0, 1b
        CHECK_DR6 "step-and-watch", DR6_BS | 1
2:      SET_DR7 0x400
        CLEAR_DR6

        // REP MOVS stops after the iteration that touched the watched byte; EIP is that of the REP instruction.
        movl $watched, %eax
        movl %eax, %dr0
        SET_DR7 BREAK(0, WRITE, 1)
        cld
        movl $source, %esi
        movl $watched - 4, %edi
        movl $8, %ecx
        TRY
1:      rep movsb
        CAUGHT "watch-in-rep", V_DB, 0, 1b
        CHECK "watch-in-rep-left", %ecx, $3
        CHECK_DR6 "watch-in-rep", 1
        SET_DR7 0x400

// ---- GD: any MOV DR is a fault with BD, and GD is off in the handler ----
        SKIP_ON_TCG 2f, "TCG has no general detect"
        SET_DR7 0x2400
        TRY
1:      movl %dr0, %eax
        CAUGHT "general-detect", V_DB, 0, 1b
        movl %dr7, %eax
        andl $0x2400, %eax
        CHECK "general-detect-clears-gd", %eax, $0x400
        CHECK_DR6 "general-detect", DR6_BD
        SET_DR7 0x2400
        TRY
1:      movl %eax, %dr3
        CAUGHT "general-detect-write", V_DB, 0, 1b
        CLEAR_DR6
2:

// ---- DR4 and DR5: aliases of DR6 and DR7, or #UD when CR4.DE is set ----
        movl %dr7, %ebx
        movl %dr5, %eax
        CHECK "dr5-is-dr7", %eax, %ebx
        movl %dr6, %ebx
        movl %dr4, %eax
        CHECK "dr4-is-dr6", %eax, %ebx
        movl $1, %eax
        cpuid
        testl $4, %edx                  // CPUID.1:EDX.DE
        jz 3f
        movl %cr4, %eax
        orl $CR4_DE, %eax
        movl %eax, %cr4
        TRY
1:      movl %dr4, %eax
        CAUGHT "dr4-with-de", V_UD, 0, 1b
        TRY
1:      movl %eax, %dr5
        CAUGHT "dr5-with-de", V_UD, 0, 1b
        // An I/O breakpoint, a trap after the access.
        movl $0x80, %eax
        movl %eax, %dr0
        SET_DR7 BREAK(0, PORT, 1)
        outb %al, $0x84
        TRY
        outb %al, $0x80
1:      nop
        CAUGHT "port-breakpoint", V_DB, 0, 1b
        CHECK_DR6 "port-breakpoint", 1
        SET_DR7 0x400
        movl %cr4, %eax
        andl $~CR4_DE, %eax
        movl %eax, %cr4
3:
// ---- reserved bits, and CPL 3 ----
        xorl %eax, %eax
        movl %eax, %dr7
        movl %dr7, %eax
        CHECK "dr7-bit-10-is-one", %eax, $0x400
        movl %eax, %dr6
        xorl %eax, %eax
        movl %eax, %dr6
        movl %dr6, %eax
        CHECK "dr6-fixed-bits", %eax, $DR6_CLEAR
        TRY
        USER
1:      movl %dr0, %eax
        LEAVE
        CAUGHT "mov-dr-at-cpl-3", V_GP, 0, 1b
        TRY
        USER
1:      movl %eax, %dr7
        LEAVE
        CAUGHT "mov-to-dr-at-cpl-3", V_GP, 0, 1b
        // A breakpoint hit at CPL 3 goes to ring 0 like any other.
        movl $user_break, %eax
        movl %eax, %dr2
        SET_DR7 BREAK(2, EXECUTE, 1)
        TRY
        USER
        nop
user_break:
        nop
        LEAVE
        CAUGHT "execute-at-cpl-3", V_DB, 0, user_break
        CHECK_DR6 "execute-at-cpl-3", 4
        SET_DR7 0x400
        ret

        .data
        .align 16
        .skip 16
watched: .long 0, 0
        .skip 16
source: .byte 1, 2, 3, 4, 5, 6, 7, 8
