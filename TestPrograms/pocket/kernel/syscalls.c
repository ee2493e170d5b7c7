// The system call table: Linux's numbers for i386. The entry paths (native/entry.S) call through it.
#include "syscalls.h"

#include "errors.h"

static int sys_unknown(struct frame *frame) {
    (void)frame;
    return -ENOSYS;
}

// User and group 0.
static int sys_zero(struct frame *frame) {
    (void)frame;
    return 0;
}

#pragma clang diagnostic ignored "-Winitializer-overrides"

syscall_function *const syscall_table[SYSCALL_LIMIT] = {
    [0 ... SYSCALL_LIMIT - 1] = sys_unknown,
    [1] = sys_exit,
    [2] = sys_fork,
    [3] = sys_read,
    [4] = sys_write,
    [5] = sys_open,
    [6] = sys_close,
    [7] = sys_waitpid,
    [10] = sys_unlink,
    [11] = sys_execve,
    [19] = sys_lseek,
    [20] = sys_getpid,
    [24] = sys_zero,  // getuid
    [45] = sys_brk,
    [47] = sys_zero,  // getgid
    [49] = sys_zero,  // geteuid
    [50] = sys_zero,  // getegid
    [63] = sys_dup2,
    [64] = sys_getppid,
    [90] = sys_mmap,
    [91] = sys_munmap,
    [114] = sys_waitpid,  // wait4: nobody counts a child's resources
    [116] = sys_sysinfo,
    [146] = sys_writev,
    [158] = sys_sched_yield,
    [162] = sys_nanosleep,
    [190] = sys_fork,  // vfork: copy on write makes it cheap enough
    [192] = sys_mmap2,
    [199] = sys_zero,  // getuid32
    [200] = sys_zero,  // getgid32
    [201] = sys_zero,  // geteuid32
    [202] = sys_zero,  // getegid32
    [224] = sys_getpid,  // gettid
    [252] = sys_exit,  // exit_group
    [265] = sys_clock_gettime,
};
