// The guest around the kernels: descriptors, paging and ports, and the kernels that only a system can run.
#include "kit.h"

// In start.S.
extern void int80_minimal(void), int81_full(void), page_fault(void), any_exception(void), sysenter_entry(void);
extern void user_int80(void), user_int81(void), user_sysenter(void);
extern void run_in_user_mode(void (*entry)(void));
extern u32 task_state[];
extern u64 gdt_task_state;
extern u8 kernel_stack_top[], idt_register[];

// Used in start.S.
u64 idt[256] __attribute__((aligned(8)));
volatile u32 system_calls, page_faults, user_count;

enum { MAPPED_MIB = 256, PAGE_TABLES = MAPPED_MIB / 4, PRESENT_WRITABLE_USER = 7, WINDOW = 0x40000000 };

// 256 MiB mapped to itself in 4 KiB pages, by two page directories that differ in one window of 32 pages.
u32 page_tables[PAGE_TABLES * 1024] __attribute__((aligned(4096)));
static u32 page_directories[2][1024] __attribute__((aligned(4096)));
static u32 window_tables[2][1024] __attribute__((aligned(4096)));

// MARK: Ports

static inline void outb(u32 port, u8 value) { __asm__ volatile("outb %0, %w1" : : "a"(value), "Nd"(port)); }

static inline u8 inb(u32 port)
{
    u8 value;
    __asm__ volatile("inb %w1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

enum { COM1 = 0x3f8, LINE_STATUS = COM1 + 5, DEBUG_CONSOLE = 0xe9, DEBUG_EXIT = 0xf4, PIC1_MASK = 0x21, PIC2_MASK = 0xa1 };

static int has_debug_console;

void write_bytes(const char *bytes, u32 length)
{
    for (; length--; bytes++) {
        u32 patience = 100000;
        while (!(inb(LINE_STATUS) & 0x20) && --patience) {}
        outb(COM1, (u8)*bytes);
        if (has_debug_console) outb(DEBUG_CONSOLE, (u8)*bytes);
    }
}

static void open_serial_line(void)
{
    has_debug_console = inb(DEBUG_CONSOLE) == 0xe9;
    outb(COM1 + 1, 0);
    outb(COM1 + 3, 0x80);   // the divisor: 115,200 baud
    outb(COM1, 1);
    outb(COM1 + 1, 0);
    outb(COM1 + 3, 3);      // 8 bits, no parity
    outb(COM1 + 2, 7);
    outb(COM1 + 4, 3);
}

// Whoever runs this guest takes one of these: QEMU's debug exit, Bochs's shutdown port, the keyboard controller's reset.
static void quit(void)
{
    print("DONE\n");
    outb(DEBUG_EXIT, 0);
    for (const char *s = "Shutdown"; *s; s++) outb(0x8900, (u8)*s);
    outb(0x64, 0xfe);
    __asm__ volatile("cli");
    for (;;) __asm__ volatile("hlt");
}

// MARK: Processor

struct cpuid { u32 eax, ebx, ecx, edx; };

static inline struct cpuid cpuid(u32 leaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf));
    return r;
}

int has_x87(void) { return cpuid(1).edx & 1; }
static int has_sysenter(void) { return cpuid(1).edx >> 11 & 1; }

static void set_cr3(u32 value) { __asm__ volatile("mov %0, %%cr3" : : "r"(value) : "memory"); }
static void invlpg(volatile void *page) { __asm__ volatile("invlpg (%0)" : : "r"(page) : "memory"); }

static void write_msr(u32 number, u32 value) { __asm__ volatile("wrmsr" : : "c"(number), "a"(value), "d"(0)); }

static void mask_interrupts(void)
{
    outb(PIC1_MASK, 0xff);
    outb(PIC2_MASK, 0xff);
}

static void set_gate(int vector, void (*handler)(void), u32 privilege)
{
    u32 address = (u32)handler;
    u32 high = (address & 0xffff0000) | 0x8e00 | privilege << 13;
    idt[vector] = (u64)high << 32 | (8u << 16) | (address & 0xffff);
}

