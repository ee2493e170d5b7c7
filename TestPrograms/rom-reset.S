# rom-reset.S: a 64 KiB ROM from the reset vector: power-up registers, real-mode traps, A20 by port 0x92, unreal mode.
# KIND: rom
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: rom-reset: ok
# QEMU: yes
#
# The CPU starts at F000:FFF0 with CS based at FFFF0000, so that it runs the ROM's copy below 4 GiB;
# the first far jump brings the ordinary base and the copy below 1 MiB. The ROM is linked at 0.
        .code16
#define RAM 0x600                       /* our variables */
#define TRAP_VECTOR (RAM + 0)
#define TRAP_IP (RAM + 4)
#define TRAP_CS (RAM + 8)
#define RESUME (RAM + 12)
#define RESUME_SP (RAM + 14)
#define FAILURES (RAM + 16)
#define ON_TCG (RAM + 20)
#define RETURNED (RAM + 24)

# CHECK "name", register, expected
.macro CHECK name, register, expected
        pushl $\expected
        pushl \register
        pushw $101f
        call check
        jmp 102f
101:    .asciz "\name"
102:
.endm
.macro TRY
        movw $103f, RESUME
        movw %sp, RESUME_SP
        movl $-1, TRAP_VECTOR
.endm
.macro CAUGHT name, vector, ip
103:    movl TRAP_VECTOR, %eax
        CHECK "\name", %eax, \vector
        movl TRAP_IP, %eax
        CHECK "\name-ip", %eax, \ip
.endm

        .section .reset, "ax"
        .byte 0xea                      // JMP F000:_start
        .word _start, 0xf000
        .ascii "Trapline"

        .text
        .globl _start
_start: cli
        movl %eax, %esi                 // power-up values, before anything changes them
        movl %edx, %edi
        movw %ds, %bx
        movw %es, %ax
        orw %ax, %bx
        movw %ss, %ax
        orw %ax, %bx
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %ss
        movw $0x7000, %sp
        cld
        movl $0, FAILURES
        movw $0x3fb, %dx
        movb $0x80, %al
        outb %al, %dx                   // the divisor, by DLAB
        movw $0x3f8, %dx
        movb $1, %al
        outb %al, %dx
        incw %dx
        xorb %al, %al
        outb %al, %dx
        movw $0x3fb, %dx
        movb $3, %al                    // eight bits, no parity
        outb %al, %dx
        movl $0, ON_TCG
        movzwl %bx, %ebx
        CHECK "reset-ds-es-ss", %ebx, 0
        CHECK "reset-eax", %esi, 0
        shrl $8, %edi                   // EDX: family, model, stepping
        andl $0xf, %edi
        movl $1, %eax
        cpuid
        shrl $8, %eax
        andl $0xf, %eax
        subl %eax, %edi
        CHECK "reset-edx-is-the-signature", %edi, 0
        movl %cr0, %eax
        CHECK "reset-cr0", %eax, 0x60000010
        pushfl
        popl %eax
        andl $0x23700, %eax             // VM IOPL IF TF (the arithmetic flags have changed)
        CHECK "reset-flags", %eax, 0
        movw %cs, %ax
        movzwl %ax, %eax
        CHECK "reset-cs", %eax, 0xf000
        movl $0x40000000, %eax
        cpuid
        cmpl $0x54474354, %ebx          // "TCGT": QEMU's translator
        sete ON_TCG

// ---- real-mode interrupts: the table at 0, three words on the stack ----
        xorw %di, %di
        movw $stubs, %ax
        movw %ds, %bx
        movw %bx, %es
1:      stosw
        movw $0xf000, %es:(%di)
        addw $2, %di
        addw $8, %ax
        cmpw $stubs + 32 * 8, %ax
        jne 1b
        xorw %cx, %cx
        TRY
1:      divw %cx
        CAUGHT "divide", 0, 1b
        TRY
        int3
1:      CAUGHT "int3", 3, 1b
        movb $0x7f, %al
        incb %al
        TRY
        into
1:      CAUGHT "into", 4, 1b
        TRY
1:      ud2
        CAUGHT "ud2", 6, 1b
        movl TRAP_CS, %eax
        CHECK "trap-cs", %eax, 0xf000
        TRY
1:      lldt %ax                        // not in real mode
        CAUGHT "lldt", 6, 1b
        TRY
1:      arpl %ax, %bx
        CAUGHT "arpl", 6, 1b
        movw $9, %ax
        TRY
1:      bound %ax, %cs:limits
        CAUGHT "bound", 5, 1b
        TRY
        int $0x1f
1:      CAUGHT "int-1f", 0x1f, 1b
        movl $0, RETURNED
        stc
        int $0x1e                       // its handler comes back by IRET
        movl $0, %eax
        adcl RETURNED, %eax
        CHECK "iret-restores-flags", %eax, 2
        cmpb $1, ON_TCG
        je 3f                           // TCG checks no limits
        movl $0xffff, %ebx
        TRY
1:      movw (%bx), %ax
        CAUGHT "word-at-ffff", 13, 1b
        TRY
1:      movb 1(%ebx), %al
        CAUGHT "offset-above-64k", 13, 1b
        TRY
1:      movw %ss:(%bx), %ax
        CAUGHT "stack-word-at-ffff", 12, 1b
