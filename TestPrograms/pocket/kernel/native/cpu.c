// The tables a CPU asks for before it can have two rings: segments (flat, all of them), one TSS for the kernel
// stack, the interrupt descriptors, and the MSRs of SYSENTER.
#include "cpu.h"

#include <stdbool.h>

#include "../layout.h"
#include "../memory.h"
#include "string.h"
#include "tables.h"
#include "traps.h"

#define CR0_MP 0x02
#define CR0_EM 0x04
#define CR0_TS 0x08
#define CR0_NE 0x20
#define CR4_PGE 0x80

#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176

#define GATE_KERNEL 0x8E00  // 32-bit interrupt gate, present: the kernel runs with interrupts off
#define GATE_USER 0xEE00    // the same, and ring 3 may name it in INT n

#define VECTORS 256
#define BREAKPOINT_VECTOR 3
#define OVERFLOW_VECTOR 4

// Only the stack of ring 0 matters: no task switch ever uses the rest. SYSENTER starts with its stack pointer at
// esp0; a user who single-steps into it makes the CPU push three words there, into back_link and `room`.
static struct {
    uint32_t room[2];
    struct {
        uint32_t back_link, esp0, ss0;
        uint32_t unused[22];
        uint16_t trap, io_map;
    } task;
} stacks = {.task = {.ss0 = KERNEL_DATA, .io_map = sizeof stacks.task}};

// Base 0 and limit 4 GiB; the byte that differs says ring and kind.
static uint64_t segments[] = {
    0,
    0x00CF9B000000FFFF,  // kernel code
    0x00CF93000000FFFF,  // kernel data
    0x00CFFB000000FFFF,  // user code
    0x00CFF3000000FFFF,  // user data
    0,                   // the TSS
};

static uint64_t gates[VECTORS];

struct table_register {
    uint16_t limit;
    const void *base;
} __attribute__((packed));

static void write_msr(uint32_t msr, uint32_t value) {
    __asm__ volatile("wrmsr" : : "c"(msr), "a"(value), "d"(0));
}

static void set_gate(unsigned vector, const void *entry, uint32_t kind) {
    uint32_t address = (uint32_t)entry;
    uint32_t high = (address & 0xFFFF0000) | kind;
    gates[vector] = (uint64_t)high << 32 | KERNEL_CODE << 16 | (address & 0xFFFF);
}

static void load_segments(void) {
    uint32_t base = (uint32_t)&stacks.task;
    segments[TASK_SEGMENT / 8] = (uint64_t)(base >> 24) << 56 | (uint64_t)0x89 << 40 |
                                 (uint64_t)(base & 0xFFFFFF) << 16 | (sizeof stacks.task - 1);
    struct table_register table = {sizeof segments - 1, segments};
    __asm__ volatile(
        "lgdt %0\n\t"
        "ljmp %1, $1f\n"
        "1:\n\t"
        "movl %2, %%ds\n\t"
        "movl %2, %%es\n\t"
        "movl %2, %%ss\n\t"
        "movl %3, %%fs\n\t"
        "movl %3, %%gs\n\t"
        "ltr %w4"
        :
        : "m"(table), "i"(KERNEL_CODE), "r"(KERNEL_DATA), "r"(0), "r"(TASK_SEGMENT)
        : "memory");
}

static void load_gates(void) {
    for (unsigned vector = 0; vector < TRAP_VECTORS; vector++) set_gate(vector, trap_entries[vector], GATE_KERNEL);
    set_gate(BREAKPOINT_VECTOR, trap_entries[BREAKPOINT_VECTOR], GATE_USER);
    set_gate(OVERFLOW_VECTOR, trap_entries[OVERFLOW_VECTOR], GATE_USER);
    set_gate(SYSCALL_VECTOR, syscall_entry, GATE_USER);
    struct table_register table = {sizeof gates - 1, gates};
    __asm__ volatile("lidt %0" : : "m"(table));
}

// No process owns floating-point registers yet: with EM (no FPU) or TS (an FPU, see fpu.c), each use of them traps.
static void load_control(uint32_t features) {
    uint32_t cr0, cr4;
    __asm__ volatile("movl %%cr0, %0" : "=r"(cr0));
    cr0 &= ~(CR0_EM | CR0_TS);
    cr0 |= CR0_MP | CR0_NE | (features & FEATURE_FPU ? CR0_TS : CR0_EM);
    __asm__ volatile("movl %0, %%cr0" : : "r"(cr0));
    if (!(features & FEATURE_PGE)) return;
    __asm__ volatile("movl %%cr4, %0" : "=r"(cr4));
    __asm__ volatile("movl %0, %%cr4" : : "r"(cr4 | CR4_PGE));
}

// Puts the code that enters the kernel, by SYSENTER if the CPU has it, where every process can call it.
static void open_system_calls(bool sysenter) {
    physical_t frame = page_allocate_zeroed();
    const char *code = sysenter ? vsyscall_sysenter : vsyscall_interrupt;
    memcpy(linear(frame), code, vsyscall_end - code);
    tables_map_vsyscall(frame);
    if (!sysenter) return;
    write_msr(MSR_SYSENTER_CS, KERNEL_CODE);
    write_msr(MSR_SYSENTER_ESP, (uint32_t)&stacks.task.esp0);  // sysenter_entry finds the process's own stack there
    write_msr(MSR_SYSENTER_EIP, (uint32_t)sysenter_entry);
}

void cpu_start(void) {
    uint32_t features = cpu_features();
    load_segments();
    load_gates();
    load_control(features);
    open_system_calls(features & FEATURE_SEP);
}

void cpu_set_kernel_stack(void *top) { stacks.task.esp0 = (uint32_t)top; }

void cpu_exit(uint8_t value) {
    out8(EXIT_PORT, value);
    __asm__ volatile("cli");
    for (;;) halt();
}