// The handler of int 0x81: its frame is that of start.S.
void handle_system_call(u32 *frame)
{
    system_calls++;
    frame[9] = frame[9] + 1;
}

void report_exception(u32 *frame)
{
    char line[80], *end = append_text(line, "EXC ");
    for (int i = 0; i < 5; i++) {
        end = append_hex(end, frame[i], 8);
        *end++ = ' ';
    }
    u32 address;
    __asm__ volatile("mov %%cr2, %0" : "=r"(address));
    end = append_hex(end, address, 8);
    *end++ = '\n';
    write_bytes(line, (u32)(end - line));
    quit();
}

// MARK: Kernels

static u32 count_user_calls(void (*entry)(void), u32 count)
{
    u32 before = system_calls;
    user_count = count;
    run_in_user_mode(entry);
    return system_calls - before;
}

// e: INT 0x80 from ring 3, a handler of four instructions. E: INT 0x81, PUSHA, segment loads, a handler in C.
static u32 int80(u32 count) { return count_user_calls(user_int80, count); }
static u32 int81(u32 count) { return count_user_calls(user_int81, count); }

// y: SYSENTER and SYSEXIT.
static u32 sysenter(u32 count)
{
    if (!has_sysenter()) return 0;
    write_msr(0x174, 8);
    write_msr(0x175, (u32)kernel_stack_top);
    write_msr(0x176, (u32)sysenter_entry);
    mask_interrupts();   // sysenter_entry turns interrupts on
    return count_user_calls(user_sysenter, count);
}

// f: a page that isn't present is touched; the handler makes it present; then it is taken away again.
static u32 faults(u32 count)
{
    u32 before = page_faults;
    volatile u32 *page = (volatile u32 *)(arena + (16u << 20));
    u32 entry = (u32)page >> 12;
    while (count--) {
        page_tables[entry] &= ~1u;
        invlpg(page);
        (void)*page;
    }
    return page_faults - before;
}

// F: an entry is moved between two frames, INVLPG, a read.
static u32 remaps(u32 count)
{
    volatile u32 *page = (volatile u32 *)(arena + (16u << 20));
    u32 entry = (u32)page >> 12, sum = 0, original = page_tables[entry];
    u32 frames[2] = { original, page_tables[entry + 1] };
    page[0] = 1;
    page[1024] = 2;
    while (count--) {
        *(volatile u32 *)&page_tables[entry] = frames[count & 1];
        invlpg(page);
        sum += *page;
    }
    page_tables[entry] = original;
    invlpg(page);
    return sum;
}

// g: the address space is switched, and 32 pages written in it.
static u32 space_switches(u32 count)
{
    volatile u32 *window = (volatile u32 *)WINDOW;
    u32 sum = 0;
    while (count--) {
        set_cr3((u32)page_directories[count & 1]);
        for (int i = 0; i < 32; i++) sum += ++window[i * 1024];
    }
    set_cr3((u32)page_directories[0]);
    return sum;
}

// G: only CR3 is loaded.
static u32 cr3_loads(u32 count)
{
    while (count--) set_cr3((u32)page_directories[count & 1]);
    set_cr3((u32)page_directories[0]);
    return 0;
}

// l: a port is read. o: one is written that nothing listens to.
static u32 port_reads(u32 count)
{
    u32 sum = 0;
    while (count--) sum += inb(LINE_STATUS);
    return sum;
}

static u32 port_writes(u32 count)
{
    while (count--) outb(0x80, (u8)count);
    return 0;
}

// u: CPUID.
static u32 cpuids(u32 count)
{
    u32 sum = 0;
    while (count--) sum += cpuid(0).eax;
    return sum;
}

// x: the interrupt flag, in every way.
static u32 interrupt_flag(u32 count)
{
    mask_interrupts();
    while (count--) __asm__ volatile("pushf; cli; popf; sti; cli" : : : "memory");
    return 0;
}

// z: CR0 is read, and its TS cleared.
static u32 cr0_accesses(u32 count)
{
    u32 sum = 0;
    while (count--) {
        u32 value;
        __asm__ volatile("mov %%cr0, %0" : "=r"(value));
        sum += value;
        __asm__ volatile("clts");
    }
    return sum;
}

