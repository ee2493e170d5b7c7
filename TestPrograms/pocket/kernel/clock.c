// Time, in ticks of the timer: sleeping, and asking how long the machine has run.
#include "errors.h"
#include "native/timer.h"
#include "scheduler.h"
#include "syscalls.h"
#include "usercopy.h"

#define NANOSECONDS 1000000000u
#define NANOSECONDS_PER_TICK (NANOSECONDS / TICKS_PER_SECOND)
#define LONGEST_SLEEP (INT32_MAX / TICKS_PER_SECOND - 1)  // seconds

struct time {
    int32_t seconds, nanoseconds;
};

// At least as long as asked for: the tick that is under way doesn't count.
int sys_nanosleep(struct frame *frame) {
    struct time time;
    int error = copy_from_user(&time, frame->ebx, sizeof time);
    if (error) return error;
    if (time.seconds < 0 || time.nanoseconds < 0 || (uint32_t)time.nanoseconds >= NANOSECONDS) return -EINVAL;
    if (time.seconds > LONGEST_SLEEP) time.seconds = LONGEST_SLEEP;
    uint32_t ticks = time.seconds * TICKS_PER_SECOND;
    ticks += ((uint32_t)time.nanoseconds + NANOSECONDS_PER_TICK - 1) / NANOSECONDS_PER_TICK;
    if (ticks) sleep_ticks(ticks + 1);
    return 0;
}

// Every clock is the one that started with the machine.
int sys_clock_gettime(struct frame *frame) {
    uint32_t ticks = scheduler_ticks();
    struct time time = {ticks / TICKS_PER_SECOND, ticks % TICKS_PER_SECOND * NANOSECONDS_PER_TICK};
    return copy_to_user(frame->ecx, &time, sizeof time);
}
