// The instructions that C can't say, and the CPU's own tables.
#ifndef CPU_H
#define CPU_H

#include <stdint.h>

#define EXIT_PORT 0xF4     // the debug exit: the machine ends with status (value << 1) | 1
#define PANIC_STATUS 0x7F

#define FEATURE_FPU (1u << 0)
#define FEATURE_SEP (1u << 11)
#define FEATURE_PGE (1u << 13)

extern char boot_entry[];

static inline void out8(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port)); }

static inline uint8_t in8(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void out16(uint16_t port, uint16_t value) { __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port)); }

static inline uint16_t in16(uint16_t port) {
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void out32(uint16_t port, uint32_t value) { __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }

static inline uint32_t in32(uint16_t port) {
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void halt(void) { __asm__ volatile("hlt"); }

// Lets interrupts in until one has come. STI holds them back for one instruction, so none can slip in between.
static inline void wait_for_interrupt(void) { __asm__ volatile("sti; hlt; cli" : : : "memory"); }

static inline uint32_t fault_address(void) {
    uint32_t value;
    __asm__ volatile("movl %%cr2, %0" : "=r"(value));
    return value;
}

static inline uint32_t user_fs(void) {
    uint32_t value;
    __asm__ volatile("movl %%fs, %0" : "=r"(value));
    return value;
}

static inline uint32_t user_gs(void) {
    uint32_t value;
    __asm__ volatile("movl %%gs, %0" : "=r"(value));
    return value;
}

static inline void load_user_fs(uint32_t value) { __asm__ volatile("movl %0, %%fs" : : "r"(value)); }
static inline void load_user_gs(uint32_t value) { __asm__ volatile("movl %0, %%gs" : : "r"(value)); }

// CPUID leaf 1, EDX.
static inline uint32_t cpu_features(void) {
    uint32_t a = 1, b, c, d;
    __asm__("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    return d;
}

// Loads GDT, TSS, IDT and control registers, and opens the system call gates.
void cpu_start(void);

// Where the next entry from ring 3, by whatever gate, puts its frame.
void cpu_set_kernel_stack(void *top);

// Ends the machine with status (value << 1) | 1, or, where nothing listens to that, stops it for good.
__attribute__((noreturn)) void cpu_exit(uint8_t value);

#endif
