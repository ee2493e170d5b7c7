// Programs: static ELF32 executables for the i386.
#ifndef ELF_H
#define ELF_H

#include "memory.h"

struct image {
    uint32_t entry;
    uint32_t headers, header_count;  // the program headers, where the process can read them (0 if it can't)
    uint32_t end;                    // of the last segment
};

// Notes in `space` what the file wants where; nothing is read but the headers. 0 or a negative error number.
int elf_load(struct space *space, struct file *file, struct image *image);

#endif
