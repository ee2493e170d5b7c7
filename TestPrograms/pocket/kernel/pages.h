// Physical memory by the page, with reference counts, so that processes and files can share pages.
#ifndef PAGES_H
#define PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "layout.h"

// A physical address; 0 is none.
typedef uint32_t physical_t;

// One record for each page of RAM.
struct page {
    struct page *next, *previous;  // in a list of free blocks; else its owner's
    uint32_t references;           // 0: free
    uint8_t order;                 // of the free or allocated block that starts here
    bool free_block;               // in a list of free blocks
    uint16_t heap_class;           // heap.c
};

#define PAGE_ORDERS 11  // blocks of 1 to 1024 pages

// The linear map: each physical address below boot.top, as the kernel can reach it.
static inline void *linear(physical_t address) { return (void *)(address + KERNEL_BASE); }
static inline physical_t physical(const void *pointer) { return (physical_t)pointer - KERNEL_BASE; }

extern struct page *page_records;
static inline struct page *page_of(physical_t address) { return &page_records[address / PAGE_SIZE]; }

static inline physical_t page_address(const struct page *page) { return (page - page_records) * PAGE_SIZE; }

void pages_start(void);

// One page with one reference, 0 if memory is out. Constant time.
physical_t page_allocate(void);
physical_t page_allocate_zeroed(void);

static inline void page_retain(physical_t address) { page_of(address)->references++; }
static inline uint32_t page_references(physical_t address) { return page_of(address)->references; }

// Gives back one reference; the last one frees the page.
void page_release(physical_t address);

// 2^order pages in a row.
physical_t pages_allocate(unsigned order);
void pages_release(physical_t address, unsigned order);

uint32_t pages_free(void);

#endif
