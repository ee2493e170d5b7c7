// The x87 registers, which processes share in turns.
#ifndef FPU_H
#define FPU_H

#include <stdbool.h>
#include <stdint.h>

struct process;

// What a process has computed with, while another one's numbers are in the registers: FNSAVE's image.
struct fpu_state {
    uint32_t control, status, tags, pointers[4];
    uint8_t registers[80];
};

// `next` runs from now on. The registers stay whose they are; their use traps unless they are its own.
void fpu_switch(const struct process *next);
// `child` gets a copy of what the current process has.
void fpu_fork(struct process *child);
// The current process ends or begins a new program: what it had is lost.
void fpu_forget(void);
// After its use has trapped: gives the registers to the current process. False if there are none.
bool fpu_take(void);

#endif
