// What the kernel knows of interrupted code: the registers, as the entry paths in native/entry.S push them.
#ifndef FRAME_H
#define FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "layout.h"

// Lowest address first. PUSHA writes the first eight; the CPU writes the last five (ESP and SS only when it
// comes from ring 3) and, for some exceptions, the error code.
struct frame {
    uint32_t edi, esi, ebp, unused_esp, ebx, edx, ecx, eax;
    uint32_t es, ds;
    uint32_t vector, error;
    uint32_t eip, cs, eflags;
    uint32_t esp, ss;
};

_Static_assert(offsetof(struct frame, eax) == FRAME_EAX, "native/entry.S");
_Static_assert(offsetof(struct frame, vector) == FRAME_VECTOR, "native/entry.S");
_Static_assert(offsetof(struct frame, eip) == FRAME_EIP, "native/entry.S");
_Static_assert(offsetof(struct frame, cs) == FRAME_CS, "native/entry.S");

#define EFLAGS_RESERVED 0x002  // the bit that always reads 1
#define EFLAGS_IF 0x200

#endif
