// Linux's numbers for the signals that end a process; pocket delivers none of them to a handler.
#ifndef SIGNALS_H
#define SIGNALS_H

#define SIGNAL_ILLEGAL 4
#define SIGNAL_TRAP 5
#define SIGNAL_BUS 7
#define SIGNAL_ARITHMETIC 8
#define SIGNAL_KILL 9
#define SIGNAL_SEGMENT 11

#endif
