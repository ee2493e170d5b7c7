// MMX, SSE and SSE2 arithmetic by the host's own SSE2 unit (see include/simd.h): results, NaNs, rounding and flags are the
// silicon's because the silicon makes them. MMX instructions are computed as the low half of their XMM twins, so that the
// host's x87 state is left alone.
#include "simd.h"

#include <stddef.h>
#include <string.h>

#if defined(__x86_64__)

#include <emmintrin.h>

static __m128i load(const void *from) { return _mm_loadu_si128(from); }
static void store(void *to, __m128i value) { _mm_storeu_si128(to, value); }

// Volatile, so that no function moves across the loading of MXCSR.
#define TWO_OPERANDS(name)                                               \
  static void name##_(void *d, const void *s, uint32_t immediate) {      \
    (void)immediate;                                                     \
    __m128i a = load(d), b = load(s);                                    \
    __asm__ volatile(#name " %1, %0" : "+x"(a) : "x"(b));                \
    store(d, a);                                                         \
  }

// Every instruction that is the host's own on two XMM registers.
#define FOR_EACH_PLAIN(X)                                                                                     \
  X(addps) X(addpd) X(addss) X(addsd) X(subps) X(subpd) X(subss) X(subsd) X(mulps) X(mulpd) X(mulss) X(mulsd) \
  X(divps) X(divpd) X(divss) X(divsd) X(minps) X(minpd) X(minss) X(minsd) X(maxps) X(maxpd) X(maxss) X(maxsd) \
  X(sqrtps) X(sqrtpd) X(sqrtss) X(sqrtsd) X(rsqrtps) X(rsqrtss) X(rcpps) X(rcpss)                             \
  X(andps) X(andpd) X(andnps) X(andnpd) X(orps) X(orpd) X(xorps) X(xorpd)                                     \
  X(unpcklps) X(unpcklpd) X(unpckhps) X(unpckhpd)                                                             \
  X(cvtps2pd) X(cvtpd2ps) X(cvtss2sd) X(cvtsd2ss) X(cvtdq2ps) X(cvtps2dq) X(cvttps2dq) X(cvttpd2dq)           \
  X(cvtdq2pd) X(cvtpd2dq)                                                                                     \
  X(punpcklbw) X(punpcklwd) X(punpckldq) X(punpcklqdq) X(punpckhbw) X(punpckhwd) X(punpckhdq) X(punpckhqdq)   \
  X(packsswb) X(packuswb) X(packssdw) X(pcmpgtb) X(pcmpgtw) X(pcmpgtd) X(pcmpeqb) X(pcmpeqw) X(pcmpeqd)       \
  X(psrlw) X(psrld) X(psrlq) X(psraw) X(psrad) X(psllw) X(pslld) X(psllq)                                     \
  X(paddb) X(paddw) X(paddd) X(paddq) X(psubb) X(psubw) X(psubd) X(psubq)                                     \
  X(paddsb) X(paddsw) X(paddusb) X(paddusw) X(psubsb) X(psubsw) X(psubusb) X(psubusw)                         \
  X(pmullw) X(pmulhw) X(pmulhuw) X(pmuludq) X(pmaddwd) X(psadbw) X(pavgb) X(pavgw)                            \
  X(pminub) X(pmaxub) X(pminsw) X(pmaxsw) X(pand) X(pandn) X(por) X(pxor)

FOR_EACH_PLAIN(TWO_OPERANDS)

// ---- Comparisons

