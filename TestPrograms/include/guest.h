/* guest.h: what every guest shares: selectors, ports, and the macros that make a check one line.
 *
 * The idea: a guest provokes something, and says on the next line what the manual promises.
 *
 *      TRY                                  // from here on, a trap is caught
 *  1:  ud2
 *      CAUGHT "ud2", 6, 0, 1b               // vector, error code, saved EIP (-1: any)
 *
 *      CHECK "sum", %eax, $5                // got, expected
 *
 * TRY remembers where to resume; the trap handler (runtime/traps.S) writes the trap down and jumps
 * there with the general registers as the trap left them. CAUGHT compares. No trap at all counts as vector -1.
 */
#ifndef GUEST_H
#define GUEST_H

/* ---- selectors of the start-up GDT (runtime/tables.S). SYSENTER needs this order. ---- */
#define KERNEL_CODE 0x08
#define KERNEL_DATA 0x10
#define USER_CODE   0x1b            /* 0x18 with RPL 3 */
#define USER_DATA   0x23
#define MAIN_TSS    0x28
#define FREE_SELECTOR 0x30          /* 0x30, 0x38 ... 0x1f8 are for the guest to fill in */

/* ---- descriptor attributes: low byte is the access byte, bits 12 to 15 are G D 0 AVL ----
 *   15 14 13 12 | 11..8 | 7  6 5  4  3..0
 *    G  D  0 AVL|   0   | P  DPL  S  type                                                    */
#define A_CODE32  0xc09b            /* P, DPL 0, execute/read, accessed, 4 KiB granular, 32-bit */
#define A_DATA32  0xc093
#define A_CODE16  0x009b
#define A_DATA16  0x0093
#define A_LDT     0x0082
#define A_TSS32   0x0089
#define A_TSS16   0x0081
#define A_DPL3    0x0060
/* gates: access byte only */
#define G_INT32   0x8e
#define G_TRAP32  0x8f
#define G_INT16   0x86
#define G_TRAP16  0x87
#define G_TASK    0x85
#define G_CALL32  0x8c
#define G_CALL16  0x84
#define G_DPL3    0x60

/* ---- vectors ---- */
#define V_DE 0
#define V_DB 1
#define V_BP 3
#define V_OF 4
#define V_BR 5
#define V_UD 6
#define V_NM 7
#define V_DF 8
#define V_TS 10
#define V_NP 11
#define V_SS 12
#define V_GP 13
#define V_PF 14
#define V_AC 17
#define V_LEAVE 0x80                /* LEAVE: back from CPL 3 on purpose; its gate has DPL 3 */

/* ---- EFLAGS ---- */
#define F_CF 0x1
#define F_PF 0x4
#define F_AF 0x10
#define F_ZF 0x40
#define F_SF 0x80
#define F_TF 0x100
#define F_IF 0x200
#define F_DF 0x400
#define F_OF 0x800
#define F_IOPL3 0x3000
#define F_NT 0x4000
#define F_RF 0x10000
#define F_VM 0x20000
#define F_AC 0x40000
#define F_ID 0x200000
#define F_ARITH 0x8d5               /* OF SF ZF AF PF CF */

/* ---- CR0, CR4 ---- */
#define CR0_PE 0x1
#define CR0_MP 0x2
#define CR0_EM 0x4
#define CR0_TS 0x8
#define CR0_WP 0x10000
#define CR0_AM 0x40000
#define CR0_PG 0x80000000
#define CR4_VME 0x1
#define CR4_TSD 0x4
#define CR4_DE 0x8
#define CR4_PSE 0x10
#define CR4_PAE 0x20
#define CR4_PGE 0x80

/* ---- ports ---- */
#define COM1 0x3f8
#define PORT_EXIT 0xf4              /* isa-debug-exit: writing v ends the machine with status (v<<1)|1 */

#ifdef __ASSEMBLER__

/* The name that is printed at the end, and the label where runtime/start.S arrives. */
.macro PROGRAM name
        .section .rodata
        .globl program_name
program_name: .asciz "\name"
        .text
        .globl main
main:
.endm

/* Pushes the address of a string. */
.macro PUSH_STRING text
        .pushsection .rodata
.Lstring\@: .asciz "\text"
        .popsection
        pushl $.Lstring\@
.endm

/* CHECK "name", got, expected: both may be a register, memory or $immediate. Keeps registers and flags. */
.macro CHECK name:req, got:req, expected:req
        pushl \expected
        pushl \got
        PUSH_STRING "\name"
        call check_equal
.endm

/* CHECK_FLAGS "name", mask, expected: the flags as they are now, under a mask. Keeps registers and flags. */
.macro CHECK_FLAGS name:req, mask:req, expected:req
        pushl $\expected
        pushl $\mask
        PUSH_STRING "\name"
        call check_flags
.endm

/* TRY: catch the next trap, and go on at the CAUGHT that follows. */
.macro TRY
        movl $77f, trap_resume
        movl %esp, trap_resume_esp
        movl $-1, trap_vector
.endm

.macro CAUGHT name:req, vector:req, error=0, eip:req
77:     pushl $\eip
        pushl $\error
        pushl $\vector
        PUSH_STRING "\name"
        call check_trap
.endm

/* USER: what follows runs at CPL 3, with the flags in user_eflags, until it traps. Keeps the general registers. */
.macro USER
        call enter_user
.endm
/* LEAVE: the way back from CPL 3 when nothing went wrong. CAUGHT sees vector 0x80. */
.macro LEAVE
        int $V_LEAVE
.endm
/* DONE "name": what USER ... LEAVE should come to: no trap but LEAVE's own. */
.macro DONE name:req
78:     CAUGHT "\name", V_LEAVE, 0, 78b
.endm

/* SET_DESCRIPTOR selector, base, limit, attributes (the limit is the raw 20-bit field). */
.macro SET_DESCRIPTOR selector, base, limit, attributes
        pushl $\attributes
        pushl $\limit
        pushl \base
        pushl $(gdt + (\selector & 0xfff8))
        call set_descriptor
.endm

/* SET_GATE address, selector, offset, access, parameters: a gate anywhere (IDT, GDT or LDT). */
.macro SET_GATE address, selector, offset, access, count=0
        pushl $((\access << 8) | \count)
        pushl \offset
        pushl $\selector
        pushl $(\address)
        call set_gate
.endm
.macro SET_IDT vector, offset, access=G_INT32, selector=KERNEL_CODE
        SET_GATE (idt + 8 * (\vector)), \selector, \offset, \access
.endm
/* The framework's own gate back in a vector. */
.macro RESET_IDT vector
        SET_IDT \vector, $(trap_stubs + 16 * (\vector))
.endm

/* QEMU's TCG leaves out what few programs need. SKIP_ON_TCG label, "reason" jumps over a check there;
   on every other machine the check runs. The reason is for the reader. */
.macro SKIP_ON_TCG label, reason
        cmpb $0, running_on_tcg
        jne \label
.endm

.macro PRINT text
        PUSH_STRING "\text"
        call print
.endm

#else /* C */

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define STDCALL __attribute__((stdcall))
void STDCALL check_equal(const char *name, u32 got, u32 expected);
void STDCALL print(const char *text);
void STDCALL print_hex(u32 value);
void STDCALL finish(void) __attribute__((noreturn));
extern u8 running_on_tcg;

static inline void outb(u16 port, u8 value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }
static inline u8 inb(u16 port) { u8 v; __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port)); return v; }

#endif
#endif
