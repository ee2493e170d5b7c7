// Processes: an address space, open files, a kernel stack, and a place in a family.
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "memory.h"
#include "native/fpu.h"

#define OPEN_FILES 16
#define PROCESS_NAME_SIZE 24

struct open_file;

struct process {
    struct process *next;  // in a queue (scheduler.h)
    uint32_t stack_pointer;  // where it is parked, while others run
    uint32_t fs, gs;
    void *kernel_stack;
    struct space space;
    bool uses_fpu;
    struct fpu_state fpu;  // while it isn't in the registers

    int pid;
    struct process *parent, *children, *sibling;
    bool waiting;  // for a child to end
    bool ended;
    int status;  // as waitpid reports it
    uint32_t wake_tick;

    struct open_file *files[OPEN_FILES];
    char name[PROCESS_NAME_SIZE];
};

// The first process, not yet with a program. Its frame is at the top of its kernel stack.
struct process *process_create_first(void);
struct frame *process_frame(const struct process *process);

// What processes do to themselves.
__attribute__((noreturn)) void process_exit(int status);
__attribute__((noreturn, format(printf, 2, 3))) void process_kill(int signal, const char *reason, ...);

#endif
