# touch.S: writes a byte in each page of 4 MiB, says so and ends; what remains resident of a 64 MiB machine is measured.
        .section .multiboot, "a"
        .align 4
        .long 0x1BADB002, 3, -(0x1BADB002 + 3)

        .text
        .globl _start
_start: mov $0x1000000, %edi            # from 16 MiB
        mov $1024, %ecx
1:      movb $0x55, (%edi)
        add $4096, %edi
        loop 1b

        mov $message, %esi
        mov $message_length, %ecx
        mov $0x3f8, %edx
        cld
        rep outsb

        xor %eax, %eax
        out %al, $0xf4                  # the debug exit: status 1
2:      hlt
        jmp 2b

        .section .rodata
message:
        .ascii "touched 4 MiB\n"
        .set message_length, . - message
