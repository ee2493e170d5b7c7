// The clock that makes time for the scheduler.
#ifndef TIMER_H
#define TIMER_H

#include "interrupts.h"

#define TICKS_PER_SECOND 100

// Calls `tick` TICKS_PER_SECOND times a second, with interrupts off.
void timer_start(interrupt_handler *tick);

#endif
