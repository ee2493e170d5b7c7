// printf without a buffer, so that nothing waits to be printed when a process forks or dies.
#include <stdarg.h>

#include "format.h"
#include "stdio.h"
#include "system.h"

#define LONGEST 512

int printf(const char *pattern, ...) {
    char text[LONGEST];
    va_list arguments;
    va_start(arguments, pattern);
    size_t length = format(text, sizeof text, pattern, arguments);
    va_end(arguments);
    return write(1, text, length);
}
