// mandelbrot-x87.c: 160 by 160 points with 80 bits each; a checksum of all iteration counts, and the area.
// KIND: multiboot
// FLAGS: -march=i686 -m80387 -mno-sse -fno-math-errno
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: f7f13701
// EXPECT-SERIAL: 1.547812 3ff8c3d70a3d70a4
// EXPECT-SERIAL: mandelbrot-x87: ok
// QEMU: no (its arithmetic is its own)
#include "guest.h"
#include "x87.h"

const char program_name[] = "mandelbrot-x87";

enum { SIZE = 160, LIMIT = 100 };

static int iterate(long double cx, long double cy)
{
    long double x = 0, y = 0;
    for (int i = 0; i < LIMIT; i++) {
        long double x2 = x * x, y2 = y * y;
        if (x2 + y2 > 4)
            return i;
        y = (x + x) * y + cy;
        x = x2 - y2 + cx;
    }
    return LIMIT;
}

void main(void)
{
    enable_x87();
    u32 sum = 0, inside = 0;
    for (int row = 0; row < SIZE; row++)
        for (int column = 0; column < SIZE; column++) {
            int count = iterate(2.0L * column / SIZE - 1.5L, 2.0L * row / SIZE - 1.0L);
            sum = sum * 31 + (u32)count;
            inside += count == LIMIT;
        }
    print_hex(sum);
    print("\n");
    print_double(4.0 * inside / (SIZE * SIZE));
}
