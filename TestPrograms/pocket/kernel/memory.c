// Address spaces. A system call only notes what may be touched; pages come one at a time, when they are touched
// (demand paging), and pages that fork has shared part when one side writes (copy on write).
#include "memory.h"

#include "errors.h"
#include "files.h"
#include "heap.h"
#include "layout.h"
#include "signals.h"
#include "string.h"

struct region {
    struct region *next;
    uint32_t start, end;
    unsigned protection;
    bool shared;
    bool grows;  // down, when somebody touches what is below it: the stack
    struct backing backing;
};

static uint32_t page_down(uint32_t address) { return address & ~(PAGE_SIZE - 1u); }

// The first region that ends behind `address`, by the link that holds it.
static struct region **find_link(struct space *space, uint32_t address) {
    struct region **link = &space->regions;
    while (*link && (*link)->end <= address) link = &(*link)->next;
    return link;
}

// What is left of a backing when its first `bytes` are cut off.
static struct backing backing_after(struct backing b, uint32_t bytes) {
    if (b.size <= bytes) return (struct backing){0};
    return (struct backing){b.file, b.offset + bytes, b.size - bytes};
}

static void region_release(struct region *region) {
    if (region->backing.file) file_release(region->backing.file);
    heap_release(region);
}

static struct region *region_copy(const struct region *region) {
    struct region *copy = heap_allocate(sizeof *copy);
    if (!copy) return 0;
    *copy = *region;
    if (copy->backing.file) file_retain(copy->backing.file);
    return copy;
}

// Cuts a region in two at `address`.
static int region_split(struct region *region, uint32_t address) {
    struct region *upper = region_copy(region);
    if (!upper) return -ENOMEM;
    upper->start = region->end = address;
    upper->backing = backing_after(region->backing, address - region->start);
    if (region->backing.file && !upper->backing.file) file_release(region->backing.file);
    region->next = upper;
    return 0;
}

int space_create(struct space *space) {
    *space = (struct space){.tables = tables_create()};
    return space->tables ? 0 : -ENOMEM;
}

void space_destroy(struct space *space) {
    for (struct region *region = space->regions, *next; region; region = next) {
        next = region->next;
        tables_abandon(space->tables, region->start, region->end);
        region_release(region);
    }
    tables_destroy(space->tables);
    *space = (struct space){0};
}

int space_fork(struct space *parent, struct space *child) {
    int error = space_create(child);
    if (error) return error;
    child->heap_start = parent->heap_start;
    child->heap_end = parent->heap_end;
    struct region **link = &child->regions;
    for (const struct region *region = parent->regions; region; region = region->next) {
        struct region *copy = region_copy(region);
        if (!copy) goto failed;
        copy->next = 0;
        *link = copy;
        link = &copy->next;
        if (!tables_share(parent->tables, child->tables, region->start, region->end)) goto failed;
    }
    tlb_flush(0, KERNEL_BASE);
    return 0;
failed:
    tlb_flush(0, KERNEL_BASE);
    space_destroy(child);
    return -ENOMEM;
}

bool space_is_free(const struct space *space, uint32_t start, uint32_t end) {
    const struct region *region = *find_link((struct space *)space, start);
    return !region || region->start >= end;
}

static bool is_plain(const struct region *region) {
    return !region->backing.file && !region->shared && !region->grows;
}

int space_map(struct space *space, uint32_t start, uint32_t end, unsigned protection, struct backing backing) {
    struct region **link = &space->regions, *before = 0;
    while (*link && (*link)->end <= start) {
        before = *link;
        link = &before->next;
    }
    bool plain = !backing.file && before && is_plain(before);
    if (plain && before->end == start && before->protection == protection) {
        before->end = end;  // more of the same: what brk and most mmaps ask for
        return 0;
    }
    struct region *region = heap_allocate(sizeof *region);
    if (!region) return -ENOMEM;
    *region = (struct region){*link, start, end, protection, false, false, backing};
    if (backing.file) file_retain(backing.file);
    *link = region;
    return 0;
}

int space_map_stack(struct space *space) {
    struct region **link = find_link(space, USER_STACK_TOP), *region = heap_allocate(sizeof *region);
    if (!region) return -ENOMEM;
    unsigned protection = PROTECT_READ | PROTECT_WRITE;
    *region = (struct region){*link, USER_STACK_TOP - PAGE_SIZE, USER_STACK_TOP, protection, false, true, {0}};
    *link = region;
    return 0;
}

