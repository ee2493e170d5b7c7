# shutdown.S: a triple fault: no IDT entry for the exception, none for the double fault that follows.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 4
# EXPECT-SERIAL: shutdown: here it comes
# QEMU: yes
#include "guest.h"
        PROGRAM "shutdown"
        PRINT "shutdown: here it comes\n"
        lidt empty
        int3                            // #BP beyond the IDT: #GP; beyond it too: #DF; beyond it too: shutdown
        PRINT "FAIL still-alive 1 0\n"
        incl failures
        ret
        .section .rodata
empty:  .word 0
        .long 0
