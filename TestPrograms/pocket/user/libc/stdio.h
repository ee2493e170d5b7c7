// Printing.
#ifndef STDIO_H
#define STDIO_H

// One write to descriptor 1, of at most 512 bytes.
__attribute__((format(printf, 1, 2))) int printf(const char *pattern, ...);

#endif
