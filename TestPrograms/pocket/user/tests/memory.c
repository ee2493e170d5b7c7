// Demand paging, copy on write, mmap, munmap and brk, and what becomes of those who touch what isn't theirs.
#include "tests.h"

#define PAGE 4096
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define BOTH (PROT_READ | PROT_WRITE)

static volatile int in_data = 11;
static volatile char *touched;
static char block[PAGE];

static void touch(void) { *touched = 1; }
static int touch_status(volatile void *address) {
    touched = address;
    return status_of(touch);
}

static void look(void) { (void)*touched; }
static int look_status(volatile void *address) {
    touched = address;
    return status_of(look);
}

static char *map(size_t size) {
    char *memory = mmap(0, size, BOTH, ANONYMOUS, -1, 0);
    CHECK(!is_error(memory));
    return memory;
}

static void forked_memory_is_separate(void) {
    volatile int on_stack = 22;
    volatile char *mapped = map(8 * PAGE);
    for (int i = 0; i < 8; i++) mapped[i * PAGE] = i;
    int pid = fork();
    if (pid == 0) {
        CHECK(in_data == 11 && on_stack == 22 && mapped[5 * PAGE] == 5);
        in_data = on_stack = 33;
        for (int i = 0; i < 8; i++) mapped[i * PAGE] = 100 + i;
        exit(in_data == 33 && mapped[7 * PAGE] == 107 ? 0 : 1);
    }
    mapped[5 * PAGE] = 55;
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(in_data == 11 && on_stack == 22);
    for (int i = 0; i < 8; i++) CHECK(mapped[i * PAGE] == (i == 5 ? 55 : i));
    in_data = 44;  // the last holder of the page
    CHECK(in_data == 44);
}

static void grandchildren_see_the_moment_of_their_fork(void) {
    volatile int *value = (int *)map(PAGE);
    for (int depth = 0; depth < 6; depth++) {
        *value = depth;
        int pid = fork(), status;
        if (pid == 0) {
            CHECK(*value == depth);
            continue;
        }
        *value = -1;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        CHECK(*value == -1);
        exit(0);
    }
}

static void pages_come_zeroed_on_demand(void) {
    const size_t size = 512u << 20;  // far more than there is
    char *memory = map(size);
    for (size_t at = 0; at < size; at += 64u << 20) {
        CHECK(memory[at] == 0 && memory[at + PAGE - 1] == 0);
        memory[at] = 1;
    }
    CHECK(munmap(memory, size) == 0);
    memory = map(64 * PAGE);
    for (int i = 0; i < 64 * PAGE; i++) CHECK(memory[i] == 0);
}

static void munmap_splits_a_range(void) {
    char *memory = map(5 * PAGE);
    memset(memory, 7, 5 * PAGE);
    CHECK(munmap(memory + 2 * PAGE, PAGE) == 0);
    CHECK(memory[2 * PAGE - 1] == 7 && memory[3 * PAGE] == 7);
    CHECK(look_status(memory + 2 * PAGE) == SIGSEGV);
    CHECK(touch_status(memory + 3 * PAGE - 1) == SIGSEGV);
    CHECK(munmap(memory + 1, PAGE) == -EINVAL);
    CHECK(munmap(memory, 0) == -EINVAL);
    CHECK(munmap((void *)0xC0000000, PAGE) == -EINVAL);
    char *again = mmap(memory + 2 * PAGE, PAGE, BOTH, ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(again == memory + 2 * PAGE && *again == 0);
    CHECK(munmap(memory, 5 * PAGE) == 0);
    CHECK(look_status(memory) == SIGSEGV && look_status(memory + 4 * PAGE) == SIGSEGV);
}

static void protection_holds(void) {
    char *read_only = mmap(0, PAGE, PROT_READ, ANONYMOUS, -1, 0), *none = mmap(0, PAGE, PROT_NONE, ANONYMOUS, -1, 0);
    CHECK(*read_only == 0);
    CHECK(touch_status(read_only) == SIGSEGV);
    CHECK(look_status(none) == SIGSEGV);
    CHECK(read(0, read_only, 0) == 0);
    int file = open(SELF, O_RDONLY);
    CHECK(read(file, read_only, 4) == -EFAULT);
    CHECK(write(1, none, 4) == -EFAULT);
}

static void the_heap_grows_and_shrinks(void) {
    char *start = (char *)brk(0);
    CHECK(brk((uint32_t)start + 10 * PAGE) == (uint32_t)start + 10 * PAGE);
    memset(start, 9, 10 * PAGE);
    CHECK(brk((uint32_t)start + PAGE) == (uint32_t)start + PAGE);
    CHECK(start[PAGE - 1] == 9);
    CHECK(look_status(start + 5 * PAGE) == SIGSEGV);
    CHECK(brk((uint32_t)start + 2 * PAGE) == (uint32_t)start + 2 * PAGE);
    CHECK(start[PAGE] == 0);
    CHECK(brk(0xD0000000) == (uint32_t)start + 2 * PAGE);
    CHECK(brk(0) == (uint32_t)start + 2 * PAGE);
}

static void malloc_gives_distinct_memory(void) {
    char *blocks[200];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 200; i++) {
            blocks[i] = malloc(1 + i * 17);
            CHECK(blocks[i]);
            memset(blocks[i], i, 1 + i * 17);
        }
        for (int i = 0; i < 200; i++) {
            CHECK(blocks[i][0] == (char)i && blocks[i][i * 17] == (char)i);
            free(blocks[i]);
        }
    }
    CHECK(brk(0) < 0x08048000 + (8u << 20));
}

