# serial.S: text on COM1, and the checks that print there when they fail.
# Every routine takes its arguments on the stack, pops them, and keeps registers and flags.
#include "guest.h"
        .text
        .globl serial_init, print, print_char, print_hex, check_equal, check_flags

# 115200 baud, 8N1, no interrupts. The FIFO stays off: turning it on would drop what has come already.
serial_init:
        movw $COM1 + 1, %dx
        xorl %eax, %eax
        outb %al, %dx                   // IER: none
        movw $COM1 + 3, %dx
        movb $0x80, %al
        outb %al, %dx                   // LCR: DLAB
        movw $COM1, %dx
        movb $1, %al
        outb %al, %dx                   // divisor 1
        movw $COM1 + 1, %dx
        movb $0, %al
        outb %al, %dx
        movw $COM1 + 3, %dx
        movb $3, %al
        outb %al, %dx                   // LCR: 8N1
        movw $COM1 + 4, %dx
        movb $3, %al
        outb %al, %dx                   // MCR: DTR, RTS
        ret

# print_char: AL to COM1 when the transmitter is empty.
print_char:
        pushfl
        pushl %edx
        pushl %eax
        movw $COM1 + 5, %dx
1:      inb %dx, %al
        testb $0x20, %al
        jz 1b
        popl %eax
        movw $COM1, %dx
        outb %al, %dx
        popl %edx
        popfl
        ret

# print(text)
print:  pushfl
        pushal
        cld
        movl 40(%esp), %esi
1:      lodsb
        testb %al, %al
        jz 2f
        call print_char
        jmp 1b
2:      popal
        popfl
        ret $4

# print_hex(value): eight digits.
print_hex:
        pushfl
        pushal
        movl 40(%esp), %ebx
        movl $8, %ecx
1:      roll $4, %ebx
        movl %ebx, %eax
        andl $15, %eax
        movb digits(%eax), %al
        call print_char
        decl %ecx
        jnz 1b
        popal
        popfl
        ret $4

# check_equal(name, got, expected): prints "FAIL name got expected" when they differ.
check_equal:
        pushfl
        pushal
        movl 44(%esp), %eax
        cmpl %eax, 48(%esp)
        je 1f
        incl failures
        PRINT "FAIL "
        pushl 40(%esp)
        call print
        cmpl $0, check_suffix
        je 2f
        pushl check_suffix
        call print
2:      PRINT " "
        pushl 44(%esp)
        call print_hex
        PRINT " "
        pushl 48(%esp)
        call print_hex
        PRINT "\n"
1:      popal
        popfl
        ret $12

# check_flags(name, mask, expected): the same for the caller's flags.
check_flags:
        pushfl
        pushal
        movl 48(%esp), %eax             // expected
        movl 44(%esp), %ecx             // mask
        andl 32(%esp), %ecx             // the flags pushed above
        pushl %eax
        pushl %ecx
        pushl 48(%esp)
        call check_equal
        popal
        popfl
        ret $12

        .section .rodata
digits: .ascii "0123456789abcdef"
        .bss
        .globl failures, check_suffix
failures: .skip 4
check_suffix: .skip 4                   // appended to the name when not 0
