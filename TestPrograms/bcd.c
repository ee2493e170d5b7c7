// bcd.c: DAA DAS AAA AAS AAM AAD for every AL, AH or base and flags that matter, against the manual's algorithms in C.
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: bcd: ok
// QEMU: yes
#include "guest.h"

const char program_name[] = "bcd";

enum { CF = F_CF, PF = F_PF, AF = F_AF, ZF = F_ZF, SF = F_SF };

typedef struct { u32 ax, flags; } State;

// Runs the one instruction with AX and flags as given.
#define RUN(name, bytes)                                                                               \
    static State name(State s)                                                                         \
    {                                                                                                  \
        __asm__ volatile("pushl %1; popfl; .byte " bytes "; pushfl; popl %1" : "+a"(s.ax), "+r"(s.flags)); \
        return s;                                                                                      \
    }
RUN(run_daa, "0x27")
RUN(run_das, "0x2f")
RUN(run_aaa, "0x37")
RUN(run_aas, "0x3f")
RUN(run_aam10, "0xd4, 10")
RUN(run_aam7, "0xd4, 7")
RUN(run_aam16, "0xd4, 16")
RUN(run_aam255, "0xd4, 255")
RUN(run_aad10, "0xd5, 10")
RUN(run_aad0, "0xd5, 0")
RUN(run_aad16, "0xd5, 16")
RUN(run_aad255, "0xd5, 255")

static u32 sign_zero_parity(u32 al)
{
    al &= 0xff;
    u32 ones = al ^ al >> 4;
    ones ^= ones >> 2;
    ones ^= ones >> 1;
    return (al & 0x80 ? SF : 0) | (al ? 0 : ZF) | (ones & 1 ? 0 : PF);
}

// The manual's DAA; DAS is the same with the signs turned round.
static State decimal_adjust(State s, int subtract)
{
    u32 old_al = s.ax & 0xff, al = old_al, flags = 0, step = subtract ? -0x06u : 0x06u;
    u32 old_carry = s.flags & CF;
    if ((al & 15) > 9 || s.flags & AF) {
        u32 carry = subtract ? al < 6 : al + 6 > 0xff;
        al = (al + step) & 0xff;
        flags |= AF | (old_carry || carry ? CF : 0);
    }
    if (old_al > 0x99 || old_carry) {
        al = (al + (subtract ? -0x60u : 0x60u)) & 0xff;
        flags |= CF;
    } else if (!subtract)
        flags &= ~(u32)CF;
    return (State){ (s.ax & ~0xffu) | al, flags | sign_zero_parity(al) };
}

static State ascii_adjust(State s, int subtract)
{
    u32 ax = s.ax & 0xffff, flags = 0;
    if ((ax & 15) > 9 || s.flags & AF) {
        ax = subtract ? (ax - 6) - 0x100 : ax + 0x106;
        flags = AF | CF;
    }
    return (State){ (s.ax & 0xffff0000) | (ax & 0xff0f), flags };
}

static u32 wrong, checksum;
static State first_got, first_expected, first_input;

static void compare(State input, State got, State expected, u32 mask)
{
    got.flags &= mask;
    expected.flags &= mask;
    checksum = (checksum << 5 | checksum >> 27) ^ got.ax ^ got.flags << 16;
    if ((got.ax != expected.ax || got.flags != expected.flags) && wrong++ == 0) {
        first_input = input;
        first_got = got;
        first_expected = expected;
    }
}

static void report(const char *name)
{
    check_equal(name, wrong, 0);
    if (wrong) {
        print("  first with AX and flags ");
        print_hex(first_input.ax);
        print(" ");
        print_hex(first_input.flags);
        print("\n");
        check_equal("  its AX", first_got.ax, first_expected.ax);
        check_equal("  its flags", first_got.flags, first_expected.flags);
    }
    wrong = 0;
}

static void adjust(const char *name, State (*run)(State), State (*model)(State, int), int subtract, u32 mask)
{
    for (u32 ax = 0; ax < 0x10000; ax++)
        for (u32 flags = 0; flags < 4; flags++) {
            if (ax >= 0x200 && ax < 0xfe00)     // AH matters only by its carry and borrow
                continue;
            State s = { 0xcafe0000 | ax, (flags & 1 ? CF : 0) | (flags & 2 ? AF : 0) | 2 };
            compare(s, run(s), model(s, subtract), mask);
        }
    report(name);
}

static void multiply(const char *name, State (*run)(State), u32 base)
{
    for (u32 al = 0; al < 0x100; al++) {
        State s = { 0xcafe5a00 | al, 2 };
        u32 low = al % base;
        compare(s, run(s), (State){ 0xcafe0000 | (al / base) << 8 | low, sign_zero_parity(low) }, SF | ZF | PF);
    }
    report(name);
}

static void divide(const char *name, State (*run)(State), u32 base)
{
    for (u32 ax = 0; ax < 0x10000; ax++) {
        State s = { 0xcafe0000 | ax, 2 };
        u32 al = ((ax & 0xff) + (ax >> 8) * base) & 0xff;
        compare(s, run(s), (State){ 0xcafe0000 | al, sign_zero_parity(al) }, SF | ZF | PF);
    }
    report(name);
}

void main(void)
{
    // OF is undefined after DAA and DAS; OF SF ZF PF after AAA and AAS; OF AF CF after AAM and AAD.
    adjust("daa", run_daa, decimal_adjust, 0, CF | PF | AF | ZF | SF);
    adjust("das", run_das, decimal_adjust, 1, CF | PF | AF | ZF | SF);
    adjust("aaa", run_aaa, ascii_adjust, 0, CF | AF);
    adjust("aas", run_aas, ascii_adjust, 1, CF | AF);
    multiply("aam-10", run_aam10, 10);
    multiply("aam-7", run_aam7, 7);
    multiply("aam-16", run_aam16, 16);
    multiply("aam-255", run_aam255, 255);
    divide("aad-10", run_aad10, 10);
    divide("aad-0", run_aad0, 0);
    divide("aad-16", run_aad16, 16);
    divide("aad-255", run_aad255, 255);
    check_equal("checksum", checksum, 0x33595422);  // everything above, defined flags only
}
