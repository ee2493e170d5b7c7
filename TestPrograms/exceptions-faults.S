# exceptions-faults.S: #DE #BP #OF #BR #UD #NM: vector, error code, and whether EIP is that of a fault or of a trap.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: exceptions-faults: ok
# QEMU: yes
#include "guest.h"

# FAULT name, vector, instruction: EIP is that of the instruction itself, RF is set in the saved flags.
.macro FAULT name:req, vector:req, instruction:vararg
        TRY
1:      \instruction
        CAUGHT "\name", \vector, 0, 1b
.endm
# TRAP name, vector, instruction: EIP is that of the next instruction.
.macro TRAP name:req, vector:req, instruction:vararg
        TRY
        \instruction
1:      CAUGHT "\name", \vector, 0, 1b
.endm
.macro UNDEFINED name:req, bytes:vararg
        TRY
1:      .byte \bytes
        CAUGHT "\name", V_UD, 0, 1b
.endm

        PROGRAM "exceptions-faults"

// ---- #DE: a fault, no error code, and the operands are as they were ----
        movl $7, %eax
        movl $9, %edx
        xorl %ecx, %ecx
        FAULT "div-zero", V_DE, divl %ecx
        CHECK "div-zero-keeps-eax", %eax, $7
        CHECK "div-zero-keeps-edx", %edx, $9
        SKIP_ON_TCG 2f, "TCG saves RF only with other faults"
        movl trap_eflags, %eax
        andl $F_RF, %eax
        CHECK "fault-saves-rf", %eax, $F_RF
2:
        movl $0x80000000, %eax
        cltd
        movl $-1, %ecx
        FAULT "idiv-most-negative-by-minus-one", V_DE, idivl %ecx
        movl $0x1000, %eax
        movb $0x10, %cl
        FAULT "div8-quotient-0x100", V_DE, divb %cl
        movl $0x0fff, %eax
        divb %cl
        CHECK "div8-quotient-0xff", %eax, $0x0fff
        movl $-0x0800 & 0xffff, %eax
        idivb %cl                       // -2048 / 16 = -128 fits
        CHECK "idiv8-quotient-minus-128", %eax, $0x0080
        movl $0x0800, %eax
        FAULT "idiv8-quotient-128", V_DE, idivb %cl
        xorl %eax, %eax
        movl $1, %edx
        movl $1, %ecx
        FAULT "div-quotient-2-to-32", V_DE, divl %ecx
        movw $1, %dx
        FAULT "div16-quotient-2-to-16", V_DE, divw %cx
        FAULT "aam-zero", V_DE, .byte 0xd4, 0
// ---- #BP, #OF: traps ----
        TRAP "int3", V_BP, int3
        TRAP "int-3-two-bytes", V_BP, .byte 0xcd, 3
        movl $0x7fffffff, %eax
        incl %eax
        TRAP "into", V_OF, into
        movl trap_eflags, %eax
        andl $(F_RF | F_OF), %eax
        CHECK "trap-saves-no-rf", %eax, $F_OF
        xorl %eax, %eax
        into                            // OF clear: nothing
        TRAP "int-6-is-a-trap", V_UD, int $6
// ---- #BR: a fault; bounds are inclusive and signed ----
        movl $5, %eax
        bound %eax, limits
        movl $-5, %eax
        bound %eax, limits
        movl $6, %eax
        FAULT "bound-above", V_BR, bound %eax, limits
        movl $-6, %eax
        FAULT "bound-below", V_BR, bound %eax, limits
        movw $0x7fff, %ax
        FAULT "bound16-above", V_BR, bound %ax, limits16
