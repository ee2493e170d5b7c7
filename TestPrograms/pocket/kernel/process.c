// The life of a process: fork, exit, and the parent that waits. Status words are Linux's: an exit code in bits 8 to
// 15, or the signal that killed in bits 0 to 6.
#include "process.h"

#include <stdarg.h>

#include "console.h"
#include "descriptors.h"
#include "errors.h"
#include "format.h"
#include "heap.h"
#include "native/cpu.h"
#include "native/traps.h"
#include "panic.h"
#include "scheduler.h"
#include "string.h"
#include "syscalls.h"
#include "usercopy.h"

#define PIDS 32768
#define KILLED 64  // and the signal: what the machine ends with when one kills the first process
#define WAIT_NO_HANG 1
#define FORK_RESERVE 32  // pages that fork leaves to the processes there are

static struct process *first_process;
static uint32_t pid_used[PIDS / 32];
static int last_pid;

static int pid_take(void) {
    for (int tries = 0; tries < PIDS; tries++) {
        if (++last_pid == PIDS) last_pid = 1;
        uint32_t bit = 1u << last_pid % 32, *word = &pid_used[last_pid / 32];
        if (*word & bit) continue;
        *word |= bit;
        return last_pid;
    }
    return 0;
}

static void pid_release(int pid) { pid_used[pid / 32] &= ~(1u << pid % 32); }

struct frame *process_frame(const struct process *process) {
    return (struct frame *)((char *)process->kernel_stack + KERNEL_STACK_SIZE) - 1;
}

static struct process *create(void) {
    struct process *process = heap_allocate(sizeof *process);
    if (!process) return 0;
    memset(process, 0, sizeof *process);
    physical_t stack = pages_allocate(KERNEL_STACK_ORDER);
    if (stack && (process->pid = pid_take())) {
        process->kernel_stack = linear(stack);
        return process;
    }
    if (stack) pages_release(stack, KERNEL_STACK_ORDER);
    heap_release(process);
    return 0;
}

static void release(struct process *process) {
    pid_release(process->pid);
    pages_release(physical(process->kernel_stack), KERNEL_STACK_ORDER);
    heap_release(process);
}

struct process *process_create_first(void) {
    first_process = create();
    if (!first_process) panic("no memory for the first process");
    cpu_set_kernel_stack((char *)first_process->kernel_stack + KERNEL_STACK_SIZE);
    return first_process;
}

// Parks a new process as switch_stacks would have: four registers, then where to go on, with the frame behind.
static void park(struct process *process) {
    uint32_t *stack = (uint32_t *)process_frame(process);
    *--stack = (uint32_t)return_to_user;
    for (int i = 0; i < 4; i++) *--stack = 0;
    process->stack_pointer = (uint32_t)stack;
}

int sys_fork(struct frame *frame) {
    if (pages_free() < FORK_RESERVE) return -ENOMEM;
    struct process *child = create();
    if (!child) return -EAGAIN;
    int error = space_fork(&current->space, &child->space);
    if (error) {
        release(child);
        return error;
    }
    descriptors_share(current, child);
    memcpy(child->name, current->name, sizeof child->name);
    child->fs = user_fs();
    child->gs = user_gs();
    fpu_fork(child);
    child->parent = current;
    child->sibling = current->children;
    current->children = child;
    *process_frame(child) = *frame;
    process_frame(child)->eax = 0;
    park(child);
    make_ready(child);
    return child->pid;
}

static void wake_parent(struct process *process) {
    struct process *parent = process->parent;
    if (!parent->waiting) return;
    parent->waiting = false;
    make_ready(parent);
}

// Children whose parent has gone are the first process's to wait for.
static void leave_children(void) {
    while (current->children) {
        struct process *child = current->children;
        current->children = child->sibling;
        child->parent = first_process;
        child->sibling = first_process->children;
        first_process->children = child;
        if (child->ended) wake_parent(child);
    }
}

void process_exit(int status) {
    if (current == first_process) cpu_exit(status & 0x7F ? KILLED + (status & 0x7F) : status >> 8);
    descriptors_close_all(current);
    fpu_forget();
    tables_load(0);
    space_destroy(&current->space);
    leave_children();
    current->status = status;
    current->ended = true;
    wake_parent(current);
    schedule();
    panic("process %d runs after its end", current->pid);
}

void process_kill(int signal, const char *reason, ...) {
    char text[128];
    va_list arguments;
    va_start(arguments, reason);
    format(text, sizeof text, reason, arguments);
    va_end(arguments);
    print("pocket: process %d (%s) killed by signal %d: %s\n", current->pid, current->name, signal, text);
    process_exit(signal);
}

int sys_exit(struct frame *frame) { process_exit((frame->ebx & 0xFF) << 8); }

int sys_waitpid(struct frame *frame) {
    int wanted = frame->ebx;
    for (;;) {
        bool any = false;
        for (struct process **link = &current->children; *link; link = &(*link)->sibling) {
            struct process *child = *link;
            int pid = child->pid;
            if (wanted > 0 && pid != wanted) continue;
            any = true;
            if (!child->ended) continue;
            if (frame->ecx && copy_to_user(frame->ecx, &child->status, sizeof child->status)) return -EFAULT;
            *link = child->sibling;
            release(child);
            return pid;
        }
        if (!any) return -ECHILD;
        if (frame->edx & WAIT_NO_HANG) return 0;
        current->waiting = true;
        schedule();
    }
}

int sys_getpid(struct frame *frame) {
    (void)frame;
    return current->pid;
}

int sys_getppid(struct frame *frame) {
    (void)frame;
    return current->parent ? current->parent->pid : 0;
}

int sys_sched_yield(struct frame *frame) {
    (void)frame;
    reschedule_wanted = true;  // on the way back
    return 0;
}
