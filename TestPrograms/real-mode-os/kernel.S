# kernel.S: the operating system: a prompt and its commands. One segment of 64 KiB holds everything:
#
#   0000  code and texts      8000  FAT      9200  root directory      AE00  a sector      B000  the line      FFFE  stack
#include "layout.h"
        .set FAT, 0x8000
        .set ROOT, 0x9200
        .set BUFFER, 0xae00
        .set LINE, 0xb000
        .set LINE_LENGTH, 78

        .macro say text
        movw $\text, %si
        call print
        .endm

        .code16
        .globl _start
_start: cli
        movw %cs, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0xfffe, %sp
        sti
        cld
        movb %dl, drive
        call console_start
        say hello
        call disk_start
        jc 9f
prompt: say sign
        call read_line
        movw $LINE, %si
        call skip_spaces
        testb %al, %al
        jz prompt
        movw $commands, %bx             // texts and routines by turns
1:      movw (%bx), %di
        testw %di, %di
        jz 4f
        movw $LINE, %si
        call skip_spaces
2:      movb (%di), %al
        testb %al, %al
        jz 3f
        call next_upper
        cmpb %ah, (%di)
        jne 5f
        incw %di
        jmp 2b
3:      movb (%si), %al                 // the word must end here
        cmpb $' ', %al
        ja 5f
        call skip_spaces
        call *2(%bx)
        jnc prompt
        call print                      // a command that fails says why
        jmp prompt
5:      addw $4, %bx
        jmp 1b
4:      say unknown
        jmp prompt
9:      say broken
        jmp prompt

commands:
        .word 1f, help, 2f, dir, 3f, type, 4f, write, 5f, copy, 6f, delete, 7f, mem, 8f, time, 9f, ver, 10f, cls
        .word 11f, reboot, 12f, off, 13f, exit, 0
1:      .asciz "HELP"
2:      .asciz "DIR"
3:      .asciz "TYPE"
4:      .asciz "WRITE"
5:      .asciz "COPY"
6:      .asciz "DEL"
7:      .asciz "MEM"
8:      .asciz "TIME"
9:      .asciz "VER"
10:     .asciz "CLS"
11:     .asciz "REBOOT"
12:     .asciz "OFF"
13:     .asciz "EXIT"

// Next character of the line at SI in AH, as a capital.
next_upper:
        movb (%si), %ah
        incw %si
        cmpb $'a', %ah
        jb 1f
        cmpb $'z', %ah
        ja 1f
        subb $32, %ah
1:      ret

// Moves SI to what isn't a space, which comes in AL.
skip_spaces:
        movb (%si), %al
        cmpb $' ', %al
        jne 1f
        incw %si
        jmp skip_spaces
1:      ret

// Commands: SI is at the rest of the line. With carry they have failed and SI is at the reason.

help:   say helptext
        clc
        ret

ver:    say hello
        clc
        ret

cls:    call console_clear
        clc
        ret

dir:    movw $ROOT, %bx
        movw $ROOT_ENTRIES, %cx
        xorw %dx, %dx                   // files
1:      cmpb $0, (%bx)
        je 5f
        cmpb $0xe5, (%bx)
        je 4f
        testb $0x08, 11(%bx)
        jnz 4f
        movw %bx, %si
        movw $8, %di
        call print_padded
        movb $' ', %al
        call putc
        movw $3, %di
        call print_padded
        pushw %dx
        movl 28(%bx), %eax
        call print_number_wide
        popw %dx
        say newline
        incw %dx
4:      addw $32, %bx
        loop 1b
5:      movzwl %dx, %eax
        call print_number
        say files
        call free_clusters
        movzwl %ax, %eax
        shll $9, %eax
        call print_number
        say bytesfree
        clc
        ret

type:   call parse_name
        jc 9f
        call find
        jc 9f
        movl 28(%bx), %edx              // what is left
        movw 26(%bx), %ax
1:      testl %edx, %edx
        jz 8f
        call check_cluster
        jc 9f
        movw $BUFFER, %bx
        call read_cluster
        jc 9f
        pushw %ax
        movw $BUFFER, %si
        movl $SECTOR_SIZE, %ecx
        cmpl %ecx, %edx
        ja 2f
        movl %edx, %ecx
2:      subl %ecx, %edx
3:      lodsb
        cmpb $10, %al
        jne 4f
        movb $13, %al
        call putc
        movb $10, %al
4:      call putc
        loop 3b
        popw %ax
        call next_cluster
        jmp 1b
8:      clc
        ret
9:      stc
        ret

write:  call parse_name
        jc 9f
        call skip_spaces
        pushw %si
        call create
        popw %si
        jc 8f
        movw $BUFFER, %di
        movw $SECTOR_SIZE, %cx
        pushw %di
        xorb %al, %al
        rep stosb
        popw %di
1:      lodsb
        testb %al, %al
        jz 2f
        stosb
        jmp 1b
2:      movb $10, %al
        stosb
        subw $BUFFER, %di
        movzwl %di, %ecx
        call append
        jc 9f
        call flush
        jc 9f
        say written
        clc
        ret
8:      movw reason, %si
        stc
9:      ret

copy:   call parse_name
        jc 9f
        call find
        jc 9f
        movl 28(%bx), %eax
        movl %eax, copied
        movw 26(%bx), %ax
        movw %ax, source
        call skip_spaces
        call parse_name
        jc 9f
        call find
        movw $exists, %si
        jnc 8f                          // the source itself, perhaps
        call create
        jc 7f
