# self-modifying.S: code that changes under the CPU: the next instruction, immediates, aliases, page crossings, REP STOS, data beside code.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: self-modifying: ok
# QEMU: yes
#
# A P6 sees a store to its own code in the very next instruction. Through another linear address it promises that
# only after a serialising instruction, so the alias check has one (CPUID).
#include "guest.h"
#define ALIAS 0x00b00000
#define CROSS 0x00a00000                /* code is assembled around the end of this page */

        PROGRAM "self-modifying"
// ---- a store to the next instruction of the same block ----
        xorl %eax, %eax
        movb $0x40, 1f                  // INC EAX over NOP
1:      nop
        CHECK "next-instruction", %eax, $1
        movb $0x90, 1b
        // Each time round a loop, and the instruction after next.
        xorl %eax, %eax
        xorl %ecx, %ecx
2:      movb %cl, 3f + 2
        nop
3:      addl $0, %eax                   // 83 C0 ib
        incl %ecx
        cmpl $100, %ecx
        jne 2b
        CHECK "immediate-in-a-loop", %eax, $4950

// ---- patch an immediate, call it ----
        xorl %ebx, %ebx
        movl $1000, %esi
4:      movl %esi, patched + 1
        call patched
        addl %eax, %ebx
        decl %esi
        jnz 4b
        CHECK "patch-and-call", %ebx, $500500
        // An instruction becomes another one of a different length.
        call becomes
        CHECK "before", %eax, $0x11
        movl $0x334455b8, becomes       // MOV EAX, 0x22334455
        movw $0xc322, becomes + 4       // RET
        call becomes
        CHECK "longer-instruction", %eax, $0x22334455
        // One byte at a time: B8 imm32 with the immediate built byte by byte.
        movl $patched + 1, %edi
        movl $0x10, %ecx
5:      movb %cl, (%edi)
        movb %cl, 1(%edi)
        movb %cl, 2(%edi)
        movb %cl, 3(%edi)
        call patched
        movl %ecx, %edx
        imull $0x01010101, %edx
        cmpl %edx, %eax
        jne 6f
        incl %ecx
        cmpl $0x20, %ecx
        jne 5b
6:      CHECK "byte-by-byte", %eax, $0x1f1f1f1f
        // A 16-bit store, a locked exchange, a PUSH and a CALL's return address can all write code.
        movw $0x1234, patched + 1
        movw $0, patched + 3
        call patched
        CHECK "word-store", %eax, $0x1234
        movl $0x5678, %eax
        xchgl %eax, patched + 1
        call patched
        CHECK "exchange", %eax, $0x5678
        movl %esp, %ebp
        movl $patched + 5, %esp
        pushl $0x9abc
        movl %ebp, %esp
        call patched
        CHECK "push", %eax, $0x9abc

// ---- REP STOS and REP MOVS over code that comes ----
        xorl %eax, %eax
        movl $7f, %edi
        movl $8, %ecx
        movb $0x43, %al                 // INC EBX
        xorl %ebx, %ebx
        cld
        rep stosb
7:      .fill 8, 1, 0x90
        CHECK "rep-stos-ahead", %ebx, $8
        movl $decrements, %esi
        movl $7b, %edi
        movl $8, %ecx
        movl $8f, %eax
        rep movsb
        movl $7b, %edx
        jmp *%edx
8:      CHECK "rep-movs-and-jump-back", %ebx, $2
        movl $0x90909090, 7b
        movl $0x90909090, 7b + 4

// ---- through an alias page ----
        call setup_paging
        movl $patched, %eax
        andl $0xfffff000, %eax
        movl $ALIAS, %ecx
        shrl $12, %ecx
        orl $7, %eax
        movl %eax, page_tables(, %ecx, 4)
        addl $4096, %eax
        movl %eax, page_tables + 4(, %ecx, 4)
        movl %cr3, %eax
        movl %eax, %cr3
        movl $patched, %esi
        andl $0xfff, %esi
        addl $ALIAS, %esi
        movl $20, %edi
        xorl %ebp, %ebp
9:      movl %edi, 1(%esi)              // written here, run there
        xorl %eax, %eax
        cpuid
        call patched
        addl %eax, %ebp
        decl %edi
        jnz 9b
        CHECK "alias-write", %ebp, $210
        movl $0x77, patched + 1         // and the other way round
        xorl %eax, %eax
        cpuid
        call *%esi
        CHECK "alias-run", %eax, $0x77

// ---- an instruction across two pages, each half changed in turn; then the second page remapped ----
        movb $0xb8, CROSS + 0xffd       // MOV EAX, imm32: two bytes of it here, three there
        movw $0x1111, CROSS + 0xffe
        movw $0x1111, CROSS + 0x1000
        movb $0xc3, CROSS + 0x1002
        movl $CROSS + 0xffd, %esi
        call *%esi
        CHECK "cross", %eax, $0x11111111
        movw $0x2222, CROSS + 0x1000
        call *%esi
        CHECK "cross-second-half", %eax, $0x22221111
        movw $0x3333, CROSS + 0xffe
        call *%esi
        CHECK "cross-first-half", %eax, $0x22223333
        movw $0x4444, CROSS + 0x2000
        movb $0xc3, CROSS + 0x2002
        movl $(CROSS + 0x2000 + 7), page_tables + ((CROSS + 0x1000) >> 12) * 4
        invlpg CROSS + 0x1000
        call *%esi
        CHECK "cross-remapped", %eax, $0x44443333
        movl $(CROSS + 0x1000 + 7), page_tables + ((CROSS + 0x1000) >> 12) * 4
        invlpg CROSS + 0x1000
        call *%esi
        CHECK "cross-remapped-back", %eax, $0x22223333

// ---- data beside code: a counter in the code's own page, and in its own block ----
        movl $10000, %ecx
        xorl %eax, %eax
1:      incl beside
        addl beside, %eax
        loop 1b
        CHECK "data-beside-code", beside, $10000
        CHECK "data-beside-code-sum", %eax, $50005000
        movl $1000, %ecx
2:      jmp 3f
inside: .long 0
3:      incl inside
        loop 2b
        CHECK "data-inside-code", inside, $1000

// ---- code that arrives in fresh memory, runs, and is replaced, many times ----
        movl $200, %ebp
        xorl %ebx, %ebx
4:      movl $CROSS + 0x100, %edi
        movb $0xb8, (%edi)
        movl %ebp, 1(%edi)
        movb $0xc3, 5(%edi)
        call *%edi
        addl %eax, %ebx
        decl %ebp
        jnz 4b
        CHECK "fresh-code", %ebx, $20100
        ret

        .align 16
patched: movl $0, %eax
        ret
        .align 16
becomes: movb $0x11, %al
        movzbl %al, %eax
        ret
        .fill 8, 1, 0x90
beside: .long 0
decrements: .byte 0x4b, 0x4b, 0x4b, 0x4b, 0x4b, 0x4b, 0xff, 0xe0     // six DEC EBX, JMP EAX
