// mandelbrot-sse2.c: 160 by 160 points, two at a time in an XMM register; a checksum of all iteration counts.
// KIND: multiboot
// FLAGS: -march=pentium4 -mmmx -msse2 -mfpmath=sse -fno-math-errno -ffp-contract=off
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: f7f13701
// EXPECT-SERIAL: mandelbrot-sse2: ok
// QEMU: yes
#include "guest.h"
#include "simd.h"

const char program_name[] = "mandelbrot-sse2";

enum { SIZE = 160, LIMIT = 100 };
typedef double Pair __attribute__((vector_size(16)));
typedef long long Mask __attribute__((vector_size(16)));

// Iterations of two points until each leaves the circle; MOVMSKPD tells when both have.
static inline Mask iterate(Pair cx, Pair cy)
{
    Pair x = { 0, 0 }, y = { 0, 0 };
    Mask count = { 0, 0 };
    for (int i = 0; i < LIMIT; i++) {
        Pair x2 = x * x, y2 = y * y;
        Mask inside = x2 + y2 <= (Pair){ 4, 4 };
        if (!(inside[0] | inside[1]))
            break;
        count -= inside;
        y = (x + x) * y + cy;
        x = x2 - y2 + cx;
    }
    return count;
}

// Apart from main, so that no constant is loaded before SSE is on.
static __attribute__((noinline)) void compute(void)
{
    u32 sum = 0;
    for (int row = 0; row < SIZE; row++)
        for (int column = 0; column < SIZE; column += 2) {
            double cy = 2.0 * row / SIZE - 1.0;
            Pair cx = { 2.0 * column / SIZE - 1.5, 2.0 * (column + 1) / SIZE - 1.5 };
            Mask count = iterate(cx, (Pair){ cy, cy });
            sum = sum * 31 + (u32)count[0];
            sum = sum * 31 + (u32)count[1];
        }
    print_hex(sum);
    print("\n");
}

void main(void)
{
    enable_sse();
    compute();
}
