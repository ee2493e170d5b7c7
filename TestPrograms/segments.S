# segments.S: segment loads, limits, expand-down, types, the LDT, far pointers, LAR LSL VERR VERW ARPL, the accessed bit.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: segments: ok
# QEMU: yes
#include "guest.h"
#define SMALL     0x30                  /* data, base buffer, limit 0xff */
#define PAGES     0x38                  /* data, 4 KiB granular, limit field 0: 0xfff */
#define DOWN32    0x40                  /* expand-down, B=1: valid above the limit up to 4 GiB */
#define DOWN16    0x48                  /* expand-down, B=0: valid above the limit up to 0xffff */
#define READONLY  0x50
#define READCODE  0x58                  /* code that can be read */
#define EXECONLY  0x60
#define LDT       0x68
#define CODESMALL 0x70
#define CONFORM   0x78
#define DATA_NP   0x80
#define RING1DATA 0x88
#define CALLGATE  0x90
#define INT_TYPE  0x98                  /* an interrupt gate's type in the GDT: LAR and LSL refuse it */
#define LOCAL     0x04                  /* LDT entry 0 (TI set) */

.macro FAULT name:req, vector:req, error:req, instruction:vararg
        TRY
1:      \instruction
        CAUGHT "\name", \vector, \error, 1b
.endm
# ZF after an instruction, as 0x40 or 0.
.macro ZF name:req, expected:req, instruction:vararg
        \instruction
        CHECK_FLAGS "\name", F_ZF, \expected
.endm

        PROGRAM "segments"
        SET_DESCRIPTOR SMALL, $buffer, 0xff, (0x4093 | A_DPL3)
        SET_DESCRIPTOR PAGES, $buffer, 0, 0xc093
        SET_DESCRIPTOR DOWN32, $0, 0x1ff, (0xc097 | A_DPL3)     // valid from 0x200000
        SET_DESCRIPTOR DOWN16, $buffer, 0xff, (0x0097 | A_DPL3) // valid from 0x100 to 0xffff
        SET_DESCRIPTOR READONLY, $buffer, 0xfffff, 0xc091
        SET_DESCRIPTOR READCODE, $buffer, 0xfff, 0x409b
        SET_DESCRIPTOR EXECONLY, $buffer, 0xfff, 0x4099
        SET_DESCRIPTOR LDT, $local_table, 15, A_LDT
        SET_DESCRIPTOR CODESMALL, $small_code, (small_code_end - small_code - 1), 0x409b
        SET_DESCRIPTOR CONFORM, $0, 0xfffff, 0xc09f
        SET_DESCRIPTOR DATA_NP, $0, 0x12, 0x4013
        SET_DESCRIPTOR RING1DATA, $0, 0xfffff, 0xc0b3
        SET_GATE (gdt + CALLGATE), KERNEL_CODE, $0, G_CALL32
        SET_GATE (gdt + INT_TYPE), KERNEL_CODE, $0, G_INT32

// ---- bases: the same byte by two segments ----
        movl $SMALL, %eax
        movl %eax, %es
        movl $0x01020304, %es:0x10
        CHECK "base", buffer + 0x10, $0x01020304
        movl $PAGES, %eax
        movl %eax, %fs
        movw $0xabcd, %fs:0xffe
        movzwl buffer + 0xffe, %eax
        CHECK "page-granular-last-word", %eax, $0xabcd
        // A descriptor changed in memory is not seen until the register is loaded again.
        SET_DESCRIPTOR SMALL, $buffer + 0x100, 0xff, (0x4093 | A_DPL3)
        CHECK "cached-descriptor", %es:0x10, $0x01020304
        SET_DESCRIPTOR SMALL, $buffer, 0xff, (0x4093 | A_DPL3)
        // 16-bit addressing in 32-bit code wraps at 64 KiB, but not the access itself.
        movl $0x12340010, %ebx
        movl $SMALL, %eax
        movl %eax, %es
        movl $0, %eax
        addr16 movl %es:(%bx), %eax
        CHECK "address-size-16", %eax, $0x01020304