static int deep(int levels) {
    volatile char room[1000];
    room[0] = levels;
    return levels ? deep(levels - 1) + room[0] - (char)levels : 0;
}

static void the_stack_grows(void) {
    CHECK(deep(4000) == 0);
    CHECK(look_status((char *)&(int){0} - (9 << 20)) == SIGSEGV);
}

static void shared_memory_is_shared(void) {
    volatile int *memory = shared_memory(3 * PAGE);
    int pid = fork();
    if (pid == 0) {
        memory[2048] = 5;
        exit(0);
    }
    CHECK(waitpid(pid, 0, 0) == pid);
    CHECK(memory[2048] == 5 && memory[0] == 0);
}

static void a_mapped_file_can_be_read_but_not_changed(void) {
    int file = open("mapped", O_CREAT | O_TRUNC | O_RDWR);
    for (int i = 0; i < 3; i++) {
        memset(block, 'a' + i, PAGE);
        CHECK(write(file, block, i < 2 ? PAGE : 100) == (i < 2 ? PAGE : 100));
    }
    volatile char *memory = mmap(0, 2 * PAGE, BOTH, MAP_PRIVATE, file, PAGE);
    CHECK(!is_error((void *)memory));
    CHECK(memory[0] == 'b' && memory[PAGE] == 'c' && memory[PAGE + 99] == 'c' && memory[PAGE + 100] == 0);
    memory[0] = 'x';
    CHECK(lseek(file, PAGE, SEEK_SET) == PAGE && read(file, block, 1) == 1 && block[0] == 'b');
    CHECK(lseek(file, 0, SEEK_SET) == 0 && write(file, "y", 1) == 1);
    CHECK(memory[0] == 'x');
    CHECK(close(file) == 0 && unlink("mapped") == 0);
    CHECK(memory[PAGE + 1] == 'c');
}

static void nobody_touches_what_is_not_theirs(void) {
    CHECK(look_status(0) == SIGSEGV);
    CHECK(touch_status(0) == SIGSEGV);
    CHECK(touch_status((void *)(uintptr_t)&nobody_touches_what_is_not_theirs) == SIGSEGV);  // its own code
    CHECK(look_status((void *)0xC0100000) == SIGSEGV);
    CHECK(touch_status((void *)0xC0100000) == SIGSEGV);
    CHECK(touch_status((void *)0xFFFFE000) == SIGSEGV);
    CHECK(look_status((void *)0xFFFFF000) == SIGSEGV);
}

// A bit of everything that takes memory and gives it back.
static void churn(void) {
    char *memory = map(100 * PAGE);
    memset(memory, 1, 100 * PAGE);
    for (int i = 0; i < 10; i++) {
        int pid = fork();
        if (pid == 0) {
            memset(memory, 2, 50 * PAGE);
            if (i % 2) execve(SELF, (char *[]){SELF, "--executed", 0}, environment);
            exit(1);
        }
        CHECK(waitpid(pid, 0, 0) == pid);
    }
    CHECK(munmap(memory + PAGE, 98 * PAGE) == 0 && munmap(memory, 100 * PAGE) == 0);
    int file = open("churn", O_CREAT | O_TRUNC | O_WRONLY);
    for (int i = 0; i < 300; i++) CHECK(write(file, block, PAGE) == PAGE);
    CHECK(close(file) == 0 && unlink("churn") == 0);
    CHECK(!is_error(mmap(0, 40 * PAGE, BOTH, MAP_SHARED | MAP_ANONYMOUS, -1, 0)));
}

static void memory_comes_back(void) {
    CHECK(status_of(churn) == 0 && status_of(churn) == 0);  // the kernel's own records may take some for good
    uint32_t before = free_memory();
    for (int i = 0; i < 20; i++) CHECK(status_of(churn) == 0);
    CHECK(before && free_memory() == before);
}

const struct test memory_tests[] = {
    {"copy-on-write", forked_memory_is_separate},
    {"fork-chain", grandchildren_see_the_moment_of_their_fork},
    {"demand-zero", pages_come_zeroed_on_demand},
    {"munmap", munmap_splits_a_range},
    {"protection", protection_holds},
    {"brk", the_heap_grows_and_shrinks},
    {"malloc", malloc_gives_distinct_memory},
    {"stack", the_stack_grows},
    {"shared-memory", shared_memory_is_shared},
    {"mapped-file", a_mapped_file_can_be_read_but_not_changed},
    {"memory-comes-back", memory_comes_back},
    {"bad-addresses", nobody_touches_what_is_not_theirs},
    {0, 0},
};
