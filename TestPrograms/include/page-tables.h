// page-tables.h: page tables of either format by the same code: 2-level (SDM 3A, 4.3) or PAE (4.4), as `wide` says.
//
// An entry is its low half, where both formats have the same bits (paging.h); in PAE a high half of 0 lies behind it.
// PAE's four directories lie one behind the other, so that they too are one table of entries for 4 GiB:
//
//   directory: entry n covers `slot_size()` bytes from n * slot_size(): 4 MiB, or 2 MiB
//   table:     1024 entries, or 512, for 4 KiB each
//
// Tables come from guest-physical 4 MiB up, and each space maps its first 16 MiB to themselves.
#ifndef PAGE_TABLES_H
#define PAGE_TABLES_H
#include "paging.h"

enum { CPUID_PSE = 1 << 3, CPUID_PAE = 1 << 6, CPUID_PGE = 1 << 13, FIRST_TABLE = 0x00400000, OWN_MEMORY = 0x01000000 };

typedef struct {
    u32 root;           // for CR3
    u32 directory;      // of the first slot; in 2-level the same page
} Space;

static u32 wide, next_table = FIRST_TABLE, own_tables;

static inline u32 slot_shift(void) { return 22 - wide; }
static inline u32 slot_size(void) { return 1u << slot_shift(); }
static inline u32 table_entries(void) { return 1024 >> wide; }
static inline volatile u32 *entry_at(u32 table, u32 index) { return (volatile u32 *)(table + (index << (2 + wide))); }
static inline volatile u32 *slot_entry(const Space *space, u32 linear)
{
    return entry_at(space->directory, linear >> slot_shift());
}
static inline volatile u32 *page_entry(u32 table, u32 linear)
{
    return entry_at(table, linear >> 12 & (table_entries() - 1));
}

// A right was added without INVLPG: a TLB that hasn't heard of it may fault, but only once (SDM 3A, 4.10.4.3).
#define no_lasting_fault(name, probe) do { u32 v = probe; no_fault(name, v == V_PF ? probe : v); } while (0)

static inline u32 cpuid_features(void)
{
    u32 r[4];
    cpuid(1, r);
    return r[3];
}

// Pages of zeros, one behind the other.
static inline u32 new_tables(u32 count)
{
    u32 first = next_table, words = count << 10, at = first;
    next_table += count << 12;
    __asm__ volatile("rep stosl" : "+D"(at), "+c"(words) : "a"(0) : "memory");
    return first;
}

// With paging off: which format is meant from here on, and all tables are free again.
static inline void choose_format(u32 pae)
{
    wide = pae;
    next_table = FIRST_TABLE;
    own_tables = new_tables(4 << wide);
    for (u32 i = 0; i < OWN_MEMORY >> 12; i++)
        *entry_at(own_tables, i) = i << 12 | P | W | U;
}

// An address space that has the first 16 MiB, by tables that all spaces share.
static inline Space new_space(void)
{
    Space space;
    space.root = space.directory = new_tables(wide ? 4 : 1);
    if (wide) {
        space.root = new_tables(1);
        for (u32 i = 0; i < 4; i++)
            *entry_at(space.root, i) = (space.directory + (i << 12)) | P;
    }
    for (u32 i = 0; i < 4u << wide; i++)
        *entry_at(space.directory, i) = (own_tables + (i << 12)) | P | W | U;
    return space;
}

static inline void start_paging(const Space *space)
{
    u32 cr4 = read_cr4() & ~(u32)(CR4_PAE | CR4_PSE);
    write_cr4(cr4 | (wide ? CR4_PAE : cpuid_features() & CPUID_PSE ? CR4_PSE : 0));
    write_cr3(space->root);
    write_cr0(read_cr0() | CR0_PG | CR0_WP);
}

static inline void stop_paging(void)
{
    write_cr0(read_cr0() & ~CR0_PG);
    write_cr4(read_cr4() & ~(u32)(CR4_PAE | CR4_PSE | CR4_PGE));
}

#endif
