// The SIMD units' arithmetic, by the host's own: one small function for each MMX, SSE and SSE2 instruction that computes.
#ifndef CHOST_SIMD_H
#define CHOST_SIMD_H

#include <stdint.h>

/// One instruction. `destination` is 16 bytes, read and written; `source` 16 bytes, read. An operand of an MMX or general
/// register lies in the low bytes, and the bytes above it are zero in the source. Comparisons leave ZF, PF and CF in the
/// destination's first word, as EFLAGS has them.
typedef void (*chost_simd_function)(void *_Nonnull destination, const void *_Nonnull source, uint32_t immediate);

/// The function of a mnemonic, or NULL. Where an instruction on MMX registers isn't the low half of that on XMM
/// registers, the former has ".mm" behind its mnemonic. On a host that isn't x86 there are none.
chost_simd_function _Nullable chost_simd_find(const char *_Nonnull mnemonic);

/// Runs a floating-point function under the guest's MXCSR, and gives that its flags.
///
/// True when an exception that `*mxcsr` doesn't mask was found: the destination is unchanged then.
_Bool chost_simd_float(chost_simd_function _Nonnull function, void *_Nonnull destination, const void *_Nonnull source,
                       uint32_t immediate, uint32_t *_Nonnull mxcsr);

#endif
