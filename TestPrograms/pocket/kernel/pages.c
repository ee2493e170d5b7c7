// The page allocator: a binary buddy system (Knuth, volume 1, 2.5) with a stack of single pages in front of it, so
// that taking or giving back one page touches no list of blocks.
#include "pages.h"

#include "boot.h"
#include "panic.h"
#include "string.h"

#define HOT_REFILL_ORDER 4
#define HOT_LIMIT 512
#define HOT_KEEP 256

struct page *page_records;

static struct page *blocks[PAGE_ORDERS];  // free blocks, by order
static struct page *hot;                  // free single pages, the last freed on top
static uint32_t hot_count, free_count;

static uint32_t number_of(const struct page *page) { return page - page_records; }

static void block_insert(struct page *page, unsigned order) {
    page->order = order;
    page->free_block = true;
    page->previous = 0;
    page->next = blocks[order];
    if (page->next) page->next->previous = page;
    blocks[order] = page;
}

static void block_remove(struct page *page) {
    page->free_block = false;
    if (page->next) page->next->previous = page->previous;
    if (page->previous) {
        page->previous->next = page->next;
    } else {
        blocks[page->order] = page->next;
    }
}

// Frees a block and joins it with its buddy for as long as that is free too.
static void block_free(struct page *page, unsigned order) {
    uint32_t number = number_of(page), limit = boot.top / PAGE_SIZE;
    for (; order < PAGE_ORDERS - 1; order++) {
        uint32_t other = number ^ 1u << order;
        if (other >= limit || !page_records[other].free_block || page_records[other].order != order) break;
        block_remove(&page_records[other]);
        number &= other;
    }
    block_insert(&page_records[number], order);
}

// The smallest block that will do, with what is too much of it given back.
static struct page *block_take(unsigned order) {
    unsigned found = order;
    while (found < PAGE_ORDERS && !blocks[found]) found++;
    if (found == PAGE_ORDERS) return 0;
    struct page *page = blocks[found];
    block_remove(page);
    while (found > order) {
        found--;
        block_insert(page + (1u << found), found);
    }
    page->order = order;
    return page;
}

static void hot_push(struct page *page) {
    page->next = hot;
    hot = page;
    hot_count++;
}

static struct page *hot_pop(void) {
    struct page *page = hot;
    hot = page->next;
    hot_count--;
    return page;
}

static bool hot_refill(void) {
    for (unsigned order = HOT_REFILL_ORDER + 1; order-- > 0;) {
        struct page *page = block_take(order);
        if (!page) continue;
        for (unsigned i = 1u << order; i-- > 0;) hot_push(page + i);
        return true;
    }
    return false;
}

static void hot_drain(uint32_t keep) {
    while (hot_count > keep) block_free(hot_pop(), 0);
}

physical_t page_allocate(void) {
    if (!hot && !hot_refill()) return 0;
    struct page *page = hot_pop();
    page->references = 1;
    page->order = 0;
    free_count--;
    return page_address(page);
}

physical_t page_allocate_zeroed(void) {
    physical_t address = page_allocate();
    if (address) memset(linear(address), 0, PAGE_SIZE);
    return address;
}

void page_release(physical_t address) {
    struct page *page = page_of(address);
    if (!page->references) panic("page %08x is released but free", address);
    if (--page->references) return;
    hot_push(page);
    free_count++;
    if (hot_count > HOT_LIMIT) hot_drain(HOT_KEEP);
}

physical_t pages_allocate(unsigned order) {
    if (order == 0) return page_allocate();
    if (order >= PAGE_ORDERS) return 0;
    struct page *page = block_take(order);
    if (!page) {
        hot_drain(0);
        page = block_take(order);
    }
    if (!page) return 0;
    page->references = 1;
    free_count -= 1u << order;
    return page_address(page);
}

void pages_release(physical_t address, unsigned order) {
    if (order == 0) {
        page_release(address);
        return;
    }
    struct page *page = page_of(address);
    if (page->references != 1) panic("block %08x is released with %u references", address, page->references);
    page->references = 0;
    free_count += 1u << order;
    block_free(page, order);
}

uint32_t pages_free(void) { return free_count; }

// Frees [start, end) in the largest aligned blocks that fit.
static void free_range(uint32_t start, uint32_t end) {
    uint32_t page = start / PAGE_SIZE, limit = end / PAGE_SIZE;
    while (page < limit) {
        unsigned order = PAGE_ORDERS - 1;
        while (page & ((1u << order) - 1) || page + (1u << order) > limit) order--;
        block_free(&page_records[page], order);
        page += 1u << order;
        free_count += 1u << order;
    }
}

// RAM that is not spoken for, piece by piece. What is reserved starts with one reference a page.
void pages_start(void) {
    page_records = linear(boot.page_records);
    memset(page_records, 0, boot.top / PAGE_SIZE * sizeof *page_records);
    for (uint32_t i = 0; i < boot.reserved_count; i++) {
        for (uint32_t at = boot.reserved[i].start; at < boot.reserved[i].end; at += PAGE_SIZE) page_retain(at);
    }
    for (uint32_t i = 0; i < boot.available_count; i++) {
        uint32_t at = boot.available[i].start, end = boot.available[i].end;
        while (at < end) {
            uint32_t next = end;
            for (uint32_t j = 0; j < boot.reserved_count; j++) {
                const struct range *taken = &boot.reserved[j];
                if (at >= taken->start && at < taken->end) {
                    next = at;
                    at = taken->end;
                    break;
                }
                if (taken->start > at && taken->start < next) next = taken->start;
            }
            if (next > at) {
                free_range(at, next);
                at = next;
            }
        }
    }
}
