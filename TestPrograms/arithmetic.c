// arithmetic.c: results and defined flags of ALU, multiply, divide, shift, rotate, double shift, bit and exchange instructions.
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: arithmetic: ok
// QEMU: yes
#include "guest.h"

const char program_name[] = "arithmetic";

enum { CF = F_CF, PF = F_PF, AF = F_AF, ZF = F_ZF, SF = F_SF, OF = F_OF, ALL = F_ARITH };

typedef struct { u32 a, b, c, flags; } State;   // EAX, EDX, ECX, EFLAGS

// One instruction on EAX, EDX, ECX with the flags as given.
#define RUN(instruction, s) \
    __asm__ volatile("pushl %3; popfl; " instruction "; pushfl; popl %3" \
                     : "+a"((s).a), "+d"((s).b), "+c"((s).c), "+S"((s).flags) : : "cc", "memory")
#define CASE(name, instruction, a_, b_, c_, flags_, mask, ea, eb, eflags)     \
    do {                                                                      \
        State s = { a_, b_, c_, (flags_) | 2 };                               \
        RUN(instruction, s);                                                  \
        check_equal(name, s.a, ea);                                           \
        check_equal(name " (edx)", s.b, eb);                                  \
        check_equal(name " (flags)", s.flags & (mask), eflags);               \
    } while (0)

static u32 parity(u32 v)
{
    v ^= v >> 4;
    return 0x9669u >> (v & 15) & 1 ? PF : 0;    // even number of ones in the low byte
}
static u32 szp(u32 v, u32 sign) { return (v & sign ? SF : 0) | (v ? 0 : ZF) | parity(v & 0xff); }

static u32 wrong;
static u32 bad[6];
static void expect(u32 got, u32 expected, u32 got_flags, u32 expected_flags, u32 x, u32 y)
{
    if ((got != expected || got_flags != expected_flags) && wrong++ == 0) {
        bad[0] = got, bad[1] = expected, bad[2] = got_flags, bad[3] = expected_flags, bad[4] = x, bad[5] = y;
    }
}
static void report(const char *name)
{
    check_equal(name, wrong, 0);
    if (wrong) {
        check_equal("  result", bad[0], bad[1]);
        check_equal("  flags", bad[2], bad[3]);
        check_equal("  operands", bad[4], ~bad[4]);
        check_equal("  operands", bad[5], ~bad[5]);
    }
    wrong = 0;
}

static const u32 values[] = { 0, 1, 2, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000,
                              0x12345678, 0x55555555, 0xaaaaaaaa, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff };
#define COUNT (sizeof values / sizeof *values)

// ADD ADC SUB SBB CMP over every pair, with the model written out in wider arithmetic.
#define ALU_LOOP(name, instruction, bits, expression, carry_in, subtract)                            \
    do {                                                                                             \
        u32 m = (bits) == 32 ? 0xffffffff : (1u << ((bits) & 31)) - 1, sign = 1u << ((bits) - 1);    \
        for (u32 i = 0; i < COUNT; i++)                                                              \
            for (u32 j = 0; j < COUNT; j++)                                                          \
                for (u32 cf = 0; cf < 2; cf++) {                                                     \
                    State s = { values[i], values[j], 0, cf | 2 };                                   \
                    RUN(instruction, s);                                                             \
                    u64 x = values[i] & m, y = values[j] & m, k = (carry_in) & cf;                   \
                    u64 wide = (subtract) ? x - y - k : x + y + k;                                   \
                    u32 r = (u32)wide & m;                                                           \
                    u32 f = szp(r, sign) | (wide & ((u64)m + 1) ? CF : 0) | ((u32)(x ^ y ^ r) & AF); \
                    u32 v = (subtract) ? (u32)((x ^ y) & (x ^ r)) : (u32)((x ^ r) & (y ^ r));        \
                    f |= v & sign ? OF : 0;                                                          \
                    expect(s.a, (expression) ? (values[i] & ~m) | r : values[i], s.flags & ALL, f, values[i], values[j]); \
                }                                                                                    \
        report(name);                                                                                \
    } while (0)