// v: the text screen is written.
static u32 screen_writes(u32 count)
{
    volatile u16 *screen = (volatile u16 *)0xb8000;
    while (count--) screen[count & 1023] = 0x720;
    return screen[3];
}

// S: two segment registers are loaded.
static u32 segment_loads(u32 count)
{
    while (count--) __asm__ volatile("mov %0, %%es; mov %0, %%fs" : : "r"(0x10));
    return 0;
}

const struct kernel system_kernels[] = {
    { 'e', "int80-min", 1000000, int80 },
    { 'E', "int81-pusha", 1000000, int81 },
    { 'y', "sysenter", 1000000, sysenter },
    { 'f', "pagefault", 200000, faults },
    { 'F', "pte-remap", 200000, remaps },
    { 'g', "cr3+32pages", 100000, space_switches },
    { 'G', "cr3only", 1000000, cr3_loads },
    { 'l', "inb3fd", 200000, port_reads },
    { 'o', "outb80", 200000, port_writes },
    { 'u', "cpuid", 200000, cpuids },
    { 'x', "pushf-cli-popf-sti-cli", 2000000, interrupt_flag },
    { 'z', "movcr0+clts", 1000000, cr0_accesses },
    { 'v', "vgawrite", 1000000, screen_writes },
    { 'S', "loadseg2", 2000000, segment_loads },
    { 0 },
};

// MARK: Start

struct multiboot_information { u32 flags, memory_lower, memory_upper, boot_device, command_line; };

// The last word of the command line, when it begins with @.
static const char *selection_of(const struct multiboot_information *information)
{
    if (!(information->flags & 4)) return "";
    const char *last = (const char *)information->command_line;
    for (const char *s = last; *s; s++)
        if (*s == ' ') last = s + 1;
    return *last == '@' ? last + 1 : "";
}

static void set_up_descriptors(void)
{
    for (int vector = 0; vector < 256; vector++) set_gate(vector, any_exception, 0);
    set_gate(14, page_fault, 0);
    set_gate(0x80, int80_minimal, 3);
    set_gate(0x81, int81_full, 3);
    __asm__ volatile("lidt (%0)" : : "r"(idt_register));

    task_state[1] = (u32)kernel_stack_top;
    task_state[2] = 0x10;
    u32 base = (u32)task_state;
    gdt_task_state = (u64)(base >> 24) << 56 | (u64)0x0089 << 40 | (u64)(base & 0xffffff) << 16 | 103;
    __asm__ volatile("ltr %w0" : : "r"(0x28));
}

static void turn_paging_on(void)
{
    for (u32 i = 0; i < PAGE_TABLES * 1024; i++) page_tables[i] = i << 12 | PRESENT_WRITABLE_USER;
    for (u32 k = 0; k < 2; k++) {
        for (u32 i = 0; i < PAGE_TABLES; i++)
            page_directories[k][i] = (u32)(page_tables + i * 1024) | PRESENT_WRITABLE_USER;
        for (u32 i = 0; i < 32; i++)
            window_tables[k][i] = ((u32)arena + (20u << 20) + k * (1u << 20) + i * 4096) | PRESENT_WRITABLE_USER;
        page_directories[k][WINDOW >> 22] = (u32)window_tables[k] | PRESENT_WRITABLE_USER;
    }
    set_cr3((u32)page_directories[0]);
    __asm__ volatile("mov %%cr0, %%eax; or $0x80010000, %%eax; mov %%eax, %%cr0" : : : "eax", "memory");
}

void main_from_loader(const struct multiboot_information *information)
{
    open_serial_line();
    const char *selection = selection_of(information);
    print("bench sel=");
    print(selection);
    print("\n");
    set_up_descriptors();
    if (has_x87()) __asm__ volatile("fninit");
    turn_paging_on();
    run_kernels(compute_kernels, selection);
    run_kernels(system_kernels, selection);
    quit();
}

void *memset(void *target, int value, u32 length)
{
    for (u8 *p = target; length--; p++) {
        *p = (u8)value;
        __asm__ volatile("");   // or the compiler makes a call of memset of this
    }
    return target;
}
