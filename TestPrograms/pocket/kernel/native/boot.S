// The first instructions: from where a Multiboot loader leaves us (32-bit, paging off, at physical 1 MiB) to
// kernel_main, in the higher half. Code and data in .boot sections run at their physical addresses.
#include "../layout.h"

#define MULTIBOOT_HEADER 0x1BADB002
#define MULTIBOOT_WANTS 3              /* modules on page boundaries; a memory map */

#define CR0_START 0x80010000           /* PG, and WP: the kernel too obeys read-only pages */

    .section .boot.header, "a"
    .align 4
    .long MULTIBOOT_HEADER, MULTIBOOT_WANTS, -(MULTIBOOT_HEADER + MULTIBOOT_WANTS)

    .section .boot.text, "ax"
    .globl boot_entry
boot_entry:
    cli
    cld
    movl $(boot_stack_top - KERNEL_BASE), %esp
    pushl %ebx
    pushl %eax
    call early_start                   /* early.c: returns the page directory */
    movl %eax, %cr3
    movl %cr0, %eax
    orl $CR0_START, %eax
    movl %eax, %cr0
    movl $higher_half, %eax
    jmp *%eax

    .text
higher_half:
    movl $boot_stack_top, %esp
    xorl %ebp, %ebp                    /* where a backtrace ends */
    call kernel_main
    ud2

    .bss
    .align 16
    .skip KERNEL_STACK_SIZE
boot_stack_top:
