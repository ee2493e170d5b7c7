// Memory for the kernel's own records.
#ifndef HEAP_H
#define HEAP_H

#include <stddef.h>

// Null if memory is out.
void *heap_allocate(size_t size);
void heap_release(void *memory);

#endif
