// The two 8259 interrupt controllers: their lines are moved away from the CPU's own exceptions, and all masked
// until a driver comes.
#include "interrupts.h"

#include <stdbool.h>
#include <stdint.h>

#include "../panic.h"
#include "cpu.h"
#include "traps.h"

#define MASTER_COMMAND 0x20
#define MASTER_DATA 0x21
#define SLAVE_COMMAND 0xA0
#define SLAVE_DATA 0xA1

#define ICW1 0x11  // edge-triggered, cascaded, ICW4 follows
#define ICW4 0x01  // 8086 mode
#define END_OF_INTERRUPT 0x20
#define READ_IN_SERVICE 0x0B

#define LINES 16
#define CASCADE_LINE 2

static interrupt_handler *handlers[LINES];
static uint16_t masked = 0xFFFF;

static void write_masks(void) {
    out8(MASTER_DATA, masked & 0xFF);
    out8(SLAVE_DATA, masked >> 8);
}

// The last line of each controller also reports requests that went away before they were taken.
static bool is_spurious(unsigned line) {
    if (line % 8 != 7) return false;
    uint16_t port = line < 8 ? MASTER_COMMAND : SLAVE_COMMAND;
    out8(port, READ_IN_SERVICE);
    return !(in8(port) & 0x80);
}

static void interrupt(struct frame *frame) {
    unsigned line = frame->vector - IRQ_VECTOR;
    bool spurious = is_spurious(line);
    if (line >= 8 && !spurious) out8(SLAVE_COMMAND, END_OF_INTERRUPT);
    if (line >= 8 || !spurious) out8(MASTER_COMMAND, END_OF_INTERRUPT);
    if (spurious) return;
    if (!handlers[line]) panic_at(frame, "interrupt on line %u, which nobody handles", line);
    handlers[line]();
}

void interrupt_set_handler(unsigned line, interrupt_handler *handler) {
    handlers[line] = handler;
    masked &= ~(1u << line);
    if (line >= 8) masked &= ~(1u << CASCADE_LINE);
    write_masks();
}

void interrupts_start(void) {
    out8(MASTER_COMMAND, ICW1);
    out8(SLAVE_COMMAND, ICW1);
    out8(MASTER_DATA, IRQ_VECTOR);
    out8(SLAVE_DATA, IRQ_VECTOR + 8);
    out8(MASTER_DATA, 1 << CASCADE_LINE);
    out8(SLAVE_DATA, CASCADE_LINE);
    out8(MASTER_DATA, ICW4);
    out8(SLAVE_DATA, ICW4);
    write_masks();
    for (unsigned line = 0; line < LINES; line++) trap_set_handler(IRQ_VECTOR + line, interrupt);
}
