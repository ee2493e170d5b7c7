// The formatting of printf, for the kernel and for user programs alike.
#ifndef FORMAT_H
#define FORMAT_H

#include <stdarg.h>
#include <stddef.h>

// %d %i %u %x %p %c %s %%, with 0, - and a width, or a precision for %s (both may be *); l is ignored. Writes at
// most `size` bytes, the final zero among them, and returns the length of what it wrote.
size_t format(char *to, size_t size, const char *pattern, va_list arguments);

#endif