1:      movl copied, %ecx
        jecxz 3f
        movw source, %ax
        call check_cluster
        jc 9f
        movw $BUFFER, %bx
        call read_cluster
        jc 9f
        call next_cluster
        movw %ax, source
        movl copied, %ecx
        cmpl $SECTOR_SIZE, %ecx
        jbe 2f
        movl $SECTOR_SIZE, %ecx
2:      subl %ecx, copied
        call append
        jc 9f
        jmp 1b
3:      call flush
        jc 9f
        say written
        clc
        ret
7:      movw reason, %si
8:      stc
9:      ret

delete: call parse_name
        jc 9f
        call find
        jc 9f
        testb $0x01, 11(%bx)
        movw $protected, %si
        jnz 8f
        call remove
        call flush
        jc 9f
        say deleted
        clc
        ret
8:      stc
9:      ret

mem:    int $0x12
        movzwl %ax, %eax
        call print_number
        say conventional
        movb $0x88, %ah
        int $0x15
        movw $nomemory, %si
        jc 9f
        movzwl %ax, %eax
        call print_number
        say extended
        xorl %ebx, %ebx                 // the map, if the firmware has one
1:      movl $0xe820, %eax
        movl $20, %ecx
        movl $0x534d4150, %edx
        movw $BUFFER, %di
        int $0x15
        jc 8f
        cmpl $0x534d4150, %eax
        jne 8f
        movl BUFFER, %eax
        call print_hex
        movb $'+', %al
        call putc
        movl BUFFER + 8, %eax
        call print_hex
        movb $' ', %al
        call putc
        movl BUFFER + 16, %eax
        call print_number
        say newline
        testl %ebx, %ebx
        jnz 1b
8:      clc
9:      ret

time:   movb $0x04, %ah
        int $0x1a
        movw $noclock, %si
        jc 9f
        movb %ch, %al
        call print_byte
        movb %cl, %al
        call print_byte
        movb $'-', %al
        call putc
        movb %dh, %al
        call print_byte
        movb $'-', %al
        call putc
        movb %dl, %al
        call print_byte
        movb $' ', %al
        call putc
        movb $0x02, %ah
        int $0x1a
        movw $noclock, %si
        jc 9f
        movb %ch, %al
        call print_byte
        movb $':', %al
        call putc
        movb %cl, %al
        call print_byte
        movb $':', %al
        call putc
        movb %dh, %al
        call print_byte
        say comma
        xorb %ah, %ah
        int $0x1a
        movw %cx, %ax
        shll $16, %eax
        movw %dx, %ax
        call print_number
        say ticks
        clc
9:      ret

reboot: say rebooting
        call console_drain
        movw $0, %ax
        movw %ax, %ds
        movw $0x1234, 0x472             // a warm start
        ljmp $0xffff, $0

// Soft off as ACPI's hardware does it, where firmware has put PIIX4's registers; else APM is asked.
off:    say bye
        call console_drain
        movw $0x604, %dx
        movw $0x2000, %ax
        outw %ax, %dx
        movw $0x5301, %ax
        xorw %bx, %bx
        int $0x15
        movw $0x530e, %ax
        xorw %bx, %bx
        movw $0x0102, %cx
        int $0x15
        movw $0x5307, %ax
        movw $1, %bx
        movw $3, %cx
        int $0x15
        movw $staysOn, %si
        stc
        ret

// The way out of a virtual machine: port F4.
exit:   xorb %al, %al
        outb %al, $0xf4
        movw $staysOn, %si
        stc
        ret

#include "console.S"
#include "disk.S"

hello:  .ascii "Trapline's real-mode system 1.0: a prompt, a diskette and nothing else.\r\n"
        .asciz "HELP lists the commands.\r\n"
sign:   .asciz "A> "
newline: .asciz "\r\n"
unknown: .asciz "There is no such command; HELP lists them.\r\n"
helptext:
        .ascii "DIR  TYPE file  WRITE file text  COPY from to  DEL file  MEM  TIME  VER  CLS\r\n"
        .asciz "REBOOT  OFF (power)  EXIT (by port F4)\r\n"
files:  .asciz " files, "
bytesfree: .asciz " bytes free\r\n"
written: .asciz "Written.\r\n"
deleted: .asciz "Deleted.\r\n"
conventional: .asciz " KiB conventional memory\r\n"
extended: .asciz " KiB extended memory\r\n"
nomemory: .asciz "The firmware doesn't tell.\r\n"
noclock: .asciz "There is no clock.\r\n"
comma:  .asciz ", "
ticks:  .asciz " ticks since midnight\r\n"
rebooting: .asciz "Starting again.\r\n"
bye:    .asciz "Good bye.\r\n"
staysOn: .asciz "The machine stays on.\r\n"
noname: .asciz "Name a file: eight letters, a point, three letters.\r\n"
nofile: .asciz "There is no such file.\r\n"
exists: .asciz "There is a file of that name.\r\n"
protected: .asciz "The file is protected.\r\n"
full:   .asciz "The diskette is full.\r\n"
damaged: .asciz "The file is damaged.\r\n"
broken: .asciz "The diskette can't be read.\r\n"
refused: .asciz "The diskette can't be written.\r\n"

        .balign 4
copied: .long 0
source: .word 0
entry:  .word 0                         // in the root directory, of the file that is being written
last:   .word 0                         // its last cluster, or 0
reason: .word 0
drive:  .byte 0
