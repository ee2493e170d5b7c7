// What a loader told us, in the kernel's own words, so that only one file knows the loader's format.
#ifndef BOOT_H
#define BOOT_H

#include <stdint.h>

#define BOOT_RANGES 32
#define BOOT_MODULES 32
#define BOOT_TEXT 512

// Physical addresses, from `start` up to but not including `end`.
struct range {
    uint32_t start, end;
};

struct module {
    struct range memory;
    char command[BOOT_TEXT];
};

struct boot {
    char command[BOOT_TEXT];
    struct range available[BOOT_RANGES];  // RAM
    uint32_t available_count;
    struct range reserved[BOOT_RANGES + BOOT_MODULES];  // RAM that already holds something
    uint32_t reserved_count;
    struct module modules[BOOT_MODULES];
    uint32_t module_count;
    uint32_t top;           // where the linear map ends, physically
    uint32_t directory;     // the page directory that the kernel starts on
    uint32_t page_records;  // room for the page allocator's records
};

extern struct boot boot;

#endif
