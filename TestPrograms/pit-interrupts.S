# pit-interrupts.S: PIC and PIT: remap, masks, IRR and ISR, modes 0, 2 and 3, HLT wake-up, the STI shadow, priorities, IRQs at CPL 3.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: pit-interrupts: ok
# QEMU: yes
#include "guest.h"
#define PIC1 0x20
#define PIC2 0xa0
#define PIT0 0x40
#define PIT_CONTROL 0x43
#define MILLISECOND 1193                /* of 1,193,182 Hz */

.macro OUT port, value
        movb $(\value), %al
        outb %al, $\port
.endm
# PIT channel 0: low byte then high byte, mode and count.
.macro TIMER mode, count
        OUT PIT_CONTROL, 0x30 | (\mode) << 1
        OUT PIT0, (\count) & 0xff
        OUT PIT0, (\count) >> 8
.endm
.macro STATUS name, mode                // read-back: access and mode bits, not OUT and null count
        OUT PIT_CONTROL, 0xe2
        inb $PIT0, %al
        andl $0x3f, %eax
        CHECK "\name", %eax, $(0x30 | (\mode) << 1)
.endm
.macro READ_COUNT                       // latched, into EAX
        OUT PIT_CONTROL, 0
        inb $PIT0, %al
        movb %al, %ah
        inb $PIT0, %al
        xchgb %al, %ah
        movzwl %ax, %eax
.endm
# Interrupts off: waits until IRQ n waits in the PIC.
.macro WAIT_PENDING irq
        OUT PIC1, 0x0a                  // OCW3: read IRR
88:     inb $PIC1, %al
        testb $(1 << \irq), %al
        jz 88b
.endm
.macro NO_TIMER                         // mode 0 without a count: stopped, no edge left to come
        cli
        OUT PIT_CONTROL, 0x30
        sti
        nop
        nop
        cli
        movl $0, ticks
.endm

        PROGRAM "pit-interrupts"
        SET_IDT 0x20, $on_timer
        SET_IDT 0x24, $on_serial
        cli
        OUT PIC1, 0x11                  // ICW1: edge, cascade, ICW4
        OUT PIC1 + 1, 0x20              // ICW2: vectors 0x20 to 0x27
        OUT PIC1 + 1, 0x04              // ICW3: slave at IRQ2
        OUT PIC1 + 1, 0x01              // ICW4: 8086
        OUT PIC2, 0x11
        OUT PIC2 + 1, 0x28
        OUT PIC2 + 1, 0x02
        OUT PIC2 + 1, 0x01
        OUT PIC1 + 1, 0xfa              // IRQ0 and the cascade open
        OUT PIC2 + 1, 0xff
        inb $(PIC1 + 1), %al
        movzbl %al, %eax
        CHECK "mask-reads-back", %eax, $0xfa

// ---- mode 2: one interrupt a period; each HLT ends with one ----
        TIMER 2, MILLISECOND
        STATUS "mode-2-status", 2
        movl $0, ticks
        movl $10, %ecx
1:      movl ticks, %ebx
        sti
        hlt
        cli
        movl ticks, %eax
        subl %ebx, %eax
        cmpl $1, %eax
        jne 2f
        loop 1b
2:      CHECK "hlt-wakes-once-each", %ecx, $0
        CHECK "isr-in-handler", isr, $1
        CHECK "handler-saw-if-clear", handler_flags, $0
        // The counter runs down from the reload value and never shows zero.
        movl $1000, %ecx
        xorl %ebp, %ebp
3:      READ_COUNT
        cmpl $MILLISECOND, %eax
        ja 4f
        testl %eax, %eax
        jz 4f
        loop 3b
4:      CHECK "mode-2-count-in-range", %ecx, $0

// ---- mode 3: the same rate; the counter goes down by two ----
        NO_TIMER
        TIMER 3, 1000
        STATUS "mode-3-status", 3
        movl $5, %ecx
5:      sti
        hlt
        cli
        loop 5b
        CHECK "mode-3-ticks", ticks, $5
        movl $200, %ecx
