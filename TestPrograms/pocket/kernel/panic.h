// When the kernel can't go on.
#ifndef PANIC_H
#define PANIC_H

#include "frame.h"

// Says why, from where, and by which calls, then ends the machine with status PANIC_STATUS.
__attribute__((noreturn, format(printf, 1, 2))) void panic(const char *reason, ...);

// The same for a fault: `frame` has the registers.
__attribute__((noreturn, format(printf, 2, 3))) void panic_at(const struct frame *frame, const char *reason, ...);

#endif
