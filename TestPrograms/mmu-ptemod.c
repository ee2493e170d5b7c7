// mmu-ptemod.c: loops that change page-table entries, each in one way, after Adams and Agesen (ASPLOS 2006).
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: mmu-ptemod: loop=1 unchanged steps=500 sum=8778801a
// EXPECT-SERIAL: mmu-ptemod: loop=2 present-untouched steps=500 sum=8778801a
// EXPECT-SERIAL: mmu-ptemod: loop=3 present-invalidated steps=500 sum=8778801a
// EXPECT-SERIAL: mmu-ptemod: loop=4 present-touched steps=500 sum=8e29f767
// EXPECT-SERIAL: mmu-ptemod: loop=5 writable steps=500 sum=3467d2c7
// EXPECT-SERIAL: mmu-ptemod: loop=6 accessed steps=500 sum=8e29f767
// EXPECT-SERIAL: mmu-ptemod: loop=7 dirty steps=500 sum=f6f35eef
// EXPECT-SERIAL: mmu-ptemod: loop=8 remapped steps=500 sum=0e2543cb
// EXPECT-SERIAL: mmu-ptemod: loop=9 fault steps=500 sum=8e29f767
// EXPECT-SERIAL: mmu-ptemod: ok
// QEMU: yes
//
// loop     the only loop to run, by its number; 0: all
// steps    turns of each
// pages    4 KiB pages of which each turn takes the next, to 512
// walk     after so many turns one more page of the same table is read past the TLB, so that nobody takes the table for
//          abandoned; 0: never
#include "parameters.h"
#include "working-set.h"

const char program_name[] = "mmu-ptemod";

static u32 pages, entries, faults;
extern u32 (*trap_hook)(void);

#define ENTRY(page) (*entry_at(entries, page))

// The entry as it was written, with what the processor has added.
static void check_bits(const char *name, u32 page, u32 bits)
{
    check_equal(name, ENTRY(page), FRAME_AT(page) | P | W | U | bits);
}

// The same value again.
static u32 unchanged(u32 page)
{
    ENTRY(page) = ENTRY(page);
    return ENTRY(page);
}

// P off and on again, with no access between or after: nothing depends on the TLB.
static u32 present_untouched(u32 page)
{
    u32 entry = ENTRY(page);
    ENTRY(page) = entry & ~(u32)P;
    ENTRY(page) = entry;
    return entry;
}

// P off, and INVLPG; on again, but not used.
static u32 present_invalidated(u32 page)
{
    u32 entry = ENTRY(page);
    ENTRY(page) = entry & ~(u32)P;
    invlpg(PAGE_AT(page));
    ENTRY(page) = entry;
    return entry;
}

// The same, and the page is read before the next turn. What is absent is in no TLB: P on needs no INVLPG.
static u32 present_touched(u32 page)
{
    present_invalidated(page);
    return WORD(PAGE_AT(page) + 4);
}

// W off, with INVLPG; W on, without: it only adds a right.
static u32 writable(u32 page)
{
    ENTRY(page) &= ~(u32)W;
    invlpg(PAGE_AT(page));
    u32 value = WORD(PAGE_AT(page));
    ENTRY(page) |= W;
    WORD(PAGE_AT(page)) = value + 1;
    check_bits("write-after-w", page, A | D);
    return value;
}

static u32 accessed(u32 page)
{
    ENTRY(page) &= ~(u32)A;
    invlpg(PAGE_AT(page));
    u32 value = WORD(PAGE_AT(page) + 4);
    check_bits("read-sets-a", page, A | D);
    return value;
}

static u32 dirty(u32 page)
{
    ENTRY(page) &= ~(u32)D;
    invlpg(PAGE_AT(page));
    u32 value = WORD(PAGE_AT(page));
    check_bits("read-leaves-d", page, A);
    WORD(PAGE_AT(page)) = value + 1;
    check_bits("write-sets-d", page, A | D);
    return value;
}

// Another frame, one with the same number in the second half of the frames, and back.
static u32 remapped(u32 page)
{
    u32 entry = ENTRY(page);
    ENTRY(page) = entry + (pages << 12);
    invlpg(PAGE_AT(page));
    u32 value = WORD(PAGE_AT(page) + 4);
    check_equal("other-frame", value, TAG(FRAME_AT(page + pages)));
    ENTRY(page) = entry;
    invlpg(PAGE_AT(page));
    return value + WORD(PAGE_AT(page) + 4);
}

// A page that isn't there: the handler maps it, and the access is done again.
static u32 fault(u32 page)
{
    ENTRY(page) = 0;
    invlpg(PAGE_AT(page));
    u32 value = WORD(PAGE_AT(page) + 4);
    check_bits("the-handler-mapped-it", page, A);
    return value;
}

// What runtime/traps.S calls for every trap: 1 when the instruction may be tried again.
static u32 page_fault_handler(void)
{
    u32 address;
    __asm__ volatile("movl %%cr2, %0" : "=r"(address));
    u32 page = (address - WINDOW) >> 12;
    if (page >= pages)
        return 0;
    if (ENTRY(page) & P) {      // a right that a TLB hadn't heard of yet
        invlpg(address);
        return 1;
    }
    faults++;
    ENTRY(page) = FRAME_AT(page) | P | W | U;
    return 1;
}

static const struct {
    const char *name;
    u32 (*turn)(u32 page);
} loops[] = {
    { "unchanged", unchanged },
    { "present-untouched", present_untouched },
    { "present-invalidated", present_invalidated },
    { "present-touched", present_touched },
    { "writable", writable },
    { "accessed", accessed },
    { "dirty", dirty },
    { "remapped", remapped },
    { "fault", fault },
};
enum { LOOPS = sizeof loops / sizeof loops[0] };

void main(void)
{
    u32 only = parameter_within("loop", 0, 0, LOOPS), steps = parameter("steps", 500), walk = parameter("walk", 16);
    pages = parameter_within("pages", 64, 1, 512);

    choose_format(0);
    fill_frames(2 * pages);     // a second one for each page, in `remapped`
    Space space = new_space();
    entries = open_window(&space, pages + 1);
    for (u32 i = 0; i <= pages; i++)
        ENTRY(i) = FRAME_AT(i) | P | W | U;
    start_paging(&space);
    trap_hook = page_fault_handler;

    for (u32 loop = 1; loop <= LOOPS; loop++) {
        if (only && loop != only)
            continue;
        for (u32 i = 0; i < pages; i++)
            WORD(PAGE_AT(i)) += 1;
        u32 sum = 0, page = 0, until_walk = walk ? walk : ~0u;
        for (u32 left = steps; left; left--) {
            sum = fold(sum, loops[loop - 1].turn(page));
            if (++page == pages)
                page = 0;
            if (!--until_walk) {
                until_walk = walk;
                invlpg(PAGE_AT(pages));
                (void)WORD(PAGE_AT(pages));
            }
        }
        write_cr3(space.root);
        check_tags("the-page-is-back", entries, pages);
        begin_line();
        print_parameter("loop", loop);
        print(" ");
        print(loops[loop - 1].name);
        print_parameter("steps", steps);
        end_line(sum);
    }
    check_equal("faults", faults, only && only != LOOPS ? 0 : steps);
}
