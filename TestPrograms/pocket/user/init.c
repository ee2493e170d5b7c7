// The first process of an ordinary run: starts every program it finds, one after the other, and says how each ended.
// Exit status 0 if all of them ended with 0.
#include "stdio.h"
#include "system.h"

static const struct {
    const char *path, *arguments[4];
} programs[] = {
    {"pocket-tests.elf", {0}},
    {"pocket-forkbomb.elf", {"5"}},
    {"pocket-bench.elf", {"getppid-int80", "1000"}},
    {"pocket-bench.elf", {"getppid-sysenter", "1000"}},
    {"pocket-bench.elf", {"forkwait", "20"}},
    {"pocket-bench.elf", {"pagefault", "500"}},
};

static int run(const char *path, const char *const *extra) {
    char *arguments[6] = {(char *)path};
    for (int i = 0; i < 4; i++) arguments[i + 1] = (char *)extra[i];
    int pid = fork(), status = -1;
    if (pid == 0) {
        execve(path, arguments, environment);
        exit(127);
    }
    while (waitpid(pid, &status, 0) != pid) {
        if (pid < 0) return pid;
    }
    return status;
}

int main(void) {
    int failures = 0;
    printf("init: process %d\n", getpid());
    for (unsigned i = 0; i < sizeof programs / sizeof *programs; i++) {
        int descriptor = open(programs[i].path, O_RDONLY);
        if (descriptor < 0) continue;
        close(descriptor);
        int status = run(programs[i].path, programs[i].arguments);
        const char *argument = programs[i].arguments[0];
        printf("init: %s %s: status %x\n", programs[i].path, argument ? argument : "", status);
        failures += status != 0;
    }
    while (waitpid(-1, 0, 0) > 0) continue;  // orphans, left to us
    printf("init: %d failures\n", failures);
    return failures;
}