// The predicate is part of the instruction, so there is one of each; the immediate's upper bits are ignored.
#define COMPARE(name)                                                                \
  static void name##_(void *d, const void *s, uint32_t immediate) {                  \
    __m128i a = load(d), b = load(s);                                                \
    switch (immediate & 7) {                                                         \
      case 0: __asm__ volatile(#name " $0, %1, %0" : "+x"(a) : "x"(b)); break;       \
      case 1: __asm__ volatile(#name " $1, %1, %0" : "+x"(a) : "x"(b)); break;       \
      case 2: __asm__ volatile(#name " $2, %1, %0" : "+x"(a) : "x"(b)); break;       \
      case 3: __asm__ volatile(#name " $3, %1, %0" : "+x"(a) : "x"(b)); break;       \
      case 4: __asm__ volatile(#name " $4, %1, %0" : "+x"(a) : "x"(b)); break;       \
      case 5: __asm__ volatile(#name " $5, %1, %0" : "+x"(a) : "x"(b)); break;       \
      case 6: __asm__ volatile(#name " $6, %1, %0" : "+x"(a) : "x"(b)); break;       \
      default: __asm__ volatile(#name " $7, %1, %0" : "+x"(a) : "x"(b)); break;      \
    }                                                                                \
    store(d, a);                                                                     \
  }
#define FOR_EACH_COMPARE(X) X(cmpps) X(cmppd) X(cmpss) X(cmpsd)
FOR_EACH_COMPARE(COMPARE)

// ZF, PF and CF come with LAHF; OF, SF and AF are always cleared.
#define COMPARE_FLAGS(name)                                                                     \
  static void name##_(void *d, const void *s, uint32_t immediate) {                             \
    (void)immediate;                                                                            \
    __m128i a = load(d), b = load(s);                                                           \
    uint32_t flags;                                                                             \
    __asm__ volatile(#name " %2, %1\n lahf" : "=a"(flags) : "x"(a), "x"(b) : "cc");             \
    flags = flags >> 8 & 0x45;                                                                  \
    memcpy(d, &flags, sizeof flags);                                                            \
  }
#define FOR_EACH_COMPARE_FLAGS(X) X(comiss) X(comisd) X(ucomiss) X(ucomisd)
FOR_EACH_COMPARE_FLAGS(COMPARE_FLAGS)

// ---- Between registers of different kinds

#define TO_GENERAL(name)                                                 \
  static void name##_(void *d, const void *s, uint32_t immediate) {      \
    (void)immediate;                                                     \
    __m128i b = load(s);                                                 \
    uint32_t r;                                                          \
    __asm__ volatile(#name " %1, %0" : "=r"(r) : "x"(b));                \
    memcpy(d, &r, sizeof r);                                             \
  }
#define FOR_EACH_TO_GENERAL(X) \
  X(cvtss2si) X(cvtsd2si) X(cvttss2si) X(cvttsd2si) X(movmskps) X(movmskpd) X(pmovmskb)
FOR_EACH_TO_GENERAL(TO_GENERAL)

static void cvtsi2ss_(void *d, const void *s, uint32_t immediate) {
  (void)immediate;
  uint32_t r;
  memcpy(&r, s, sizeof r);
  __m128i a = load(d);
  __asm__ volatile("cvtsi2ssl %1, %0" : "+x"(a) : "r"(r));
  store(d, a);
}

static void cvtsi2sd_(void *d, const void *s, uint32_t immediate) {
  (void)immediate;
  uint32_t r;
  memcpy(&r, s, sizeof r);
  __m128i a = load(d);
  __asm__ volatile("cvtsi2sdl %1, %0" : "+x"(a) : "r"(r));
  store(d, a);
}

static void cvtpi2ps_(void *d, const void *s, uint32_t immediate) {
  (void)immediate;
  __m128i b = _mm_loadl_epi64(s);  // zeros above convert without a flag
  __asm__ volatile("cvtdq2ps %0, %0" : "+x"(b));
  _mm_storel_epi64(d, b);
}

static void cvtpi2pd_(void *d, const void *s, uint32_t immediate) {
  (void)immediate;
  __m128i b = _mm_loadl_epi64(s);
  __asm__ volatile("cvtdq2pd %0, %0" : "+x"(b));
  store(d, b);
}

static void cvtps2pi_(void *d, const void *s, uint32_t immediate) {
  (void)immediate;
  __m128i b = _mm_loadl_epi64(s);
  __asm__ volatile("cvtps2dq %0, %0" : "+x"(b));
  _mm_storel_epi64(d, b);
}

static void cvttps2pi_(void *d, const void *s, uint32_t immediate) {
  (void)immediate;
  __m128i b = _mm_loadl_epi64(s);
  __asm__ volatile("cvttps2dq %0, %0" : "+x"(b));
  _mm_storel_epi64(d, b);
}

static void cvtpd2pi_(void *d, const void *s, uint32_t immediate) { cvtpd2dq_(d, s, immediate); }
static void cvttpd2pi_(void *d, const void *s, uint32_t immediate) { cvttpd2dq_(d, s, immediate); }

static void pextrw_(void *d, const void *s, uint32_t immediate) {
  uint32_t r = 0;
  memcpy(&r, (const uint8_t *)s + 2 * (immediate & 7), 2);
  memcpy(d, &r, sizeof r);
}
static void pextrw_mm(void *d, const void *s, uint32_t immediate) { pextrw_(d, s, immediate & 3); }
static void pinsrw_(void *d, const void *s, uint32_t immediate) { memcpy((uint8_t *)d + 2 * (immediate & 7), s, 2); }
static void pinsrw_mm(void *d, const void *s, uint32_t immediate) { pinsrw_(d, s, immediate & 3); }

// ---- Shuffles: their immediate is part of the instruction too, and moving is exact anywhere.

static void pshufd_(void *d, const void *s, uint32_t immediate) {
  uint32_t from[4], to[4];
  memcpy(from, s, 16);
  for (int i = 0; i < 4; i++) to[i] = from[immediate >> 2 * i & 3];
  memcpy(d, to, 16);
}

static void shuffle_words(void *d, const void *s, uint32_t immediate, int first) {
  uint16_t from[8], to[8];
  memcpy(from, s, 16);
  memcpy(to, s, 16);
  for (int i = 0; i < 4; i++) to[first + i] = from[first + (immediate >> 2 * i & 3)];
  memcpy(d, to, 16);
}
static void pshuflw_(void *d, const void *s, uint32_t immediate) { shuffle_words(d, s, immediate, 0); }
static void pshufhw_(void *d, const void *s, uint32_t immediate) { shuffle_words(d, s, immediate, 4); }
static void pshufw_(void *d, const void *s, uint32_t immediate) { shuffle_words(d, s, immediate, 0); }

static void shufps_(void *d, const void *s, uint32_t immediate) {
  uint32_t a[4], b[4], to[4];
  memcpy(a, d, 16);
  memcpy(b, s, 16);
  for (int i = 0; i < 4; i++) to[i] = (i < 2 ? a : b)[immediate >> 2 * i & 3];
  memcpy(d, to, 16);
}

static void shufpd_(void *d, const void *s, uint32_t immediate) {
  uint64_t a[2], b[2], to[2];
  memcpy(a, d, 16);
  memcpy(b, s, 16);
  to[0] = a[immediate & 1];
  to[1] = b[immediate >> 1 & 1];
  memcpy(d, to, 16);
}

static void pslldq_(void *d, const void *s, uint32_t immediate) {
  (void)immediate;
  uint8_t from[16], to[16] = {0}, count;
  memcpy(from, d, 16);
  memcpy(&count, s, 1);
  for (int i = count; i < 16; i++) to[i] = from[i - count];
  memcpy(d, to, 16);
}

static void psrldq_(void *d, const void *s, uint32_t immediate) {
  (void)immediate;
  uint8_t from[16], to[16] = {0}, count;
  memcpy(from, d, 16);
  memcpy(&count, s, 1);
  for (int i = count; i < 16; i++) to[i - count] = from[i];
  memcpy(d, to, 16);
}

// ---- MMX instructions that aren't the low half of an XMM one

// Packs take the four words of the destination and then the source's.
#define PACK_MM(name)                                                              \
  static void name##_mm(void *d, const void *s, uint32_t immediate) {              \
    (void)immediate;                                                               \
    __m128i a = _mm_unpacklo_epi64(_mm_loadl_epi64(d), _mm_loadl_epi64(s));        \
    __asm__ volatile(#name " %0, %0" : "+x"(a));                                   \
    _mm_storel_epi64(d, a);                                                        \
  }
PACK_MM(packsswb)
PACK_MM(packuswb)
PACK_MM(packssdw)

// Interleaving the low halves makes 16 bytes, of which the upper 8 are what the upper halves give in MMX registers.
#define UNPACK_HIGH_MM(name, low)                                                  \
  static void name##_mm(void *d, const void *s, uint32_t immediate) {              \
    (void)immediate;                                                               \
    __m128i a = _mm_loadl_epi64(d), b = _mm_loadl_epi64(s);                        \
    __asm__ volatile(#low " %1, %0" : "+x"(a) : "x"(b));                           \
    _mm_storel_epi64(d, _mm_srli_si128(a, 8));                                     \
  }
UNPACK_HIGH_MM(punpckhbw, punpcklbw)
UNPACK_HIGH_MM(punpckhwd, punpcklwd)
UNPACK_HIGH_MM(punpckhdq, punpckldq)

static void pmovmskb_mm(void *d, const void *s, uint32_t immediate) {
  (void)immediate;
  uint32_t r = (uint32_t)_mm_movemask_epi8(_mm_loadl_epi64(s)) & 0xff;
  memcpy(d, &r, sizeof r);
}

// ---- The table

#define ENTRY(name) {#name, name##_},
static const struct {
  const char *mnemonic;
  chost_simd_function function;
} table[] = {
    FOR_EACH_PLAIN(ENTRY) FOR_EACH_COMPARE(ENTRY) FOR_EACH_COMPARE_FLAGS(ENTRY) FOR_EACH_TO_GENERAL(ENTRY)
    ENTRY(cvtsi2ss) ENTRY(cvtsi2sd) ENTRY(cvtpi2ps) ENTRY(cvtpi2pd) ENTRY(cvtps2pi) ENTRY(cvttps2pi) ENTRY(cvtpd2pi)
    ENTRY(cvttpd2pi) ENTRY(pextrw) ENTRY(pinsrw) ENTRY(pshufd) ENTRY(pshuflw) ENTRY(pshufhw) ENTRY(pshufw)
    ENTRY(shufps) ENTRY(shufpd) ENTRY(pslldq) ENTRY(psrldq)
    {"pextrw.mm", pextrw_mm}, {"pinsrw.mm", pinsrw_mm}, {"packsswb.mm", packsswb_mm}, {"packuswb.mm", packuswb_mm},
    {"packssdw.mm", packssdw_mm}, {"punpckhbw.mm", punpckhbw_mm}, {"punpckhwd.mm", punpckhwd_mm},
    {"punpckhdq.mm", punpckhdq_mm}, {"pmovmskb.mm", pmovmskb_mm},
};

chost_simd_function chost_simd_find(const char *mnemonic) {
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if (strcmp(table[i].mnemonic, mnemonic) == 0) return table[i].function;
  return NULL;
}

// ---- MXCSR (SDM volume 1, 10.2.3 and 11.5)
//
//   15  14 13  12 11 10  9  8  7   6   5  4  3  2  1  0
//  +---+-----+--+--+--+--+--+--+---+--+--+--+--+--+--+
//  |FTZ| RC  |PM|UM|OM|ZM|DM|IM|DAZ|PE|UE|OE|ZE|DE|IE|
//  +---+-----+--+--+--+--+--+--+---+--+--+--+--+--+--+

enum {
  FLAGS = 0x3f,
  BEFORE_COMPUTATION = 0x07,  // invalid, denormal, division by zero
  UNDERFLOW_FLAG = 0x10,
  MASKS = 0x1f80,
  UNDERFLOW_MASK = 0x0800,
  FLUSH_TO_ZERO = 0x8000,
  CONTROL = 0xffc0,
};

static inline uint32_t read_mxcsr(void) {
  uint32_t value;
  __asm__ volatile("stmxcsr %0" : "=m"(value));
  return value;
}
static inline void write_mxcsr(uint32_t value) { __asm__ volatile("ldmxcsr %0" : : "m"(value) : "memory"); }

// ---- Inexactness where overflow or underflow is unmasked: that of rounding with an exponent without bounds, which the
// masked response doesn't show. The x87 unit's exponents are wide enough for it, at the precision of either format.

enum { OVERFLOW_OR_UNDERFLOW = 0x18, INEXACT_FLAG = 0x20 };
enum operation { ADD, SUBTRACT, MULTIPLY, DIVIDE, NARROW };

static const struct rounding {
  chost_simd_function function;
  enum operation operation;
  uint8_t bytes;     // of a source element
  uint8_t elements;
} roundings[] = {
    {addps_, ADD, 4, 4}, {addss_, ADD, 4, 1}, {addpd_, ADD, 8, 2}, {addsd_, ADD, 8, 1},
    {subps_, SUBTRACT, 4, 4}, {subss_, SUBTRACT, 4, 1}, {subpd_, SUBTRACT, 8, 2}, {subsd_, SUBTRACT, 8, 1},
    {mulps_, MULTIPLY, 4, 4}, {mulss_, MULTIPLY, 4, 1}, {mulpd_, MULTIPLY, 8, 2}, {mulsd_, MULTIPLY, 8, 1},
    {divps_, DIVIDE, 4, 4}, {divss_, DIVIDE, 4, 1}, {divpd_, DIVIDE, 8, 2}, {divsd_, DIVIDE, 8, 1},
    {cvtpd2ps_, NARROW, 8, 2}, {cvtsd2ss_, NARROW, 8, 1},
};

static _Bool is_inexact(const struct rounding *r, uint32_t mxcsr, const uint8_t *d, const uint8_t *s) {
  uint8_t environment[108];
  // Everything masked; 24 or 53 bits; MXCSR's rounding.
  uint16_t single = r->bytes == 4 || r->operation == NARROW;
  uint16_t control = (uint16_t)(0x3f | (single ? 0 : 0x200) | (mxcsr >> 13 & 3) << 10), status;
  double a, b;
  if (r->bytes == 4) {
    // Loaded by the x87 unit, which doesn't take denormals for zeros.
    float x, y;
    memcpy(&x, d, 4);
    memcpy(&y, s, 4);
    __asm__ volatile("fnsave %0\n flds %3\n fstpl %1\n flds %4\n fstpl %2\n frstor %0"
                     : "+m"(environment), "=m"(a), "=m"(b) : "m"(x), "m"(y));
  } else {
    memcpy(&a, d, 8);
    memcpy(&b, s, 8);
  }
  if (r->operation == NARROW) {
    a = b;
    b = 1;
  }
#define X87(instruction)                                                                                          \
  __asm__ volatile("fnsave %0\n fldcw %2\n fldl %3\n fnclex\n " instruction " %4\n fnstsw %1\n frstor %0" \
                   : "+m"(environment), "=m"(status) : "m"(control), "m"(a), "m"(b))
  switch (r->operation) {
    case ADD: X87("faddl"); break;
    case SUBTRACT: X87("fsubl"); break;
    case DIVIDE: X87("fdivl"); break;
    default: X87("fmull"); break;
  }
#undef X87
  return status & INEXACT_FLAG;
}

static uint32_t flags_of(chost_simd_function function, const void *d, const void *s, uint32_t immediate,
                         uint32_t control, _Bool traps_underflow, uint8_t result[16]) {
  uint8_t other[16];
  memcpy(result, d, 16);
  memcpy(other, d, 16);
  write_mxcsr(control);
  function(result, s, immediate);
  uint32_t flags = read_mxcsr() & FLAGS;
  if (traps_underflow) {
    // Unmasked, underflow is a tiny result, exact or not; masked, only an inexact one. Flushing to zero, the host
    // raises it for every tiny result.
    write_mxcsr(control | FLUSH_TO_ZERO);
    function(other, s, immediate);
    flags |= read_mxcsr() & UNDERFLOW_FLAG;
  }
  return flags;
}

// The inexact flag of an instruction that raises an unmasked overflow or underflow: element by element.
static uint32_t inexact_flag(const struct rounding *r, const uint8_t *d, const uint8_t *s, uint32_t control,
                             _Bool traps_underflow, uint32_t trapping) {
  uint32_t inexact = 0;
  for (unsigned element = 0; element < r->elements; element++) {
    // Ones in the others: 1 by 1 is exact whatever is done.
    uint8_t a[16], b[16], result[16];
    for (unsigned i = 0; i < 16u / r->bytes; i++) {
      float one4 = 1;
      double one8 = 1;
      memcpy(a + i * r->bytes, r->bytes == 4 ? (void *)&one4 : (void *)&one8, r->bytes);
      memcpy(b + i * r->bytes, r->bytes == 4 ? (void *)&one4 : (void *)&one8, r->bytes);
    }
    unsigned at = element * r->bytes;
    memcpy(a + at, d + at, r->bytes);
    memcpy(b + at, s + at, r->bytes);
    uint32_t flags = flags_of(r->function, a, b, 0, control, traps_underflow, result);
    if (flags & trapping & OVERFLOW_OR_UNDERFLOW) {
      if (is_inexact(r, control, a + at, b + at)) inexact = INEXACT_FLAG;
    } else {
      inexact |= flags & INEXACT_FLAG;
    }
  }
  return inexact;
}

// With something unmasked the masked response is computed aside; what it raises says what the guest sees.
static __attribute__((noinline)) _Bool run_unmasked(chost_simd_function function, void *d, const void *s,
                                                    uint32_t immediate, uint32_t *mxcsr) {
  uint32_t guest = *mxcsr, host = read_mxcsr();
  uint32_t control = (guest & CONTROL) | MASKS;
  _Bool traps_underflow = !(guest & UNDERFLOW_MASK);
  if (traps_underflow) control &= ~(uint32_t)FLUSH_TO_ZERO;  // which has no effect then
  uint8_t result[16];
  uint32_t flags = flags_of(function, d, s, immediate, control, traps_underflow, result);
  uint32_t unmasked = flags & ~(guest >> 7);
  if (unmasked & BEFORE_COMPUTATION) {
    // Nothing is computed when an operand already traps.
    flags &= BEFORE_COMPUTATION;
  } else if (unmasked & OVERFLOW_OR_UNDERFLOW) {
    for (size_t i = 0; i < sizeof roundings / sizeof roundings[0]; i++) {
      if (roundings[i].function != function) continue;
      flags = (flags & ~(uint32_t)INEXACT_FLAG) |
              inexact_flag(&roundings[i], d, s, control, traps_underflow, ~(guest >> 7));
    }
  }
  write_mxcsr(host & ~(uint32_t)FLAGS);
  *mxcsr = guest | flags;
  if (unmasked) return 1;
  memcpy(d, result, 16);
  return 0;
}

_Bool chost_simd_float(chost_simd_function function, void *d, const void *s, uint32_t immediate, uint32_t *mxcsr) {
  uint32_t guest = *mxcsr;
  if ((guest & MASKS) != MASKS) return run_unmasked(function, d, s, immediate, mxcsr);
  uint32_t host = read_mxcsr();
  // Loading MXCSR is dear: left out where the host's has the same controls, and no flag that the guest's hasn't.
  if (!((host ^ guest) & CONTROL) && !(host & FLAGS & ~guest)) {
    function(d, s, immediate);
    *mxcsr = guest | (read_mxcsr() & FLAGS);
    return 0;
  }
  write_mxcsr(guest);
  function(d, s, immediate);
  *mxcsr = read_mxcsr();
  write_mxcsr(host & ~(uint32_t)FLAGS);
  return 0;
}

#else

chost_simd_function chost_simd_find(const char *mnemonic) {
  (void)mnemonic;
  return NULL;
}

_Bool chost_simd_float(chost_simd_function function, void *d, const void *s, uint32_t immediate, uint32_t *mxcsr) {
  (void)mxcsr;
  function(d, s, immediate);
  return 0;
}

#endif
