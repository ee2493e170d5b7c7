// Small records in pages of one size class each; what is larger than half a page gets pages of its own. A class
// keeps its pages for good: the kernel's records come and go in like numbers.
#include "heap.h"

#include <stdbool.h>
#include <stdint.h>

#include "pages.h"

#define SMALLEST 16
#define CLASSES 8  // 16, 32, ... 2048 bytes
#define LARGE CLASSES

struct item {
    struct item *next;
};

static struct item *unused[CLASSES];

static bool refill(unsigned class) {
    physical_t frame = page_allocate();
    if (!frame) return false;
    page_of(frame)->heap_class = class;
    char *memory = linear(frame);
    uint32_t size = SMALLEST << class;
    for (uint32_t at = 0; at < PAGE_SIZE; at += size) {
        struct item *item = (struct item *)(memory + at);
        item->next = unused[class];
        unused[class] = item;
    }
    return true;
}

static void *allocate_pages(size_t size) {
    unsigned order = 0;
    while (order < PAGE_ORDERS && (size_t)PAGE_SIZE << order < size) order++;
    physical_t address = pages_allocate(order);
    if (!address) return 0;
    page_of(address)->heap_class = LARGE;
    return linear(address);
}

void *heap_allocate(size_t size) {
    unsigned class = 0;
    while (class < CLASSES && (size_t)SMALLEST << class < size) class++;
    if (class == CLASSES) return allocate_pages(size);
    if (!unused[class] && !refill(class)) return 0;
    struct item *item = unused[class];
    unused[class] = item->next;
    return item;
}

void heap_release(void *memory) {
    if (!memory) return;
    struct page *page = page_of(physical(memory));
    if (page->heap_class == LARGE) {
        pages_release(physical(memory), page->order);
        return;
    }
    struct item *item = memory;
    item->next = unused[page->heap_class];
    unused[page->heap_class] = item;
}