static void alu(void)
{
    ALU_LOOP("add8", "addb %%dl, %%al", 8, 1, 0, 0);
    ALU_LOOP("add16", "addw %%dx, %%ax", 16, 1, 0, 0);
    ALU_LOOP("add32", "addl %%edx, %%eax", 32, 1, 0, 0);
    ALU_LOOP("adc8", "adcb %%dl, %%al", 8, 1, 1, 0);
    ALU_LOOP("adc16", "adcw %%dx, %%ax", 16, 1, 1, 0);
    ALU_LOOP("adc32", "adcl %%edx, %%eax", 32, 1, 1, 0);
    ALU_LOOP("sub8", "subb %%dl, %%al", 8, 1, 0, 1);
    ALU_LOOP("sub16", "subw %%dx, %%ax", 16, 1, 0, 1);
    ALU_LOOP("sub32", "subl %%edx, %%eax", 32, 1, 0, 1);
    ALU_LOOP("sbb8", "sbbb %%dl, %%al", 8, 1, 1, 1);
    ALU_LOOP("sbb16", "sbbw %%dx, %%ax", 16, 1, 1, 1);
    ALU_LOOP("sbb32", "sbbl %%edx, %%eax", 32, 1, 1, 1);
    ALU_LOOP("cmp8", "cmpb %%dl, %%al", 8, 0, 0, 1);
    ALU_LOOP("cmp32", "cmpl %%edx, %%eax", 32, 0, 0, 1);
    for (u32 i = 0; i < COUNT; i++)
        for (u32 cf = 0; cf < 2; cf++) {
            State s = { values[i], 0, 0, cf | 2 };
            u32 r = values[i] + 1;
            RUN("incl %%eax", s);           // CF stays
            expect(s.a, r, s.flags & ALL,
                   cf | szp(r, 0x80000000) | ((values[i] ^ r) & 0x10) | (r == 0x80000000 ? OF : 0), values[i], cf);
            s = (State){ values[i], 0, 0, cf | 2 };
            r = values[i] - 1;
            RUN("decl %%eax", s);
            expect(s.a, r, s.flags & ALL,
                   cf | szp(r, 0x80000000) | ((values[i] ^ r) & 0x10) | (r == 0x7fffffff ? OF : 0), values[i], cf);
            s = (State){ values[i], 0, 0, cf | 2 };
            r = -values[i];
            RUN("negl %%eax", s);
            expect(s.a, r, s.flags & ALL,
                   (r ? CF : 0) | szp(r, 0x80000000) | ((values[i] ^ r) & 0x10) | (r == 0x80000000 ? OF : 0), values[i], cf);
        }
    report("inc-dec-neg");
    CASE("and-clears-of-cf", "andl %%edx, %%eax", 0xf0f0f0f0, 0x80ffff00, 0, ALL, ALL & ~AF, 0x80f0f000, 0x80ffff00, SF | PF);
    CASE("xor-self", "xorl %%eax, %%eax", 0x1234, 0, 0, ALL, ALL & ~AF, 0, 0, ZF | PF);
    CASE("test8", "testb $0x81, %%al", 0xffffff80, 0, 0, CF | OF, ALL & ~AF, 0xffffff80, 0, SF);
    CASE("not-keeps-flags", "notl %%eax", 0x0f0f0f0f, 0, 0, ALL, ALL, 0xf0f0f0f0, 0, ALL);
    CASE("lea-keeps-flags", "leal 5(%%eax, %%edx, 4), %%eax", 0x10, 3, 0, ALL, ALL, 0x21, 3, ALL);
    CASE("lahf", "lahf", 0, 0, 0, SF | AF | CF, 0, 0x9300, 0, 0);
    CASE("sahf", "sahf", 0xff00, 0, 0, OF, ALL, 0xff00, 0, ALL);
    CASE("salc", ".byte 0xd6", 0x1234, 0, 0, CF, ALL, 0x12ff, 0, CF);
    CASE("cmc", "cmc", 0, 0, 0, CF | ZF, ALL, 0, 0, ZF);
    CASE("cwde", "cwde", 0xabcd8000, 0, 0, 0, 0, 0xffff8000, 0, 0);
    CASE("cbw", "cbw", 0xabcd8080, 0, 0, 0, 0, 0xabcdff80, 0, 0);
    CASE("cdq", "cltd", 0x80000000, 5, 0, 0, 0, 0x80000000, 0xffffffff, 0);
    CASE("cwd", "cwtd", 0x8000, 0xabcd0000, 0, 0, 0, 0x8000, 0xabcdffff, 0);
    CASE("movsx", "movsbl %%dl, %%eax", 0, 0x1280, 0, 0, 0, 0xffffff80, 0x1280, 0);
    CASE("movzx", "movzwl %%dx, %%eax", 0, 0xffff8000, 0, 0, 0, 0x8000, 0xffff8000, 0);
    CASE("bswap", "bswapl %%eax", 0x12345678, 0, 0, ALL, ALL, 0x78563412, 0, ALL);
}

