// What the host must do in C for Trapline: files of machine memory, the native 32-bit oracle, and
// the use of the host's x87 unit.
#ifndef CHOST_H
#define CHOST_H

#include <stddef.h>
#include <stdint.h>

#include "oracle.h"
#include "simd.h"
#include "translator.h"
#include "world.h"
#include "x87.h"

/// Creates an anonymous memory file of `bytes` bytes, maps it shared and writable, and returns its base, or NULL
/// (errno says why). The descriptor goes to `*fd`. Pages cost nothing until they are touched.
void *_Nullable chost_memory_create(size_t bytes, int *_Nonnull fd);
/// Maps a memory file that another process made; NULL when the host refuses (errno says why).
void *_Nullable chost_memory_map(size_t bytes, int fd);
/// Unmaps and closes what chost_memory_create made.
void chost_memory_destroy(void *_Nonnull base, size_t bytes, int fd);

#endif
