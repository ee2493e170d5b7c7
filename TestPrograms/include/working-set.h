// working-set.h: what the guests that load the MMU work on: 4 KiB pages at a linear window, on frames from 16 MiB up,
// in one address space or several that share the guest's own pages.
//
// A space's entries for the window lie in order, whatever table they are in: entry n maps WINDOW + n * 4096.
// Of a frame, one word in each 64 bytes is read and added to; the tag says which frame it is, and stays.
//
//   byte   4032       64      4     0
//        | word 63 .. word 1 .. tag | word 0 |
#ifndef WORKING_SET_H
#define WORKING_SET_H
#include "page-tables.h"
#include "random.h"

enum { WINDOW = 0x40000000, FRAMES = 0x01000000, MOST_PAGES = 8192 };
#define PAGE_AT(n) (WINDOW + ((u32)(n) << 12))
#define FRAME_AT(n) (FRAMES + ((u32)(n) << 12))
#define TAG(frame) ((frame) * 0x9e3779b1u)

// What a stream of accesses has come to.
typedef struct {
    u32 random;
    u32 sum;            // of what was read
    u32 added;          // to the words, in all
} Stream;

// With paging off: the first `count` frames as they should be at first.
static inline void fill_frames(u32 count)
{
    for (u32 frame = FRAME_AT(0); frame < FRAME_AT(count); frame += 4096) {
        for (u32 offset = 0; offset < 4096; offset += 64)
            WORD(frame + offset) = offset ^ frame;
        WORD(frame + 4) = TAG(frame);
    }
}

// With paging off: the sum of all words of the first `count` frames.
static inline u32 sum_of_frames(u32 count)
{
    u32 sum = 0;
    for (u32 word = FRAME_AT(0); word < FRAME_AT(count); word += 64)
        sum += WORD(word);
    return sum;
}

// Empty tables for the window in a space.
// Returns: the address of the first entry.
static inline u32 open_window(const Space *space, u32 pages)
{
    u32 tables = (pages + table_entries() - 1) / table_entries(), first = new_tables(tables);
    for (u32 i = 0; i < tables; i++)
        slot_entry(space, WINDOW)[i << wide] = (first + (i << 12)) | P | W | U;
    return first;
}

// `count` accesses to random words in the first `pages` pages of the window, by turns a read and a read-modify-write:
// those before which an odd number of accesses was left are reads.
static inline __attribute__((always_inline)) void random_accesses(Stream *stream, u32 pages, u32 left, u32 count)
{
    u32 random = stream->random, sum = stream->sum, added = stream->added;
    for (u32 end = left - count; left != end; left--) {
        random = next_random(random);
        u32 address = PAGE_AT(below(random, pages)) + (random >> 4 & 0xfc0);
        if (left & 1) {
            sum = fold(sum, WORD(address));
        } else {
            __asm__ volatile("addl %1, %0" : "+m"(WORD(address)) : "r"(random));
            added += random;
        }
    }
    stream->random = random, stream->sum = sum, stream->added = added;
}

// Every page of the window shows the frame that its entry names.
static inline void check_tags(const char *name, u32 entries, u32 pages)
{
    for (u32 i = 0; i < pages; i++)
        check_equal(name, WORD(PAGE_AT(i) + 4), TAG(*entry_at(entries, i) & 0xfffff000));
}

#endif
