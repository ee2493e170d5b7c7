// spectral-sse2.c: the spectral norm of a matrix of 100 by 100, in SSE2 doubles.
// KIND: multiboot
// FLAGS: -march=pentium4 -mmmx -msse2 -mfpmath=sse -fno-math-errno -ffp-contract=off
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: 1.274219991
// EXPECT-SERIAL: spectral-sse2: ok
// QEMU: yes
#include "guest.h"
#include "simd.h"
#include "spectral.h"

const char program_name[] = "spectral-sse2";

// Apart from main, so that no constant is loaded before SSE is on.
static __attribute__((noinline)) void compute(void)
{
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

void main(void)
{
    enable_sse();
    compute();
}
