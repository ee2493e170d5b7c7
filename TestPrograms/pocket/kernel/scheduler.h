// Who runs next. There is one CPU; the kernel itself is never preempted, so nothing here needs a lock.
#ifndef SCHEDULER_H
#define SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

struct process;

// A first-in, first-out list of processes, linked by process->next: a process is in one queue at most.
struct queue {
    struct process *first, *last;
};

// Whoever runs, or ran last while the CPU idles.
extern struct process *current;

// Set when the current process should give way on its way back to user code.
extern bool reschedule_wanted;

void make_ready(struct process *process);

// Goes on with the next ready process, and returns when the caller's turn comes again: if it is in no queue and
// nobody makes it ready, never.
void schedule(void);

// The current process stays ready, and others go first.
void preempt(void);

void sleep_in(struct queue *queue);
void wake_all(struct queue *queue);
void sleep_ticks(uint32_t ticks);

// One tick of the clock, from its interrupt.
void scheduler_tick(void);
uint32_t scheduler_ticks(void);

#endif
