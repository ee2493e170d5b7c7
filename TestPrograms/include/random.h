// random.h: random numbers, and sums of what came of them.
#ifndef RANDOM_H
#define RANDOM_H
#include "guest.h"

// A linear congruence: the high bits are the random ones.
static inline u32 next_random(u32 random) { return random * 1664525 + 1013904223; }
// A number below a limit, out of the high bits.
static inline u32 below(u32 random, u32 limit) { return (u32)((u64)random * limit >> 32); }
// A sum that depends on the order too.
static inline u32 fold(u32 sum, u32 value) { return (sum << 5 | sum >> 27) + value; }

#endif
