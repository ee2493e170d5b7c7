// Memory and numbers.
#ifndef STDLIB_H
#define STDLIB_H

#include <stddef.h>

void *malloc(size_t size);
void free(void *memory);

// The decimal number that `text` starts with.
int atoi(const char *text);

#endif
