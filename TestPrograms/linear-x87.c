// linear-x87.c: solves 60 linear equations by elimination with pivots, on the x87 unit; the transcendental functions too.
// KIND: multiboot
// FLAGS: -march=i686 -m80387 -mno-sse -fno-math-errno
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: 60.000000 404e000000000001
// EXPECT-SERIAL: 0.007327 3f7e036947100000
// EXPECT-SERIAL: 372.777282
// EXPECT-SERIAL: linear-x87: ok
// QEMU: no (its arithmetic is its own)
#include "guest.h"
#include "x87.h"
#include "linear.h"

const char program_name[] = "linear-x87";

// Every transcendental instruction, on a row of arguments.
static double functions(void)
{
    double sum = 0;
    for (int i = 1; i < 200; i++) {
        double at = i / 37.0, result, other;
        __asm__("fsin" : "=t"(result) : "0"(at));
        sum += result;
        __asm__("fcos" : "=t"(result) : "0"(at));
        sum += result;
        __asm__("fsincos" : "=t"(result), "=u"(other) : "0"(at * 3));
        sum += result * other;
        __asm__("fptan; fstp %%st(0)" : "=t"(result) : "0"(at));
        sum += result / 64;
        __asm__("fpatan" : "=t"(result) : "0"(at), "u"(1.5) : "st(1)");
        sum += result;
        __asm__("f2xm1" : "=t"(result) : "0"(at / 6));
        sum += result;
        __asm__("fyl2x" : "=t"(result) : "0"(at), "u"(0.75) : "st(1)");
        sum += result;
        __asm__("fyl2xp1" : "=t"(result) : "0"(at / 20), "u"(0.75) : "st(1)");
        sum += result;
    }
    return sum;
}

void main(void)
{
    enable_x87();
    double sum, worst;
    check_solution(&sum, &worst);
    print_double(sum);
    print_double(worst * 1e12);
    // Their last bits are the processor's own: Intel's and AMD's differ.
    print_decimal(functions());
    print("\n");
}
