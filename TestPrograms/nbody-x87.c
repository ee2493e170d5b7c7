// nbody-x87.c: the planets' energy before and after 1000 steps, on the x87 unit: the silicon's bits.
// KIND: multiboot
// FLAGS: -march=i686 -m80387 -mno-sse -fno-math-errno
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: -0.169075 bfc5a441459aceca
// EXPECT-SERIAL: -0.169087 bfc5a4a9a352223c
// EXPECT-SERIAL: nbody-x87: ok
// QEMU: no (its arithmetic is its own)
#include "guest.h"
#include "x87.h"
#include "nbody.h"

const char program_name[] = "nbody-x87";

void main(void)
{
    enable_x87();
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
