// First fit over one list of blocks by address, in a heap that brk extends (Kernighan and Ritchie, 8.7, made simpler).
#include <stdbool.h>
#include <stdint.h>

#include "stdlib.h"
#include "system.h"

#define ALIGNMENT 16
#define GROWTH 0x10000

struct block {
    struct block *next;
    uint32_t size;  // of what follows
    bool used;
    uint32_t unused;
};

static struct block *first, *last;

static struct block *extend(uint32_t size) {
    uint32_t bytes = (size + sizeof(struct block) + GROWTH - 1) & ~(GROWTH - 1u);
    uint32_t start = (brk(0) + ALIGNMENT - 1) & ~(ALIGNMENT - 1u);
    if (bytes < size || brk(start + bytes) != start + bytes) return 0;
    struct block *block = (struct block *)start;
    *block = (struct block){.size = bytes - sizeof *block};
    if (last) {
        last->next = block;
    } else {
        first = block;
    }
    return last = block;
}

static void split(struct block *block, uint32_t size) {
    if (block->size < size + 2 * sizeof *block) return;
    struct block *rest = (struct block *)((char *)(block + 1) + size);
    *rest = (struct block){block->next, block->size - size - sizeof *rest, false, 0};
    block->next = rest;
    block->size = size;
    if (last == block) last = rest;
}

static bool joins(const struct block *block) {
    const struct block *next = block->next;
    return next && !next->used && (const char *)(block + 1) + block->size == (const char *)next;
}

void *malloc(size_t size) {
    if (size > INT32_MAX) return 0;
    size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1u);
    struct block *block = first;
    for (; block; block = block->next) {
        if (block->used) continue;
        while (joins(block)) {
            if (block->next == last) last = block;
            block->size += sizeof *block + block->next->size;
            block->next = block->next->next;
        }
        if (block->size >= size) break;
    }
    if (!block && !(block = extend(size))) return 0;
    split(block, size);
    block->used = true;
    return block + 1;
}

void free(void *memory) {
    if (memory) ((struct block *)memory - 1)->used = false;
}

int atoi(const char *text) {
    bool minus = *text == '-';
    int value = 0;
    for (text += minus; *text >= '0' && *text <= '9'; text++) value = value * 10 + *text - '0';
    return minus ? -value : value;
}
