// Page tables, as the rest of the kernel sees them: a mapping from user pages to frames, and a TLB to flush.
#ifndef TABLES_H
#define TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "../pages.h"
#include "entries.h"

// What a page is mapped to and how: a page-table entry, 0 when there is none.
typedef uint32_t mapping_t;

static inline physical_t mapping_frame(mapping_t mapping) { return mapping & ENTRY_FRAME; }
static inline bool mapping_writable(mapping_t mapping) { return mapping & ENTRY_WRITE; }

// Drops the boot loader's low mapping; the linear map stays.
void tables_start(void);

// A directory that maps the kernel and nothing else, 0 if memory is out.
physical_t tables_create(void);

// The end of one that no CPU uses: first tables_abandon, which releases frames but writes no entries, for each range
// that may be mapped; then tables_destroy.
void tables_abandon(physical_t directory, uint32_t start, uint32_t end);
void tables_destroy(physical_t directory);

// Makes the CPU use `directory`; tables_load(0) leaves user space for the kernel's own directory.
void tables_load(physical_t directory);

mapping_t tables_lookup(physical_t directory, uint32_t address);

// Maps one page and takes over the caller's reference to `frame`. `flags`: ENTRY_WRITE, ENTRY_SHARED.
// Replacing a mapping doesn't release the old frame. False if memory is out.
bool tables_map(physical_t directory, uint32_t address, physical_t frame, uint32_t flags);

// Unmaps whole pages and releases their frames.
void tables_unmap(physical_t directory, uint32_t start, uint32_t end);

// Gives `child` what `parent` maps in the range, both read-only from now on unless shared. Leaves the flush to
// the caller, who has more ranges to come. False if memory is out.
bool tables_share(physical_t parent, physical_t child, uint32_t start, uint32_t end);

// Forgets the cached translations of user pages in a range of the current directory.
void tlb_flush(uint32_t start, uint32_t end);

void tables_map_vsyscall(physical_t frame);

#endif
