// The x87 registers: each process has its own, and none sees another's. Without such a unit the tests have nothing to do.
#include "tests.h"

// FNSAVE's image.
struct image {
    uint32_t control, status, tags, pointers[4];
    uint8_t registers[80];
};

bool has_fpu(void) {
    uint32_t a = 1, b, c, d;
    __asm__("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    return d & 1;
}

// Loads all that FNSAVE stores with something of this process's own.
static void fill(struct image *image, int number) {
    memset(image, 0, sizeof *image);
    image->control = 0xFFFF0300 | (number & 3) << 10 | 0x7F;  // its own rounding
    image->status = 0xFFFF0000 | (number & 7) << 11;
    image->tags = 0xFFFF0000;
    for (int i = 0; i < 8; i++) {
        uint8_t *to = image->registers + 10 * i;
        for (int byte = 0; byte < 7; byte++) to[byte] = (uint8_t)(number * 31 + i * 7 + byte);
        to[7] = (uint8_t)(0x80 | number);
        to[8] = (uint8_t)(0x10 + i);
        to[9] = 0x40;
    }
    __asm__ volatile("frstor %0" : : "m"(*image));
}

// Whether the registers are what fill() loaded; they stay so.
static bool are_kept(const struct image *filled) {
    struct image now;
    __asm__ volatile("fnsave %0" : "=m"(now));
    __asm__ volatile("frstor %0" : : "m"(now));
    return (uint16_t)now.control == (uint16_t)filled->control && (uint16_t)now.status == (uint16_t)filled->status &&
           !memcmp(now.registers, filled->registers, sizeof now.registers);
}

// Six processes with registers full of their own numbers. Half of them never enter the kernel by themselves: the timer
// takes the processor away between any two instructions.
static void everybody_keeps_his_own(void) {
    if (!has_fpu()) return;
    volatile uint32_t *turns = shared_memory(4096);
    int pids[6], status;
    for (int me = 0; me < 6; me++) {
        pids[me] = fork();
        if (pids[me]) continue;
        struct image image;
        fill(&image, me);
        for (;;) {
            CHECK(are_kept(&image));
            turns[me]++;
            if (me & 1) sched_yield();
            bool enough = true;
            for (int i = 0; i < 6; i++) enough = enough && turns[i] >= 8;
            if (enough) exit(0);
        }
    }
    for (int i = 0; i < 6; i++) CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
}

static void fork_copies_the_registers(void) {
    if (!has_fpu()) return;
    struct image image, other;
    fill(&image, 5);
    int pid = fork(), status;
    if (pid == 0) {
        CHECK(are_kept(&image));
        fill(&other, 2);
        sched_yield();
        CHECK(are_kept(&other));
        exit(0);
    }
    sched_yield();
    CHECK(are_kept(&image));
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(are_kept(&image));
}

int registers_are_fresh(void) {
    struct image image;
    __asm__ volatile("fnsave %0" : "=m"(image));
    bool clean = (uint16_t)image.control == 0x37F && (uint16_t)image.status == 0 && (uint16_t)image.tags == 0xFFFF;
    for (unsigned i = 0; i < sizeof image.registers; i++) clean = clean && image.registers[i] == 0;
    return clean ? 43 : 1;
}

// A new program finds zeros even in registers that are marked empty.
static void a_new_program_sees_nothing(void) {
    if (!has_fpu()) return;
    struct image image;
    fill(&image, 6);
    char *arguments[] = {SELF, "--numbers", 0};
    int pid = fork(), status;
    if (pid == 0) {
        execve("/bin/" SELF, arguments, environment);
        exit(1);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == EXIT(43));
    CHECK(are_kept(&image));
}

const struct test fpu_tests[] = {
    {"fpu-own", everybody_keeps_his_own},
    {"fpu-fork", fork_copies_the_registers},
    {"fpu-fresh", a_new_program_sees_nothing},
    {0, 0},
};
