// The native oracle (see include/oracle.h): 32-bit code on the processor underneath, every way out of it caught.
#define _GNU_SOURCE
#include "oracle.h"
#include "translator.h"

#if defined(__x86_64__) && defined(__linux__)

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

// Linux's selectors for flat user segments: the same on every x86-64 kernel that isn't a Xen PV guest.
enum { CODE32 = 0x23, DATA = 0x2b, CODE64 = 0x33 };
enum { FLAG_TF = 1 << 8, FLAG_NT = 1 << 14, FLAG_RF = 1 << 16, FLAG_VM = 1 << 17, FLAG_AC = 1 << 18 };
enum { ALTERNATE_STACK_BYTES = 64 * 1024, ENDLESS_TICKS = 3 };
#define WATCHDOG_SIGNAL SIGVTALRM
#define WATCHDOG_NANOSECONDS 20000000L

struct frame {
  uint32_t registers[8];
  uint32_t eflags;
  uint32_t eip;
  uint16_t segments[6];
  uint32_t padding;
  uint64_t host_rsp, host_fs_base, host_gs_base;
  uint16_t host_segments[4];
};
_Static_assert(__builtin_offsetof(struct frame, segments) == 40, "oracle-enter.S knows the offsets");
_Static_assert(__builtin_offsetof(struct frame, host_rsp) == 56, "oracle-enter.S knows the offsets");
_Static_assert(__builtin_offsetof(struct frame, host_segments) == 80, "oracle-enter.S knows the offsets");

#define HIDDEN __attribute__((visibility("hidden")))
HIDDEN struct frame chost_oracle_frame;
HIDDEN void chost_oracle_enter(void);
HIDDEN extern char chost_oracle_exit[], chost_oracle_leave[], chost_oracle_enter_end[];

// What the handler leaves beside the frame.
static volatile uint32_t ending, fault_signal, fault_vector, fault_error, fault_cr2;
static volatile uint64_t run_count, watched_run;
static volatile uint32_t watched_ticks;

static const int caught[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, WATCHDOG_SIGNAL};
enum { CAUGHT = sizeof caught / sizeof caught[0] };
static struct sigaction old_actions[CAUGHT];

static uint8_t *code_alias, *data_alias, *low_alias;
static uint8_t alternate_stack[ALTERNATE_STACK_BYTES];
static stack_t old_stack;
static sigset_t old_mask;
static timer_t watchdog;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char reason_text[200];
static const char *unavailable;

// ---- Signals

// A fault that isn't ours goes to whoever had the signal before us.
static void chain(int signal_number, siginfo_t *info, void *context) {
  for (int i = 0; i < CAUGHT; i++) {
    if (caught[i] != signal_number) continue;
    const struct sigaction *old = &old_actions[i];
    if (old->sa_flags & SA_SIGINFO) {
      if (old->sa_sigaction) old->sa_sigaction(signal_number, info, context);
    } else if (old->sa_handler == SIG_DFL) {
      // The instruction runs again when we return, and the fault then has its default effect.
      if (signal_number != WATCHDOG_SIGNAL) sigaction(signal_number, old, NULL);
    } else if (old->sa_handler != SIG_IGN) {
      old->sa_handler(signal_number);
    }
  }
}