6:      READ_COUNT
        testb $1, %al
        jnz 7f
        loop 6b
7:      CHECK "mode-3-count-even", %ecx, $0

// ---- mode 0: once; OUT goes up and stays up ----
        NO_TIMER
        TIMER 0, 2000
        STATUS "mode-0-status", 0
        sti
        hlt
        cli
        CHECK "mode-0-tick", ticks, $1
        OUT PIT_CONTROL, 0xe2
        inb $PIT0, %al
        shrl $7, %eax
        andl $1, %eax
        CHECK "mode-0-out-high", %eax, $1
        call wait_a_while
        CHECK "mode-0-no-second-tick", ticks, $1

// ---- a mask holds the request back, and lets it through later ----
        OUT PIC1 + 1, 0xff
        TIMER 0, 100
        sti
        WAIT_PENDING 0
        CHECK "masked", ticks, $1
        cli
        OUT PIC1 + 1, 0xfa
        CHECK "cli-holds-it", ticks, $1
        sti
        nop
        cli
        CHECK "unmasked", ticks, $2

// ---- when exactly: STI gives one more instruction, POPF and IRET none ----
        TIMER 0, 100
        WAIT_PENDING 0
        sti
        cli                             // in the shadow: nothing comes through
        CHECK "sti-cli", ticks, $2
        sti
        nop
8:      nop
        cli
        CHECK "sti-nop", ticks, $3
        CHECK "sti-shadow-eip", tick_eip, $8b
        TIMER 0, 100
        WAIT_PENDING 0
        sti
        hlt                             // starts, and is woken at once
9:      cli
        CHECK "sti-hlt-eip", tick_eip, $9b
        TIMER 0, 100
        WAIT_PENDING 0
        pushl $(F_IF | 2)
        popfl
1:      nop
        cli
        CHECK "popf-eip", tick_eip, $1b
        TIMER 0, 100
        WAIT_PENDING 0
        pushl $(F_IF | 2)
        pushl $KERNEL_CODE
        pushl $2f
        iretl
2:      nop
        cli
        CHECK "iret-eip", tick_eip, $2b
        // STI with IF already set casts no shadow.
        TIMER 0, 100
        sti
        OUT PIC1 + 1, 0xff
        WAIT_PENDING 0
        OUT PIC1 + 1, 0xfa
        sti
        nop
        cli
        CHECK "all-so-far", ticks, $7

// ---- MOV SS and POP SS: no interrupt before the next instruction has run ----
        TIMER 2, 1000
        movl $shadow_1, forbidden_1
        movl $shadow_2, forbidden_2
        movl %ss, %edx
        movl $0x10000, %ecx
        sti
        nop                             // of two shadows in a row only the first is sure
5:      movl %edx, %ss
shadow_1:
        nop
        pushl %ss
        popl %ss
shadow_2:
        nop
        loop 5b
        cli
        CHECK "no-interrupt-after-ss-load", forbidden_hits, $0
        NO_TIMER

// ---- two at a time: IRQ0 before IRQ4; the second waits for the first one's EOI ----
        movw $COM1 + 4, %dx
        movb $0x0b, %al                 // OUT2 lets the UART's interrupt out
        outb %al, %dx
        OUT PIC1 + 1, 0xea
        TIMER 0, 100
        WAIT_PENDING 0
        movw $COM1 + 1, %dx
        movb $2, %al                    // transmitter empty
        outb %al, %dx
        WAIT_PENDING 4
        movl $0, order
        sti
        nop
        nop
        nop
        cli
        CHECK "irq0-before-irq4", order, $0x14
        CHECK "serial-interrupts", serial_count, $1
        movw $COM1 + 1, %dx
        xorb %al, %al
        outb %al, %dx
        OUT PIC1 + 1, 0xfa

// ---- an interrupt at CPL 3: the stack comes from the TSS ----
        movl $(F_IF | 2), user_eflags
        TIMER 0, 2000
        movl $0, ticks
        TRY
        USER
