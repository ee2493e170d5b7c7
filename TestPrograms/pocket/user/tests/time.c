// The timer: preemption and sleep.
#include "tests.h"

#define MILLISECOND 1000000

static void spinners_take_turns(void) {
    volatile uint32_t *turns = shared_memory(4096), *count = turns + 2;
    int pids[2];
    for (int me = 0; me < 2; me++) {
        pids[me] = fork();
        if (pids[me]) continue;
        // Neither makes a system call: only the timer lets the other one see its turn change.
        while (turns[0] + turns[1] < 10) {
            count[me]++;
            if (turns[me] <= turns[!me]) turns[me]++;
        }
        exit(0);
    }
    for (int i = 0; i < 2; i++) {
        int status;
        CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
    }
    CHECK(turns[0] >= 4 && turns[1] >= 4 && count[0] && count[1]);
}

static void sleepers_wake_in_order(void) {
    volatile int *order = shared_memory(4096);
    static const int naps[] = {90, 30, 60};
    for (int i = 0; i < 3; i++) {
        if (fork()) continue;
        CHECK(nanosleep(&(struct timespec){0, naps[i] * MILLISECOND}, 0) == 0);
        int place = order[0];
        order[0] = place + 1;
        order[1 + place] = naps[i];
        exit(0);
    }
    while (waitpid(-1, 0, 0) > 0) continue;
    CHECK(order[0] == 3 && order[1] == 30 && order[2] == 60 && order[3] == 90);
}

static int milliseconds(void) {
    struct timespec now;
    CHECK(clock_gettime(1, &now) == 0);
    return now.tv_sec * 1000 + now.tv_nsec / MILLISECOND;
}

static void sleep_is_never_too_short(void) {
    int before = milliseconds();
    CHECK(nanosleep(&(struct timespec){0, 25 * MILLISECOND}, 0) == 0);
    CHECK(milliseconds() - before >= 25);
    CHECK(nanosleep(&(struct timespec){0, 0}, 0) == 0);
    CHECK(nanosleep(&(struct timespec){0, 1000 * MILLISECOND}, 0) == -EINVAL);
    CHECK(nanosleep(&(struct timespec){-1, 0}, 0) == -EINVAL);
    CHECK(nanosleep((struct timespec *)8, 0) == -EFAULT);
}

const struct test time_tests[] = {
    {"preemption", spinners_take_turns},
    {"sleep-order", sleepers_wake_in_order},
    {"sleep", sleep_is_never_too_short},
    {0, 0},
};
