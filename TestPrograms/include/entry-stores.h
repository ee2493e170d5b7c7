// entry-stores.h: a page-table entry stored in one of the many ways that a program may choose.
#ifndef ENTRY_STORES_H
#define ENTRY_STORES_H
#include "page-tables.h"

enum { STORE_WAYS = 12 };

// Stores an entry's halves; without PAE there is no high one. Ways that can't make the change give way to others.
// Returns: whether it took more than one store, so that the entry was something else in between.
static inline u32 store_entry(u32 entry, u32 low, u32 high, u32 way)
{
    u32 changed = WORD(entry) ^ low, changes_high = wide && WORD(entry + 4) != high;
    if (way == 0 || (changes_high && way < 6)) {
        // Eight bytes at once: in 2-level with a neighbour, which stays.
        u32 pair = entry & ~7u, old_low = WORD(pair), old_high = WORD(pair + 4);
        u32 new_low = entry & 4 ? old_low : low, new_high = entry & 4 ? low : wide ? high : old_high;
        __asm__ volatile("lock; cmpxchg8b %0"
                         : "+m"(*(volatile u64 *)pair), "+a"(old_low), "+d"(old_high)
                         : "b"(new_low), "c"(new_high)
                         : "cc");
        return 0;
    }
    if (changes_high) {
        if (way & 1)
            WORD(entry) = low, WORD(entry + 4) = high;
        else
            WORD(entry + 4) = high, WORD(entry) = low;
        return 1;
    }
    if (way < 3 && changed < 0x100) {
        *(volatile u8 *)entry = (u8)low;
    } else if (way < 5 && changed < 0x10000) {
        *(volatile u16 *)entry = (u16)low;
    } else if (way == 5) {
        __asm__ volatile("xchgl %1, %0" : "+m"(WORD(entry)), "+r"(low));
    } else if (way == 6) {
        __asm__ volatile("xorl %1, %0" : "+m"(WORD(entry)) : "r"(changed) : "cc");
    } else if (way == 7) {
        // The low half; then the high half together with what follows, which may be in the next table.
        u32 next = *(volatile u16 *)(entry + 4);
        *(volatile u16 *)entry = (u16)low;
        WORD(entry + 2) = low >> 16 | next << 16;
        return 1;
    } else {
        WORD(entry) = low;
    }
    return 0;
}

#endif
