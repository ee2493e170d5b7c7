// The Multiboot 1 structures that pocket reads (specification 0.6.96, section 3.3).
#ifndef MULTIBOOT_H
#define MULTIBOOT_H

#include <stdint.h>

#define MULTIBOOT_MAGIC 0x2BADB002

#define MULTIBOOT_HAS_MEMORY (1u << 0)
#define MULTIBOOT_HAS_COMMAND (1u << 2)
#define MULTIBOOT_HAS_MODULES (1u << 3)
#define MULTIBOOT_HAS_MAP (1u << 6)

#define MULTIBOOT_AVAILABLE 1

struct multiboot {
    uint32_t flags;
    uint32_t memory_lower, memory_upper;  // KiB
    uint32_t boot_device;
    uint32_t command;
    uint32_t module_count, modules;
    uint32_t symbols[4];
    uint32_t map_length, map;
};

struct multiboot_module {
    uint32_t start, end, command, reserved;
};

// `size` doesn't count itself.
struct multiboot_region {
    uint32_t size;
    uint64_t start, length;
    uint32_t type;
} __attribute__((packed));

#endif
