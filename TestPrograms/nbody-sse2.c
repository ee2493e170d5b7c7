// nbody-sse2.c: the planets' energy before and after 1000 steps, in SSE2 doubles; the digits are those of any IEEE machine.
// KIND: multiboot
// FLAGS: -march=pentium4 -mmmx -msse2 -mfpmath=sse -fno-math-errno -ffp-contract=off
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: -0.169075164
// EXPECT-SERIAL: -0.169087605
// EXPECT-SERIAL: nbody-sse2: ok
// QEMU: yes
#include "guest.h"
#include "simd.h"
#include "nbody.h"

const char program_name[] = "nbody-sse2";

// Apart from main, so that no constant is loaded before SSE is on.
static __attribute__((noinline)) void compute(void)
{
    double px = 0, py = 0, pz = 0;
    for (int i = 0; i < BODIES; i++) {
        px += bodies[i].vx * bodies[i].mass;
        py += bodies[i].vy * bodies[i].mass;
        pz += bodies[i].vz * bodies[i].mass;
    }
    bodies[0].vx = -px / SOLAR_MASS, bodies[0].vy = -py / SOLAR_MASS, bodies[0].vz = -pz / SOLAR_MASS;
    print_energy();
    for (int i = 0; i < STEPS; i++)
        advance(0.01);
    print_energy();
}

void main(void)
{
    enable_sse();
    compute();
}
