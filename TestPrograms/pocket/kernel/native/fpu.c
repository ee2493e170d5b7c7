// Lazy switching: a process that uses no floating point pays a compare for it. The registers belong to the process that
// used them last; CR0.TS makes the first use by any other trap (#NM), and only then are they exchanged.
#include "fpu.h"

#include "../process.h"
#include "../scheduler.h"
#include "cpu.h"

#define CR0_EM 0x04
#define CR0_TS 0x08

static struct process *owner;  // whose numbers are in the registers
static bool trapping = true;   // CR0.TS, as cpu_start leaves it

// As FNINIT leaves the unit, but with nothing in the registers: FNINIT marks them empty and keeps what is in them.
static const struct fpu_state fresh = {.control = 0xFFFF037F, .status = 0xFFFF0000, .tags = 0xFFFFFFFF};

static uint32_t control_register(void) {
    uint32_t value;
    __asm__ volatile("movl %%cr0, %0" : "=r"(value));
    return value;
}

static void set_trapping(bool on) {
    if (on == trapping) return;
    trapping = on;
    if (on) {
        __asm__ volatile("movl %0, %%cr0" : : "r"(control_register() | CR0_TS));
    } else {
        __asm__ volatile("clts");
    }
}

static void save(struct fpu_state *to) { __asm__ volatile("fnsave %0" : "=m"(*to)); }
static void load(const struct fpu_state *from) { __asm__ volatile("frstor %0" : : "m"(*from)); }

void fpu_switch(const struct process *next) {
    if (owner) set_trapping(next != owner);
}

void fpu_fork(struct process *child) {
    if (owner == current) {
        set_trapping(false);
        save(&current->fpu);
        load(&current->fpu);
    }
    child->fpu = current->fpu;
    child->uses_fpu = current->uses_fpu;
}

void fpu_forget(void) {
    current->uses_fpu = false;
    if (owner != current) return;
    owner = 0;
    set_trapping(true);
}

bool fpu_take(void) {
    if (control_register() & CR0_EM) return false;
    set_trapping(false);
    if (owner) {
        save(&owner->fpu);
    } else {
        // The last owner may have ended with an exception pending, and FRSTOR would raise it.
        __asm__ volatile("fnclex");
    }
    load(current->uses_fpu ? &current->fpu : &fresh);
    current->uses_fpu = true;
    owner = current;
    return true;
}
