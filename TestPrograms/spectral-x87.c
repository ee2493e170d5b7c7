// spectral-x87.c: the spectral norm of a matrix of 100 by 100, on the x87 unit.
// KIND: multiboot
// FLAGS: -march=i686 -m80387 -mno-sse -fno-math-errno
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: 1.274219 3ff4633480643706
// EXPECT-SERIAL: spectral-x87: ok
// QEMU: no (its arithmetic is its own)
#include "guest.h"
#include "x87.h"
#include "spectral.h"

const char program_name[] = "spectral-x87";

void main(void)
{
    enable_x87();
    for (int i = 0; i < N; i++)
        u[i] = 1;
    for (int i = 0; i < 10; i++) {
        multiply_twice(u, v);
        multiply_twice(v, u);
    }
    double products = 0, squares = 0;
    for (int i = 0; i < N; i++)
        products += u[i] * v[i], squares += v[i] * v[i];
    print_double(__builtin_sqrt(products / squares));
}
