# interrupts-io.S: IN and OUT at CPL 3: IOPL, the TSS I/O permission bitmap bit by bit, string I/O, and ports above 255.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: interrupts-io: ok
# QEMU: yes
#include "guest.h"
#include "task.h"

.macro ALLOWED name:req, instruction:vararg
        TRY
        USER
        \instruction
        LEAVE
        DONE "\name"
.endm
.macro FORBIDDEN name:req, instruction:vararg
        TRY
        USER
1:      \instruction
        LEAVE
        CAUGHT "\name", V_GP, 0, 1b
.endm
.macro TSS_LIMIT limit
        SET_DESCRIPTOR MAIN_TSS, $main_tss, \limit, A_TSS32
        movl $MAIN_TSS, %eax
        ltr %ax
.endm
#define BITMAP (main_tss + 104)

        PROGRAM "interrupts-io"
// ---- IOPL decides first ----
        FORBIDDEN "no-bitmap", outb %al, $0x80
        movl $(F_IOPL3 | 2), user_eflags
        ALLOWED "iopl-3", outb %al, $0x80
        movw $0x3fd, %dx
        ALLOWED "iopl-3-in", inb %dx, %al
        movl $0x1002, user_eflags       // IOPL 1 is not enough for CPL 3
        FORBIDDEN "iopl-1", outb %al, $0x80
        movl $2, user_eflags

// ---- the bitmap: a clear bit allows its port; every port of a wide access needs it ----
        movl $0xffffffff, BITMAP + 0x10
        movb $0xff, BITMAP + 128        // ports 0x400 to 0x407, and the byte that must end the map
        movb $0xff, BITMAP + 129
        movw $104, main_tss + TSS_IO
        TSS_LIMIT (104 + 129)
        FORBIDDEN "bit-set", outb %al, $0x80
        movb $0xfe, BITMAP + 0x10       // 0x80 allowed
        ALLOWED "bit-clear", outb %al, $0x80
        FORBIDDEN "next-port", outb %al, $0x81
        FORBIDDEN "word-needs-two-bits", outw %ax, $0x80
        movb $0xfc, BITMAP + 0x10
        ALLOWED "word-two-bits", outw %ax, $0x80
        FORBIDDEN "dword-needs-four-bits", outl %eax, $0x80
        movb $0xf0, BITMAP + 0x10
        ALLOWED "dword-four-bits", outl %eax, $0x80
        // An access that crosses into the next byte of the map.
        movb $0x7f, BITMAP + 0x10       // 0x87 allowed
        movb $0xff, BITMAP + 0x11       // 0x88 not
        FORBIDDEN "word-crosses-byte", outw %ax, $0x87
        movb $0xfe, BITMAP + 0x11
        ALLOWED "word-crosses-byte-allowed", outw %ax, $0x87
        // Ports by DX, and string I/O.
        movw $0x3fd, %dx
        ALLOWED "in-by-dx", inb %dx, %al
        movb $0x20, BITMAP + (0x3fd >> 3)
        FORBIDDEN "in-by-dx-forbidden", inb %dx, %al
        movw $0x80, %dx
        movb $0, BITMAP + 0x10
        movl $text, %esi
        movl $3, %ecx
        cld
        ALLOWED "outsb", rep outsb
        CHECK "outsb-esi", %esi, $(text + 3)
        CHECK "outsb-ecx", %ecx, $0
        movb $1, BITMAP + 0x10
        movl $3, %ecx
        FORBIDDEN "outsb-forbidden", rep outsb
        CHECK "outsb-forbidden-esi", %esi, $(text + 3)
        CHECK "outsb-forbidden-ecx", %ecx, $3
        movl $0, %ecx
        FORBIDDEN "insb-forbidden", insb
        // The end of the map: the last byte inside the limit counts, the ports beyond are forbidden.
        movw $0x400, %dx
        FORBIDDEN "last-byte", inb %dx, %al
        movb $0, BITMAP + 128
        ALLOWED "last-byte-allowed", inb %dx, %al
        movw $0x408, %dx
        FORBIDDEN "terminator", inb %dx, %al
        movw $0x500, %dx
        FORBIDDEN "beyond-limit", inb %dx, %al
        // The CPU reads two bytes of the map always: a map that ends early forbids its last ports.
        TSS_LIMIT (104 + 128)
        movw $0x400, %dx
        FORBIDDEN "second-byte-beyond-limit", inb %dx, %al
        // Ring 0 needs no leave.
        inb %dx, %al
        // A map base beyond the limit: no port at all. A base inside the fixed part is taken as it is.
        movw $0x1000, main_tss + TSS_IO
        movw $0x80, %dx
        movb $0, BITMAP + 0x10
        FORBIDDEN "base-beyond-limit", outb %al, %dx
        movw $104, main_tss + TSS_IO
        ALLOWED "base-is-read-each-time", outb %al, %dx
        ret

        .data
text:   .ascii "abc"