// The tested code may have loaded FS, and with it changed the base that thread-local storage hangs from; so until the
// base is back nothing here may use a stack protector, errno or a lazily bound function.
__attribute__((no_stack_protector, target("fsgsbase"))) static void handle(int signal_number, siginfo_t *info,
                                                                          void *context) {
  greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
  uint16_t cs = (uint16_t)g[REG_CSGSFS];
  uint64_t rip = (uint64_t)g[REG_RIP];
  // Nothing but the tested code is mapped below 4 GiB (checked at start), so this tells it in either mode.
  bool tested = cs == CODE32 || rip < 0x100000000;
  if (!tested) {
    if (rip >= (uint64_t)chost_oracle_enter && rip < (uint64_t)chost_oracle_enter_end) {
      if (signal_number == WATCHDOG_SIGNAL) return;
      if (signal_number == SIGTRAP) {  // the tested code set TF and left
        g[REG_EFL] &= ~(greg_t)FLAG_TF;
        return;
      }
      // The interrupt return itself faulted.
      ending = CHOST_ORACLE_NO_ENTRY;
      g[REG_RIP] = (greg_t)chost_oracle_leave;
      g[REG_RSP] = (greg_t)chost_oracle_frame.host_rsp;
      return;
    }
    if (signal_number == WATCHDOG_SIGNAL && info->si_code == SI_TIMER) return;
    chain(signal_number, info, context);
    return;
  }
  uint16_t es, ds, fs, gs;
  __asm__ volatile("movw %%es, %0\n movw %%ds, %1\n movw %%fs, %2\n movw %%gs, %3"
                   : "=r"(es), "=r"(ds), "=r"(fs), "=r"(gs));
  __builtin_ia32_wrfsbase64(chost_oracle_frame.host_fs_base);
  if (signal_number == WATCHDOG_SIGNAL) {
    if (watched_run != run_count) {
      watched_run = run_count;
      watched_ticks = 0;
    }
    watched_ticks += 1;
    if (watched_ticks < ENDLESS_TICKS) {
      // Back into the tested code with its own FS. Its base is 0 whether the selector is null or flat.
      __builtin_ia32_wrfsbase64(0);
      return;
    }
    ending = CHOST_ORACLE_ENDLESS;
  } else {
    ending = CHOST_ORACLE_FAULT;
    fault_signal = (uint32_t)signal_number;
    fault_vector = (uint32_t)g[REG_TRAPNO];
    fault_error = (uint32_t)g[REG_ERR];
    fault_cr2 = (uint32_t)g[REG_CR2];
  }
  struct frame *frame = &chost_oracle_frame;
  frame->registers[0] = (uint32_t)g[REG_RAX];
  frame->registers[1] = (uint32_t)g[REG_RCX];
  frame->registers[2] = (uint32_t)g[REG_RDX];
  frame->registers[3] = (uint32_t)g[REG_RBX];
  frame->registers[4] = (uint32_t)g[REG_RSP];
  frame->registers[5] = (uint32_t)g[REG_RBP];
  frame->registers[6] = (uint32_t)g[REG_RSI];
  frame->registers[7] = (uint32_t)g[REG_RDI];
  frame->eflags = (uint32_t)g[REG_EFL];
  frame->eip = (uint32_t)rip;
  frame->segments[0] = es;
  frame->segments[1] = cs;
  frame->segments[2] = (uint16_t)((uint64_t)g[REG_CSGSFS] >> 48);
  frame->segments[3] = ds;
  frame->segments[4] = fs;
  frame->segments[5] = gs;
  g[REG_RIP] = (greg_t)chost_oracle_leave;
  g[REG_RSP] = (greg_t)frame->host_rsp;
  g[REG_EFL] = 0x202;
  g[REG_CSGSFS] = (greg_t)(((uint64_t)DATA << 48) | CODE64);
}

// ---- Windows

// Maps `bytes` of a memory file at `address`, and again somewhere above 4 GiB, writable: the host's own view, which the
// tested code can't reach.
static uint8_t *map_window(uint32_t address, size_t bytes, int protection) {
  int file = memfd_create("trapline-oracle", MFD_CLOEXEC);
  if (file < 0) return NULL;
  uint8_t *alias = MAP_FAILED;
  void *wanted = (void *)(uintptr_t)address, *window = MAP_FAILED;
  if (ftruncate(file, (off_t)bytes) == 0) {
    alias = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (alias != MAP_FAILED) window = mmap(wanted, bytes, protection, MAP_SHARED | MAP_FIXED_NOREPLACE, file, 0);
  }
  close(file);
  if (window == wanted) return alias;
  if (window != MAP_FAILED) munmap(window, bytes);  // a kernel that doesn't know MAP_FIXED_NOREPLACE
  if (alias != MAP_FAILED) munmap(alias, bytes);
  return NULL;
}