// ---- the accessed bit: set on load, in memory ----
        SET_DESCRIPTOR SMALL, $buffer, 0xff, (0x4092 | A_DPL3)
        movl $SMALL, %eax
        movl %eax, %gs
        movzbl gdt + SMALL + 5, %eax
        CHECK "accessed-bit", %eax, $(0x93 | A_DPL3)

// ---- null selectors: loading is fine, using is not ----
        movl $3, %eax                   // 0 to 3 are null
        movl %eax, %gs
        movl %gs, %eax
        CHECK "null-keeps-rpl", %eax, $3

// ---- privilege of data segments: max(CPL, RPL) <= DPL ----
        movl $RING1DATA | 1, %eax
        movl %eax, %fs
        movl $RING1DATA | 2, %eax
        FAULT "data-rpl-too-low", V_GP, RING1DATA, movl %eax, %fs
        movl $CONFORM | 3, %eax
        movl %eax, %fs                  // conforming code: readable from anywhere
        TRY
        USER
        movl $KERNEL_DATA, %eax
1:      movl %eax, %fs
        LEAVE
        CAUGHT "data-cpl-3", V_GP, KERNEL_DATA, 1b
        CHECK "fs-unchanged-by-fault", trap_fs, $(CONFORM | 3)

// ---- LDT ----
        pushl $0x4093
        pushl $0xff
        pushl $buffer + 0x200
        pushl $local_table
        call set_descriptor
        movl $LDT, %eax
        lldt %ax
        sldt %bx
        movzwl %bx, %ebx
        CHECK "sldt", %ebx, $LDT
        movl $LOCAL, %eax
        movl %eax, %fs
        movl $0x0badcafe, buffer + 0x200
        CHECK "ldt-segment", %fs:0, $0x0badcafe
        movl $(LOCAL + 16), %eax
        FAULT "beyond-ldt", V_GP, (LOCAL + 16), movl %eax, %fs
        movl $(LOCAL + 8), %eax
        FAULT "ldt-entry-0-type", V_GP, (LOCAL + 8), movl %eax, %fs
        xorl %eax, %eax
        movl %eax, %fs
        lldt %ax
        movl $LOCAL, %eax
        FAULT "no-ldt", V_GP, LOCAL, movl %eax, %fs

// ---- LDS LES LFS LGS LSS ----
        movl $pointer, %ebx
        lfs (%ebx), %edx
        CHECK "lfs-offset", %edx, $0x55667788
        movl %fs, %eax
        CHECK "lfs-selector", %eax, $KERNEL_DATA
        lgsw pointer + 24, %dx          // 16:16: the selector comes from byte 2
        movl %gs, %eax
        CHECK "lgs16-selector", %eax, $SMALL
        lesl pointer + 8, %ecx
        CHECK "les-offset", %ecx, $0x11223344
        movl %es, %eax
        CHECK "les-selector", %eax, $SMALL
        movl $KERNEL_DATA, %eax
        movl %eax, %es
        ldsl pointer, %esi
        CHECK "lds-offset", %esi, $0x55667788
        movl $0x77, %edi
        FAULT "les-bad-selector", V_GP, 0xfff8, lesl %cs:pointer + 16, %edi
        CHECK "les-fault-keeps-register", %edi, $0x77
        movl %esp, pointer_ss
        lssl pointer_ss, %esp           // reloads both at once
        // Stores and pushes of selectors.
        movl $-1, %eax
        movl %ds, %eax
        CHECK "mov-from-ds-zero-extends", %eax, $KERNEL_DATA
        movl $-1, buffer
        movw %ds, buffer
        CHECK "mov-from-ds-to-memory-is-16-bits", buffer, $(0xffff0000 | KERNEL_DATA)
        movl %esp, %edi
        pushl %ds
        movl %esp, %eax
        subl %eax, %edi
        CHECK "push-ds-moves-esp-by-4", %edi, $4
        popl %eax
        movzwl %ax, %eax
        CHECK "push-ds", %eax, $KERNEL_DATA

