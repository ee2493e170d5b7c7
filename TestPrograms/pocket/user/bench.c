// The work that Trapline's mechanisms are measured by: bench [NAME [ITERATIONS]]..., all of it without arguments.
// Each piece prints "NAME ITERATIONS" when it is done. How long it took is for whoever watches to say.
#include <stdbool.h>

#include "stdio.h"
#include "stdlib.h"
#include "string.h"
#include "system.h"

#define PAGE 4096
#define STORM_PAGES 256
#define COW_PAGES 64
#define GETPPID 64
#define SELF "pocket-bench.elf"

static void check(bool condition, const char *what) {
    if (condition) return;
    printf("bench: %s failed\n", what);
    exit(1);
}

// The two loops are bare, so that what is measured is the gate.
static void getppid_int80(uint32_t count) {
    uint32_t result;
    for (; count; count--) __asm__ volatile("int $0x80" : "=a"(result) : "0"(GETPPID) : "memory");
}

static void getppid_sysenter(uint32_t count) {
    void *gate = (void *)auxiliary_value(AT_SYSINFO);
    uint32_t result;
    check(gate, "finding the vsyscall page");
    for (; count; count--) __asm__ volatile("call *%1" : "=a"(result) : "r"(gate), "0"(GETPPID) : "memory");
}

static void reap(int pid) {
    int status;
    check(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "a child");
}

static void forkwait(uint32_t count) {
    for (; count; count--) {
        int pid = fork();
        if (pid == 0) exit(0);
        reap(pid);
    }
}

static void forkexec(uint32_t count) {
    for (; count; count--) {
        int pid = fork();
        if (pid == 0) {
            execve(SELF, (char *[]){SELF, "nothing", "1", 0}, environment);
            exit(1);
        }
        reap(pid);
    }
}

static void nothing(uint32_t count) { exit(count != 1); }

static char *map(size_t size) {
    char *memory = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(!is_error(memory), "mmap");
    return memory;
}

// Each iteration is one page that comes on demand.
static void pagefault(uint32_t count) {
    while (count) {
        uint32_t pages = count < STORM_PAGES ? count : STORM_PAGES;
        char *memory = map(pages * PAGE);
        for (uint32_t i = 0; i < pages; i++) memory[i * PAGE] = 1;
        munmap(memory, pages * PAGE);
        count -= pages;
    }
}

// Each iteration is one page that parts from its copy: a child writes to what its parent has filled.
static void cow(uint32_t count) {
    char *memory = map(COW_PAGES * PAGE);
    for (uint32_t i = 0; i < COW_PAGES; i++) memory[i * PAGE] = 1;
    while (count) {
        uint32_t pages = count < COW_PAGES ? count : COW_PAGES;
        int pid = fork();
        if (pid == 0) {
            for (uint32_t i = 0; i < pages; i++) memory[i * PAGE] = 2;
            exit(0);
        }
        reap(pid);
        count -= pages;
    }
    munmap(memory, COW_PAGES * PAGE);
}

// Maps four pages, touches one, splits the range and lets go of it.
static void mmap_churn(uint32_t count) {
    for (; count; count--) {
        char *memory = map(4 * PAGE);
        memory[PAGE] = 1;
        munmap(memory + PAGE, PAGE);
        munmap(memory, 4 * PAGE);
    }
}

// Two processes hand the CPU to each other: two switches an iteration.
static void yield(uint32_t count) {
    int pid = fork();
    for (uint32_t i = 0; i < count; i++) sched_yield();
    if (pid == 0) exit(0);
    reap(pid);
}

static void write_file(uint32_t count) {
    static char block[PAGE];
    int file = open("bench.data", O_CREAT | O_TRUNC | O_RDWR);
    check(file >= 0, "open");
    for (uint32_t i = 0; i < count; i++) {
        if (i % 64 == 0) lseek(file, 0, SEEK_SET);
        check(write(file, block, sizeof block) == sizeof block, "write");
    }
    close(file);
    unlink("bench.data");
}

static int open_disk(int flags) {
    int disk = open("disk", flags);
    check(disk >= 0, "opening the disk");
    return disk;
}

// Each iteration is one sector from the disk, of the first thousand in turn.
static void read_disk(uint32_t count) {
    static char block[512];
    int disk = open_disk(O_RDONLY);
    for (uint32_t i = 0; i < count; i++) {
        lseek(disk, i % 1000 * sizeof block, SEEK_SET);
        check(read(disk, block, sizeof block) == sizeof block, "read");
    }
    close(disk);
}

// Each iteration is one page from the disk.
static void read_page(uint32_t count) {
    static char block[PAGE];
    int disk = open_disk(O_RDONLY);
    for (uint32_t i = 0; i < count; i++) {
        lseek(disk, i % 256 * PAGE, SEEK_SET);
        check(read(disk, block, sizeof block) == sizeof block, "read");
    }
    close(disk);
}

// Each iteration is one page to the disk, marked with its number: what was written can be told.
static void write_disk(uint32_t count) {
    static uint32_t block[PAGE / 4];
    int disk = open_disk(O_WRONLY);
    for (uint32_t i = 0; i < count; i++) {
        for (unsigned n = 0; n < PAGE / 4; n++) block[n] = i + 1;
        lseek(disk, i % 256 * PAGE, SEEK_SET);
        check(write(disk, block, sizeof block) == sizeof block, "write");
    }
    close(disk);
}

// Each iteration is one line on the console.
static void console(uint32_t count) {
    static const char line[] = "a line of sixty-four bytes, as long as lines on consoles may be\n";
    for (uint32_t i = 0; i < count; i++) check(write(1, line, sizeof line - 1) == sizeof line - 1, "write");
}

static const struct {
    const char *name;
    bool is_left_out;  // of a run without arguments
    void (*run)(uint32_t count);
    uint32_t count;
} pieces[] = {
    {"getppid-int80", false, getppid_int80, 100000},
    {"getppid-sysenter", false, getppid_sysenter, 100000},
    {"forkwait", false, forkwait, 500},
    {"forkexec", false, forkexec, 200},
    {"pagefault", false, pagefault, 20000},
    {"cow", false, cow, 10000},
    {"mmap", false, mmap_churn, 5000},
    {"yield", false, yield, 20000},
    {"write", false, write_file, 10000},
    {"read", true, read_disk, 10000},  // these four want a disk, or make noise
    {"readpage", true, read_page, 10000},
    {"writedisk", true, write_disk, 10000},
    {"console", true, console, 1000},
    {"nothing", true, nothing, 1},  // what forkexec executes
};
#define PIECES (sizeof pieces / sizeof *pieces)

static void run(unsigned i, uint32_t count) {
    pieces[i].run(count);
    printf("%s %u\n", pieces[i].name, count);
}

int main(int argc, char **argv) {
    for (unsigned i = 0; argc == 1 && i < PIECES; i++) {
        if (!pieces[i].is_left_out) run(i, pieces[i].count);
    }
    for (int at = 1; at < argc; at++) {
        unsigned i = 0;
        while (i < PIECES && strcmp(pieces[i].name, argv[at])) i++;
        if (i == PIECES) {
            printf("bench: there is no \"%s\"\n", argv[at]);
            return 2;
        }
        bool has_count = at + 1 < argc && argv[at + 1][0] >= '0' && argv[at + 1][0] <= '9';
        run(i, has_count ? (uint32_t)atoi(argv[++at]) : pieces[i].count);
    }
    return 0;
}