// A stray write below 4 GiB must hit nothing of the host's (a non-PIE program, a sanitizer's shadow, ...).
static bool low_memory_is_empty(void) {
  FILE *maps = fopen("/proc/self/maps", "re");
  if (!maps) {
    snprintf(reason_text, sizeof reason_text, "/proc/self/maps can't be read: %s", strerror(errno));
    return false;
  }
  char line[512];
  bool empty = true;
  while (empty && fgets(line, sizeof line, maps)) {
    unsigned long start = strtoul(line, NULL, 16);
    if (start < 0x100000000) {
      line[strcspn(line, "\n")] = 0;
      snprintf(reason_text, sizeof reason_text, "something of this process lies below 4 GiB: %.120s", line);
      empty = false;
    }
  }
  fclose(maps);
  return empty;
}

static void write_exit_jump(uint8_t *to) {
  uint32_t address = CHOST_ORACLE_EXIT;
  to[0] = 0xea;
  memcpy(to + 1, &address, 4);
  to[5] = CODE64;
  to[6] = 0;
}

static bool session_begin(void);
static void session_end(void);

static void set_up(void) {
  unavailable = reason_text;
  uint32_t cs = 0, rights = 0;
  uint8_t valid = 0;
  __asm__("movl %%cs, %0" : "=r"(cs));
  __asm__("larl %2, %0\n setz %1" : "=r"(rights), "=r"(valid) : "r"((uint32_t)CODE32) : "cc");
  // Present, ring 3, readable code; D set, L clear.
  if (cs != CODE64 || !valid || (rights & 0x0060fa00) != 0x0040fa00) {
    snprintf(reason_text, sizeof reason_text, "this kernel has no 32-bit code segment at selector 0x23");
    return;
  }
  if (!(getauxval(AT_HWCAP2) & 2)) {
    snprintf(reason_text, sizeof reason_text, "this kernel or processor lacks FSGSBASE");
    return;
  }
  if (!low_memory_is_empty()) return;
  code_alias = map_window(CHOST_ORACLE_CODE, CHOST_ORACLE_CODE_BYTES, PROT_READ | PROT_EXEC);
  data_alias = map_window(CHOST_ORACLE_DATA, CHOST_ORACLE_DATA_BYTES, PROT_READ | PROT_WRITE);
  uint8_t *exit_alias = map_window(CHOST_ORACLE_EXIT, 0x1000, PROT_READ | PROT_EXEC);
  void *read_only = (void *)(uintptr_t)(CHOST_ORACLE_DATA + CHOST_ORACLE_DATA_WRITABLE);
  if (!code_alias || !data_alias || !exit_alias ||
      mprotect(read_only, CHOST_ORACLE_DATA_BYTES - CHOST_ORACLE_DATA_WRITABLE, PROT_READ) != 0) {
    snprintf(reason_text, sizeof reason_text, "the windows can't be mapped (no executable memory files?): %s",
             strerror(errno));
    return;
  }
  low_alias = map_window(CHOST_ORACLE_LOW, CHOST_ORACLE_LOW_BYTES, PROT_READ | PROT_WRITE);
  memset(code_alias, CHOST_ORACLE_FILL, CHOST_ORACLE_CODE_BYTES);
  // jmp *8(%rip): the pointer is aligned, as the tested code may have turned alignment checks on.
  memset(exit_alias, CHOST_ORACLE_FILL, 0x1000);
  static const uint8_t jump[6] = {0xff, 0x25, 2, 0, 0, 0};
  uint64_t target = (uint64_t)chost_oracle_exit;
  memcpy(exit_alias, jump, sizeof jump);
  memcpy(exit_alias + 8, &target, 8);
  munmap(exit_alias, 0x1000);

  // The mechanism is believed when it has worked: INC EAX, and a load from address 0 with FS null.
  unavailable = NULL;
  if (!session_begin()) return;
  chost_oracle_state state = {.registers = {41}, .eflags = 0x202, .segments = {DATA, 0, 0, DATA, 0, 0}};
  chost_oracle_run(&state, (const uint8_t[]){0x40}, 1, CHOST_ORACLE_JUMP);
  bool works = state.ending == CHOST_ORACLE_COMPLETED && state.registers[0] == 42;
  chost_oracle_run(&state, (const uint8_t[]){0xa1, 0, 0, 0, 0}, 5, CHOST_ORACLE_JUMP);
  works = works && state.ending == CHOST_ORACLE_FAULT && state.vector == 14;
  session_end();
  if (!works) {
    snprintf(reason_text, sizeof reason_text, "32-bit code ran, but not as it should (ending %u, vector %u)",
             state.ending, state.vector);
    unavailable = reason_text;
  }
}