// ---- LAR LSL ----
        movl $SMALL, %ecx
        xorl %eax, %eax
        ZF "lar-data-zf", F_ZF, larl %ecx, %eax
        andl $0x00ffff00, %eax          // bits 16 to 19 are undefined
        andl $~0x000f0000, %eax
        CHECK "lar-data", %eax, $(0x0040f300)
        ZF "lsl-bytes-zf", F_ZF, lsll %ecx, %eax
        CHECK "lsl-bytes", %eax, $0xff
        movl $DOWN32, %ecx
        lsll %ecx, %eax
        CHECK "lsl-granular", %eax, $0x1fffff
        movl $CALLGATE, %ecx
        ZF "lar-call-gate", F_ZF, larl %ecx, %eax
        ZF "lsl-call-gate", 0, lsll %ecx, %eax
        movl $INT_TYPE, %ecx
        movl $0x5a5a, %eax
        ZF "lar-interrupt-gate", 0, larl %ecx, %eax
        CHECK "lar-failed-keeps-register", %eax, $0x5a5a
        movl $LDT, %ecx
        ZF "lar-ldt", F_ZF, larl %ecx, %eax
        ZF "lsl-ldt", F_ZF, lsll %ecx, %eax
        CHECK "lsl-ldt-limit", %eax, $15
        movl $MAIN_TSS, %ecx
        lsll %ecx, %eax
        CHECK "lsl-tss-limit", %eax, $103
        movl $DATA_NP, %ecx             // presence doesn't matter to LAR, LSL
        ZF "lar-not-present", F_ZF, larl %ecx, %eax
        xorl %ecx, %ecx
        ZF "lar-null", 0, larl %ecx, %eax
        movl $0xfff8, %ecx
        ZF "lsl-beyond", 0, lsll %ecx, %eax
        movl $RING1DATA | 3, %ecx
        ZF "lar-privilege", 0, larl %ecx, %eax
        movl $CONFORM | 3, %ecx
        ZF "lar-conforming", F_ZF, larl %ecx, %eax

// ---- VERR VERW ARPL ----
        movl $READONLY, %ecx
        ZF "verr-read-only", F_ZF, verr %cx
        ZF "verw-read-only", 0, verw %cx
        movl $EXECONLY, %ecx
        ZF "verr-execute-only", 0, verr %cx
        movl $READCODE, %ecx
        ZF "verr-code", F_ZF, verr %cx
        ZF "verw-code", 0, verw %cx
        movl $SMALL | 3, %ecx
        ZF "verw-data", F_ZF, verw %cx
        movl $RING1DATA | 3, %ecx
        ZF "verr-privilege", 0, verr %cx
        movl $LDT, %ecx
        ZF "verr-system", 0, verr %cx
        xorl %ecx, %ecx
        ZF "verr-null", 0, verr %cx
        movl $0x10, %eax
        movl $0x0b, %ecx
        ZF "arpl-raises", F_ZF, arpl %cx, %ax
        CHECK "arpl-raised", %eax, $0x13
        ZF "arpl-leaves", 0, arpl %cx, %ax
        CHECK "arpl-left", %eax, $0x13

