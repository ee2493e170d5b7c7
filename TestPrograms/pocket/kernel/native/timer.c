// The 8254 interval timer, channel 0, as a rate generator on interrupt line 0.
#include "timer.h"

#include "cpu.h"

#define CHANNEL_0 0x40
#define CONTROL 0x43
#define RATE_GENERATOR 0x34  // channel 0, low byte then high byte, mode 2

#define FREQUENCY 1193182
#define DIVISOR ((FREQUENCY + TICKS_PER_SECOND / 2) / TICKS_PER_SECOND)
#define TIMER_LINE 0

void timer_start(interrupt_handler *tick) {
    out8(CONTROL, RATE_GENERATOR);
    out8(CHANNEL_0, DIVISOR & 0xFF);
    out8(CHANNEL_0, DIVISOR >> 8);
    interrupt_set_handler(TIMER_LINE, tick);
}