3:
// ---- what is ROM stays as it is ----
        movw $0xf000, %ax
        movw %ax, %es
        movl %es:signature, %ebx
        notl %es:signature
        movl %es:signature, %eax
        subl %ebx, %eax
        CHECK "rom-is-read-only", %eax, 0

// ---- 16-bit SP wraps, 20-bit addresses reach past 1 MiB only with A20 ----
        movw $0xffff, %ax
        movw %ax, %es
        movb $2, %al                    // A20 on; bit 0 would reset the machine
        outb %al, $0x92
        inb $0x92, %al
        andl $2, %eax
        CHECK "port-92-reads-back", %eax, 2
        movl $0x11111111, 0x500
        movl $0x22222222, %es:0x510     // 0x100500
        movl 0x500, %eax
        CHECK "a20-on", %eax, 0x11111111
        xorb %al, %al
        outb %al, $0x92
        movl %es:0x510, %eax
        CHECK "a20-off-wraps", %eax, 0x11111111
        movl $0x33333333, %es:0x510
        movl 0x500, %eax
        CHECK "a20-off-write-wraps", %eax, 0x33333333
        movb $2, %al
        outb %al, $0x92
        movl %es:0x510, %eax
        CHECK "a20-on-again", %eax, 0x22222222

// ---- unreal mode: a 4 GiB limit loaded in protected mode stays in the cached descriptor ----
        lgdtl %cs:gdt_pointer
        movl %cr0, %eax
        orb $1, %al
        movl %eax, %cr0
        jmp 1f
1:      movw $8, %bx
        movw %bx, %ds
        andb $0xfe, %al
        movl %eax, %cr0
        jmp 1f
1:      movl $0x00200000, %ebx
        movl $0xcafebabe, (%ebx)        // DS selector is still 8, its base 0
        movl (%ebx), %eax
        xorw %dx, %dx
        movw %dx, %ds                   // a real-mode load changes base and selector, not the limit
        movl (%ebx), %ecx
        CHECK "unreal-write", %eax, 0xcafebabe
        CHECK "unreal-limit-survives-load", %ecx, 0xcafebabe
        movw $0x100, %dx
        movw %dx, %ds
        movl -0x1000(%ebx), %eax
        movw %ss, %dx
        movw %dx, %ds
        CHECK "unreal-base", %eax, 0xcafebabe
        // The same bytes of ROM below 4 GiB.
        movl $0xffff0000 + signature, %ebx
        movl (%ebx), %eax
        CHECK "rom-below-4g", %eax, 0x70617254
        movl $0x000f0000 + signature, %ebx
        movl (%ebx), %eax
        CHECK "rom-below-1m", %eax, 0x70617254

// ---- the verdict ----
        cmpl $0, FAILURES
        jne 1f
        movw $ok, %si
        call print
        xorb %al, %al
        jmp 2f
1:      movw $failed, %si
        call print
        movb $1, %al
2:      outb %al, $0xf4
3:      cli
        hlt
        jmp 3b

# check(name, got, expected): near call, pops its ten bytes, keeps everything.
check:  pushfl
        pushal
        movw %sp, %bp
        movl 40(%bp), %eax              // 36 saved, 2 return address, 2 name
        cmpl %eax, 44(%bp)
        je 1f
        incl FAILURES
        movw $fail, %si
        call print
        movw 38(%bp), %si
        call print
        movb $' ', %al
        call print_char
        movl 40(%bp), %ebx
        call print_hex
        movb $' ', %al
        call print_char
        movl 44(%bp), %ebx
        call print_hex
        movb $'\n', %al
        call print_char
1:      popal
        popfl
        ret $10

print:  movb %cs:(%si), %al
        incw %si
        testb %al, %al
        jz 1f
        call print_char
        jmp print
1:      ret
print_char:
        movb %al, %ah
        movw $0x3fd, %dx
1:      inb %dx, %al
        testb $0x20, %al
        jz 1b
        movb %ah, %al
        movw $0x3f8, %dx
        outb %al, %dx
        ret
print_hex:
        movw $8, %cx
1:      roll $4, %ebx
        movw %bx, %si
        andw $15, %si
        movb %cs:digits(%si), %al
        call print_char
        loop 1b
        ret

        .balign 16
stubs:  .set vector, 0
        .rept 32
        .balign 8
        pushw $vector
        jmp trap
        .set vector, vector + 1
        .endr
        .balign 8
# The stub's word, then IP, CS, FLAGS.
trap:   pushl %eax
        pushw %bp
        movw %sp, %bp
        xorl %eax, %eax
        movw 6(%bp), %ax
        cmpw $0x1e, %ax                 // INT 1E: an ordinary handler that returns
        je 1f
        movl %eax, %ss:TRAP_VECTOR
        movw 8(%bp), %ax
        movl %eax, %ss:TRAP_IP
        movw 10(%bp), %ax
        movl %eax, %ss:TRAP_CS
        popw %bp
        popl %eax
        movw %ss:RESUME_SP, %sp
        jmp *%ss:RESUME
1:      incb %ss:RETURNED
        popw %bp
        popl %eax
        addw $2, %sp
        iretw

limits: .word 1, 5
        .balign 8
gdt:    .quad 0, 0x00cf93000000ffff
gdt_pointer:
        .word 15
        .long 0xf0000 + gdt
digits: .ascii "0123456789abcdef"
signature: .ascii "Trapline"
ok:     .asciz "rom-reset: ok\n"
failed: .asciz "rom-reset: FAILED\n"
fail:   .asciz "FAIL "
