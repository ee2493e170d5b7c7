# x87-errors.S: #NM by EM, TS and MP, #MF and what waits for it, IRQ 13 with CR0.NE clear, pointers and environments.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: x87-errors: ok
# QEMU: no (its pointers to the last instruction are not kept)
#include "guest.h"
#define CR0_NE 0x20
#define V_MF 16
#define PIC1 0x20
#define PIC2 0xa0

.macro CR0 clear, set
        movl %cr0, %eax
        andl $~(\clear), %eax
        orl $(\set), %eax
        movl %eax, %cr0
.endm
.macro CHECK_WORD name, address, value
        movzwl \address, %eax
        CHECK "\name", %eax, $(\value)
.endm
// Leaves a division by zero pending, unmasked; label 5 is the instruction that did it.
.macro DIVIDE_BY_ZERO
        fninit
        fldcw zero_divide
        fld1
        fldz
5:      fdivrp
.endm

        PROGRAM "x87-errors"
// ---- whether there is a unit at all ----
        movl $1, %eax
        cpuid
        testl $1, %edx
        jz none
        testl $(1 << 24), %edx
        jz none

// ---- EM and TS: every ESC instruction; MP and TS: WAIT ----
        CR0 CR0_TS, CR0_EM | CR0_MP | CR0_NE
        TRY
1:      fninit
        CAUGHT "em-fninit", V_NM, 0, 1b
        TRY
1:      .byte 0xd9, 0xd1
        CAUGHT "em-undefined", V_UD, 0, 1b
        TRY
        fwait
78:     int $V_LEAVE
        CAUGHT "em-fwait-goes-on", V_LEAVE, 0, -1
        TRY
1:      fxsave area
        CAUGHT "em-fxsave", V_NM, 0, 1b
        CR0 CR0_EM, CR0_TS
        TRY
1:      fnstsw %ax
        CAUGHT "ts-fnstsw", V_NM, 0, 1b
        TRY
1:      fwait
        CAUGHT "ts-mp-fwait", V_NM, 0, 1b
        CR0 CR0_MP, 0
        TRY
        fwait
        int $V_LEAVE
        CAUGHT "ts-fwait-goes-on", V_LEAVE, 0, -1
        CR0 0, CR0_MP
        clts
        TRY
        fninit
        fwait
        int $V_LEAVE
        CAUGHT "clts", V_LEAVE, 0, -1
        TRY
1:      .byte 0xd9, 0xd1
        CAUGHT "undefined", V_UD, 0, 1b

// ---- #MF comes with the next waiting instruction ----
        DIVIDE_BY_ZERO
        fnstsw %ax
        movzwl %ax, %eax
        CHECK "status-es-b", %eax, $0xb084      // B, TOP 6, ES, ZE
        TRY
1:      fld1
        CAUGHT "mf-fld1", V_MF, 0, 1b
        TRY
1:      fwait
        CAUGHT "mf-fwait", V_MF, 0, 1b
        TRY
1:      fldcw zero_divide
        CAUGHT "mf-fldcw", V_MF, 0, 1b
        fnstenv area
        CHECK_WORD "env-control", area, 0x37b
        CHECK_WORD "env-status", area + 4, 0xb084
        CHECK_WORD "env-tags", area + 8, 0x1fff // ST(0) = R6 is zero, ST(1) = R7 one: the operands stay
        CHECK "env-fip", area + 12, $5b
        CHECK "env-fcs-fop", area + 16, $(0x6f9 << 16 | KERNEL_CODE)
        fnclex
        TRY
        fld1
        fstp %st(0)
        int $V_LEAVE
        CAUGHT "after-fnclex", V_LEAVE, 0, -1

// ---- an unmasked flag by FLDCW, FLDENV; the memory operand's pointer ----
        fninit
        fld1
        fdivl zero                              // masked: infinity
        fldcw zero_divide
        TRY
1:      fwait
        CAUGHT "fldcw-unmasks", V_MF, 0, 1b
        fnstenv area
        CHECK "env-fdp", area + 20, $zero
        CHECK_WORD "env-fds", area + 24, KERNEL_DATA
        fninit
        fldenv area                             // FNSTENV masked all only after it had stored
        TRY
1:      fwait
        CAUGHT "fldenv-unmasks", V_MF, 0, 1b
        fninit

// ---- unmasked overflow and invalid: nothing is stored ----
        fldcw no_masks
        movl $0x12345678, word
        fldl huge
        fsts word                               // overflow
        CHECK "overflow-stores-nothing", word, $0x12345678
        fnclex
        fistpl word                             // invalid: not stored, not popped
        CHECK "invalid-stores-nothing", word, $0x12345678
        fnstsw %ax
        movzwl %ax, %eax
        CHECK "invalid-pops-nothing", %eax, $0xb881
        fninit

// ---- CR0.NE clear: IRQ 13 ----
        SET_IDT 0x2d, $on_error
        movb $0x11, %al
        outb %al, $PIC1
        outb %al, $PIC2
        movb $0x20, %al
        outb %al, $(PIC1 + 1)
        movb $0x28, %al
        outb %al, $(PIC2 + 1)
        movb $4, %al
        outb %al, $(PIC1 + 1)
        movb $2, %al
        outb %al, $(PIC2 + 1)
        movb $1, %al
        outb %al, $(PIC1 + 1)
        outb %al, $(PIC2 + 1)
        movb $0xfb, %al
        outb %al, $(PIC1 + 1)
        movb $0xdf, %al
        outb %al, $(PIC2 + 1)
        CR0 CR0_NE, 0
        sti
        DIVIDE_BY_ZERO
        nop
        CHECK "not-yet", errors, $0
6:      fld1
        CHECK "irq13", errors, $1
        CHECK "irq13-eip", error_eip, $6b
        cli
        CR0 0, CR0_NE

// ---- MMX registers are the x87 unit's; FXSAVE and FXRSTOR bring all back ----
        fninit
        fldpi
        fldl2e
        fxsave area
        fninit
        fxrstor area
        fxch
        fstpt other
        CHECK "fxsave-pi-low", other, $0x2168c235
        CHECK "fxsave-pi-high", other + 4, $0xc90fdaa2
        fnsave area
        CHECK_WORD "fnsave-tags", area + 8, 0x3fff
        fnstcw word
        CHECK_WORD "fnsave-initialises", word, 0x37f
        ret
none:   PRINT "x87-errors: no x87 unit\n"
        ret

on_error:
        pushl %eax
        incl errors
        movl 4(%esp), %eax
        movl %eax, error_eip
        xorl %eax, %eax
        outb %al, $0xf0
        fnclex
        movb $0x20, %al
        outb %al, $PIC2
        outb %al, $PIC1
        popl %eax
        iret

        .data
        .align 16
area:   .skip 512
other:  .skip 16
zero:   .double 0
huge:   .double 1e300
word:   .long 0
errors: .long 0
error_eip: .long 0
zero_divide: .word 0x37b
no_masks: .word 0x340
