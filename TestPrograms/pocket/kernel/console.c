// A terminal over the serial line: output as it comes, input by lines, with echo, rubout and an end of file (^D).
#include "console.h"

#include <stdarg.h>
#include <stdbool.h>

#include "format.h"
#include "native/serial.h"
#include "scheduler.h"
#include "usercopy.h"

#define PART 256         // bytes that are on their way at once
#define INPUT_SIZE 1024  // a power of two
#define END_OF_FILE 4
#define BACKSPACE 8
#define RUBOUT 127

// Bytes are numbered as they come. Readers see them up to `ready`; the line being typed may still be taken back.
static char input[INPUT_SIZE];
static uint32_t taken, ready, typed;
static struct queue readers;

static void echo(const char *text, size_t size) { serial_write(text, size); }

static void receive(char byte) {
    if (byte == '\r') byte = '\n';
    if (byte == BACKSPACE || byte == RUBOUT) {
        if (typed == ready) return;
        typed--;
        echo("\b \b", 3);
        return;
    }
    if (typed - taken == INPUT_SIZE) return;
    input[typed++ % INPUT_SIZE] = byte;
    if (byte != END_OF_FILE) echo(&byte, 1);
    if (byte != '\n' && byte != END_OF_FILE && typed - taken < INPUT_SIZE) return;
    ready = typed;
    wake_all(&readers);
}

// One line, or what of it fits.
static int console_read(uint32_t offset, void *to, uint32_t size) {
    (void)offset;
    while (size && taken == ready) sleep_in(&readers);
    char line[PART];
    uint32_t length = 0;
    bool ended = false;
    while (taken != ready && length < size && length < PART && !ended) {
        char byte = input[taken++ % INPUT_SIZE];
        ended = byte == '\n' || byte == END_OF_FILE;
        if (byte != END_OF_FILE) line[length++] = byte;
    }
    int error = copy_user(to, line, length);
    return error ? error : (int)length;
}

static int console_write(uint32_t offset, const void *from, uint32_t size) {
    (void)offset;
    char part[PART];
    for (uint32_t done = 0; done < size;) {
        uint32_t length = size - done < PART ? size - done : PART;
        int error = copy_user(part, (const char *)from + done, length);
        if (error) return done ? (int)done : error;
        serial_write(part, length);
        done += length;
    }
    return size;
}

const struct device console_device = {console_read, console_write, .has_places = false};

void console_start(void) { serial_start(); }
void console_listen(void) { serial_receive(receive); }

void print(const char *pattern, ...) {
    char text[PART];
    va_list arguments;
    va_start(arguments, pattern);
    serial_write(text, format(text, sizeof text, pattern, arguments));
    va_end(arguments);
}
