# exceptions-page.S: #PF while delivering exceptions, #DF through a task gate, #PF that restarts, #AC.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: exceptions-page: ok
# QEMU: yes
#include "guest.h"
#define DF_TSS    0x30
#define HOLE      0x00a00000            /* a page that comes and goes */
#define HOLE_ENTRY (page_tables + (HOLE >> 12) * 4)

.macro HOLE_OPEN                        // not present
        movl $(HOLE | 6), HOLE_ENTRY
        invlpg HOLE
.endm
.macro HOLE_CLOSED
        movl $(HOLE | 7), HOLE_ENTRY
        invlpg HOLE
.endm

        PROGRAM "exceptions-page"
        call setup_paging

// ---- a fault that the handler mends: the instruction starts over, as if nothing had been ----
        movl $mend, trap_hook
        HOLE_OPEN
        movl $0x1234, %eax
        movl %eax, HOLE + 0x10
        CHECK "mended-store", HOLE + 0x10, $0x1234
        CHECK "mended-once", mended, $1
        CHECK "mended-address", mended_address, $(HOLE + 0x10)
        HOLE_OPEN
        movl %esp, %ebp
        pushl HOLE + 0x10               // faults on the source: ESP must not have moved
        popl %eax
        CHECK "mended-push-source", %eax, $0x1234
        CHECK "mended-push-esp", %ebp, %esp
        HOLE_OPEN
        lock incl HOLE + 0x10           // read-modify-write counts once
        CHECK "mended-increment", HOLE + 0x10, $0x1235
        HOLE_OPEN
        movl $7, %eax
        xaddl %eax, HOLE + 0x10
        CHECK "mended-xadd-old", %eax, $0x1235
        CHECK "mended-xadd-new", HOLE + 0x10, $0x123c
        HOLE_OPEN
        movl $0x123c, %eax
        movl $0x99, %ecx
        cmpxchgl %ecx, HOLE + 0x10
        CHECK "mended-cmpxchg", HOLE + 0x10, $0x99
        // MOVS with the destination in the hole: ESI and EDI move once.
        HOLE_OPEN
        cld
        movl $words, %esi
        movl $HOLE + 0x30, %edi
        movsl
        CHECK "mended-movs", HOLE + 0x30, $0x01020304
        CHECK "mended-movs-esi", %esi, $(words + 4)
        CHECK "mended-movs-edi", %edi, $(HOLE + 0x34)
        // CALL, ENTER and PUSHA at CPL 3 onto a stack in the hole.
        HOLE_CLOSED
        TRY
        USER
        movl $HOLE + 0x1000, %esp
        movl $0x0a0a, %eax
        pushl $1                        // the page is present here
        call 1f
1:      enter $16, $2
        leave
        pushal
        popal
        LEAVE
        DONE "user-stack"
        HOLE_OPEN
        TRY
        USER
        movl $HOLE + 0x1000, %esp
        movl $0x0b0b, %ebx
        pushal                          // mended under way
        LEAVE
        DONE "user-stack-mended"
        CHECK "pusha-esp", trap_esp, $(HOLE + 0x1000 - 32)
        CHECK "pusha-saved-esp", HOLE + 0x1000 - 20, $(HOLE + 0x1000)
        CHECK "pusha-saved-ebx", HOLE + 0x1000 - 16, $0x0b0b
        movl $0, trap_hook

// ---- #PF while an exception is delivered ----
        // An IDT across two pages: the gates of vectors 0 to 12 end up in the hole, #GP and #PF after it.
        cld
        movl $idt, %esi
        movl $(HOLE + 0x1000 - 8 * V_GP), %edi
        movl $512, %ecx
        rep movsl
        HOLE_OPEN
        lidt moved_idt
        movl $0xfff8, %eax
        TRY
1:      movl %eax, %fs                  // its gate is present
        CAUGHT "gp-with-gate-present", V_GP, 0xfff8, 1b
        TRY
1:      ud2                             // its gate is in the hole: #PF instead
        CAUGHT "ud-then-pf", V_PF, 0, 1b
        CHECK "ud-then-pf-cr2", trap_cr2, $(HOLE + 0x1000 - 8 * V_GP + 8 * V_UD)
        lidt idt_pointer
        HOLE_CLOSED