// ---- limits and types of accesses: what follows is where TCG doesn't look ----
        SKIP_ON_TCG done, "TCG checks neither limits nor types of data accesses"
        xorl %eax, %eax
        movl %eax, %gs
        FAULT "null-read", V_GP, 0, movl %gs:buffer, %eax
        FAULT "null-write", V_GP, 0, movb $0, %gs:buffer
        movl $3, %eax
        movl %eax, %gs                  // 1, 2 and 3 are null as well
        FAULT "null-with-rpl", V_GP, 0, movl %gs:buffer, %eax
        movl $SMALL, %eax
        movl %eax, %fs
        movb %fs:0xff, %al
        movl %fs:0xfc, %eax
        FAULT "limit-byte", V_GP, 0, movb %fs:0x100, %al
        FAULT "limit-dword-straddles", V_GP, 0, movl %fs:0xfd, %eax
        FAULT "limit-write", V_GP, 0, movw $0, %fs:0xff
        FAULT "limit-wraps", V_GP, 0, movl %fs:0xfffffffe, %eax
        movl $PAGES, %eax
        movl %eax, %fs
        FAULT "limit-page-granular", V_GP, 0, movb %fs:0x1000, %al
        movl $DOWN32, %eax
        movl %eax, %gs
        movb %gs:0x200000, %al
        FAULT "expand-down-32-at-limit", V_GP, 0, movb %gs:0x1fffff, %al
        FAULT "expand-down-32-straddles", V_GP, 0, movl %gs:0x1ffffe, %eax
        movl $DOWN16, %eax
        movl %eax, %gs
        movb %gs:0x100, %al
        movb %gs:0xffff, %al
        FAULT "expand-down-16-at-limit", V_GP, 0, movb %gs:0xff, %al
        FAULT "expand-down-16-above-64k", V_GP, 0, movb %gs:0x10000, %al
        FAULT "expand-down-16-straddles-64k", V_GP, 0, movw %gs:0xffff, %ax
        movl $READONLY, %eax
        movl %eax, %gs
        movb %gs:0, %al
        FAULT "write-read-only", V_GP, 0, movb %al, %gs:0
        FAULT "write-code-segment", V_GP, 0, movb %al, %cs:buffer
        movl $READCODE, %eax
        movl %eax, %gs
        movb %gs:0, %al
        FAULT "write-readable-code", V_GP, 0, incb %gs:0
        // The stack segment's own violations are #SS(0).
        TRY
        USER
        movl $SMALL | 3, %eax
        movl %eax, %ss
        movl $0x100, %esp
        pushl %eax
        popl %eax
1:      popl %eax
        LEAVE
        CAUGHT "pop-beyond-limit", V_SS, 0, 1b
        CHECK "pop-fault-keeps-esp", trap_esp, $0x100
        TRY
        USER
        movl $SMALL | 3, %eax
        movl %eax, %ss
        movl $2, %esp
1:      pushl %eax
        LEAVE
        CAUGHT "push-wraps", V_SS, 0, 1b
        TRY
        USER
        movl $SMALL | 3, %eax
        movl %eax, %ss
        movl $0x200, %ebp
1:      movl (%ebp), %eax
        LEAVE
        CAUGHT "ebp-relative-is-ss", V_SS, 0, 1b
        TRY
        USER
        movl $DOWN16 | 3, %eax          // a 16-bit stack: SP wraps, the upper half of ESP stays
        movl %eax, %ss
        movl $0x12340000, %esp
        pushw $0x5aa5
        LEAVE
        DONE "stack-16"
        CHECK "stack-16-esp", trap_esp, $0x1234fffe
        movzwl buffer + 0xfffe, %eax
        CHECK "stack-16-data", %eax, $0x5aa5
        // Fetching beyond the limit of CS: #GP(0); a jump there faults at the jump.
        TRY
        ljmp $CODESMALL, $0
        CAUGHT "code-limit-fall-through", V_GP, 0, (small_code_end - small_code - 1)
        FAULT "code-limit-far-jump", V_GP, 0, ljmp $CODESMALL, $0x1000
done:   ret

small_code:
        nop
        nop
        .byte 0xb8                      // MOV EAX, imm32 cut off by the limit
small_code_end:

        .data
        .align 4
pointer: .long 0x55667788
        .word KERNEL_DATA
        .word 0
        .long 0x11223344
        .word SMALL
        .word 0
        .long 0
        .word 0xfff8
        .word 0
        .word 0x1234, SMALL
        .align 4
pointer_ss: .long 0
        .word KERNEL_DATA
        .align 8
local_table:                            // one segment, filled in at run time, and one empty entry
        .quad 0, 0
        .bss
        .align 4096
buffer: .skip 65536 + 16
