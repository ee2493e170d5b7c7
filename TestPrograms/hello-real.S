# hello-real.S: a boot sector in real mode that says hello on COM1 and leaves by the debug port.
# KIND: flat
# RUN: --mode real --load-address 0x7c00
# EXPECT-EXIT: 1
# EXPECT-SERIAL: hello from real mode
# QEMU: yes
        .code16
        .globl _start
_start: ljmp $0, $1f                    // a BIOS may come as 07C0:0000; the linker thinks of 0000:7C00
1:      xorw %ax, %ax
        movw %ax, %ds
        cld
        movw $0x3fb, %dx
        movb $3, %al
        outb %al, %dx                   // line control: eight bits, no parity, one stop bit
        movw $hello, %si
2:      lodsb
        testb %al, %al
        jz 4f
        movb %al, %bl
        movw $0x3fd, %dx                // line status: bit 5 says the transmitter is empty
3:      inb %dx, %al
        testb $0x20, %al
        jz 3b
        movb %bl, %al
        movw $0x3f8, %dx
        outb %al, %dx
        jmp 2b
4:      xorb %al, %al
        outb %al, $0xf4                 // status (0 << 1) | 1
5:      cli
        hlt
        jmp 5b

hello:  .asciz "hello from real mode\n"
        .org 510
        .word 0xaa55                    // so that a BIOS boots it
