// The console: what processes know as descriptors 0, 1 and 2, and where the kernel itself prints.
#ifndef CONSOLE_H
#define CONSOLE_H

#include "files.h"

extern const struct device console_device;

void console_start(void);
void console_listen(void);

__attribute__((format(printf, 1, 2))) void print(const char *pattern, ...);

#endif