3:      cmpl $0, ticks
        je 3b
        LEAVE
        DONE "at-cpl-3"
        CHECK "at-cpl-3-cs", tick_cs, $USER_CODE
        CHECK "at-cpl-3-stack", tick_esp, $(trap_stack_top - 20)
        movl $2, user_eflags

// ---- an interrupt out of virtual-8086 mode, and back by IRET ----
        SET_IDT 0x20, $on_timer_v86
        movl $0x80cdfeeb, 0x8000        // 0800:0000  JMP $; INT 0x80
        TIMER 0, 2000
        movl $0, ticks
        TRY
        pushl $0x4444                   // GS FS DS ES
        pushl $0x3333
        pushl $0x1111
        pushl $0x2222
        pushl $0x700                    // SS:SP
        pushl $0x800
        pushl $(F_VM | F_IOPL3 | F_IF | 2)
        pushl $0x800                    // CS:IP
        pushl $0
        iretl
        CAUGHT "out-of-v86-and-back", V_LEAVE, 0, 4
        CHECK "v86-ticks", ticks, $1
        CHECK "v86-frame-ip", tick_eip, $0
        CHECK "v86-frame-size", tick_esp, $(trap_stack_top - 36)
        CHECK "v86-ds-back", trap_ds, $0x1111
        SET_IDT 0x20, $on_timer

// ---- interrupts in the middle of a long REP: nothing is lost, nothing done twice ----
        TIMER 2, 1000
        movl $0, ticks
        movl $0x400000, %edi
        movl $0x100000, %ecx
        movl $0x01010101, %eax
        cld
        sti
        rep stosl
        cli
        CHECK "rep-edi", %edi, $0x800000
        movl $0x400000, %esi
        movl $0x100000, %ecx
        xorl %ebx, %ebx
        sti
4:      lodsl
        addl %eax, %ebx
        loop 4b
        cli
        CHECK "rep-sum", %ebx, $0x10100000
        xorl %eax, %eax
        cmpl $1, ticks
        setae %al
        CHECK "interrupted-meanwhile", %eax, $1
        NO_TIMER
        CHECK "no-spurious-interrupt", trap_count, $2   // the two LEAVEs
        ret

wait_a_while:
        movl $200000, %ecx
        sti
1:      loop 1b
        cli
        ret

on_timer:
        pushl %eax
        incl ticks
        movl 4(%esp), %eax
        movl %eax, tick_eip
        cmpl forbidden_1, %eax
        je 1f
        cmpl forbidden_2, %eax
        jne 2f
1:      incl forbidden_hits
2:
        movl 8(%esp), %eax
        movl %eax, tick_cs
        leal 4(%esp), %eax
        movl %eax, tick_esp
        pushfl
        popl %eax
        andl $F_IF, %eax
        movl %eax, handler_flags
        OUT PIC1, 0x0b                  // OCW3: read ISR
        xorl %eax, %eax
        inb $PIC1, %al
        movl %eax, isr
        shll $4, order
        orl $1, order
        OUT PIC1, 0x20                  // EOI
        popl %eax
        iretl

# The same out of V86: DS is null here, so SS serves. Skips the endless jump.
on_timer_v86:
        pushl %eax
        incl %ss:ticks
        movl 4(%esp), %eax
        movl %eax, %ss:tick_eip
        leal 4(%esp), %eax
        movl %eax, %ss:tick_esp
        addl $2, 4(%esp)
        OUT PIC1, 0x20
        popl %eax
        iretl

on_serial:
        pushl %eax
        pushl %edx
        incl serial_count
        shll $4, order
        orl $4, order
        movw $COM1 + 2, %dx
        inb %dx, %al                    // reading IIR takes the request back
        OUT PIC1, 0x64                  // EOI for IRQ4
        popl %edx
        popl %eax
        iretl

        .bss
        .align 4
ticks:  .skip 4
tick_eip: .skip 4
tick_cs: .skip 4
tick_esp: .skip 4
handler_flags: .skip 4
isr:    .skip 4
order:  .skip 4
forbidden_1: .skip 4
forbidden_2: .skip 4
forbidden_hits: .skip 4
serial_count: .skip 4