static void multiply_divide(void)
{
    u32 co = CF | OF;                       // SF ZF AF PF are undefined
    CASE("mul32", "mull %%edx", 0xffffffff, 0xffffffff, 0, 0, co, 1, 0xfffffffe, co);
    CASE("mul32-small", "mull %%edx", 0x10000, 0xffff, 0, co, co, 0xffff0000, 0, 0);
    CASE("mul16", "mulw %%dx", 0xaaaa8000, 0xbbbb0002, 0, 0, co, 0xaaaa0000, 0xbbbb0001, co);
    CASE("mul8", "mulb %%dl", 0x12340080, 2, 0, 0, co, 0x12340100, 2, co);
    CASE("mul8-small", "mulb %%dl", 0x7f, 2, 0, co, co, 0xfe, 2, 0);
    CASE("imul32", "imull %%edx", 0x80000000, 0xffffffff, 0, 0, co, 0x80000000, 0, co);
    CASE("imul32-fits", "imull %%edx", 0xffffffff, 5, 0, co, co, 0xfffffffb, 0xffffffff, 0);
    CASE("imul8", "imulb %%dl", 0x80, 0xff, 0, 0, co, 0x0080, 0xff, co);
    CASE("imul8-fits", "imulb %%dl", 0xff, 0x7f, 0, 0, co, 0xff81, 0x7f, 0);
    CASE("imul-two-operands", "imull %%edx, %%eax", 0x10000, 0x8000, 0, 0, co, 0x80000000, 0x8000, co);
    CASE("imul-immediate", "imull $-3, %%edx, %%eax", 0, 7, 0, co, co, 0xffffffeb, 7, 0);
    CASE("imul16-immediate", "imulw $0x100, %%dx, %%ax", 0xdead0000, 0x100, 0, 0, co, 0xdead0000, 0x100, co);
    CASE("div32", "divl %%ecx", 5, 1, 3, 0, 0, 0x55555557, 0, 0);
    CASE("div16", "divw %%cx", 0xaaaa0005, 0xbbbb0001, 3, 0, 0, 0xaaaa5557, 0xbbbb0000, 0);
    CASE("div8", "divb %%cl", 0x1234000a, 0, 3, 0, 0, 0x12340103, 0, 0);
    CASE("idiv32-rounds-to-zero", "idivl %%ecx", 0xfffffff9, 0xffffffff, 2, 0, 0, 0xfffffffd, 0xffffffff, 0);
    CASE("idiv32-negative-divisor", "idivl %%ecx", 7, 0, 0xfffffffe, 0, 0, 0xfffffffd, 1, 0);
    CASE("idiv8", "idivb %%cl", 0xfff9, 0, 2, 0, 0, 0xfffd, 0, 0);
}

// Shifts and rotates by every count 0 to 33, stepwise model: one place at a time.
#define SHIFT_LOOP(name, instruction, bits, step)                                                          \
    do {                                                                                                   \
        u32 m = (bits) == 32 ? 0xffffffff : (1u << ((bits) & 31)) - 1, sign = 1u << ((bits) - 1);          \
        for (u32 i = 0; i < COUNT; i++)                                                                    \
            for (u32 n = 0; n < 34; n++)                                                                   \
                for (u32 in = 0; in < 2; in++) {                                                           \
                    u32 f0 = in ? ALL : 0, x = values[i] & m, cf = f0 & CF, count = n & 31;                \
                    State s = { values[i], 0, n, f0 | 2 };                                                 \
                    RUN(instruction, s);                                                                   \
                    u32 first = x;                                                                         \
                    for (u32 k = 0; k < count; k++) { u32 out; step; cf = out; x &= m; }                   \
                    (void)first; (void)sign;                                                               \
                    u32 mask = count == 0 ? ALL : (rotate ? CF | SF | ZF | PF | AF : CF | SF | ZF | PF);   \
                    if (!rotate && count > (bits) - 1 && count != (bits)) mask &= ~(u32)CF;                \
                    u32 f = count == 0 ? f0 : cf | (rotate ? f0 & (SF | ZF | PF | AF) : szp(x, sign));     \
                    if (count == 1) { mask |= OF; f |= overflow ? OF : 0; }                                \
                    if (!rotate && count > (bits)) mask &= ~(u32)CF;                                       \
                    expect(s.a, (values[i] & ~m) | x, s.flags & mask, f & mask, values[i], n);             \
                }                                                                                          \
        report(name);                                                                                      \
    } while (0)