// Shared pages must all exist before a fork, or each side would fill in its own.
int space_map_shared(struct space *space, uint32_t start, uint32_t end, unsigned protection) {
    struct region **link = find_link(space, start), *region = heap_allocate(sizeof *region);
    if (!region) return -ENOMEM;
    *region = (struct region){*link, start, end, protection, true, false, {0}};
    *link = region;
    uint32_t flags = ENTRY_SHARED | (protection & PROTECT_WRITE ? ENTRY_WRITE : 0);
    for (uint32_t at = start; at < end; at += PAGE_SIZE) {
        physical_t frame = page_allocate_zeroed();
        if (frame && tables_map(space->tables, at, frame, flags)) continue;
        if (frame) page_release(frame);
        space_unmap(space, start, end);
        return -ENOMEM;
    }
    return 0;
}

int space_unmap(struct space *space, uint32_t start, uint32_t end) {
    struct region **link = find_link(space, start);
    if (*link && (*link)->start < start) {
        if (region_split(*link, start)) return -ENOMEM;
        link = &(*link)->next;
    }
    while (*link && (*link)->start < end) {
        struct region *region = *link;
        if (region->end > end && region_split(region, end)) return -ENOMEM;
        tables_unmap(space->tables, region->start, region->end);
        *link = region->next;
        region_release(region);
    }
    return 0;
}

uint32_t space_find_free(const struct space *space, uint32_t size) {
    uint32_t start = USER_MAP_BASE;
    for (const struct region *region = space->regions; region; region = region->next) {
        uint32_t limit = region->grows ? USER_STACK_TOP - USER_STACK_SIZE : region->start;
        if (region->end <= start) continue;
        if (limit >= start && limit - start >= size) break;
        start = region->end;
    }
    return size <= KERNEL_BASE - start ? start : 0;
}

// The page of a region at `address` as it is before anyone writes: the file's own page where a whole one will do.
static physical_t initial_page(const struct region *region, uint32_t address, bool *is_file_page) {
    struct backing rest = backing_after(region->backing, address - region->start);
    *is_file_page = false;
    if (rest.size >= PAGE_SIZE) {
        physical_t frame = file_page(rest.file, rest.offset);
        if (frame) {
            page_retain(frame);
            *is_file_page = true;
            return frame;
        }
    }
    physical_t frame = page_allocate_zeroed();
    if (frame && rest.size) {
        file_read(rest.file, rest.offset, linear(frame), rest.size < PAGE_SIZE ? rest.size : PAGE_SIZE);
    }
    return frame;
}

static physical_t copy_of(physical_t frame) {
    physical_t copy = page_allocate();
    if (copy) memcpy(linear(copy), linear(frame), PAGE_SIZE);
    return copy;
}

static int fault_absent(struct space *space, const struct region *region, uint32_t page, bool write) {
    bool is_file_page;
    physical_t frame = initial_page(region, page, &is_file_page);
    if (frame && is_file_page && write) {
        physical_t copy = copy_of(frame);
        page_release(frame);
        frame = copy;
        is_file_page = false;
    }
    if (!frame) return SIGNAL_KILL;
    bool writable = region->protection & PROTECT_WRITE && !is_file_page;
    if (tables_map(space->tables, page, frame, writable ? ENTRY_WRITE : 0)) return 0;
    page_release(frame);
    return SIGNAL_KILL;
}

// The last one to hold a page needs no copy.
static int fault_copy(struct space *space, uint32_t page, physical_t frame) {
    physical_t own = frame;
    if (page_references(frame) > 1) {
        own = copy_of(frame);
        if (!own) return SIGNAL_KILL;
        page_release(frame);
    }
    tables_map(space->tables, page, own, ENTRY_WRITE);
    tlb_flush(page, page + PAGE_SIZE);
    return 0;
}

// The region that `address` is in, or the stack if it may grow to there: then it does.
static struct region *region_to_touch(struct space *space, uint32_t address) {
    struct region *region = *find_link(space, address);
    if (!region || region->start <= address) return region;
    if (!region->grows || address < USER_STACK_TOP - USER_STACK_SIZE) return 0;
    region->start = page_down(address);
    return region;
}

int space_fault(struct space *space, uint32_t address, bool write) {
    const struct region *region = region_to_touch(space, address);
    if (!region || !region->protection) return SIGNAL_SEGMENT;
    if (write && !(region->protection & PROTECT_WRITE)) return SIGNAL_SEGMENT;
    uint32_t page = page_down(address);
    mapping_t mapping = tables_lookup(space->tables, page);
    if (!mapping) return fault_absent(space, region, page, write);
    if (write && !mapping_writable(mapping)) return fault_copy(space, page, mapping_frame(mapping));
    tlb_flush(page, page + PAGE_SIZE);
    return 0;
}
