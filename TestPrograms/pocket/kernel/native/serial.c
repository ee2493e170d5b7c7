// The 16550 at COM1. Output is polled, a FIFO's worth at a time; input comes by interrupt.
#include "serial.h"

#include "cpu.h"
#include "interrupts.h"

#define COM1 0x3F8
#define DATA (COM1 + 0)
#define INTERRUPT_ENABLE (COM1 + 1)
#define FIFO_CONTROL (COM1 + 2)
#define LINE_CONTROL (COM1 + 3)
#define MODEM_CONTROL (COM1 + 4)
#define LINE_STATUS (COM1 + 5)

#define DIVISOR_LATCH 0x80
#define EIGHT_BITS 0x03
#define FIFO_ON 0x07       // and both queues emptied
#define MODEM_READY 0x0B   // DTR, RTS, and OUT2, which lets the interrupt through
#define RECEIVE_INTERRUPT 0x01
#define DATA_READY 0x01
#define TRANSMITTER_EMPTY 0x20

#define FIFO_SIZE 16
#define SERIAL_LINE 4
#define PATIENCE 100000  // polls before a byte is written all the same

static serial_receiver *receive;

void serial_start(void) {
    out8(INTERRUPT_ENABLE, 0);
    out8(LINE_CONTROL, DIVISOR_LATCH | EIGHT_BITS);
    out8(DATA, 1);  // 115200 baud
    out8(INTERRUPT_ENABLE, 0);
    out8(LINE_CONTROL, EIGHT_BITS);
    out8(FIFO_CONTROL, FIFO_ON);
    out8(MODEM_CONTROL, MODEM_READY);
}

static void wait_until_empty(void) {
    for (unsigned i = 0; i < PATIENCE; i++) {
        if (in8(LINE_STATUS) & TRANSMITTER_EMPTY) return;
    }
}

void serial_write(const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (i % FIFO_SIZE == 0) wait_until_empty();
        out8(DATA, bytes[i]);
    }
}

static void received(void) {
    while (in8(LINE_STATUS) & DATA_READY) receive(in8(DATA));
}

void serial_receive(serial_receiver *receiver) {
    receive = receiver;
    interrupt_set_handler(SERIAL_LINE, received);
    out8(INTERRUPT_ENABLE, RECEIVE_INTERRUPT);
}
