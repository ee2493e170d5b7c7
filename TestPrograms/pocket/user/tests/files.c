// The RAM file system and descriptors.
#include "tests.h"

static void what_is_written_can_be_read(void) {
    char text[32];
    int file = open("/tmp/note", O_CREAT | O_WRONLY | O_TRUNC);
    CHECK(file > 2);
    CHECK(write(file, "hello, ", 7) == 7 && write(file, "file", 4) == 4);
    CHECK(read(file, text, 4) == -EBADF);
    CHECK(close(file) == 0 && close(file) == -EBADF);
    file = open("note", O_RDONLY);
    CHECK(read(file, text, sizeof text) == 11 && !memcmp(text, "hello, file", 11));
    CHECK(read(file, text, sizeof text) == 0);
    CHECK(write(file, "x", 1) == -EBADF);
}

static void files_grow(void) {
    static char block[10000];
    int file = open("big", O_CREAT | O_RDWR | O_TRUNC);
    for (int i = 0; i < 50; i++) {
        memset(block, i, sizeof block);
        CHECK(write(file, block, sizeof block) == (int)sizeof block);
    }
    CHECK(lseek(file, 0, SEEK_END) == 500000);
    for (int i = 49; i >= 0; i--) {
        CHECK(lseek(file, i * 10000, SEEK_SET) == i * 10000 && read(file, block, 10000) == 10000);
        CHECK(block[0] == i && block[9999] == i);
    }
    CHECK(unlink("big") == 0 && open("big", O_RDONLY) == -ENOENT);
    CHECK(lseek(file, 0, SEEK_SET) == 0 && read(file, block, 1) == 1);  // still open
}

static void holes_read_as_zeros(void) {
    char text[4] = "xxx";
    int file = open("hole", O_CREAT | O_RDWR | O_TRUNC);
    CHECK(lseek(file, 20000, SEEK_SET) == 20000 && write(file, "end", 3) == 3);
    CHECK(lseek(file, 9000, SEEK_SET) == 9000 && read(file, text, 2) == 2 && text[0] == 0 && text[1] == 0);
    CHECK(lseek(file, -3, SEEK_END) == 20000 && read(file, text, 3) == 3 && text[2] == 'd');
    CHECK(lseek(file, -1, SEEK_SET) == -EINVAL && lseek(1, 0, SEEK_SET) == -29);
}

static void open_obeys_its_flags(void) {
    char text[8];
    CHECK(open("absent", O_RDONLY) == -ENOENT && open("", O_CREAT | O_WRONLY) == -ENOENT);
    int file = open("flags", O_CREAT | O_EXCL | O_WRONLY);
    CHECK(file > 2 && write(file, "abc", 3) == 3);
    CHECK(open("flags", O_CREAT | O_EXCL | O_WRONLY) == -17);  // EEXIST
    int more = open("flags", O_WRONLY | O_APPEND);
    CHECK(write(more, "d", 1) == 1);
    int again = open("flags", O_RDONLY);
    CHECK(read(again, text, 8) == 4 && text[3] == 'd');
    CHECK(open("flags", O_WRONLY | O_TRUNC) > 2 && lseek(again, 0, SEEK_END) == 0);
    while (open("flags", O_RDONLY) >= 0) continue;
    CHECK(open("flags", O_RDONLY) == -24);  // EMFILE
}

static void descriptors_share_a_position(void) {
    char text[4];
    int file = open("shared", O_CREAT | O_RDWR | O_TRUNC);
    CHECK(write(file, "0123456789", 10) == 10 && lseek(file, 0, SEEK_SET) == 0);
    CHECK(dup2(file, 9) == 9 && dup2(file, 99) == -EBADF && dup2(50, 3) == -EBADF && dup2(9, 9) == 9);
    CHECK(read(9, text, 2) == 2);
    int pid = fork();
    if (pid == 0) exit(read(file, text, 2) == 2 && text[0] == '2' ? 0 : 1);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(read(file, text, 1) == 1 && text[0] == '4');
}

static void output_can_go_to_a_file(void) {
    char text[16];
    int file = open("output", O_CREAT | O_RDWR | O_TRUNC), pid = fork();
    if (pid == 0) {
        dup2(file, 1);
        printf("into %s", "a file");
        exit(0);
    }
    CHECK(waitpid(pid, 0, 0) == pid);
    CHECK(lseek(file, 0, SEEK_SET) == 0 && read(file, text, 16) == 11 && !memcmp(text, "into a file", 11));
}

static void writev_writes_all_parts(void) {
    char text[16];
    struct iovec parts[] = {{"one", 3}, {"", 0}, {" two", 4}};
    int file = open("vector", O_CREAT | O_RDWR | O_TRUNC);
    CHECK(writev(file, parts, 3) == 7);
    CHECK(lseek(file, 0, SEEK_SET) == 0 && read(file, text, 16) == 7 && !memcmp(text, "one two", 7));
    CHECK(writev(file, (void *)0xBFFFFFF0, 100) == -EFAULT);
}

// The file gets new pages; the process keeps those that it has touched, and it has touched all of its code.
static void a_running_program_survives_its_file(void) {
    static char block[4096];
    int file = open(SELF, O_RDONLY), copy = open("copy.elf", O_CREAT | O_RDWR | O_TRUNC), count;
    while ((count = read(file, block, sizeof block)) > 0) CHECK(write(copy, block, count) == count);
    close(file);
    int pid = fork(), status;
    if (pid == 0) {
        execve("copy.elf", (char *[]){"copy.elf", "--overwrite", 0}, environment);
        exit(1);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(lseek(copy, 0, SEEK_SET) == 0 && read(copy, block, 4) == 4 && !memcmp(block, "oops", 4));
}

int overwrite_own_file(void) {
    extern const volatile char program_start_address[], program_text_end[];
    for (const volatile char *at = program_start_address; at < program_text_end; at += 4096) (void)*at;
    int copy = open("copy.elf", O_RDWR), size = lseek(copy, 0, SEEK_END);
    CHECK(size > 0 && lseek(copy, 0, SEEK_SET) == 0);
    for (int at = 0; at < size; at += 4) CHECK(write(copy, "oops", 4) == 4);
    return 0;
}

const struct test file_tests[] = {
    {"write-read", what_is_written_can_be_read},
    {"big-file", files_grow},
    {"holes", holes_read_as_zeros},
    {"open-flags", open_obeys_its_flags},
    {"positions", descriptors_share_a_position},
    {"redirection", output_can_go_to_a_file},
    {"writev", writev_writes_all_parts},
    {"overwrite-program", a_running_program_survives_its_file},
    {0, 0},
};
