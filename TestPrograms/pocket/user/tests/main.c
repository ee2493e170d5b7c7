// Runs all tests, or those named: each in a process of its own, with one line of result. Exit status: how many failed.
#include "tests.h"

static const struct test *const suites[] = {process_tests, memory_tests, file_tests, call_tests, time_tests, fpu_tests,
                                            disk_tests};
static int passed, failed;

int status_of(void (*action)(void)) {
    int status = -1, pid = fork();
    if (pid == 0) {
        action();
        exit(0);
    }
    if (waitpid(pid, &status, 0) != pid) return -1;
    return status;
}

void *shared_memory(size_t size) {
    void *memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(!is_error(memory));
    return memory;
}

static void run(const struct test *test) {
    int status = status_of(test->run);
    if (status == 0) {
        passed++;
        printf("ok %s\n", test->name);
    } else {
        failed++;
        printf("FAILED %s: status %x\n", test->name, status);
    }
}

static bool is_wanted(const char *name, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (!strcmp(name, argv[i])) return true;
    }
    return argc < 2;
}

// What the test of execve executes: answers with its exit code whether all came over.
static int arguments_came_over(int argc, char **argv) {
    bool right = argc == 3 && !strcmp(argv[2], "two words") && !argv[3];
    return right && environment[0] && !strcmp(environment[0], "NAME=value") && !environment[1] ? 42 : 1;
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "--executed")) return arguments_came_over(argc, argv);
    if (argc > 1 && !strcmp(argv[1], "--numbers")) return registers_are_fresh();
    if (argc > 1 && !strcmp(argv[1], "--overwrite")) return overwrite_own_file();
    for (unsigned i = 0; i < sizeof suites / sizeof *suites; i++) {
        if (suites[i] == disk_tests && !has_disk()) continue;
        for (const struct test *test = suites[i]; test->name; test++) {
            if (is_wanted(test->name, argc, argv)) run(test);
        }
    }
    printf("tests: %d passed, %d failed\n", passed, failed);
    return failed;
}
