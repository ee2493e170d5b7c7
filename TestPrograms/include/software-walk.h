// software-walk.h: what the processor must make of an access, by the tables as they are (SDM 3A, 4.3, 4.4, 4.6).
#ifndef SOFTWARE_WALK_H
#define SOFTWARE_WALK_H
#include "page-tables.h"

enum {
    NX = 1 << 31, RESERVED_52 = 1 << 20, RESERVED_62 = 1 << 30,     // in an entry's high half
    RESERVED_IN_4M = 1 << 21, RESERVED_IN_2M = 0x1fe000,
};
#define FOUND NO_TRAP

typedef struct {
    u32 upper, leaf;            // where the entries are; of a large page, both the directory's
    u32 failure;                // FOUND, or what the error code says of it: 0, or P and RSVD
    u32 frame;                  // of the 4 KiB page
    u32 rights, high;           // of both levels together
    u32 is_large;
    u32 has_pat;                // a table entry with bit 7, which not every processor knows
} Walk;

static inline u32 high_half(u32 entry) { return wide ? WORD(entry + 4) : 0; }

static inline Walk walk_in_software(const Space *space, u32 linear)
{
    Walk w;
    w.upper = w.leaf = (u32)slot_entry(space, linear);
    w.is_large = w.has_pat = w.failure = 0;
    w.rights = WORD(w.upper), w.high = high_half(w.upper);
    if (!(w.rights & P))
        return w;
    u32 entry = w.rights;
    w.is_large = (entry & PS) != 0;
    w.failure = E_PRESENT | E_RESERVED;
    if (w.high & ~(u32)NX || (w.is_large && entry & (wide ? RESERVED_IN_2M : RESERVED_IN_4M)))
        return w;
    if (w.is_large) {
        w.frame = (entry & -slot_size()) | (linear & (slot_size() - 1) & 0xfffff000);
    } else {
        w.leaf = (u32)page_entry(entry & 0xfffff000, linear);
        entry = WORD(w.leaf);
        u32 high = high_half(w.leaf);
        w.has_pat = entry & PS;
        if (!(entry & P))
            w.failure = 0;
        if (!(entry & P) || high & ~(u32)NX)
            return w;
        w.frame = entry & 0xfffff000, w.rights &= entry, w.high |= high;
    }
    w.failure = FOUND;
    return w;
}

// The error code of an access, or NO_TRAP. `access` has E_WRITE, E_USER and E_FETCH as they apply.
static inline u32 verdict(const Walk *w, u32 access, u32 write_protect, u32 no_execute)
{
    u32 says = no_execute ? access : access & ~(u32)E_FETCH;
    if (w->failure != FOUND)
        return w->failure | says;
    u32 refused = (access & E_USER && !(w->rights & U)) || (access & E_FETCH && w->high & NX)
        || (access & E_WRITE && !(w->rights & W) && (write_protect || access & E_USER));
    return refused ? E_PRESENT | says : NO_TRAP;
}

#endif