bool chost_oracle_available(const char **reason) {
  pthread_once(&once, set_up);
  *reason = unavailable;
  return unavailable == NULL;
}

// ---- Sessions

static bool session_begin(void) {
  // The translator's handler comes first: what is installed during a session goes with it.
  chost_translator_bind(NULL);
  sigset_t mask;
  sigfillset(&mask);
  for (int i = 0; i < CAUGHT; i++) sigdelset(&mask, caught[i]);
  pthread_sigmask(SIG_SETMASK, &mask, &old_mask);
  stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof alternate_stack};
  sigaltstack(&stack, &old_stack);
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, WATCHDOG_SIGNAL);
  for (int i = 0; i < CAUGHT; i++) sigaction(caught[i], &action, &old_actions[i]);
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = WATCHDOG_SIGNAL};
  event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
  struct itimerspec every = {.it_interval = {0, WATCHDOG_NANOSECONDS}, .it_value = {0, WATCHDOG_NANOSECONDS}};
  if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &watchdog) == 0) {
    if (timer_settime(watchdog, 0, &every, NULL) == 0) return true;
    timer_delete(watchdog);
  }
  snprintf(reason_text, sizeof reason_text, "no timer for the watchdog: %s", strerror(errno));
  unavailable = reason_text;
  for (int i = 0; i < CAUGHT; i++) sigaction(caught[i], &old_actions[i], NULL);
  sigaltstack(&old_stack, NULL);
  pthread_sigmask(SIG_SETMASK, &old_mask, NULL);
  return false;
}

static void session_end(void) {
  timer_delete(watchdog);
  for (int i = 0; i < CAUGHT; i++) sigaction(caught[i], &old_actions[i], NULL);
  sigaltstack(&old_stack, NULL);
  pthread_sigmask(SIG_SETMASK, &old_mask, NULL);
}

bool chost_oracle_begin(void) {
  const char *reason;
  if (!chost_oracle_available(&reason)) return false;
  pthread_mutex_lock(&lock);
  if (session_begin()) return true;
  pthread_mutex_unlock(&lock);
  return false;
}

void chost_oracle_end(void) {
  session_end();
  pthread_mutex_unlock(&lock);
}

uint8_t *chost_oracle_data(void) { return data_alias; }
uint8_t *chost_oracle_low(void) { return low_alias; }

// ---- Running

uint32_t chost_oracle_address(size_t length, int mode) {
  uint32_t tail = mode == CHOST_ORACLE_JUMP ? CHOST_ORACLE_JUMP_BYTES : 0;
  return CHOST_ORACLE_CODE + CHOST_ORACLE_CODE_BYTES - (uint32_t)length - tail;
}

const char *chost_oracle_refusal(const uint8_t *code, size_t length) {
  size_t i = 0;
  bool operand16 = false;
  for (; i < length; i++) {
    uint8_t b = code[i];
    if (b == 0x66) operand16 = true;
    bool prefix = (b & 0xe7) == 0x26 || (b >= 0x64 && b <= 0x67) || b == 0xf0 || b == 0xf2 || b == 0xf3;
    if (!prefix) break;
  }
  if (i >= length) return NULL;
  const uint8_t *op = code + i;
  size_t left = length - i;
  if (op[0] == 0xcd && left > 1 && op[1] == 0x80) return "INT 80h is a system call of the host";
  if (op[0] == 0xea || op[0] == 0x9a) {
    size_t at = operand16 ? 3 : 5;
    if (left > at + 1 && (op[at] & 0xfc) == 0x30 && op[at + 1] == 0) return "selector 33h is 64-bit code";
  }
  if (op[0] != 0x0f || left < 2) return NULL;
  if (op[1] == 0x05) return "SYSCALL is a system call of the host";
  if (op[1] == 0x34) return "SYSENTER is a system call of the host";
  if (op[1] == 0x01 && left > 2) {
    if (op[2] == 0xc1 || op[2] == 0xd9) return "VMCALL and VMMCALL go to the host's hypervisor";
    if (op[2] == 0xd4) return "VMFUNC goes to the host's hypervisor";
    if (op[2] == 0xef) return "WRPKRU would lock the host out of its own pages";
  }
  return NULL;
}

