// Interrupt lines, as the drivers see them.
#ifndef INTERRUPTS_H
#define INTERRUPTS_H

typedef void interrupt_handler(void);

void interrupts_start(void);

// Calls `handler`, with interrupts off, each time the device on `line` (0 to 15) asks; until then the line is masked.
void interrupt_set_handler(unsigned line, interrupt_handler *handler);

#endif
