// mmu-random.c: random accesses to a working set that doubles from 16 pages on: where the TLB and its successors end.
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: mmu-random: ok
// QEMU: yes
//
// largest  pages in the largest working set, to 8192
// steps    accesses to each
// seed     of the random numbers
#include "parameters.h"
#include "working-set.h"

const char program_name[] = "mmu-random";

void main(void)
{
    u32 largest = parameter_within("largest", 4096, 16, MOST_PAGES), steps = parameter("steps", 10000);
    u32 seed = parameter("seed", 1);

    choose_format(0);
    fill_frames(largest);
    u32 before = sum_of_frames(largest);
    Space space = new_space();
    u32 entries = open_window(&space, largest);
    for (u32 i = 0; i < largest; i++)
        *entry_at(entries, i) = FRAME_AT(i) | P | W | U;
    start_paging(&space);

    Stream stream = { .random = seed };
    for (u32 pages = 16; pages <= largest; pages *= 2) {
        stream.sum = 0;
        random_accesses(&stream, pages, steps, steps);
        begin_line();
        print_parameter("pages", pages);
        print_parameter("steps", steps);
        end_line(stream.sum);
    }
    stop_paging();
    check_equal("no-store-was-lost", sum_of_frames(largest), before + stream.added);
}
