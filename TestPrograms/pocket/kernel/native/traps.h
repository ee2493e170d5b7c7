// The ways into the kernel (entry.S) and the table that says who answers each (traps.c).
#ifndef TRAPS_H
#define TRAPS_H

#include "../frame.h"

#define TRAP_VECTORS 48  // 32 exceptions, 16 interrupt lines
#define IRQ_VECTOR 32

typedef void trap_handler(struct frame *frame);

extern const void *const trap_entries[TRAP_VECTORS];
extern const char syscall_entry[], sysenter_entry[], return_to_user[];
extern const char vsyscall_sysenter[], vsyscall_interrupt[], vsyscall_end[];
extern const char vsyscall_return[];  // its value is an address in the vsyscall page

// Leaves the kernel for what `frame` says; `frame` must be the topmost thing on its kernel stack.
__attribute__((noreturn)) void enter_user(struct frame *frame);

void traps_start(void);
void trap_set_handler(unsigned vector, trap_handler *handler);

#endif
