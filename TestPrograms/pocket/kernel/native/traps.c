// Who answers which exception. Whatever the kernel itself does wrong is a panic; what a user program does wrong
// ends that program with the signal that Linux would have sent.
#include "traps.h"

#include "../memory.h"
#include "../panic.h"
#include "../process.h"
#include "../scheduler.h"
#include "../signals.h"
#include "../usercopy.h"
#include "cpu.h"
#include "fpu.h"

#define DEVICE_NOT_AVAILABLE 7
#define PAGE_FAULT 14
#define ERROR_WRITE 2

trap_handler *trap_handlers[TRAP_VECTORS];

static const struct {
    const char *name;
    int signal;
} exceptions[IRQ_VECTOR] = {
    [0] = {"divide error", SIGNAL_ARITHMETIC},
    [1] = {"single step", SIGNAL_TRAP},
    [2] = {"non-maskable interrupt", SIGNAL_KILL},
    [3] = {"breakpoint", SIGNAL_TRAP},
    [4] = {"overflow", SIGNAL_SEGMENT},
    [5] = {"bound range exceeded", SIGNAL_SEGMENT},
    [6] = {"invalid opcode", SIGNAL_ILLEGAL},
    [7] = {"floating point not available", SIGNAL_ILLEGAL},
    [8] = {"double fault", SIGNAL_KILL},
    [10] = {"invalid task segment", SIGNAL_SEGMENT},
    [11] = {"segment not present", SIGNAL_BUS},
    [12] = {"stack segment fault", SIGNAL_BUS},
    [13] = {"general protection fault", SIGNAL_SEGMENT},
    [14] = {"page fault", SIGNAL_SEGMENT},
    [16] = {"floating point error", SIGNAL_ARITHMETIC},
    [17] = {"alignment check", SIGNAL_BUS},
};

static bool from_user(const struct frame *frame) { return frame->cs & 3; }

static const char *exception_name(const struct frame *frame) {
    const char *name = exceptions[frame->vector].name;
    return name ? name : "reserved exception";
}

static void exception(struct frame *frame) {
    if (!from_user(frame)) panic_at(frame, "%s in the kernel, error %x", exception_name(frame), frame->error);
    int signal = exceptions[frame->vector].signal;
    process_kill(signal ? signal : SIGNAL_KILL, "%s at eip %08x", exception_name(frame), frame->eip);
}

// User memory is filled in and copied here, on demand. The kernel may touch it only in copy_user, which can fail.
static void page_fault(struct frame *frame) {
    uint32_t address = fault_address();
    bool write = frame->error & ERROR_WRITE;
    bool user = from_user(frame), copying = in_copy_user(frame->eip);
    int signal = SIGNAL_SEGMENT;
    if (address < KERNEL_BASE && (user || copying)) signal = space_fault(&current->space, address, write);
    if (!signal) return;
    if (user) {
        process_kill(signal, "page fault: %s %08x at eip %08x%s", write ? "write to" : "read of", address, frame->eip,
                     signal == SIGNAL_KILL ? ", out of memory" : "");
    }
    if (!copying) panic_at(frame, "page fault: %s %08x in the kernel", write ? "write to" : "read of", address);
    frame->eip = (uint32_t)copy_user_failed;
}

static void no_registers(struct frame *frame) {
    if (!from_user(frame) || !fpu_take()) exception(frame);
}

void trap_set_handler(unsigned vector, trap_handler *handler) { trap_handlers[vector] = handler; }

void traps_start(void) {
    for (unsigned vector = 0; vector < IRQ_VECTOR; vector++) trap_set_handler(vector, exception);
    trap_set_handler(DEVICE_NOT_AVAILABLE, no_registers);
    trap_set_handler(PAGE_FAULT, page_fault);
}
