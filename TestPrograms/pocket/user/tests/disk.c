// The disk, where there is one. What a test writes it takes back.
#include "tests.h"

#define SECTOR 512
#define LARGE (5 * 16384 + 3)  // more than the kernel moves at once, and no whole sectors

static int open_disk(void) {
    int disk = open("disk", O_RDWR);
    CHECK(disk >= 0);
    return disk;
}

static void move(int disk, int at, bool is_write, void *bytes, int size) {
    CHECK(lseek(disk, at, SEEK_SET) == at);
    CHECK((is_write ? write(disk, bytes, size) : read(disk, bytes, size)) == size);
}

bool has_disk(void) {
    int disk = open("disk", O_RDWR);
    if (disk < 0) return false;
    close(disk);
    return true;
}

static void parts_of_sectors_are_written(void) {
    static unsigned char before[4 * SECTOR], after[4 * SECTOR], part[SECTOR + 2];
    int disk = open_disk();
    move(disk, 0, false, before, sizeof before);
    for (unsigned i = 0; i < sizeof part; i++) part[i] = before[SECTOR - 1 + i] + 1;
    move(disk, SECTOR - 1, true, part, sizeof part);
    CHECK(lseek(disk, 0, SEEK_CUR) == SECTOR - 1 + (int)sizeof part);
    move(disk, 0, false, after, sizeof after);
    move(disk, 0, true, before, sizeof before);
    CHECK(!memcmp(after, before, SECTOR - 1));
    CHECK(!memcmp(after + SECTOR - 1, part, sizeof part));
    unsigned end = SECTOR - 1 + sizeof part;
    CHECK(!memcmp(after + end, before + end, sizeof after - end));
}

static void transfers_end_with_the_disk(void) {
    char bytes[2 * SECTOR];
    int disk = open_disk(), size = lseek(disk, 0, SEEK_END);
    CHECK(size > 0 && size % SECTOR == 0);
    CHECK(read(disk, bytes, 1) == 0 && write(disk, bytes, 1) == 0);
    CHECK(lseek(disk, size - 5, SEEK_SET) == size - 5 && read(disk, bytes, sizeof bytes) == 5);
    CHECK(lseek(disk, 0, SEEK_CUR) == size);
    CHECK(lseek(disk, size - 5, SEEK_SET) == size - 5 && write(disk, bytes, sizeof bytes) == 5);
    CHECK(lseek(disk, 0x7FFFFFFF, SEEK_SET) == 0x7FFFFFFF && read(disk, bytes, 1) == 0);
}

static void large_transfers_come_back(void) {
    unsigned char *before = malloc(LARGE), *pattern = malloc(LARGE), *after = malloc(LARGE);
    int disk = open_disk();
    CHECK(lseek(disk, 0, SEEK_END) > LARGE + 7);
    move(disk, 7, false, before, LARGE);
    for (unsigned i = 0; i < LARGE; i++) pattern[i] = i * 7 + (i >> 8);
    move(disk, 7, true, pattern, LARGE);
    move(disk, 7, false, after, LARGE);
    move(disk, 7, true, before, LARGE);
    CHECK(!memcmp(after, pattern, LARGE));
}

// Each process reads its own sector, over and over: nobody may get another's bytes.
static void readers_do_not_meet(void) {
    int children = 0;
    for (int number = 0; number < 4; number++, children++) {
        int child = fork();
        CHECK(child >= 0);
        if (child) continue;
        char first[SECTOR], again[SECTOR];
        int disk = open_disk();
        move(disk, number * SECTOR, false, first, SECTOR);
        for (int i = 0; i < 50; i++) {
            move(disk, number * SECTOR, false, again, SECTOR);
            CHECK(!memcmp(first, again, SECTOR));
        }
        exit(0);
    }
    for (int status; children; children--) CHECK(waitpid(-1, &status, 0) > 0 && status == 0);
}

static void bad_buffers_are_refused(void) {
    int disk = open_disk();
    CHECK(read(disk, (void *)0xC0100000, SECTOR) == -EFAULT && write(disk, (void *)0xC0100000, SECTOR) == -EFAULT);
    CHECK(read(disk, 0, 1) == -EFAULT);
}

const struct test disk_tests[] = {
    {"disk-parts", parts_of_sectors_are_written},
    {"disk-end", transfers_end_with_the_disk},
    {"disk-large", large_transfers_come_back},
    {"disk-readers", readers_do_not_meet},
    {"disk-bad-addresses", bad_buffers_are_refused},
    {0, 0},
};
