// A test is a function that a child process runs: it passes if the child exits with 0.
#ifndef TESTS_H
#define TESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "stdio.h"
#include "stdlib.h"
#include "string.h"
#include "system.h"

struct test {
    const char *name;
    void (*run)(void);
};

// Ended by an entry without a name.
extern const struct test process_tests[], memory_tests[], file_tests[], call_tests[], time_tests[], fpu_tests[], disk_tests[];

// What a process executed by the test "overwrite-program" does.
int overwrite_own_file(void);

// There is a disk that can be opened.
bool has_disk(void);

// CPUID says that there is an x87 unit.
bool has_fpu(void);

// What a process executed by the test "fpu-fresh" does: 43 if nobody's numbers are in its x87 registers.
int registers_are_fresh(void);

#define CHECK(condition)                                                         \
    do {                                                                         \
        if (!(condition)) {                                                      \
            printf("  %s:%d: not so: %s\n", __FILE__, __LINE__, #condition);     \
            exit(1);                                                             \
        }                                                                        \
    } while (0)

#define EXIT(code) ((code) << 8)

#define SIGILL 4
#define SIGTRAP 5
#define SIGFPE 8
#define SIGSEGV 11

#define SELF "pocket-tests.elf"

// How a child that does `action` ends, as waitpid reports it.
int status_of(void (*action)(void));

// Zeroed memory that children share.
void *shared_memory(size_t size);

#endif
