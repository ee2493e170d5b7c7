// mmu-switch.c: address spaces by turns, each with tables of its own for a window, all with the guest's own pages.
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: mmu-switch: spaces=2 touch=16 kernel=8 global=0 steps=2000 sum=e8db6e0f
// EXPECT-SERIAL: mmu-switch: ok
// QEMU: yes
//
// spaces   address spaces, to 8
// touch    pages of the window read and written after each switch, to 1024
// kernel   pages that all spaces have, read after each switch, to 1024
// global   1: the guest's own pages are global, where CPUID has PGE
// steps    switches
#include "parameters.h"
#include "working-set.h"

const char program_name[] = "mmu-switch";

enum { MOST_SPACES = 8, MOST_TOUCHED = 1024, KERNEL = 0x00800000 };

static Space spaces[MOST_SPACES];
static u32 entries[MOST_SPACES];

void main(void)
{
    u32 count = parameter_within("spaces", 2, 1, MOST_SPACES), touch = parameter_within("touch", 16, 0, MOST_TOUCHED);
    u32 kernel = parameter_within("kernel", 8, 0, MOST_TOUCHED), global = parameter_within("global", 0, 0, 1);
    u32 steps = parameter("steps", 2000);

    choose_format(0);
    fill_frames(count * touch);
    for (u32 i = 0; i < kernel; i++)
        WORD(KERNEL + (i << 12)) = TAG(i);
    for (u32 s = 0; s < count; s++) {
        spaces[s] = new_space();
        entries[s] = open_window(&spaces[s], touch ? touch : 1);
        // The same page is on another frame in every space.
        for (u32 i = 0; i < touch; i++)
            *entry_at(entries[s], i) = FRAME_AT(i * count + s) | P | W | U;
    }
    if (global)
        for (u32 i = 0; i < OWN_MEMORY >> 12; i++)
            *entry_at(own_tables, i) |= G;
    start_paging(&spaces[0]);
    if (global && cpuid_features() & CPUID_PGE)
        write_cr4(read_cr4() | CR4_PGE);

    u32 sum = 0, space = 0;
    for (u32 left = steps; left; left--) {
        if (++space >= count)
            space = 0;
        write_cr3(spaces[space].root);
        for (u32 page = PAGE_AT(0); page != PAGE_AT(touch); page += 4096) {
            sum = fold(sum, WORD(page + 4));
            WORD(page) += 1;
        }
        for (u32 page = KERNEL; page != KERNEL + (kernel << 12); page += 4096)
            sum = fold(sum, WORD(page));
    }
    for (u32 s = 0; s < count; s++) {
        write_cr3(spaces[s].root);
        check_tags("a-page-shows-its-space's-frame", entries[s], touch);
        // Spaces 1, 2 ... come first in every round.
        u32 visits = steps / count + (s > 0 && steps % count >= s);
        for (u32 i = 0; i < touch; i++) {
            u32 frame = FRAME_AT(i * count + s), bits = visits ? A | D : A;
            check_equal("visits-are-counted-in-the-space's-own-frame", WORD(PAGE_AT(i)) - frame, visits);
            check_equal("accessed-and-dirty", *entry_at(entries[s], i), frame | P | W | U | bits);
        }
    }
    stop_paging();

    begin_line();
    print_parameter("spaces", count);
    print_parameter("touch", touch);
    print_parameter("kernel", kernel);
    print_parameter("global", global);
    print_parameter("steps", steps);
    end_line(sum);
}
