// mmu-random.c: random accesses to a working set that doubles from 16 pages on: where the TLB and its successors end.
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: mmu-random: pages=16 steps=10000 sum=820b0b7f
// EXPECT-SERIAL: mmu-random: pages=32 steps=10000 sum=0d66b21d
// EXPECT-SERIAL: mmu-random: pages=64 steps=10000 sum=75b9b41e
// EXPECT-SERIAL: mmu-random: pages=128 steps=10000 sum=e56813b8
// EXPECT-SERIAL: mmu-random: pages=256 steps=10000 sum=38806bf2
// EXPECT-SERIAL: mmu-random: pages=512 steps=10000 sum=dc2c420a
// EXPECT-SERIAL: mmu-random: pages=1024 steps=10000 sum=567c67b5
// EXPECT-SERIAL: mmu-random: pages=2048 steps=10000 sum=8029e884
// EXPECT-SERIAL: mmu-random: pages=4096 steps=10000 sum=edf15a58
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
