# time-stamp.S: RDTSC, its lock by CR4.TSD, writing the counter by WRMSR, and RDPMC at CPL 3.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: time-stamp: ok
# QEMU: yes
#include "guest.h"
        PROGRAM "time-stamp"
        movl $1, %eax
        cpuid
        testl $0x10, %edx               // TSC
        jz done
        // Never backwards, and not standing still.
        movl $1000, %ecx
        rdtsc
        movl %eax, %esi
        movl %edx, %edi
1:      rdtsc
        movl %eax, %ebx
        movl %edx, %ebp
        subl %esi, %eax
        sbbl %edi, %edx
        jc 2f
        movl %ebx, %esi
        movl %ebp, %edi
        loop 1b
2:      CHECK "monotonic", %ecx, $0
        orl %eax, %edx
        setnz %al
        movzbl %al, %eax
        CHECK "moves", %eax, $1
        TRY
        USER
        rdtsc
        LEAVE
        DONE "cpl-3"
        movl %cr4, %eax
        orl $CR4_TSD, %eax
        movl %eax, %cr4
        TRY
        USER
1:      rdtsc
        LEAVE
        CAUGHT "cpl-3-with-tsd", V_GP, 0, 1b
        rdtsc                           // ring 0 doesn't mind
        movl %cr4, %eax
        andl $~CR4_TSD, %eax
        movl %eax, %cr4
        movl $1, %eax
        cpuid
        andl $0xf00, %eax               // RDPMC came with family 6
        cmpl $0x600, %eax
        jb 2f
        TRY
        USER
1:      rdpmc
        LEAVE
        CAUGHT "rdpmc-without-pce", V_GP, 0, 1b
2:
        // MSR 0x10 is the counter; a P6 writes its low half and clears the high one.
        movl $1, %eax
        cpuid
        testl $0x20, %edx               // MSR
        jz done
        movl $0x10, %ecx
        xorl %edx, %edx
        movl $0x1000, %eax
        wrmsr
        rdtsc
        CHECK "written-high", %edx, $0
        cmpl $0x1000, %eax
        setae %al
        movzbl %al, %eax
        CHECK "written-low", %eax, $1
        rdmsr
        CHECK "read-by-rdmsr", %edx, $0
done:   ret