// ---- #UD ----
        UNDEFINED "ud2", 0x0f, 0x0b
        UNDEFINED "ud1", 0x0f, 0xb9, 0xc0
        UNDEFINED "ud0", 0x0f, 0xff, 0xc0
        UNDEFINED "0f-04", 0x0f, 0x04
        UNDEFINED "0f-0a", 0x0f, 0x0a
        UNDEFINED "0f-0c", 0x0f, 0x0c
        UNDEFINED "mov-from-test-register", 0x0f, 0x24, 0xc0
        UNDEFINED "mov-to-test-register", 0x0f, 0x26, 0xc0
        UNDEFINED "rsm-outside-smm", 0x0f, 0xaa
        UNDEFINED "mov-from-cr1", 0x0f, 0x20, 0xc8
        UNDEFINED "mov-to-cr7", 0x0f, 0x22, 0xf8
        UNDEFINED "mov-to-cs", 0x8e, 0xc8
        UNDEFINED "mov-to-segment-6", 0x8e, 0xf0
        UNDEFINED "mov-from-segment-7", 0x8c, 0xf8
        UNDEFINED "lea-of-register", 0x8d, 0xc0
        UNDEFINED "les-of-register", 0xc4, 0xc0
        UNDEFINED "lds-of-register", 0xc5, 0xc0
        UNDEFINED "lss-of-register", 0x0f, 0xb2, 0xc0
        UNDEFINED "bound-of-register", 0x62, 0xc0
        UNDEFINED "far-call-through-register", 0xff, 0xd8
        UNDEFINED "far-jump-through-register", 0xff, 0xe8
        UNDEFINED "ff-7", 0xff, 0xf8
        UNDEFINED "fe-2", 0xfe, 0xd0
        UNDEFINED "fe-7", 0xfe, 0xf8
        UNDEFINED "cmpxchg8b-of-register", 0x0f, 0xc7, 0xc8
        UNDEFINED "bt-group-0", 0x0f, 0xba, 0xc0, 1
        UNDEFINED "group-6-6", 0x0f, 0x00, 0xf0
        UNDEFINED "group-7-5", 0x0f, 0x01, 0xe8
        UNDEFINED "invlpg-of-register", 0x0f, 0x01, 0xf8
        UNDEFINED "lgdt-of-register", 0x0f, 0x01, 0xd6
        // LOCK: only on read-modify-write of memory by the instructions in the manual's list.
        UNDEFINED "lock-nop", 0xf0, 0x90
        UNDEFINED "lock-add-to-register", 0xf0, 0x01, 0xc0
        UNDEFINED "lock-add-from-memory", 0xf0, 0x03, 0x05, 0, 0, 0x20, 0
        UNDEFINED "lock-cmp-memory", 0xf0, 0x39, 0x05, 0, 0, 0x20, 0
        SKIP_ON_TCG 2f, "TCG lets LOCK pass on much that never takes it, and reserved ModR/M extensions"
        UNDEFINED "8f-1", 0x8f, 0xc8
        UNDEFINED "c6-1", 0xc6, 0xc8, 0
        UNDEFINED "c7-1", 0xc7, 0xc8, 0, 0, 0, 0
        UNDEFINED "lock-mov-to-memory", 0xf0, 0x89, 0x05, 0, 0, 0x20, 0
        UNDEFINED "lock-test-memory", 0xf0, 0x85, 0x05, 0, 0, 0x20, 0
        UNDEFINED "lock-bt-memory", 0xf0, 0x0f, 0xa3, 0x05, 0, 0, 0x20, 0
        UNDEFINED "lock-xchg-registers", 0xf0, 0x87, 0xc1
        UNDEFINED "lock-push-memory", 0xf0, 0xff, 0x35, 0, 0, 0x20, 0
        UNDEFINED "lock-shl-memory", 0xf0, 0xd1, 0x25, 0, 0, 0x20, 0
        UNDEFINED "lock-mul-memory", 0xf0, 0xf7, 0x25, 0, 0, 0x20, 0
        UNDEFINED "lock-movs", 0xf0, 0xa4
        UNDEFINED "lock-jmp", 0xf0, 0xeb, 0
2:      movl $1, counter
        lock addl $2, counter
        lock incl counter
        lock btsl $4, counter
        lock notl counter
        movl $5, %eax
        lock xaddl %eax, counter
        CHECK "lock-legal-old", %eax, $~0x14
        CHECK "lock-legal-new", counter, $~0x14 + 5

        // More than 15 bytes: #GP(0), whatever the instruction.
        TRY
1:      .byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90
        CAUGHT "sixteen-bytes", V_GP, 0, 1b
        .byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90

// ---- #NM: ESC opcodes when EM or TS is set; WAIT when MP and TS are ----
        movl %cr0, %ebx
        andl $~(CR0_MP | CR0_EM | CR0_TS), %ebx
        leal CR0_EM(%ebx), %eax
        movl %eax, %cr0
        FAULT "em-fnop", V_NM, .byte 0xd9, 0xd0
        FAULT "em-fninit", V_NM, .byte 0xdb, 0xe3
        FAULT "em-fld-memory", V_NM, .byte 0xd9, 0x05, 0, 0, 0x20, 0
        FAULT "em-fnstsw-ax", V_NM, .byte 0xdf, 0xe0
        .byte 0x9b                      // WAIT without TS: nothing
        SKIP_ON_TCG 2f, "TCG runs it"
        UNDEFINED "em-emms", 0x0f, 0x77
2:
        leal CR0_TS(%ebx), %eax
        movl %eax, %cr0
        FAULT "ts-fnop", V_NM, .byte 0xd9, 0xd0
        .byte 0x9b                      // WAIT with TS but no MP: nothing
        leal (CR0_TS | CR0_MP)(%ebx), %eax
        movl %eax, %cr0
        FAULT "ts-mp-wait", V_NM, .byte 0x9b
        FAULT "ts-mp-fnclex", V_NM, .byte 0xdb, 0xe2
        clts
        .byte 0x9b
        movl %cr0, %eax
        andl $(CR0_TS | CR0_MP), %eax
        CHECK "clts", %eax, $CR0_MP
        movl %ebx, %cr0
        ret

        .data
        .align 4
limits: .long -5, 5
limits16: .word -5, 5
counter: .long 0
