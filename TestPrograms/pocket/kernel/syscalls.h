// System calls. Each takes the caller's registers and returns what goes into its EAX.
#ifndef SYSCALLS_H
#define SYSCALLS_H

#include "frame.h"

#define PATH_SIZE 256

typedef int syscall_function(struct frame *frame);

syscall_function sys_exit, sys_fork, sys_waitpid, sys_getpid, sys_getppid, sys_sched_yield;  // process.c
syscall_function sys_execve;                                                                 // exec.c
syscall_function sys_read, sys_write, sys_writev, sys_open, sys_close, sys_lseek;            // descriptors.c
syscall_function sys_dup2, sys_unlink;
syscall_function sys_brk, sys_mmap, sys_mmap2, sys_munmap, sys_sysinfo;                       // memory_calls.c
syscall_function sys_nanosleep, sys_clock_gettime;                                           // clock.c

#endif
