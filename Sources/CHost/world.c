// The switch itself. On x86-64 it is written out, so that what is saved and restored can be read here; elsewhere the C
// library's contexts do it.
#define _GNU_SOURCE
#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define STACK_SIZE (1 << 20)

#if defined(__x86_64__)
#include <asm/prctl.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

// One side's processor state while the other runs.
//
//   offset 0    FXSAVE image: x87, MMX, XMM, MXCSR   512 bytes
//          512  RSP (the callee-saved registers and the return address are on that stack)
//          520  base of GS
typedef struct {
  _Alignas(64) uint8_t units[512];
  uint64_t stack;
  uint64_t gs_base;
} side;

struct chost_world {
  side monitor, host;
  void (*body)(void *);
  void *argument;
  uint8_t *memory;
};

// Saves the present side, restores the other. Callee-saved registers by the ABI (System V AMD64, 3.2.1): the caller
// expects no others to survive.
void chost_world_swap(side *from, const side *to);
__asm__(
    ".text\n"
    ".globl chost_world_swap\n"
    ".hidden chost_world_swap\n"
    ".type chost_world_swap, @function\n"
    "chost_world_swap:\n"
    "  pushq %rbp\n"
    "  pushq %rbx\n"
    "  pushq %r12\n"
    "  pushq %r13\n"
    "  pushq %r14\n"
    "  pushq %r15\n"
    "  fxsave64 (%rdi)\n"
    "  movq %rsp, 512(%rdi)\n"
    "  movq 512(%rsi), %rsp\n"
    "  fxrstor64 (%rsi)\n"
    "  popq %r15\n"
    "  popq %r14\n"
    "  popq %r13\n"
    "  popq %r12\n"
    "  popq %rbx\n"
    "  popq %rbp\n"
    "  ret\n"
    ".size chost_world_swap, . - chost_world_swap\n"
    // Where a new host context begins: its world is in R12.
    ".globl chost_world_begin\n"
    ".hidden chost_world_begin\n"
    "chost_world_begin:\n"
    "  movq %r12, %rdi\n"
    "  call chost_world_run\n"
    "  ud2\n");
void chost_world_begin(void);

#define CALLEE_SAVED 6
// Where R12 lies among them, from the lowest address.
#define R12 3

// HWCAP2_FSGSBASE: user mode may read and write the base of GS.
static int has_fsgsbase(void) { return (getauxval(AT_HWCAP2) & 2) != 0; }

static uint64_t gs_base(void) {
  uint64_t base = 0;
  if (has_fsgsbase()) {
    __asm__ volatile("rdgsbase %0" : "=r"(base));
  } else {
    syscall(SYS_arch_prctl, ARCH_GET_GS, &base);
  }
  return base;
}

static void set_gs_base(uint64_t base) {
  if (has_fsgsbase()) {
    __asm__ volatile("wrgsbase %0" : : "r"(base));
  } else {
    syscall(SYS_arch_prctl, ARCH_SET_GS, base);
  }
}

static void swap(side *from, side *to) {
  from->gs_base = gs_base();
  set_gs_base(to->gs_base);
  chost_world_swap(from, to);
}

__attribute__((used, visibility("hidden"))) void chost_world_run(chost_world *world) {
  world->body(world->argument);
  abort();
}

chost_world *chost_world_create(void (*body)(void *), void *argument) {
  chost_world *world = aligned_alloc(64, (sizeof *world + 63) & ~(size_t)63);
  if (!world) return NULL;
  memset(world, 0, sizeof *world);
  world->memory = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (world->memory == MAP_FAILED) {
    free(world);
    return NULL;
  }
  // An overflow ends in a fault, not in somebody's memory.
  mprotect(world->memory, 4096, PROT_NONE);
  world->body = body;
  world->argument = argument;
  // As if it had switched away right before `chost_world_begin`, with the stack aligned for its call.
  uint64_t *top = (uint64_t *)(world->memory + STACK_SIZE) - 3;
  *top = (uint64_t)(uintptr_t)chost_world_begin;
  top[R12 - CALLEE_SAVED] = (uint64_t)(uintptr_t)world;
  world->host.stack = (uint64_t)(uintptr_t)(top - CALLEE_SAVED);
  __asm__ volatile("fxsave64 %0" : "=m"(world->host.units));
  return world;
}

void chost_world_destroy(chost_world *world) {
  munmap(world->memory, STACK_SIZE);
  free(world);
}

void chost_world_to_host(chost_world *world) { swap(&world->monitor, &world->host); }
void chost_world_to_monitor(chost_world *world) { swap(&world->host, &world->monitor); }
size_t chost_world_state_size(void) { return sizeof(side) + (CALLEE_SAVED + 1) * 8; }

#else
#include <ucontext.h>

struct chost_world {
  ucontext_t monitor, host;
  void (*body)(void *);
  void *argument;
  uint8_t *memory;
};

static void start(unsigned high, unsigned low) {
  chost_world *world = (chost_world *)(uintptr_t)((uint64_t)high << 32 | low);
  world->body(world->argument);
  abort();
}

chost_world *chost_world_create(void (*body)(void *), void *argument) {
  chost_world *world = calloc(1, sizeof *world);
  if (!world) return NULL;
  world->memory = malloc(STACK_SIZE);
  if (!world->memory || getcontext(&world->host) != 0) {
    free(world->memory);
    free(world);
    return NULL;
  }
  world->body = body;
  world->argument = argument;
  world->host.uc_stack.ss_sp = world->memory;
  world->host.uc_stack.ss_size = STACK_SIZE;
  uint64_t address = (uint64_t)(uintptr_t)world;
  makecontext(&world->host, (void (*)(void))start, 2, (unsigned)(address >> 32), (unsigned)address);
  return world;
}

void chost_world_destroy(chost_world *world) {
  free(world->memory);
  free(world);
}

void chost_world_to_host(chost_world *world) { swapcontext(&world->monitor, &world->host); }
void chost_world_to_monitor(chost_world *world) { swapcontext(&world->host, &world->monitor); }
size_t chost_world_state_size(void) { return sizeof(ucontext_t); }
#endif
