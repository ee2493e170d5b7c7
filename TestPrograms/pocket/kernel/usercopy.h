// The only way the kernel touches a process's memory. A process may pass any pointer: these answer -EFAULT.
#ifndef USERCOPY_H
#define USERCOPY_H

#include <stdbool.h>
#include <stdint.h>

#include "errors.h"
#include "layout.h"

// native/usercopy.S: 0, or -EFAULT when a page in the way can't be had.
int copy_user(void *to, const void *from, uint32_t size);
extern const char copy_user_failed[];

static inline bool in_copy_user(uint32_t eip) {
    return eip >= (uint32_t)copy_user && eip < (uint32_t)copy_user_failed;
}

static inline bool is_user_range(uint32_t start, uint32_t size) {
    return start < KERNEL_BASE && size <= KERNEL_BASE - start;
}

static inline int copy_from_user(void *to, uint32_t from, uint32_t size) {
    return is_user_range(from, size) ? copy_user(to, (const void *)from, size) : -EFAULT;
}

static inline int copy_to_user(uint32_t to, const void *from, uint32_t size) {
    return is_user_range(to, size) ? copy_user((void *)to, from, size) : -EFAULT;
}

// A text and its final zero. Its length, -EFAULT, or `too_long` when it doesn't fit into `size`.
int copy_text_from_user(char *to, uint32_t from, uint32_t size, int too_long);

#endif
