// The console: the screen and COM1 show the same, the keyboard and COM1 are typed on alike.
        .set COM1, 0x3f8

console_start:
        movw $COM1 + 3, %dx
        movb $0x03, %al                 // eight bits, no parity, one stop bit
        outb %al, %dx
console_clear:
        movw $0x0003, %ax
        int $0x10
        ret

// Shows AL; keeps everything.
putc:   pushal
        movb %al, %cl
        movb $0x0e, %ah
        movw $0x0007, %bx
        int $0x10
        movw $COM1 + 5, %dx
        xorw %bx, %bx                   // without a port it is never ready
1:      decw %bx
        jz 2f
        inb %dx, %al
        testb $0x20, %al
        jz 1b
        movb %cl, %al
        movw $COM1, %dx
        outb %al, %dx
2:      popal
        ret

// Shows the text at SI.
print:  pushw %ax
1:      lodsb
        testb %al, %al
        jz 2f
        call putc
        jmp 1b
2:      popw %ax
        ret

// Shows DI characters at SI.
print_padded:
        lodsb
        call putc
        decw %di
        jnz print_padded
        ret

// Waits until COM1 has sent everything.
console_drain:
        movw $COM1 + 5, %dx
        xorw %cx, %cx
1:      inb %dx, %al
        testb $0x40, %al
        loopz 1b
        ret

// Waits for a character: AL. What is sent to COM1 comes without an interrupt: it is looked for over and again, then the
// processor sleeps until a key or the timer's next tick.
getc:   movb $0x01, %ah
        int $0x16
        jnz 1f
        movw $COM1 + 5, %dx
        movw $2000, %cx
2:      inb %dx, %al
        cmpb $0xff, %al                 // no port
        je 3f
        testb $0x01, %al
        loopz 2b
        jz 3f
        movw $COM1, %dx
        inb %dx, %al
        ret
3:      hlt
        jmp getc
1:      xorb %ah, %ah
        int $0x16
        testb %al, %al                  // keys without a character
        jz getc
        ret

// Reads a line to LINE, ended by 0.
read_line:
        movw $LINE, %di
1:      call getc
        cmpb $13, %al
        je 3f
        cmpb $10, %al
        je 3f
        cmpb $8, %al
        je 2f
        cmpb $' ', %al
        jb 1b
        cmpw $LINE + LINE_LENGTH, %di
        je 1b
        stosb
        call putc
        jmp 1b
2:      cmpw $LINE, %di
        je 1b
        decw %di
        movb $8, %al
        call putc
        movb $' ', %al
        call putc
        movb $8, %al
        call putc
        jmp 1b
3:      movb $0, (%di)
        movw $newline, %si
        jmp print

// Shows EAX in decimal; the second in ten places. Keep all but EAX.
print_number:
        pushal
        xorw %bp, %bp
        jmp 1f
print_number_wide:
        pushal
        movw $10, %bp
1:      xorw %cx, %cx
        movl $10, %ebx
2:      xorl %edx, %edx
        divl %ebx
        pushw %dx
        incw %cx
        testl %eax, %eax
        jnz 2b
3:      cmpw %bp, %cx
        jae 4f
        movb $' ', %al
        call putc
        decw %bp
        jmp 3b
4:      popw %ax
        addb $'0', %al
        call putc
        loop 4b
        popal
        ret

// Shows EAX, or AL, in hexadecimal.
print_hex:
        movw $8, %di
        jmp 1f
print_byte:
        movw $2, %di
        shll $24, %eax
1:      roll $4, %eax
        pushl %eax
        andb $15, %al
        addb $'0', %al
        cmpb $'9', %al
        jbe 2f
        addb $'a' - '0' - 10, %al
2:      call putc
        popl %eax
        decw %di
        jnz 1b
        ret
