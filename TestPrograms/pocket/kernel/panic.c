// The last words of the kernel. Names come from a table that the build makes of the linked kernel's own symbols
// (../build); frame pointers, which the kernel is compiled with, lead from each call to the one before.
#include "panic.h"

#include <stdarg.h>
#include <stdbool.h>

#include "boot.h"
#include "console.h"
#include "format.h"
#include "native/cpu.h"

#define DEEPEST 32

struct symbol {
    uint32_t address;
    const char *name;
};

extern const struct symbol symbols[], symbols_end[];  // by address
extern const char text_start[], text_end[];

static bool is_code(uint32_t address) { return address >= (uint32_t)text_start && address < (uint32_t)text_end; }

static void print_place(uint32_t address) {
    const struct symbol *best = 0;
    for (const struct symbol *s = symbols; s < symbols_end && s->address <= address; s++) best = s;
    if (best && is_code(address)) {
        print("  %08x %s+%x\n", address, best->name, address - best->address);
    } else {
        print("  %08x\n", address);
    }
}

static bool is_stack(uint32_t address) {
    return address % 4 == 0 && address >= KERNEL_BASE && address < KERNEL_BASE + boot.top - 8;
}

static void print_calls(uint32_t frame_pointer) {
    for (int i = 0; i < DEEPEST && is_stack(frame_pointer); i++) {
        const uint32_t *pair = (const uint32_t *)frame_pointer;  // the caller's frame pointer, the return address
        if (!is_code(pair[1])) break;
        print_place(pair[1]);
        if (pair[0] <= frame_pointer) break;
        frame_pointer = pair[0];
    }
}

static void print_registers(const struct frame *f) {
    print("  eax %08x  ebx %08x  ecx %08x  edx %08x\n", f->eax, f->ebx, f->ecx, f->edx);
    print("  esi %08x  edi %08x  ebp %08x  eip %08x\n", f->esi, f->edi, f->ebp, f->eip);
    print("  eflags %08x  cs %02x  ds %02x  es %02x  vector %u  error %x\n", f->eflags, f->cs, f->ds, f->es, f->vector,
          f->error);
}

static void print_reason(const char *reason, va_list arguments) {
    char text[200];
    format(text, sizeof text, reason, arguments);
    print("pocket: panic: %s\n", text);
}

void panic(const char *reason, ...) {
    va_list arguments;
    va_start(arguments, reason);
    print_reason(reason, arguments);
    va_end(arguments);
    print_calls((uint32_t)__builtin_frame_address(0));
    cpu_exit(PANIC_STATUS);
}

void panic_at(const struct frame *frame, const char *reason, ...) {
    va_list arguments;
    va_start(arguments, reason);
    print_reason(reason, arguments);
    va_end(arguments);
    print_registers(frame);
    print_place(frame->eip);
    print_calls(frame->ebp);
    cpu_exit(PANIC_STATUS);
}
