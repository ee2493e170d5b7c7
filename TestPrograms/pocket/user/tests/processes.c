// fork, execve, exit and waitpid.
#include "tests.h"

static void exit_7(void) { exit(7); }

static void exit_codes_reach_the_parent(void) {
    CHECK(status_of(exit_7) == EXIT(7));
    int pid = fork(), status;
    if (pid == 0) exit(0x1FF);
    CHECK(waitpid(-1, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0xFF);
}

static void a_child_knows_its_parent(void) {
    int parent = getpid(), pid = fork(), status;
    if (pid == 0) exit(getppid() == parent && getpid() != parent ? 0 : 1);
    CHECK(pid > parent);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void waiting_without_children_is_an_error(void) {
    int status;
    CHECK(waitpid(-1, &status, 0) == -ECHILD);
    int pid = fork();
    if (pid == 0) exit(0);
    CHECK(waitpid(pid + 1000, &status, 0) == -ECHILD);
    CHECK(waitpid(pid, 0, 0) == pid);
    CHECK(waitpid(pid, 0, 0) == -ECHILD);
}

static void wnohang_does_not_wait(void) {
    int *go = shared_memory(sizeof *go), pid = fork();
    if (pid == 0) {
        while (!*(volatile int *)go) sched_yield();
        exit(3);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, WNOHANG) == 0);
    *go = 1;
    int result;
    while ((result = waitpid(pid, &status, WNOHANG)) == 0) sched_yield();
    CHECK(result == pid && status == EXIT(3));
}

static void children_are_waited_for_by_number(void) {
    int pids[5];
    for (int i = 0; i < 5; i++) {
        pids[i] = fork();
        if (pids[i] == 0) exit(10 + i);
    }
    for (int i = 4; i >= 0; i--) {
        int status;
        CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == EXIT(10 + i));
    }
}

static void execve_passes_arguments(void) {
    char *arguments[] = {SELF, "--executed", "two words", 0}, *variables[] = {"NAME=value", 0};
    int pid = fork(), status;
    if (pid == 0) {
        execve("/bin/" SELF, arguments, variables);
        exit(1);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == EXIT(42));
}

static void execve_refuses_what_is_no_program(void) {
    char *arguments[] = {"x", 0};
    CHECK(execve("no-such-file", arguments, environment) == -ENOENT);
    int file = open("text", O_CREAT | O_WRONLY | O_TRUNC);
    CHECK(write(file, "#!/bin/sh\n", 10) == 10);
    CHECK(execve("text", arguments, environment) == -8);  // ENOEXEC
    CHECK(execve("console", arguments, environment) == -13);  // EACCES
    CHECK(execve(SELF, (char **)0xC0000000, environment) == -EFAULT);
    CHECK(execve(SELF, (char *[]){(char *)4, 0}, environment) == -EFAULT);
}

// Every byte of the program's headers, changed to something else: no crash of the kernel, whatever else happens.
static void damaged_programs_harm_only_themselves(void) {
    char header[52 + 64];
    int self = open(SELF, O_RDONLY);
    CHECK(read(self, header, sizeof header) == (int)sizeof header);
    for (unsigned i = 0; i < sizeof header; i++) {
        char kept = header[i];
        int file = open("damaged", O_CREAT | O_TRUNC | O_WRONLY);
        header[i] ^= i % 2 ? 0xFF : 0x81;
        write(file, header, sizeof header);
        header[i] = kept;
        close(file);
        int pid = fork();
        if (pid == 0) {
            execve("damaged", (char *[]){"damaged", 0}, environment);
            exit(0);
        }
        CHECK(waitpid(pid, 0, 0) == pid);
    }
    CHECK(unlink("damaged") == 0);
}

static void too_many_arguments_are_refused(void) {
    static char text[5000];
    memset(text, 'x', sizeof text - 1);
    char *arguments[10];
    for (int i = 0; i < 9; i++) arguments[i] = text;
    arguments[9] = 0;
    CHECK(execve(SELF, arguments, environment) == -7);  // E2BIG
}

static void orphans_go_to_the_first_process(void) {
    int *parent = shared_memory(2 * sizeof *parent), pid = fork();
    volatile int *seen = parent + 1;
    if (pid == 0) {
        if (fork() == 0) {
            while (getppid() != 1) sched_yield();
            *seen = 1;
            exit(0);
        }
        exit(0);
    }
    CHECK(waitpid(pid, 0, 0) == pid);
    while (!*seen) sched_yield();
    CHECK(waitpid(-1, 0, 0) == -ECHILD);
}

static void two_hundred_forks(void) {
    int count = 0, sum = 0, expected = 0, status;
    for (int i = 0; i < 200; i++) {
        int pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) exit(i);
        expected += i;
    }
    while (waitpid(-1, &status, 0) > 0) {
        count++;
        sum += WEXITSTATUS(status);
    }
    CHECK(count == 200 && sum == expected);
}

const struct test process_tests[] = {
    {"exit-codes", exit_codes_reach_the_parent},
    {"parents", a_child_knows_its_parent},
    {"no-children", waiting_without_children_is_an_error},
    {"wnohang", wnohang_does_not_wait},
    {"wait-by-number", children_are_waited_for_by_number},
    {"execve", execve_passes_arguments},
    {"execve-refuses", execve_refuses_what_is_no_program},
    {"damaged-programs", damaged_programs_harm_only_themselves},
    {"too-many-arguments", too_many_arguments_are_refused},
    {"orphans", orphans_go_to_the_first_process},
    {"200-forks", two_hundred_forks},
    {0, 0},
};