#define ALL_WIDTHS(name, op, step)                              \
    SHIFT_LOOP(name "8", op "b %%cl, %%al", 8, step);           \
    SHIFT_LOOP(name "16", op "w %%cl, %%ax", 16, step);         \
    SHIFT_LOOP(name "32", op "l %%cl, %%eax", 32, step)

static void shifts(void)
{
    {
        enum { rotate = 0 };
#define overflow (((x & sign) != 0) != cf)
        ALL_WIDTHS("shl", "shl", (out = (x & sign) != 0, x <<= 1));
#undef overflow
#define overflow ((first & sign) != 0)
        ALL_WIDTHS("shr", "shr", (out = x & 1, x >>= 1));
#undef overflow
#define overflow 0
        ALL_WIDTHS("sar", "sar", (out = x & 1, x = x >> 1 | (x & sign)));
#undef overflow
    }
    {
        enum { rotate = 1 };
#define overflow (((x & sign) != 0) != cf)
        ALL_WIDTHS("rol", "rol", (out = (x & sign) != 0, x = x << 1 | out));
        ALL_WIDTHS("rcl", "rcl", (out = (x & sign) != 0, x = x << 1 | cf));
#undef overflow
#define overflow (((x & sign) != 0) != ((x & sign >> 1) != 0))
        ALL_WIDTHS("ror", "ror", (out = x & 1, x = x >> 1 | (out ? sign : 0)));
        ALL_WIDTHS("rcr", "rcr", (out = x & 1, x = x >> 1 | (cf ? sign : 0)));
#undef overflow
    }
    u32 d = CF | SF | ZF | PF;
    CASE("shld", "shldl $4, %%edx, %%eax", 0x12345678, 0xf0000000, 0, 0, d, 0x2345678f, 0xf0000000, CF);
    CASE("shld-cl", "shldl %%cl, %%edx, %%eax", 0x12345678, 0xabcdef01, 36, 0, d, 0x2345678a, 0xabcdef01, CF);
    CASE("shld-zero", "shldl %%cl, %%edx, %%eax", 0x12345678, 0xabcdef01, 32, ALL, ALL, 0x12345678, 0xabcdef01, ALL);
    CASE("shld-one-of", "shldl $1, %%edx, %%eax", 0x40000000, 0, 0, 0, d | OF, 0x80000000, 0, SF | PF | OF);
    CASE("shrd", "shrdl $8, %%edx, %%eax", 0x12345680, 0xab, 0, 0, d, 0xab123456, 0xab, CF | SF | PF);
    CASE("shrd16", "shrdw $4, %%dx, %%ax", 0xdead1234, 0xf, 0, 0, d, 0xdeadf123, 0xf, SF);
}

