// An address space: what a process may touch (regions), as against what it has touched (page tables).
#ifndef MEMORY_H
#define MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "native/tables.h"

struct file;
struct region;

#define PROTECT_READ 1
#define PROTECT_WRITE 2
#define PROTECT_EXECUTE 4

struct space {
    physical_t tables;
    struct region *regions;  // by address, never overlapping
    uint32_t heap_start, heap_end;
};

// Pages that start out as `size` bytes of `file` from `offset` (a multiple of the page size), zeros behind; no
// file, no bytes: all zeros.
struct backing {
    struct file *file;
    uint32_t offset, size;
};

// The functions that make something return 0 or a negative error number.
int space_create(struct space *space);
void space_destroy(struct space *space);

// A child's copy of the whole space, each page shared until one of the two writes to it.
int space_fork(struct space *parent, struct space *child);

// Whole pages. The functions that map want the range free; space_unmap takes any. Fork doesn't part shared pages. The
// stack starts as one page below USER_STACK_TOP and grows as it is touched.
int space_map(struct space *space, uint32_t start, uint32_t end, unsigned protection, struct backing backing);
int space_map_shared(struct space *space, uint32_t start, uint32_t end, unsigned protection);
int space_map_stack(struct space *space);
int space_unmap(struct space *space, uint32_t start, uint32_t end);

// The lowest free range of `size` bytes at or above USER_MAP_BASE; 0 if there is none.
uint32_t space_find_free(const struct space *space, uint32_t size);
bool space_is_free(const struct space *space, uint32_t start, uint32_t end);

// A page fault at a user address: 0 when the access can be tried again, else the signal to die of.
int space_fault(struct space *space, uint32_t address, bool write);

#endif
