# endless.S: an empty loop with no end, to try time-outs and instruction budgets on.
# KIND: flat
# RUN: --mode real --load-address 0x7c00 --timeout 1
# EXPECT-EXIT: 124
# QEMU: yes
        .code16
        .globl _start
_start: jmp _start
        .org 510
        .word 0xaa55
