// Linux's error numbers; a system call returns them negated.
#ifndef ERRORS_H
#define ERRORS_H

#define ENOENT 2
#define ESRCH 3
#define EIO 5
#define E2BIG 7
#define ENOEXEC 8
#define EBADF 9
#define ECHILD 10
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EEXIST 17
#define EINVAL 22
#define EMFILE 24
#define EFBIG 27
#define ESPIPE 29
#define ENAMETOOLONG 36
#define ENOSYS 38

#endif
