// The serial line, byte by byte.
#ifndef SERIAL_H
#define SERIAL_H

#include <stddef.h>

typedef void serial_receiver(char byte);

void serial_start(void);
void serial_write(const char *bytes, size_t size);

// Calls `receiver`, with interrupts off, for each byte that comes in from now on.
void serial_receive(serial_receiver *receiver);

#endif
