// The world switch of a hosted monitor: the whole processor changes hands between two contexts that share nothing but a
// page (Sugerman et al., USENIX ATC 2001, section 2.2). Here both live in one thread of a user process, so what can be
// switched is what a process has: stack, general registers, x87/SSE state, and the base of GS, which translated code uses.
#ifndef CHOST_WORLD_H
#define CHOST_WORLD_H

#include <stddef.h>
#include <stdint.h>

typedef struct chost_world chost_world;

/// Makes a host context that runs `body(argument)` when it is first switched to. `body` must never return: it switches
/// back each time it is done, and goes on behind the switch the next time. NULL when the host has no memory for its stack.
chost_world *_Nullable chost_world_create(void (*_Nonnull body)(void *_Nonnull), void *_Nonnull argument);
void chost_world_destroy(chost_world *_Nonnull world);
/// From the monitor's context to the host's; returns when the host's switches back.
void chost_world_to_host(chost_world *_Nonnull world);
/// From the host's context to the monitor's.
void chost_world_to_monitor(chost_world *_Nonnull world);
/// Bytes of processor state that one switch saves, and as many that it restores.
size_t chost_world_state_size(void);

#endif