// ---- #DF through a task gate, because the stack itself is gone ----
        SET_DESCRIPTOR DF_TSS, $df_tss, 103, A_TSS32
        SET_IDT V_DF, $0, G_TASK, DF_TSS
        movl $page_directory, df_tss + 0x1c
        movl $df_task, df_tss + 0x20
        movl $2, df_tss + 0x24
        movl $df_stack_top, df_tss + 0x38
        movl $KERNEL_DATA, df_tss + 0x48
        movl $KERNEL_CODE, df_tss + 0x4c
        movl $KERNEL_DATA, df_tss + 0x50
        movl $KERNEL_DATA, df_tss + 0x54
        movl $page_directory, main_tss + 0x1c
        HOLE_OPEN
        movl %esp, saved_esp
        movl $HOLE + 0x100, %esp
double: pushl %eax                      // #PF; pushing its frame: #PF again: #DF
after_double:
        movl saved_esp, %esp
        CHECK "df-task-ran", df_count, $1
        CHECK "df-error-code", df_error, $0
        CHECK "df-cr2", df_cr2, $(HOLE + 0x100 - 4)
        CHECK "df-saved-eip", df_eip, $double
        CHECK "df-saved-esp", df_esp, $(HOLE + 0x100)
        HOLE_CLOSED
        RESET_IDT V_DF

// ---- #AC: CR0.AM, EFLAGS.AC and CPL 3 together ----
        movl %cr0, %eax
        orl $CR0_AM, %eax
        movl %eax, %cr0
        pushl $(F_AC | 2)
        popfl
        movl words + 1, %eax            // CPL 0: no check
        pushl $2
        popfl
        movl $(F_AC | 2), user_eflags
        TRY
        USER
        movw words + 2, %ax
        movl words + 4, %eax
        movb words + 1, %al
        LEAVE
        DONE "aligned"
        SKIP_ON_TCG no_ac, "TCG 7.2 has no alignment check"
        TRY
        USER
1:      movl words + 1, %eax
        LEAVE
        CAUGHT "ac-dword", V_AC, 0, 1b
        TRY
        USER
1:      movl words + 2, %eax
        LEAVE
        CAUGHT "ac-dword-on-word-boundary", V_AC, 0, 1b
        TRY
        USER
1:      movw %ax, words + 1
        LEAVE
        CAUGHT "ac-word-store", V_AC, 0, 1b
        TRY
        USER
        subl $2, %esp
1:      pushl %eax
        LEAVE
        CAUGHT "ac-push", V_AC, 0, 1b
        movl trap_eflags, %eax
        andl $F_AC, %eax
        CHECK "ac-saved-flag", %eax, $F_AC
        movl %cr0, %eax
        andl $~CR0_AM, %eax
        movl %eax, %cr0
        TRY
        USER
        movl words + 1, %eax            // AM off: no check
        LEAVE
        DONE "am-off"
no_ac:  movl $2, user_eflags
        ret

// The trap hook: brings the hole back, once, and has the instruction run again.
mend:   xorl %eax, %eax
        cmpl $V_PF, 40(%ebp)
        jne 1f
        movl %cr2, %eax
        movl %eax, mended_address
        incl mended
        orl $1, HOLE_ENTRY
        invlpg HOLE
        movl $1, %eax
1:      ret

df_task:
        popl df_error
        incl df_count
        movl %cr2, %eax
        movl %eax, df_cr2
        movl main_tss + 0x20, %eax
        movl %eax, df_eip
        movl main_tss + 0x38, %eax
        movl %eax, df_esp
        movl $after_double, main_tss + 0x20
        movl $df_stack_top - 256, main_tss + 0x38
        iretl                           // NT is set: back to the task in the link field

        .data
        .align 4
words:  .long 0x01020304, 0x05060708
moved_idt:
        .word 256 * 8 - 1
        .long HOLE + 0x1000 - 8 * V_GP
        .bss
        .align 4
df_tss: .skip 104
        .skip 1024
df_stack_top:
mended: .skip 4
mended_address: .skip 4
saved_esp: .skip 4
df_count: .skip 4
df_error: .skip 4
df_cr2: .skip 4
df_eip: .skip 4
df_esp: .skip 4
