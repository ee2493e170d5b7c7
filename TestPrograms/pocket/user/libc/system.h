// System calls, by Linux's names and numbers. Unlike libc's, they return a negative error number themselves.
#ifndef SYSTEM_H
#define SYSTEM_H

#include <stddef.h>
#include <stdint.h>

#define ENOENT 2
#define EBADF 9
#define ECHILD 10
#define ENOMEM 12
#define EFAULT 14
#define EINVAL 22
#define ENOSYS 38

#define O_RDONLY 0
#define O_WRONLY 1
#define O_RDWR 2
#define O_CREAT 0x40
#define O_EXCL 0x80
#define O_TRUNC 0x200
#define O_APPEND 0x400

#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2

#define PROT_NONE 0
#define PROT_READ 1
#define PROT_WRITE 2
#define MAP_SHARED 0x01
#define MAP_PRIVATE 0x02
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20

#define WNOHANG 1
#define WIFEXITED(status) (((status) & 0x7F) == 0)
#define WEXITSTATUS(status) ((status) >> 8 & 0xFF)
#define WTERMSIG(status) ((status) & 0x7F)

#define AT_HWCAP 16  // CPUID leaf 1, EDX
#define AT_SYSINFO 32

struct timespec {
    int32_t tv_sec, tv_nsec;
};

struct iovec {
    const void *iov_base;
    size_t iov_len;
};

// Through `system_gate`: gate_interrupt (INT 0x80), or the vsyscall page, where SYSENTER is.
int system_call(int number, ...);
extern void (*system_gate)(void);
void gate_interrupt(void);

// True if the kernel offered a vsyscall page.
int use_sysenter(void);
void use_interrupt(void);

extern char **environment;
uint32_t auxiliary_value(uint32_t type);

__attribute__((noreturn)) void exit(int code);
int fork(void);
int read(int descriptor, void *to, size_t size);
int write(int descriptor, const void *from, size_t size);
int writev(int descriptor, const struct iovec *parts, int count);
int open(const char *path, int flags);
int close(int descriptor);
int waitpid(int pid, int *status, int options);
int unlink(const char *path);
int execve(const char *path, char *const arguments[], char *const environment[]);
int lseek(int descriptor, int offset, int whence);
int dup2(int from, int to);
int getpid(void);
int getppid(void);
uint32_t brk(uint32_t end);
void *mmap(void *start, size_t size, int protection, int flags, int descriptor, uint32_t offset);
int munmap(void *start, size_t size);
int sched_yield(void);
int nanosleep(const struct timespec *time, struct timespec *left);
int clock_gettime(int clock, struct timespec *time);

// Bytes of memory that nobody uses.
uint32_t free_memory(void);

static inline int is_error(const void *address) { return (uintptr_t)address > (uintptr_t)-4096; }

#endif