static void place(const uint8_t *code, size_t length, uint32_t at, int mode) {
  uint8_t *to = code_alias + (at - CHOST_ORACLE_CODE);
  memcpy(to, code, length);
  if (mode == CHOST_ORACLE_JUMP) write_exit_jump(to + length);
}

static void load(const chost_oracle_state *state, uint32_t at, int mode) {
  struct frame *frame = &chost_oracle_frame;
  memcpy(frame->registers, state->registers, sizeof frame->registers);
  memcpy(frame->segments, state->segments, sizeof frame->segments);
  frame->eflags = (state->eflags & ~(uint32_t)(FLAG_TF | FLAG_NT | FLAG_RF | FLAG_VM | FLAG_AC)) | 0x202;
  if (mode == CHOST_ORACLE_STEP) frame->eflags |= FLAG_TF;
  frame->eip = at;
  ending = CHOST_ORACLE_COMPLETED;
  fault_signal = fault_vector = fault_error = fault_cr2 = 0;
  run_count += 1;
}

// The tested code's x87 and SSE state is loaded around the passage and nothing else.
static void enter_with_fx(void *fx) {
  static uint8_t host[512] __attribute__((aligned(16)));
  __asm__ volatile("fxsave (%0)\n fxrstor (%1)" : : "r"(host), "r"(fx) : "memory");
  chost_oracle_enter();
  __asm__ volatile("fxsave (%1)\n fxrstor (%0)" : : "r"(host), "r"(fx) : "memory");
}

// A fault whose EIP lies outside the code is the next instruction's: the tested one completed.
static bool landed(uint32_t eip, uint32_t at, size_t length, int mode) {
  if (mode == CHOST_ORACLE_STEP && fault_vector == 1) return true;
  if (eip >= at && eip < at + length) return false;
  if (fault_vector == 14) return (fault_error & 0x10) && fault_cr2 == eip;
  return fault_vector == 13 && fault_error == 0 && eip - CHOST_ORACLE_CODE < CHOST_ORACLE_CODE_BYTES &&
         code_alias[eip - CHOST_ORACLE_CODE] == CHOST_ORACLE_FILL;
}

static void store(chost_oracle_state *state, uint32_t at, size_t length, int mode) {
  const struct frame *frame = &chost_oracle_frame;
  memcpy(state->registers, frame->registers, sizeof state->registers);
  memcpy(state->segments, frame->segments, sizeof state->segments);
  state->eflags = frame->eflags & ~(uint32_t)FLAG_RF;
  if (mode == CHOST_ORACLE_STEP) state->eflags &= ~(uint32_t)FLAG_TF;
  state->ending = ending;
  state->signal = state->vector = state->error_code = state->cr2 = 0;
  if (ending == CHOST_ORACLE_COMPLETED) {
    state->eip = at + (uint32_t)length;
    state->segments[1] = CODE32;
    return;
  }
  state->eip = frame->eip;
  if (ending != CHOST_ORACLE_FAULT) return;
  if (landed(frame->eip, at, length, mode)) {
    state->ending = CHOST_ORACLE_COMPLETED;
    return;
  }
  state->signal = fault_signal;
  state->vector = fault_vector;
  state->error_code = fault_error;
  if (fault_vector != 14) return;
  state->cr2 = fault_cr2;
  // The kernel may not have mapped (or have taken away) a page of ours that is there for all the code can know.
  bool present = fault_cr2 - CHOST_ORACLE_CODE < CHOST_ORACLE_CODE_BYTES ||
                 fault_cr2 - CHOST_ORACLE_DATA < CHOST_ORACLE_DATA_BYTES;
  if (present) state->error_code |= 1;
}

void chost_oracle_run(chost_oracle_state *state, const uint8_t *code, size_t length, int mode) {
  state->signal = state->vector = state->error_code = state->cr2 = 0;
  if (length == 0 || length > 256 || chost_oracle_refusal(code, length)) {
    state->ending = CHOST_ORACLE_REFUSED;
    return;
  }
  uint32_t at = chost_oracle_address(length, mode);
  place(code, length, at, mode);
  load(state, at, mode);
  if (state->fx) {
    enter_with_fx(state->fx);
  } else {
    chost_oracle_enter();
  }
  store(state, at, length, mode);
  memset(code_alias + (at - CHOST_ORACLE_CODE), CHOST_ORACLE_FILL, CHOST_ORACLE_CODE + CHOST_ORACLE_CODE_BYTES - at);
}

