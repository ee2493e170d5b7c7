// The native oracle: the processor underneath runs 32-bit code in compatibility mode and says what it did.
//
// What the code sees (all else below 4 GiB is unmapped, so a stray access faults and reports its address):
//
//   00008000 +------------------+  low window, 2 pages, read-write: what 16-bit addresses reach. Only where the host
//   0000a000 +------------------+  lets a process map so low (vm.mmap_min_addr); else unmapped
//   10000000 +------------------+  code page: read and execute, filled with HLT; the code stands flush against its end
//   10001000 +------------------+  unmapped: fetching past the end faults
//   20000000 +------------------+  data window: 2 pages read-write,
//   20002000 +------------------+  then 1 page read-only
//   20003000 +------------------+  unmapped
//   6b3f5000 +------------------+  the way out: 64-bit code, reached by a far jump that follows the tested code
//
// Contract: between chost_oracle_begin and chost_oracle_end the calling thread owns the oracle (others wait in begin);
// both must be called on one thread, and every other call belongs between them on that thread.
#ifndef CHOST_ORACLE_H
#define CHOST_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHOST_ORACLE_CODE 0x10000000u
#define CHOST_ORACLE_CODE_BYTES 0x1000u
#define CHOST_ORACLE_DATA 0x20000000u
#define CHOST_ORACLE_DATA_BYTES 0x3000u
#define CHOST_ORACLE_DATA_WRITABLE 0x2000u
#define CHOST_ORACLE_LOW 0x8000u
#define CHOST_ORACLE_LOW_BYTES 0x2000u
#define CHOST_ORACLE_EXIT 0x6b3f5000u
/// Bytes of the far jump that follows the code in CHOST_ORACLE_JUMP.
#define CHOST_ORACLE_JUMP_BYTES 7u
/// The byte that fills the rest of the code page (HLT: #GP in user mode, so landing on it tells where).
#define CHOST_ORACLE_FILL 0xf4u

/// What follows the code, and so how the end of it is noticed.
enum {
  /// A far jump out: the fastest (a third of a microsecond), for code that runs on to its end.
  CHOST_ORACLE_JUMP = 0,
  /// The unmapped page: for branches (the fetch at the target faults and tells where) and length probes.
  CHOST_ORACLE_UNMAPPED = 1,
  /// The unmapped page, and a single-step trap after the first instruction: for branches into themselves.
  CHOST_ORACLE_STEP = 2,
};

/// How a run ended.
enum {
  /// The code ran to its end or branched away: `eip` is the next instruction's address.
  CHOST_ORACLE_COMPLETED = 0,
  /// `vector` was raised (`eip` as the processor pushed it).
  CHOST_ORACLE_FAULT = 1,
  /// Still running after 40 ms of processor time.
  CHOST_ORACLE_ENDLESS = 2,
  /// Not run: the code would reach the host's kernel or hypervisor (chost_oracle_refusal says what).
  CHOST_ORACLE_REFUSED = 3,
  /// The host would not enter 32-bit code.
  CHOST_ORACLE_NO_ENTRY = 4,
};

typedef struct {
  /// EAX ECX EDX EBX ESP EBP ESI EDI: in and out.
  uint32_t registers[8];
  /// In and out. Going in, TF, VM, NT and AC are dropped; coming out, RF is (and the TF of CHOST_ORACLE_STEP).
  uint32_t eflags;
  /// Out.
  uint32_t eip;
  /// ES CS SS DS FS GS by encoding: in (ES DS FS GS: null or 0x2b) and out.
  uint16_t segments[6];
  uint16_t reserved[2];
  /// Out: one of the endings above.
  uint32_t ending;
  /// Out, for CHOST_ORACLE_FAULT: the signal it became, vector, error code (0 where there is none) and, for page
  /// faults, the address; zero otherwise.
  uint32_t signal, vector, error_code, cr2;
  uint32_t reserved2;
  /// In: NULL, or a 512-byte FXSAVE image (16-byte aligned) to load before and to store after.
  void *_Nullable fx;
} chost_oracle_state;

/// Whether this host can run the oracle; if not, `*reason` says why. Looks once, remembers.
bool chost_oracle_available(const char *_Nullable *_Nonnull reason);
/// Takes the oracle for this thread: handlers, alternate stack, watchdog; holds back this thread's other signals.
/// False where the oracle isn't available.
bool chost_oracle_begin(void);
/// Gives it back and restores every handler, the stack and the signal mask.
void chost_oracle_end(void);
/// The data window's bytes (CHOST_ORACLE_DATA_BYTES, all writable here).
uint8_t *_Nonnull chost_oracle_data(void);
/// The low window's bytes (CHOST_ORACLE_LOW_BYTES), or NULL where the host doesn't allow one.
uint8_t *_Nullable chost_oracle_low(void);
/// Where code of this length starts in the code page.
uint32_t chost_oracle_address(size_t length, int mode);
/// Why these bytes must not run natively, or NULL. Looks at the first instruction only.
const char *_Nullable chost_oracle_refusal(const uint8_t *_Nonnull code, size_t length);
/// Runs the code once.
void chost_oracle_run(chost_oracle_state *_Nonnull state, const uint8_t *_Nonnull code, size_t length, int mode);

/// Results of chost_oracle_length besides a length.
enum { CHOST_ORACLE_LENGTH_UNDEFINED = -1, CHOST_ORACLE_LENGTH_REFUSED = -2, CHOST_ORACLE_LENGTH_LONGER = -3 };
/// How many of `count` bytes the processor takes as one instruction: runs ever more of them up against the unmapped
/// page until it no longer asks for more. #UD is LENGTH_UNDEFINED (`*consumed` tells at which length). `state` is the
/// state to start each try from and isn't changed; `*outcome` is the last try's result. `guess` is tried first:
/// two tries confirm a right length, one a right guess (negative) that it is undefined; 0 is no guess.
int chost_oracle_length(const chost_oracle_state *_Nonnull state, const uint8_t *_Nonnull code, size_t count, int guess,
                        chost_oracle_state *_Nonnull outcome, int *_Nonnull consumed);

#endif
