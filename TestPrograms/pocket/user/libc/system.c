// A function a system call.
#include "system.h"

void exit(int code) {
    for (;;) system_call(252, code);
}

int fork(void) { return system_call(2); }
int read(int descriptor, void *to, size_t size) { return system_call(3, descriptor, to, size); }
int write(int descriptor, const void *from, size_t size) { return system_call(4, descriptor, from, size); }
int open(const char *path, int flags) { return system_call(5, path, flags, 0644); }
int close(int descriptor) { return system_call(6, descriptor); }
int waitpid(int pid, int *status, int options) { return system_call(7, pid, status, options); }
int unlink(const char *path) { return system_call(10, path); }
int execve(const char *path, char *const arguments[], char *const variables[]) {
    return system_call(11, path, arguments, variables);
}
int lseek(int descriptor, int offset, int whence) { return system_call(19, descriptor, offset, whence); }
int getpid(void) { return system_call(20); }
uint32_t brk(uint32_t end) { return system_call(45, end); }
int dup2(int from, int to) { return system_call(63, from, to); }
int getppid(void) { return system_call(64); }
int munmap(void *start, size_t size) { return system_call(91, start, size); }
int writev(int descriptor, const struct iovec *parts, int count) { return system_call(146, descriptor, parts, count); }
int sched_yield(void) { return system_call(158); }
int nanosleep(const struct timespec *time, struct timespec *left) { return system_call(162, time, left); }
void *mmap(void *start, size_t size, int protection, int flags, int descriptor, uint32_t offset) {
    return (void *)system_call(192, start, size, protection, flags, descriptor, offset >> 12);
}
int clock_gettime(int clock, struct timespec *time) { return system_call(265, clock, time); }

uint32_t free_memory(void) {
    uint32_t info[16];
    return system_call(116, info) ? 0 : info[5];
}
