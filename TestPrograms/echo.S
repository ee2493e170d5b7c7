# echo.S: reads COM1 until a newline and sends the line back: for tests of serial input.
# KIND: multiboot
# RUN:
# INPUT: hello, guest
# EXPECT-EXIT: 1
# EXPECT-SERIAL: echo: ready
# EXPECT-SERIAL: hello, guest
# EXPECT-SERIAL: echo: ok
# QEMU: yes
#include "guest.h"
        PROGRAM "echo"
        PRINT "echo: ready\n"
        movl $line, %edi
        cld
1:      movw $COM1 + 5, %dx             // line status: bit 0 says there is a byte
        inb %dx, %al
        testb $1, %al
        jz 1b
        movw $COM1, %dx
        inb %dx, %al
        stosb
        cmpb $'\r', %al
        je 2f
        cmpb $'\n', %al
        je 2f
        cmpl $line + 254, %edi
        jb 1b
2:      movb $'\n', -1(%edi)
        movb $0, (%edi)
        pushl $line
        call print
        ret
        .bss
line:   .skip 256
