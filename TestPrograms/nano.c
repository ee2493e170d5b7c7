// nano.c: one cheap operation in a loop, to count what a monitor does about it (Adams and Agesen, ASPLOS 2006).
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: empty 100
// EXPECT-SERIAL: syscall 100
// EXPECT-SERIAL: in 100
// EXPECT-SERIAL: crwr 100
// EXPECT-SERIAL: callret 100
// EXPECT-SERIAL: pgfault 100
// EXPECT-SERIAL: divzero 100
// EXPECT-SERIAL: ptemod-none 100
// EXPECT-SERIAL: ptemod-same 100
// EXPECT-SERIAL: ptemod-off 100
// EXPECT-SERIAL: ptemod-on 100
// EXPECT-SERIAL: nano: ok
// QEMU: yes
//
// The last two words of the command line are the PIECE and its COUNT; without them all run, a hundred times each.
// What is prepared is the same for all counts up to 1,024, and again for all above: the difference of two runs is
// the loop and nothing else; `empty` and `ptemod-none` are the loops without the operation. The entries that ptemod
// changes are 65,536 at most, and each is changed once.
#include "parameters.h"
#include "paging.h"

const char program_name[] = "nano";

enum { WINDOW = 0x10000000, FEW = 1024, MANY = 65536, NOWHERE = 0xb00000 };
static volatile u32 entries[MANY] __attribute__((aligned(4096)));
static u8 frame[4096] __attribute__((aligned(4096)));
extern u32 idt[];
static u32 is_prepared;

void run_empty(u32 count);
void run_syscall(u32 count);
void run_in(u32 count);
void run_crwr(u32 count);
void run_callret(u32 count);
void run_pgfault(u32 count);
void run_divzero(u32 count);
extern u8 page_fault_entry[], divide_entry[], sysenter_entry[], sysenter_stack[];

// Arguments are on the stack; EBX, ESI, EDI and EBP are kept.
__asm__(
    "        .text\n"
    "run_empty:\n"
    "        movl 4(%esp), %ecx\n"
    "1:      decl %ecx\n"
    "        jnz 1b\n"
    "        ret\n"
    // System calls by SYSENTER from level 3; EAX not zero asks for the way out.
    "run_syscall:\n"
    "        pushal\n"
    "        movl 36(%esp), %ebx\n"
    "        movl %esp, kernel_stack\n"
    "        pushl $0x23\n"
    "        pushl $user_stack\n"
    "        pushl $2\n"
    "        pushl $0x1b\n"
    "        pushl $1f\n"
    "        iret\n"
    "1:      xorl %eax, %eax\n"
    "        movl %esp, %ecx\n"
    "        movl $3f, %edx\n"
    "2:      sysenter\n"
    "3:      decl %ebx\n"
    "        jnz 2b\n"
    "        incl %eax\n"
    "        sysenter\n"
    "sysenter_entry:\n"
    "        testl %eax, %eax\n"
    "        jnz 4f\n"
    "        sysexit\n"
    // (IRET to level 3 has left DS and ES empty.)
    "4:      movl $0x10, %eax\n"
    "        movl %eax, %ds\n"
    "        movl %eax, %es\n"
    "        movl kernel_stack, %esp\n"
    "        popal\n"
    "        ret\n"
    // Nobody answers at port 0x80.
    "run_in: movl 4(%esp), %ecx\n"
    "1:      inb $0x80, %al\n"
    "        decl %ecx\n"
    "        jnz 1b\n"
    "        ret\n"
    // CR0 with the value that it has.
    "run_crwr:\n"
    "        movl 4(%esp), %ecx\n"
    "        movl %cr0, %eax\n"
    "1:      movl %eax, %cr0\n"
    "        decl %ecx\n"
    "        jnz 1b\n"
    "        ret\n"
    "run_callret:\n"
    "        movl 4(%esp), %ecx\n"
    "1:      call 2f\n"
    "        decl %ecx\n"
    "        jnz 1b\n"
    "2:      ret\n"
    // The handlers go on behind the instruction that faulted.
    "run_pgfault:\n"
    "        movl 4(%esp), %ecx\n"
    "1:      movl 0xb00000, %eax\n"
    "2:      decl %ecx\n"
    "        jnz 1b\n"
    "        ret\n"
    "page_fault_entry:\n"
    "        addl $4, %esp\n"
    "        movl $2b, (%esp)\n"
    "        iret\n"
    "run_divzero:\n"
    "        pushl %ebx\n"
    "        movl 8(%esp), %ecx\n"
    "        xorl %ebx, %ebx\n"
    "1:      divl %ebx\n"
    "2:      decl %ecx\n"
    "        jnz 1b\n"
    "        popl %ebx\n"
    "        ret\n"
    "divide_entry:\n"
    "        movl $2b, (%esp)\n"
    "        iret\n"
    "        .bss\n"
    "kernel_stack: .skip 4\n"
    "        .align 16\n"
    "        .skip 256\n"
    "sysenter_stack:\n"
    "        .skip 256\n"
    "user_stack:\n"
    "        .text\n");

