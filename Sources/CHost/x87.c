// Moving the x87 state between memory and the host's unit (see include/x87.h).
#include "x87.h"

#if CHOST_X87_AVAILABLE

#include <string.h>

// What FNSAVE writes in 64-bit code: the 32-bit protected-mode layout (SDM 1, figure 8-9).
struct image {
  uint16_t control, gap0, status, gap1, tags, gap2;
  uint32_t instruction, instruction_selector_and_opcode, data, data_selector;
  uint8_t stack[8][10];
};
_Static_assert(sizeof(struct image) == 108, "FNSAVE's image has 108 bytes");

void chost_x87_load(const chost_x87_state *state) {
  struct image image = {.control = state->control, .status = state->status};
  unsigned top = state->status >> 11 & 7;
  for (unsigned i = 0; i < 8; i++) {
    unsigned physical = (top + i) & 7;
    memcpy(image.stack[i], state->registers + 2 * physical, 10);
    // FRSTOR distinguishes empty from the rest only.
    if (!(state->occupied >> i & 1)) image.tags |= (uint16_t)(3 << (2 * i));
  }
  __asm__ volatile("frstor %0" : : "m"(image));
}

void chost_x87_save(chost_x87_state *state) {
  struct image image;
  __asm__ volatile("fnsave %0" : "=m"(image));
  state->control = image.control;
  state->status = image.status;
  state->occupied = 0;
  unsigned top = image.status >> 11 & 7;
  for (unsigned i = 0; i < 8; i++) {
    unsigned physical = (top + i) & 7;
    uint64_t significand;
    uint16_t rest;
    memcpy(&significand, image.stack[i], 8);
    memcpy(&rest, image.stack[i] + 8, 2);
    state->registers[2 * physical] = significand;
    state->registers[2 * physical + 1] = rest;
    if ((image.tags >> (2 * i) & 3) != 3) state->occupied |= (uint8_t)(1 << i);
  }
}

#else

void chost_x87_load(const chost_x87_state *state) { (void)state; }
void chost_x87_save(chost_x87_state *state) { (void)state; }

#endif
