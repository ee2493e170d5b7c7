// Two-level page tables with 4 KiB pages. Every entry is written by set_entry and every translation is forgotten
// by tlb_flush: a monitor that must be asked first (paravirtual) has two functions to replace.
#include "tables.h"

#include "../boot.h"
#include "../layout.h"
#include "../memory.h"
#include "string.h"

#define ENTRIES 1024
#define FLUSH_BY_PAGE 32  // up to so many pages, INVLPG each; above, reload CR3

static physical_t loaded;

static inline void set_entry(uint32_t *slot, uint32_t value) { *(volatile uint32_t *)slot = value; }

void tlb_flush(uint32_t start, uint32_t end) {
    if (end - start <= FLUSH_BY_PAGE * PAGE_SIZE) {
        for (uint32_t page = start; page != end; page += PAGE_SIZE) {
            __asm__ volatile("invlpg (%0)" : : "r"(page) : "memory");
        }
    } else {
        __asm__ volatile("movl %0, %%cr3" : : "r"(loaded) : "memory");
    }
}

void tables_load(physical_t directory) {
    if (!directory) directory = boot.directory;
    if (directory == loaded) return;
    loaded = directory;
    __asm__ volatile("movl %0, %%cr3" : : "r"(directory) : "memory");
}

void tables_start(void) {
    loaded = boot.directory;
    set_entry((uint32_t *)linear(boot.directory), 0);
    tlb_flush(0, KERNEL_BASE);
}

// The table that maps `address`, or null.
static uint32_t *table_of(physical_t directory, uint32_t address) {
    uint32_t entry = ((uint32_t *)linear(directory))[address >> 22];
    return entry ? linear(entry & ENTRY_FRAME) : 0;
}

static uint32_t *table_of_or_new(physical_t directory, uint32_t address) {
    uint32_t *table = table_of(directory, address);
    if (table) return table;
    physical_t frame = page_allocate_zeroed();
    if (!frame) return 0;
    page_of(frame)->next = page_of(directory)->next;
    page_of(directory)->next = page_of(frame);
    uint32_t *slot = (uint32_t *)linear(directory) + (address >> 22);
    set_entry(slot, frame | ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER);
    return linear(frame);
}

static unsigned index_of(uint32_t address) { return address >> 12 & (ENTRIES - 1); }

// The end of the part of [start, end) that one table maps.
static uint32_t table_end(uint32_t start, uint32_t end) {
    uint32_t next = (start | 0x3FFFFF) + 1;
    return next - 1 < end - 1 ? next : end;
}

// All page tables of the kernel exist from the start, so a new directory can share them for good. As long as no CPU
// uses it, it is memory like any other. A list through the page records holds the tables that it comes to have.
physical_t tables_create(void) {
    physical_t frame = page_allocate();
    if (!frame) return 0;
    memcpy(linear(frame), linear(boot.directory), PAGE_SIZE);
    page_of(frame)->next = 0;
    return frame;
}

void tables_destroy(physical_t directory) {
    struct page *table = page_of(directory)->next, *next;
    for (; table; table = next) {
        next = table->next;
        page_release(page_address(table));
    }
    page_release(directory);
}

mapping_t tables_lookup(physical_t directory, uint32_t address) {
    uint32_t *table = table_of(directory, address);
    return table ? table[index_of(address)] : 0;
}

bool tables_map(physical_t directory, uint32_t address, physical_t frame, uint32_t flags) {
    uint32_t *table = table_of_or_new(directory, address);
    if (!table) return false;
    set_entry(&table[index_of(address)], frame | ENTRY_PRESENT | ENTRY_USER | flags);
    return true;
}

void tables_unmap(physical_t directory, uint32_t start, uint32_t end) {
    bool changed = false;
    for (uint32_t at = start, next; at < end; at = next) {
        next = table_end(at, end);
        uint32_t *table = table_of(directory, at);
        if (!table) continue;
        for (uint32_t *slot = &table[index_of(at)]; at < next; at += PAGE_SIZE, slot++) {
            uint32_t entry = *slot;
            if (!entry) continue;
            set_entry(slot, 0);
            page_release(entry & ENTRY_FRAME);
            changed = true;
        }
    }
    if (changed && directory == loaded) tlb_flush(start, end);
}

void tables_abandon(physical_t directory, uint32_t start, uint32_t end) {
    for (uint32_t at = start, next; at < end; at = next) {
        next = table_end(at, end);
        const uint32_t *table = table_of(directory, at);
        if (!table) continue;
        for (const uint32_t *slot = &table[index_of(at)]; at < next; at += PAGE_SIZE, slot++) {
            if (*slot) page_release(*slot & ENTRY_FRAME);
        }
    }
}

bool tables_share(physical_t parent, physical_t child, uint32_t start, uint32_t end) {
    for (uint32_t at = start, next; at < end; at = next) {
        next = table_end(at, end);
        uint32_t *from = table_of(parent, at), *to = 0;
        if (!from) continue;
        for (unsigned i = index_of(at); at < next; at += PAGE_SIZE, i++) {
            uint32_t entry = from[i];
            if (!entry) continue;
            if (!to && !(to = table_of_or_new(child, at))) return false;
            if ((entry & ENTRY_WRITE) && !(entry & ENTRY_SHARED)) {
                entry &= ~ENTRY_WRITE;
                set_entry(&from[i], entry);
            }
            set_entry(&to[i], entry);
            page_retain(entry & ENTRY_FRAME);
        }
    }
    return true;
}

void tables_map_vsyscall(physical_t frame) {
    uint32_t *table = table_of(boot.directory, VSYSCALL_PAGE);
    set_entry(&table[index_of(VSYSCALL_PAGE)], frame | ENTRY_PRESENT | ENTRY_USER);
}
