// printf's formatting without the rest of printf: integers and texts, no floating point.
#include "format.h"

#include <stdbool.h>
#include <stdint.h>

#include "string.h"

struct output {
    char *to;
    size_t size, length;
};

static void put(struct output *out, char character) {
    if (out->length + 1 < out->size) out->to[out->length++] = character;
}

static void put_padded(struct output *out, const char *text, size_t length, size_t width, bool left, char pad) {
    for (size_t i = length; !left && i < width; i++) put(out, pad);
    for (size_t i = 0; i < length; i++) put(out, text[i]);
    for (size_t i = length; left && i < width; i++) put(out, ' ');
}

static void put_number(struct output *out, uint32_t value, unsigned base, bool minus, size_t width, bool left,
                       bool zeros) {
    char digits[12], *at = digits + sizeof digits;
    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    if (minus && zeros) {
        put(out, '-');
        width -= width > 0;
    } else if (minus) {
        *--at = '-';
    }
    put_padded(out, at, digits + sizeof digits - at, width, left, zeros && !left ? '0' : ' ');
}

static size_t read_number(const char **pattern, va_list *arguments) {
    if (**pattern == '*') {
        ++*pattern;
        return va_arg(*arguments, int);
    }
    size_t number = 0;
    while (**pattern >= '0' && **pattern <= '9') number = number * 10 + (*(*pattern)++ - '0');
    return number;
}

size_t format(char *to, size_t size, const char *pattern, va_list original) {
    struct output out = {to, size, 0};
    va_list arguments;
    va_copy(arguments, original);
    for (; *pattern; pattern++) {
        if (*pattern != '%') {
            put(&out, *pattern);
            continue;
        }
        bool left = false, zeros = false;
        for (pattern++; *pattern == '-' || *pattern == '0'; pattern++) {
            left |= *pattern == '-';
            zeros |= *pattern == '0';
        }
        size_t width = read_number(&pattern, &arguments), precision = SIZE_MAX;
        if (*pattern == '.') {
            pattern++;
            precision = read_number(&pattern, &arguments);
        }
        while (*pattern == 'l') pattern++;
        switch (*pattern) {
            case 'd':
            case 'i': {
                int32_t value = va_arg(arguments, int32_t);
                put_number(&out, value < 0 ? -(uint32_t)value : (uint32_t)value, 10, value < 0, width, left, zeros);
                break;
            }
            case 'u': put_number(&out, va_arg(arguments, uint32_t), 10, false, width, left, zeros); break;
            case 'p':
            case 'x': put_number(&out, va_arg(arguments, uint32_t), 16, false, width, left, zeros); break;
            case 'c': {
                char character = va_arg(arguments, int);
                put_padded(&out, &character, 1, width, left, ' ');
                break;
            }
            case 's': {
                const char *text = va_arg(arguments, const char *);
                size_t length = 0;
                while (length < precision && text[length]) length++;
                put_padded(&out, text, length, width, left, ' ');
                break;
            }
            case 0: pattern--; break;
            default: put(&out, *pattern);
        }
    }
    va_end(arguments);
    if (size) out.to[out.length] = 0;
    return out.length;
}
