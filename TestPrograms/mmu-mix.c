// mmu-mix.c: accesses to a working set, page-table updates and switches of address spaces in chosen proportions.
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: mmu-mix: pages=64 steps=20000 update=0 switch=0 sum=fe9c7cd5
// EXPECT-SERIAL: mmu-mix: ok
// QEMU: yes
//
// pages    4 KiB pages in the working set, to 8192
// steps    accesses
// update   after so many accesses a random page gets another frame, and INVLPG; 0: never
// switch   after so many accesses the other of two address spaces, which has the same frames in reverse; 0: never
// seed     of the random numbers
// pae      1: PAE tables instead of 2-level ones
// verify   0: leaves out the checks at the end, which touch every page once more
#include "parameters.h"
#include "working-set.h"

const char program_name[] = "mmu-mix";

static Space spaces[2];
static u32 entries[2], spare[2];        // the window's entries in each space, and the frame that it doesn't map

// One frame more than there are pages: a page that is remapped takes the spare one and leaves its own.
static u32 remap(u32 space, u32 page, u32 sum)
{
    volatile u32 *entry = entry_at(entries[space], page);
    u32 old = *entry;
    *entry = spare[space] | P | W | U;
    invlpg(PAGE_AT(page));
    spare[space] = old & 0xfffff000;
    return fold(sum, old);
}

void main(void)
{
    u32 pages = parameter_within("pages", 64, 1, MOST_PAGES), steps = parameter("steps", 20000);
    u32 update = parameter("update", 0), change = parameter("switch", 0), seed = parameter("seed", 1);
    u32 pae = cpuid_features() & CPUID_PAE ? parameter_within("pae", 0, 0, 1) : 0, verify = parameter("verify", 1);

    choose_format(pae);
    fill_frames(pages + 1);
    u32 before = sum_of_frames(pages + 1), used = change ? 2 : 1;
    for (u32 s = 0; s < used; s++) {
        spaces[s] = new_space();
        entries[s] = open_window(&spaces[s], pages);
        spare[s] = FRAME_AT(pages);
        for (u32 i = 0; i < pages; i++)
            *entry_at(entries[s], i) = FRAME_AT(s ? pages - 1 - i : i) | P | W | U;
    }
    start_paging(&spaces[0]);

    Stream stream = { .random = seed };
    u32 space = 0, choice = ~seed, until_update = update ? update : ~0u, until_change = change ? change : ~0u;
    for (u32 left = steps; left;) {
        u32 count = left < until_update ? left : until_update;
        count = count < until_change ? count : until_change;
        random_accesses(&stream, pages, left, count);
        left -= count;
        if (!(until_update -= count)) {
            until_update = update;
            choice = next_random(choice);
            stream.sum = remap(space, below(choice, pages), stream.sum);
        }
        if (!(until_change -= count)) {
            until_change = change;
            space ^= 1;
            write_cr3(spaces[space].root);
        }
    }
    // Accessed and dirty bits count too.
    for (u32 s = 0; s < used; s++)
        for (u32 i = 0; i < pages; i++)
            stream.sum = fold(stream.sum, *entry_at(entries[s], i));
    if (verify) {
        for (u32 s = 0; s < used; s++) {
            write_cr3(spaces[s].root);
            check_tags("a-page-shows-its-frame", entries[s], pages);
        }
        stop_paging();
        check_equal("no-store-was-lost", sum_of_frames(pages + 1), before + stream.added);
    }

    begin_line();
    print_parameter("pages", pages);
    print_parameter("steps", steps);
    print_parameter("update", update);
    print_parameter("switch", change);
    if (pae)
        print_parameter("pae", pae);
    end_line(stream.sum);
}
