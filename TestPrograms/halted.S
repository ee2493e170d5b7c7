# halted.S: HLT with interrupts off: nothing can wake this machine, and the monitor should say so by ending.
# KIND: flat
# RUN: --mode real --load-address 0x7c00
# EXPECT-EXIT: 0
# QEMU: no (it waits for ever)
        .code16
        .globl _start
_start: cli
        hlt
        jmp _start
        .org 510
        .word 0xaa55
