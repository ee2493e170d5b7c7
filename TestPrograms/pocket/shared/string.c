// Bytes and texts. Copying and filling are the CPU's own string instructions: what the rest costs, they do not.
#include "string.h"

#include <stdint.h>

void *memcpy(void *to, const void *from, size_t size) {
    void *d = to;
    size_t words = size / 4;
    __asm__ volatile("rep movsl" : "+D"(d), "+S"(from), "+c"(words) : : "memory");
    size_t rest = size % 4;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(rest) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t size) {
    if ((uintptr_t)to - (uintptr_t)from >= size) return memcpy(to, from, size);
    char *d = to;
    const char *s = from;
    while (size-- > 0) d[size] = s[size];
    return to;
}

void *memset(void *to, int value, size_t size) {
    void *d = to;
    uint32_t pattern = (uint8_t)value * 0x01010101u;
    size_t words = size / 4, rest = size % 4;
    __asm__ volatile("rep stosl" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(rest) : "a"(pattern) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t size) {
    const unsigned char *x = a, *y = b;
    for (size_t i = 0; i < size; i++) {
        if (x[i] != y[i]) return x[i] - y[i];
    }
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length]) length++;
    return length;
}

int strcmp(const char *a, const char *b) { return strncmp(a, b, SIZE_MAX); }

int strncmp(const char *a, const char *b, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (a[i] != b[i] || !a[i]) return (unsigned char)a[i] - (unsigned char)b[i];
    }
    return 0;
}

char *strchr(const char *text, int character) {
    for (;; text++) {
        if (*text == (char)character) return (char *)text;
        if (!*text) return 0;
    }
}

const char *base_name(const char *path) {
    const char *name = path;
    for (; *path; path++) {
        if (*path == '/') name = path + 1;
    }
    return name;
}
