// What the binary translator asks of the host: code memory that is never writable and executable at one address, the base
// of GS, and a signal handler that turns a fault in translated code into an ordinary exit from it.
#ifndef CHOST_TRANSLATOR_H
#define CHOST_TRANSLATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Where translated code lies, and how the last fault in it looked. One for each engine.
typedef struct {
  /// The executable alias of the translation cache: faults with RIP in it are ours.
  uint64_t code_start, code_end;
  /// Where execution goes on after such a fault, with all registers as they were.
  uint64_t fault_entry;
  /// RIP of the fault, the address it was about (page faults only), and the vector: 14 page fault, 0 divide error.
  uint64_t fault_pc, fault_address, fault_vector;
  /// The page fault was a write's.
  bool fault_is_write;
} chost_translator;

/// Whether this host can run translated code: x86-64 Linux with BMI2.
bool chost_translator_supported(void);
/// From now on, faults of this thread in `translator`'s code are its own; NULL ends that. Installs the handler when it is
/// needed for the first time.
void chost_translator_bind(chost_translator *_Nullable translator);
/// Sets the base of GS for this thread.
void chost_translator_set_window(uint64_t base);

/// `size` bytes of code memory, mapped twice: to write at the result, to execute at `*executable`.
/// @return NULL when the host refuses.
void *_Nullable chost_code_create(size_t size, void *_Nullable *_Nonnull executable);
void chost_code_destroy(void *_Nonnull writable, void *_Nonnull executable, size_t size);
#endif
