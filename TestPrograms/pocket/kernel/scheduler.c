// Round robin with a time slice of one tick. With nobody ready the CPU waits, in the kernel and on the stack of the
// process that ran last, for an interrupt that makes somebody ready.
#include "scheduler.h"

#include "native/cpu.h"
#include "process.h"

struct process *current;
bool reschedule_wanted;

static struct queue ready;
static struct process *sleepers;  // by wake time
static uint32_t ticks;

void switch_stacks(uint32_t *save, uint32_t load);

static void append(struct queue *queue, struct process *process) {
    process->next = 0;
    if (queue->first) {
        queue->last->next = process;
    } else {
        queue->first = process;
    }
    queue->last = process;
}

static struct process *take(struct queue *queue) {
    struct process *process = queue->first;
    if (process) queue->first = process->next;
    return process;
}

void make_ready(struct process *process) { append(&ready, process); }

static void switch_to(struct process *next) {
    struct process *previous = current;
    previous->fs = user_fs();
    previous->gs = user_gs();
    if (next->fs != previous->fs) load_user_fs(next->fs);
    if (next->gs != previous->gs) load_user_gs(next->gs);
    current = next;
    fpu_switch(next);
    tables_load(next->space.tables);
    cpu_set_kernel_stack((char *)next->kernel_stack + KERNEL_STACK_SIZE);
    switch_stacks(&previous->stack_pointer, next->stack_pointer);
}

void schedule(void) {
    struct process *next;
    while (!(next = take(&ready))) wait_for_interrupt();
    reschedule_wanted = false;
    if (next != current) switch_to(next);
}

void preempt(void) {
    make_ready(current);
    schedule();
}

void sleep_in(struct queue *queue) {
    append(queue, current);
    schedule();
}

void wake_all(struct queue *queue) {
    struct process *process;
    while ((process = take(queue))) make_ready(process);
}

void sleep_ticks(uint32_t count) {
    struct process **link = &sleepers;
    current->wake_tick = ticks + count;
    while (*link && (int32_t)((*link)->wake_tick - current->wake_tick) <= 0) link = &(*link)->next;
    current->next = *link;
    *link = current;
    schedule();
}

uint32_t scheduler_ticks(void) { return ticks; }

void scheduler_tick(void) {
    ticks++;
    while (sleepers && (int32_t)(sleepers->wake_tick - ticks) <= 0) {
        struct process *process = sleepers;
        sleepers = process->next;
        make_ready(process);
    }
    reschedule_wanted = ready.first;
}
