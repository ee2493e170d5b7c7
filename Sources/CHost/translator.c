// The translator's share of C (see include/translator.h).
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "translator.h"

#if defined(__linux__) && defined(__x86_64__)

#include <asm/prctl.h>
#include <cpuid.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

bool chost_translator_supported(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  return b >> 8 & 1;
}

static _Thread_local chost_translator *current __attribute__((tls_model("initial-exec")));
static struct sigaction previous[NSIG];

/// Hands a signal that isn't ours to whoever had it before.
static void pass_on(int number, siginfo_t *info, void *context) {
  struct sigaction *action = &previous[number];
  if (action->sa_flags & SA_SIGINFO) {
    action->sa_sigaction(number, info, context);
  } else if (action->sa_handler == SIG_DFL || action->sa_handler == SIG_IGN) {
    // The instruction runs again and ends the process the way it would have.
    signal(number, SIG_DFL);
  } else {
    action->sa_handler(number);
  }
}

static void handle(int number, siginfo_t *info, void *raw) {
  ucontext_t *context = raw;
  greg_t *registers = context->uc_mcontext.gregs;
  uint64_t pc = (uint64_t)registers[REG_RIP];
  chost_translator *translator = current;
  if (!translator || pc < translator->code_start || pc >= translator->code_end) return pass_on(number, info, raw);
  translator->fault_pc = pc;
  translator->fault_address = (uint64_t)info->si_addr;
  translator->fault_vector = (uint64_t)registers[REG_TRAPNO];
  translator->fault_is_write = registers[REG_ERR] & 2;
  registers[REG_RIP] = (greg_t)translator->fault_entry;
}

static void install(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  int numbers[] = {SIGSEGV, SIGBUS, SIGFPE};
  for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++) sigaction(numbers[n], &action, &previous[numbers[n]]);
}

static pthread_key_t stack_key;
static void drop_stack(void *stack) {
  stack_t none = {.ss_flags = SS_DISABLE};
  sigaltstack(&none, NULL);
  free(stack);
}
static void make_key(void) {
  pthread_key_create(&stack_key, drop_stack);
  install();
}

static _Thread_local bool has_stack __attribute__((tls_model("initial-exec")));

static void prepare_thread(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_key);
  // A handler may not push onto the stack of code that it interrupts at any instruction.
  size_t size = 64 << 10;
  stack_t stack = {.ss_sp = malloc(size), .ss_size = size};
  if (stack.ss_sp && sigaltstack(&stack, NULL) == 0) pthread_setspecific(stack_key, stack.ss_sp);
  has_stack = true;
}

void chost_translator_bind(chost_translator *translator) {
  if (!has_stack) prepare_thread();
  current = translator;
}

void chost_translator_set_window(uint64_t base) {
#ifndef HWCAP2_FSGSBASE
#define HWCAP2_FSGSBASE (1 << 1)
#endif
  // Nobody else in the process uses GS.
  static _Thread_local uint64_t present __attribute__((tls_model("initial-exec")));
  if (present == base) return;
  present = base;
  static int direct = -1;
  if (direct < 0) direct = (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE) != 0;
  if (direct) {
    __asm__ volatile("wrgsbase %0" : : "r"(base));
  } else {
    syscall(SYS_arch_prctl, ARCH_SET_GS, base);
  }
}

void *chost_code_create(size_t size, void **executable) {
  int file = memfd_create("trapline-code", MFD_CLOEXEC);
  if (file < 0) return NULL;
  void *writable = MAP_FAILED, *code = MAP_FAILED;
  if (ftruncate(file, (off_t)size) == 0) {
    writable = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    code = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
  }
  close(file);
  if (writable == MAP_FAILED || code == MAP_FAILED) {
    if (writable != MAP_FAILED) munmap(writable, size);
    if (code != MAP_FAILED) munmap(code, size);
    return NULL;
  }
  *executable = code;
  return writable;
}

void chost_code_destroy(void *writable, void *executable, size_t size) {
  munmap(writable, size);
  munmap(executable, size);
}

#else

bool chost_translator_supported(void) { return false; }
void chost_translator_bind(chost_translator *translator) { (void)translator; }
void chost_translator_set_window(uint64_t base) { (void)base; }
void *chost_code_create(size_t size, void **executable) { return (void)size, (void)executable, NULL; }
void chost_code_destroy(void *writable, void *executable, size_t size) {
  (void)writable, (void)executable, (void)size;
}

#endif
