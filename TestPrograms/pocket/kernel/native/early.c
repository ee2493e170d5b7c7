// Before paging: takes down what the loader said, finds room for the kernel's own tables, and builds the linear
// map. The linker script places this whole file at its physical address, so it may call nothing outside it.
//
// The identity map of the lowest 4 MiB, needed for the one instruction after paging is turned on, is removed by
// tables_start (tables.c).
#include <stdbool.h>
#include <stdint.h>

#include "../boot.h"
#include "../layout.h"
#include "../pages.h"
#include "cpu.h"
#include "entries.h"
#include "multiboot.h"

#define ENTRIES 1024
#define TABLE_SPAN 0x400000u
#define LOWEST_PAGE PAGE_SIZE  // page 0 stays free of data: a null physical address means none

extern char kernel_start[], kernel_read_only_end[], kernel_end[];

static uint32_t page_up(uint32_t address) { return (address + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1u); }

static uint32_t physical_of(const void *symbol) { return (uint32_t)symbol - KERNEL_BASE; }

// Without a console there is only the exit port to complain by.
__attribute__((noreturn)) static void give_up(void) {
    out8(EXIT_PORT, PANIC_STATUS);
    for (;;) halt();
}

static void copy_text(char *to, uint32_t from) {
    const char *text = (const char *)from;
    unsigned i = 0;
    for (; text[i] && i < BOOT_TEXT - 1; i++) to[i] = text[i];
    to[i] = 0;
}

static void reserve(struct boot *b, uint32_t start, uint32_t end) {
    b->reserved[b->reserved_count++] = (struct range){start, page_up(end)};
}

static void add_available(struct boot *b, uint64_t start, uint64_t end) {
    if (start < LOWEST_PAGE) start = LOWEST_PAGE;
    if (end > LINEAR_SIZE) end = LINEAR_SIZE;
    uint32_t first = page_up((uint32_t)start), last = (uint32_t)end & ~(PAGE_SIZE - 1u);
    if (start >= LINEAR_SIZE || first >= last || b->available_count == BOOT_RANGES) return;
    b->available[b->available_count++] = (struct range){first, last};
    if (last > b->top) b->top = last;
}

static void read_memory(struct boot *b, const struct multiboot *info) {
    if (!(info->flags & MULTIBOOT_HAS_MAP)) {
        add_available(b, 0, (uint64_t)info->memory_lower << 10);
        add_available(b, 0x100000, 0x100000 + ((uint64_t)info->memory_upper << 10));
        return;
    }
    for (uint32_t at = info->map; at < info->map + info->map_length;) {
        const struct multiboot_region *region = (const struct multiboot_region *)at;
        if (region->type == MULTIBOOT_AVAILABLE) add_available(b, region->start, region->start + region->length);
        at += region->size + sizeof region->size;
    }
}

static void read_modules(struct boot *b, const struct multiboot *info) {
    const struct multiboot_module *module = (const struct multiboot_module *)info->modules;
    for (uint32_t i = 0; i < info->module_count && b->module_count < BOOT_MODULES; i++, module++) {
        if (module->end > b->top) continue;  // beyond what the kernel can reach
        struct module *m = &b->modules[b->module_count++];
        m->memory = (struct range){module->start, module->end};
        copy_text(m->command, module->command);
        reserve(b, module->start & ~(PAGE_SIZE - 1u), module->end);
    }
}

// The first of the reserved ranges that [start, end) touches, or null.
static const struct range *obstacle(const struct boot *b, uint32_t start, uint32_t end) {
    for (uint32_t i = 0; i < b->reserved_count; i++) {
        if (start < b->reserved[i].end && end > b->reserved[i].start) return &b->reserved[i];
    }
    return 0;
}

// The lowest room of `size` bytes behind the kernel that nothing else has taken.
static uint32_t place(struct boot *b, uint32_t size) {
    for (uint32_t i = 0; i < b->available_count; i++) {
        uint32_t start = page_up(physical_of(kernel_end));
        const struct range *taken, *available = &b->available[i];
        if (start < available->start) start = available->start;
        while (start < available->end && (taken = obstacle(b, start, start + size))) start = taken->end;
        if (start >= available->end || size > available->end - start) continue;
        reserve(b, start, start + size);
        return start;
    }
    give_up();
}

// One table for each 4 MiB of RAM, and one for the topmost 4 MiB, where the vsyscall page will be.
static uint32_t build_tables(struct boot *b) {
    uint32_t count = (b->top + TABLE_SPAN - 1) / TABLE_SPAN;
    uint32_t *directory = (uint32_t *)place(b, (count + 2) * PAGE_SIZE);
    uint32_t *table = directory + ENTRIES;
    uint32_t global = cpu_features() & FEATURE_PGE ? ENTRY_GLOBAL : 0;

    for (uint32_t i = 0; i < ENTRIES; i++) directory[i] = 0;
    for (uint32_t frame = 0; frame < count * TABLE_SPAN; frame += PAGE_SIZE) {
        bool read_only = frame >= physical_of(kernel_start) && frame < physical_of(kernel_read_only_end);
        uint32_t flags = ENTRY_PRESENT | (read_only ? 0 : ENTRY_WRITE) | global;
        table[frame / PAGE_SIZE] = frame < b->top ? frame | flags : 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        directory[KERNEL_BASE / TABLE_SPAN + i] = (uint32_t)(table + i * ENTRIES) | ENTRY_PRESENT | ENTRY_WRITE;
    }
    uint32_t *last = table + count * ENTRIES;
    for (uint32_t i = 0; i < ENTRIES; i++) last[i] = 0;
    directory[ENTRIES - 1] = (uint32_t)last | ENTRY_PRESENT | ENTRY_WRITE | ENTRY_USER;
    directory[0] = directory[KERNEL_BASE / TABLE_SPAN];
    return (uint32_t)directory;
}

uint32_t early_start(uint32_t magic, const struct multiboot *info) {
    struct boot *b = (struct boot *)physical_of(&boot);
    if (magic != MULTIBOOT_MAGIC || !(info->flags & (MULTIBOOT_HAS_MAP | MULTIBOOT_HAS_MEMORY))) give_up();
    if (info->flags & MULTIBOOT_HAS_COMMAND) copy_text(b->command, info->command);
    reserve(b, (uint32_t)boot_entry, physical_of(kernel_end));
    read_memory(b, info);
    if (info->flags & MULTIBOOT_HAS_MODULES) read_modules(b, info);
    b->page_records = place(b, b->top / PAGE_SIZE * sizeof(struct page));
    b->directory = build_tables(b);
    return b->directory;
}