static void bits(void)
{
    static u32 map[8];
    CASE("bt", "btl $33, %%eax", 2, 0, 0, 0, CF, 2, 0, CF);
    CASE("bts", "btsl %%edx, %%eax", 0, 31, 0, CF, CF, 0x80000000, 31, 0);
    CASE("btr", "btrl %%edx, %%eax", 0xffffffff, 40, 0, 0, CF, 0xfffffeff, 40, CF);
    CASE("btc16", "btcw %%dx, %%ax", 0xffff0000, 0x10, 0, CF, CF, 0xffff0001, 0x10, 0);
    // With a memory operand the register's bit number reaches beyond the operand, both ways.
    for (u32 i = 0; i < 8; i++)
        map[i] = 0;
    State s = { (u32)&map[4], 70, 0, 2 };
    RUN("btsl %%edx, (%%eax)", s);
    check_equal("bts-memory-above", map[6], 1 << 6);
    s = (State){ (u32)&map[4], (u32)-33, 0, 2 };
    RUN("btsl %%edx, (%%eax)", s);
    check_equal("bts-memory-below", map[2], 0x80000000);
    s = (State){ (u32)&map[4], 0xffff0000 | (u32)-16, 0, 2 };
    RUN("btsw %%dx, (%%eax)", s);
    check_equal("bts16-memory-below", map[3], 0x10000);
    s = (State){ (u32)&map[4], 0, 0, 2 };
    RUN("btsl $35, (%%eax)", s);            // an immediate stays inside the operand
    check_equal("bts-immediate", map[4], 8);
    CASE("bsf", "bsfl %%edx, %%eax", 0, 0x00100800, 0, ZF, ZF, 11, 0x00100800, 0);
    CASE("bsr", "bsrl %%edx, %%eax", 0, 0x00100800, 0, ZF, ZF, 20, 0x00100800, 0);
    CASE("bsf-zero", "bsfl %%edx, %%eax", 0x77, 0, 0, 0, ZF, 0x77, 0, ZF);    // Intel: undefined; every CPU: unchanged
    CASE("setcc", "setg %%al", 0xffffff00, 0, 0, SF | OF, ALL, 0xffffff01, 0, SF | OF);
    CASE("setle", "setle %%al", 0xffffff00, 0, 0, SF, ALL, 0xffffff01, 0, SF);
    CASE("cmpxchg-equal", "cmpxchgl %%ecx, %%edx", 5, 5, 9, 0, ALL, 5, 9, ZF | PF);
    CASE("cmpxchg-differs", "cmpxchgl %%ecx, %%edx", 4, 5, 9, 0, ALL, 5, 5, CF | SF | PF | AF);
    CASE("xadd", "xaddl %%edx, %%eax", 3, 0xfffffffd, 0, 0, ALL, 0, 3, ZF | PF | CF | AF);
    CASE("loop", "1: incl %%eax; loop 1b", 0, 0, 5, 0, 0, 5, 0, 0);
    CASE("loopne", "1: incl %%eax; cmpl $3, %%eax; loopne 1b", 0, 0, 9, 0, ZF, 3, 0, ZF);
    CASE("jecxz", "jecxz 1f; incl %%eax; 1:", 0, 0, 0, 0, 0, 0, 0, 0);
    CASE("pusha-popa", "pushal; xorl %%eax, %%eax; xorl %%edx, %%edx; popal", 1, 2, 3, 0, 0, 1, 2, ZF & 0);
    CASE("enter-leave", "enter $8, $3; movl %%esp, %%eax; subl %%ebp, %%eax; leave", 0, 0, 0, 0, 0, (u32)-20, 0, 0);
    CASE("push-imm8-sign-extends", "pushl $-2; popl %%eax", 0, 0, 0, ALL, ALL, 0xfffffffe, 0, ALL);
    CASE("push-esp", "movl %%esp, %%edx; pushl %%esp; popl %%eax; subl %%edx, %%eax; movl $0, %%edx", 0, 0, 0, 0, 0, 0, 0, 0);
    CASE("pop-esp-relative", "pushl $7; pushl $9; popl (%%esp); popl %%eax", 0, 0, 0, 0, 0, 9, 0, 0);
}

void main(void)
{
    u32 r[4];
    alu();
    multiply_divide();
    shifts();
    bits();
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(1));
    if (r[3] & (1 << 15)) {
        CASE("cmov-taken", "cmovcl %%edx, %%eax", 1, 2, 0, CF, ALL, 2, 2, CF);
        CASE("cmov-not-taken", "cmovbel %%edx, %%eax", 1, 2, 0, SF, ALL, 1, 2, SF);
    }
    if (r[3] & (1 << 8)) {
        static u64 cell = 0x1122334455667788ull;
        State s = { 0x55667788, 0x11223344, 0x99aabbcc, 2 };
        __asm__ volatile("cmpxchg8b %4; pushfl; popl %3" : "+a"(s.a), "+d"(s.b), "+c"(s.c), "=S"(s.flags), "+m"(cell) : "b"(0xddeeff00));
        check_equal("cmpxchg8b-equal", (u32)cell, 0xddeeff00);
        check_equal("cmpxchg8b-equal-high", (u32)(cell >> 32), 0x99aabbcc);
        check_equal("cmpxchg8b-zf", s.flags & ZF, ZF);
        __asm__ volatile("cmpxchg8b %4; pushfl; popl %3" : "+a"(s.a), "+d"(s.b), "+c"(s.c), "=S"(s.flags), "+m"(cell) : "b"(0));
        check_equal("cmpxchg8b-differs", s.a, 0xddeeff00);
        check_equal("cmpxchg8b-differs-zf", s.flags & ZF, 0);
    }
}
