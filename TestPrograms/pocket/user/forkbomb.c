// Doubles itself: forkbomb GENERATIONS makes 2^GENERATIONS processes, all there at once, each of which waits for its
// children. Where memory runs out, some forks fail; the kernel must not.
#include "stdio.h"
#include "stdlib.h"
#include "system.h"

#define DEFAULT_GENERATIONS 6

// Writes of one process can't be torn: the kernel isn't preempted, and these are single instructions.
struct census {
    volatile uint32_t born, failed;
};

static void add(volatile uint32_t *to) { __asm__ volatile("incl %0" : "+m"(*to)); }

int main(int argc, char **argv) {
    int generations = argc > 1 ? atoi(argv[1]) : DEFAULT_GENERATIONS, first = getpid();
    struct census *census = mmap(0, sizeof *census, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (is_error(census)) return 1;
    add(&census->born);
    for (int i = 0; i < generations; i++) {
        int pid = fork();
        if (pid < 0) add(&census->failed);
        if (pid == 0) add(&census->born);
    }
    // The last generation waits until everybody has been born or given up on.
    nanosleep(&(struct timespec){0, 100000000}, 0);
    while (waitpid(-1, 0, 0) > 0) continue;
    if (getpid() == first) printf("forkbomb: %u processes, %u forks failed\n", census->born, census->failed);
    return 0;
}