// One try of a length probe: does the processor want more than these bytes?
static int try_length(const chost_oracle_state *state, const uint8_t *code, size_t length, chost_oracle_state *outcome) {
  static uint8_t fx[512] __attribute__((aligned(16)));
  *outcome = *state;
  if (state->fx) memcpy(fx, state->fx, sizeof fx);
  outcome->fx = state->fx ? fx : NULL;
  chost_oracle_run(outcome, code, length, CHOST_ORACLE_UNMAPPED);
  outcome->fx = NULL;
  if (outcome->ending == CHOST_ORACLE_REFUSED) return CHOST_ORACLE_LENGTH_REFUSED;
  if (outcome->ending == CHOST_ORACLE_FAULT) {
    uint32_t end = CHOST_ORACLE_CODE + CHOST_ORACLE_CODE_BYTES;
    bool fetch = outcome->vector == 14 && (outcome->error_code & 0x10) && outcome->cr2 == end;
    if (fetch && outcome->eip == end - length) return CHOST_ORACLE_LENGTH_LONGER;
    if (outcome->vector == 6) return CHOST_ORACLE_LENGTH_UNDEFINED;
  }
  return (int)length;
}

int chost_oracle_length(const chost_oracle_state *state, const uint8_t *code, size_t count, int guess,
                        chost_oracle_state *outcome, int *consumed) {
  if (chost_oracle_refusal(code, count)) return CHOST_ORACLE_LENGTH_REFUSED;
  size_t first = 1;
  if (guess < 0 && try_length(state, code, count, outcome) == CHOST_ORACLE_LENGTH_UNDEFINED) {
    *consumed = (int)count;
    return CHOST_ORACLE_LENGTH_UNDEFINED;
  }
  if (guess > 0 && (size_t)guess <= count) {
    // The shorter try first, so that `outcome` is the whole instruction's.
    int shorter = guess > 1 ? try_length(state, code, (size_t)guess - 1, outcome) : CHOST_ORACLE_LENGTH_LONGER;
    if (shorter == CHOST_ORACLE_LENGTH_LONGER) first = (size_t)guess;
  }
  for (size_t length = first; length <= count; length++) {
    int result = try_length(state, code, length, outcome);
    if (result == CHOST_ORACLE_LENGTH_LONGER) continue;
    *consumed = (int)length;
    return result;
  }
  *consumed = (int)count;
  return CHOST_ORACLE_LENGTH_LONGER;
}

#else

bool chost_oracle_available(const char **reason) {
  *reason = "the native oracle needs Linux on x86-64";
  return false;
}
bool chost_oracle_begin(void) { return false; }
void chost_oracle_end(void) {}
static uint8_t nothing[CHOST_ORACLE_DATA_BYTES];
uint8_t *chost_oracle_data(void) { return nothing; }
uint8_t *chost_oracle_low(void) { return NULL; }
uint32_t chost_oracle_address(size_t length, int mode) {
  uint32_t tail = mode == CHOST_ORACLE_JUMP ? CHOST_ORACLE_JUMP_BYTES : 0;
  return CHOST_ORACLE_CODE + CHOST_ORACLE_CODE_BYTES - (uint32_t)length - tail;
}
const char *chost_oracle_refusal(const uint8_t *code, size_t length) {
  (void)code, (void)length;
  return "the native oracle needs Linux on x86-64";
}
void chost_oracle_run(chost_oracle_state *state, const uint8_t *code, size_t length, int mode) {
  (void)code, (void)length, (void)mode;
  state->ending = CHOST_ORACLE_REFUSED;
}
int chost_oracle_length(const chost_oracle_state *state, const uint8_t *code, size_t count, int guess,
                        chost_oracle_state *outcome, int *consumed) {
  (void)code, (void)count, (void)guess;
  *outcome = *state;
  *consumed = 0;
  return CHOST_ORACLE_LENGTH_REFUSED;
}

#endif
