# tables.S: the start-up GDT, IDT and TSS, and the routines that fill descriptors in.
#include "guest.h"
        .data
        .globl gdt, gdt_pointer, idt, idt_pointer, main_tss
        .align 8
gdt:    .quad 0
        .quad 0x00cf9b000000ffff        // 0x08 KERNEL_CODE: flat, DPL 0
        .quad 0x00cf93000000ffff        // 0x10 KERNEL_DATA
        .quad 0x00cffb000000ffff        // 0x18 USER_CODE: flat, DPL 3
        .quad 0x00cff3000000ffff        // 0x20 USER_DATA
        .fill 59, 8, 0                  // 0x28 MAIN_TSS, then 0x30 to 0x1f8 for the guest
gdt_end:
gdt_pointer:
        .word gdt_end - gdt - 1
        .long gdt
        .align 4
idt_pointer:
        .word 256 * 8 - 1
        .long idt

        .bss
        .align 4096
idt:    .skip 256 * 8
        .align 128
main_tss:
        .skip 104                       // the TSS proper; what follows may serve as the I/O bitmap
        .skip 8192 + 1
        .align 16
        .skip 8192
        .globl trap_stack_top, user_stack_top
trap_stack_top:                         // the stack for traps out of CPL 3
        .skip 8192
user_stack_top:

        .text
        .globl set_descriptor, set_gate
# set_descriptor(address, base, limit, attributes)
#   31        24 23 20 19   16 15       8 7        0
#   base 31:24 | GD0A | lim hi | access  | base 23:16 |  +4
#   base 15:0           | limit 15:0                  |  +0
set_descriptor:
        pushfl
        pushal
        movl 40(%esp), %edi
        movl 44(%esp), %eax
        movl 48(%esp), %ecx
        movl 52(%esp), %edx
        movw %cx, 0(%edi)
        movw %ax, 2(%edi)
        shrl $16, %eax
        movb %al, 4(%edi)
        movb %dl, 5(%edi)
        movb %ah, 7(%edi)
        shrl $16, %ecx
        andb $0x0f, %cl
        andb $0xf0, %dh
        orb %dh, %cl
        movb %cl, 6(%edi)
        popal
        popfl
        ret $16

# set_gate(address, selector, offset, access << 8 | parameter count)
#   offset 31:16        | access | count |  +4
#   selector            | offset 15:0    |  +0
set_gate:
        pushfl
        pushal
        movl 40(%esp), %edi
        movl 44(%esp), %eax
        movl 48(%esp), %ecx
        movl 52(%esp), %edx
        movw %cx, 0(%edi)
        movw %ax, 2(%edi)
        movw %dx, 4(%edi)
        shrl $16, %ecx
        movw %cx, 6(%edi)
        popal
        popfl
        ret $16
