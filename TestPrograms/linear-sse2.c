// linear-sse2.c: solves 60 linear equations by elimination with pivots, in SSE2 doubles; the digits are those of any IEEE machine.
// KIND: multiboot
// FLAGS: -march=pentium4 -mmmx -msse2 -mfpmath=sse -fno-math-errno -ffp-contract=off
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: 60.000000000
// EXPECT-SERIAL: 0.009214851
// EXPECT-SERIAL: linear-sse2: ok
// QEMU: yes
#include "guest.h"
#include "simd.h"
#include "linear.h"

const char program_name[] = "linear-sse2";

// Apart from main, so that no constant is loaded before SSE is on.
static __attribute__((noinline)) void compute(void)
{
    double sum, worst;
    check_solution(&sum, &worst);
    print_double(sum);
    // In units of 1e-12.
    print_double(worst * 1e12);
}

void main(void)
{
    enable_sse();
    compute();
}
