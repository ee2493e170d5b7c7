// The host's x87 unit, lent to the guest. Between chost_x87_load and chost_x87_save the unit of this thread holds the
// guest's registers, and each instruction of the guest is executed as it is: rounding, NaNs, flags and transcendental
// results are the silicon's. Meanwhile no other code of the thread may use the unit (long double, MMX); the calling
// convention promises that none does without being told to.
//
// No instruction here can trap: after one that leaves an unmasked exception pending, the caller saves the state before it
// executes another (SDM 1, 8.7: the exception is raised by the next waiting instruction; FNSTSW and FNSAVE don't wait).
#ifndef CHOST_X87_H
#define CHOST_X87_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)
#define CHOST_X87_AVAILABLE 1
#else
#define CHOST_X87_AVAILABLE 0
#endif

/// Whether there is such a unit. Without it nothing below does anything.
static inline bool chost_x87_available(void) { return CHOST_X87_AVAILABLE; }

/// A state of the unit. `registers` has R0 to R7 in 16 bytes each (not ST(0) to ST(7)); a bit of `occupied` means that the
/// register is not empty.
typedef struct {
  uint64_t *_Nonnull registers;
  uint16_t control, status;
  uint8_t occupied;
} chost_x87_state;

void chost_x87_load(const chost_x87_state *_Nonnull state);
/// Also leaves the unit as the calling convention wants it: initialised and empty.
void chost_x87_save(chost_x87_state *_Nonnull state);

#if CHOST_X87_AVAILABLE
extern const uint8_t chost_x87_stubs[];
uint32_t chost_x87_call_with_flags(const void *_Nonnull stub, uint64_t flags);

/// Executes a stub's instruction (x87.S has the numbers), with its memory operand if it has one.
static inline void chost_x87_execute(uint32_t stub, void *_Nullable operand) {
  ((void (*)(void *))(uintptr_t)(chost_x87_stubs + 4 * (uintptr_t)stub))(operand);
}
/// The same for FCMOVcc and FCOMI, FUCOMI: takes and returns EFLAGS's six status bits.
static inline uint32_t chost_x87_execute_with_flags(uint32_t stub, uint32_t flags) {
  return chost_x87_call_with_flags(chost_x87_stubs + 4 * (uintptr_t)stub, (flags & 0x8d5) | 0x202) & 0x8d5;
}
static inline uint16_t chost_x87_status(void) {
  uint16_t status;
  __asm__ volatile("fnstsw %0" : "=a"(status));
  return status;
}
static inline void chost_x87_set_control(uint16_t control) { __asm__ volatile("fldcw %0" : : "m"(control)); }
#else
static inline void chost_x87_execute(uint32_t stub, void *_Nullable operand) { (void)stub, (void)operand; }
static inline uint32_t chost_x87_execute_with_flags(uint32_t stub, uint32_t flags) { return (void)stub, flags; }
static inline uint16_t chost_x87_status(void) { return 0; }
static inline void chost_x87_set_control(uint16_t control) { (void)control; }
#endif

#endif
