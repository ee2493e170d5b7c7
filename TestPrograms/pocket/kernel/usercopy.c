// Texts from user memory: how long they are is known only once they are here.
#include "usercopy.h"

#include "string.h"

int copy_text_from_user(char *to, uint32_t from, uint32_t size, int too_long) {
    uint32_t length = 0;
    while (length < size) {
        uint32_t part = PAGE_SIZE - (from + length) % PAGE_SIZE;  // never past the page that must be there
        if (part > size - length) part = size - length;
        int error = copy_from_user(to + length, from + length, part);
        if (error) return error;
        for (uint32_t end = length + part; length < end; length++) {
            if (!to[length]) return length;
        }
    }
    return too_long;
}