static void set_gate(u32 vector, const u8 *entry)
{
    idt[2 * vector] = ((u32)entry & 0xffff) | KERNEL_CODE << 16;
    idt[2 * vector + 1] = ((u32)entry & 0xffff0000) | G_INT32 << 8;
}

static void write_msr(u32 number, u32 value)
{
    __asm__ volatile("wrmsr" : : "c"(number), "a"(value), "d"(0));
}

static void prepare(u32 count, u32 present)
{
    u32 all = count > FEW ? MANY : FEW, entry = (u32)frame | U | W | present;
    for (u32 i = 0; i < all; i++)
        entries[i] = i % 1024 == 1023 ? entry | P : entry;
    for (u32 i = 0; i < MANY / 1024; i++)
        page_directory[WINDOW / 0x400000 + i] = (u32)&entries[1024 * i] | P | W | U;
    write_cr3(read_cr3());
    if (present) {
        for (u32 i = 0; i < all; i++)
            (void)WORD(WINDOW + 4096 * i);
    }
}

// Each eighth time the last page of the table is used past the TLB, so that nobody takes the table for abandoned. (The
// last entry is changed when that is over.)
static inline void use_table(u32 i)
{
    if (i % 8 == 3) {
        u32 last = WINDOW + 4096 * (i | 1023);
        invlpg(last);
        (void)WORD(last);
    }
}

static void run_none(u32 count)
{
    prepare(count, P);
    for (u32 i = 0; i < count; i++) {
        __asm__ volatile("");
        use_table(i);
    }
}

static void run_same(u32 count)
{
    u32 value = (u32)frame | U | W | P | A;
    prepare(count, P);
    for (u32 i = 0; i < count; i++) {
        entries[i] = value;
        use_table(i);
    }
}

static void run_off(u32 count)
{
    u32 value = (u32)frame | U | W | A;
    prepare(count, P);
    for (u32 i = 0; i < count; i++) {
        entries[i] = value;
        use_table(i);
    }
}

// Each page is used when it is there: a monitor may put off its work until then.
static void run_on(u32 count)
{
    u32 value = (u32)frame | U | W | P | A;
    prepare(count, 0);
    for (u32 i = 0; i < count; i++) {
        entries[i] = value;
        (void)WORD(WINDOW + 4096 * i);
        use_table(i);
    }
}

static const struct {
    const char *name;
    void (*run)(u32 count);
    u32 isTables;
} pieces[] = {
    { "empty", run_empty, 0 }, { "syscall", run_syscall, 0 },
    { "in", run_in, 0 }, { "crwr", run_crwr, 0 }, { "callret", run_callret, 0 },
    { "pgfault", run_pgfault, 0 }, { "divzero", run_divzero, 0 },
    { "ptemod-none", run_none, 1 }, { "ptemod-same", run_same, 1 }, { "ptemod-off", run_off, 1 }, { "ptemod-on", run_on, 1 },
};
enum { PIECES = sizeof pieces / sizeof pieces[0] };

static void run(u32 piece, u32 count)
{
    if (!is_prepared) {
        is_prepared = 1;
        setup_paging();
        page_tables[NOWHERE >> 12] = 0;
        invlpg(NOWHERE);
        set_gate(V_PF, page_fault_entry);
        set_gate(V_DE, divide_entry);
        write_msr(0x174, KERNEL_CODE);
        write_msr(0x175, (u32)sysenter_stack);
        write_msr(0x176, (u32)sysenter_entry);
    }
    pieces[piece].run(count);
    print(pieces[piece].name);
    print(" ");
    print_decimal(count);
    print("\n");
}

// Whether the word at `text` is `name`.
static u32 is_word(const char *text, const char *name)
{
    while (*name && *text == *name)
        text++, name++;
    return !*name && (!*text || *text == ' ');
}

void main(void)
{
    const u32 *information = (const u32 *)boot_ebx;
    const char *word = boot_eax == 0x2badb002 && information[0] & 4 ? (const char *)information[4] : "";
    u32 piece = PIECES, count = 0;
    while (*word) {
        for (u32 i = 0; i < PIECES; i++) {
            if (is_word(word, pieces[i].name))
                piece = i, count = 0;
        }
        if (*word >= '0' && *word <= '9' && piece < PIECES) {
            count = 0;
            for (const char *digit = word; *digit >= '0' && *digit <= '9'; digit++)
                count = count * 10 + (u32)(*digit - '0');
        }
        while (*word && *word != ' ')
            word++;
        while (*word == ' ')
            word++;
    }
    if (piece < PIECES) {
        if (count == 0)
            count = 1;
        if (pieces[piece].isTables && count > MANY)
            count = MANY;
        run(piece, count);
        return;
    }
    for (piece = 0; piece < PIECES; piece++)
        run(piece, 100);
}
