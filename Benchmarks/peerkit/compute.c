// The compute kernels: ordinary instructions only, the same work in the guest and as a program of the host.
//
// What they do decides what is compared: a change here makes all earlier figures, PEERS's among them, another
// measurement. The sums are the contract; each depends on all of the work.
#include "kit.h"

u8 arena[64u << 20] __attribute__((aligned(4096)));
u8 code_page[8192] __attribute__((aligned(4096), section(".bss.codepage")));

static u32 random_state = 12345;
static inline u32 next_random(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state;
}

// a: the sieve of Eratosthenes up to 4 Mi: byte stores in strides.
static u32 sieve(u32 count)
{
    const u32 limit = 4u << 20;
    u8 *is_prime = arena;
    u32 primes = 0;
    while (count--) {
        for (u32 i = 0; i < limit; i++) is_prime[i] = 1;
        primes = 0;
        for (u32 i = 2; i < limit; i++)
            if (is_prime[i]) {
                primes++;
                for (u32 j = i + i; j < limit; j += i) is_prime[j] = 0;
            }
    }
    return primes;
}

// s: SHA-256 of a KiB: rotations, additions, few registers.
static const u32 sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#define ROTATE_RIGHT(x, k) (((x) >> (k)) | ((x) << (32 - (k))))

static void sha256_block(u32 *hash, const u8 *bytes)
{
    u32 w[64];
    for (int i = 0; i < 16; i++, bytes += 4)
        w[i] = (u32)bytes[0] << 24 | (u32)bytes[1] << 16 | (u32)bytes[2] << 8 | bytes[3];
    for (int i = 16; i < 64; i++) {
        u32 a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (ROTATE_RIGHT(a, 7) ^ ROTATE_RIGHT(a, 18) ^ (a >> 3)) + w[i - 7]
             + (ROTATE_RIGHT(b, 17) ^ ROTATE_RIGHT(b, 19) ^ (b >> 10));
    }
    u32 a = hash[0], b = hash[1], c = hash[2], d = hash[3];
    u32 e = hash[4], f = hash[5], g = hash[6], h = hash[7];
    for (int i = 0; i < 64; i++) {
        u32 t1 = h + (ROTATE_RIGHT(e, 6) ^ ROTATE_RIGHT(e, 11) ^ ROTATE_RIGHT(e, 25)) + ((e & f) ^ (~e & g))
               + sha256_constants[i] + w[i];
        u32 t2 = (ROTATE_RIGHT(a, 2) ^ ROTATE_RIGHT(a, 13) ^ ROTATE_RIGHT(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + t1;
        d = c;
        c = b;
        b = a;
        a = t1 + t2;
    }
    hash[0] += a;
    hash[1] += b;
    hash[2] += c;
    hash[3] += d;
    hash[4] += e;
    hash[5] += f;
    hash[6] += g;
    hash[7] += h;
}

static u32 sha256(u32 count)
{
    u32 hash[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    for (u32 i = 0; i < 1024; i++) arena[i] = (u8)i;
    while (count--)
        for (u32 i = 0; i < 1024; i += 64) sha256_block(hash, arena + i);
    return hash[0];
}

// q: quicksort of 512 Ki random integers: comparisons that no predictor knows, and the filling.
static void sort(int *a, int low, int high)
{
    while (low < high) {
        int pivot = a[(low + high) >> 1], i = low, j = high;
        while (i <= j) {
            while (a[i] < pivot) i++;
            while (a[j] > pivot) j--;
            if (i <= j) {
                int t = a[i];
                a[i] = a[j];
                a[j] = t;
                i++;
                j--;
            }
        }
        if (j - low < high - i) {
            sort(a, low, j);
            low = i;
        } else {
            sort(a, i, high);
            high = j;
        }
    }
}

static u32 quicksort(u32 count)
{
    const u32 length = 512u << 10;
    int *a = (int *)arena;
    u32 sum = 0;
    while (count--) {
        for (u32 i = 0; i < length; i++) a[i] = (int)next_random();
        sort(a, 0, (int)length - 1);
        sum ^= (u32)a[length / 2];
        for (u32 i = 1; i < length; i++)
            if (a[i - 1] > a[i]) return 0xdeadbeef;
    }
    return sum;
}

// r: CRC-32 of a MiB by a table: one dependent load a byte.
static u32 crc32(u32 count)
{
    static u32 table[256];
    for (u32 i = 0; i < 256; i++) {
        u32 c = i;
        for (int k = 0; k < 8; k++) c = (c & 1) ? (c >> 1) ^ 0xEDB88320u : c >> 1;
        table[i] = c;
    }
    for (u32 i = 0; i < 1u << 20; i++) arena[i] = (u8)(i * 7);
    u32 c = ~0u;
    while (count--)
        for (u32 i = 0; i < 1u << 20; i++) c = table[(c ^ arena[i]) & 255] ^ (c >> 8);
    return ~c;
}

// b: a chase of pointers through 64 MiB, each load waiting for the one before.
static void prepare_chase(void)
{
    u32 *a = (u32 *)arena;
    for (u32 i = 0; i < 16u << 20; i++) a[i] = (i * 1664525u + 1013904223u) & ((16u << 20) - 1);
}

static u32 chase(u32 count)
{
    volatile u32 *a = (u32 *)arena;
    u32 p = 0;
    while (count--) p = a[p];
    return p;
}

// Every page there before the clock starts. A native program would else read its one page of zeros again and again,
// which stays in the L1 cache, and its first writes would be measured as page faults of Linux's.
static void prepare_arena(void)
{
    for (u32 i = 0; i < 64u << 20; i += 64) arena[i] = (u8)(i >> 6);
}

// B: independent read-modify-writes all over 64 MiB: TLB misses and nothing else.
static u32 random_updates(u32 count)
{
    u32 *a = (u32 *)arena;
    u32 x = 1;
    while (count--) {
        x = x * 1664525u + 1013904223u;
        a[x >> 8] += x;
    }
    return a[5];
}

// Copies of a MiB. The target of c and C is deliberately no power of two of pages away from the source, because
// that costs direct-mapped TLBs dear; what it costs, is kernel A's question.
#define COPY_TARGET (arena + (8u << 20) + 0x5000)
#define ALIASED_TARGET (arena + (8u << 20))

static inline void rep_movsd(void *target, const void *source, unsigned long doublewords)
{
    __asm__ volatile("cld; rep movsl" : "+D"(target), "+S"(source), "+c"(doublewords) : : "memory");
}

// c: REP MOVSD.
static u32 rep_copy(u32 count)
{
    while (count--) rep_movsd(COPY_TARGET, arena, (1u << 20) / 4);
    return COPY_TARGET[77];
}

// A: the same, target and source exactly 8 MiB apart.
static u32 rep_copy_aliased(u32 count)
{
    while (count--) rep_movsd(ALIASED_TARGET, arena, (1u << 20) / 4);
    return ALIASED_TARGET[77];
}

// C: a loop of loads and stores.
static u32 loop_copy(u32 count)
{
    while (count--) {
        volatile u32 *target = (u32 *)COPY_TARGET, *source = (u32 *)arena;
        for (u32 i = 0; i < (1u << 20) / 4; i++) target[i] = source[i];
    }
    return COPY_TARGET[77];
}

// m: REP MOVSB of 48 bytes: what it costs to start and end a string instruction.
static u32 rep_copy_short(u32 count)
{
    while (count--) {
        void *target = arena + 4096 + (count & 63), *source = arena;
        unsigned long bytes = 48;
        __asm__ volatile("cld; rep movsb" : "+D"(target), "+S"(source), "+c"(bytes) : : "memory");
    }
    return arena[4096 + 77];
}

// d: the product of two matrices of 128 x 128 doubles, on the x87.
static u32 x87_matrix(u32 count)
{
    double *a = (double *)arena, *b = a + 16384, *c = b + 16384;
    for (int i = 0; i < 16384; i++) {
        a[i] = (double)(i % 97) * 0.5;
        b[i] = (double)(i % 89) * 0.25;
    }
    while (count--)
        for (int i = 0; i < 128; i++)
            for (int j = 0; j < 128; j++) {
                double sum = 0;
                for (int k = 0; k < 128; k++) sum += a[i * 128 + k] * b[k * 128 + j];
                c[i * 128 + j] = sum;
            }
    double total = 0;
    for (int i = 0; i < 16384; i++) total += c[i];
    return (u32)(int)(total / 65536.0);
}

// h: code that modifies itself: a new immediate in "mov eax, imm; ret", and a call of it.
static u32 self_modifying(u32 count)
{
    u8 *code = code_page;
    u32 sum = 0;
    code[0] = 0xb8;
    code[5] = 0xc3;
    while (count--) {
        *(volatile u32 *)(code + 1) = count;
        sum += ((u32(*)(void))code)();
    }
    return sum;
}

// H: a store into the page that is executed, beside the code.
static u32 data_beside_code(u32 count)
{
    u8 *code = code_page;
    u32 sum = 0;
    code[0] = 0xb8;
    code[1] = 3;
    code[2] = code[3] = code[4] = 0;
    code[5] = 0xc3;
    volatile u32 *data = (volatile u32 *)(code + 2048);
    while (count--) {
        *data = count;
        sum += ((u32(*)(void))code)();
    }
    return sum + *data;
}

// i: a threaded interpreter of bytecode, 12 operations a round: indirect jumps.
static u32 threaded_interpreter(u32 count)
{
    static const u8 program[] = { 1, 2, 3, 4, 5, 2, 6, 1, 3, 7, 4, 0 };
    static void *const labels[] = { &&op0, &&op1, &&op2, &&op3, &&op4, &&op5, &&op6, &&op7 };
    u32 accumulator = 1, x = 7, y = 3;
    const u8 *pc = program;
#define NEXT goto *labels[*pc++]
    NEXT;
op0:
    if (!--count) return accumulator ^ x ^ y;
    pc = program;
    NEXT;
op1:
    accumulator += x;
    NEXT;
op2:
    x ^= accumulator >> 3;
    NEXT;
op3:
    y += x * 5;
    NEXT;
op4:
    accumulator -= y;
    NEXT;
op5:
    x = (x << 1) | (x >> 31);
    NEXT;
op6:
    y ^= accumulator;
    NEXT;
op7:
    accumulator = accumulator * 33 + 1;
    NEXT;
#undef NEXT
}

// j: calls through a table of functions.
#define NEVER_INLINED __attribute__((noinline))

static NEVER_INLINED u32 add_one(u32 x) { return x + 1; }
static NEVER_INLINED u32 flip_bits(u32 x) { return x ^ 0x55; }
static NEVER_INLINED u32 triple(u32 x) { return x * 3; }
static NEVER_INLINED u32 halve(u32 x) { return x >> 1; }
static u32 (*const volatile functions[4])(u32) = { add_one, flip_bits, triple, halve };

static u32 indirect_calls(u32 count)
{
    u32 x = 9;
    while (count--) x = functions[(x ^ count) & 3](x);
    return x;
}

// k: Fibonacci numbers by recursion: calls and returns.
static NEVER_INLINED u32 fibonacci(u32 n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

static u32 recursion(u32 count)
{
    u32 sum = 0;
    while (count--) sum += fibonacci(24);
    return sum;
}

const struct kernel compute_kernels[] = {
    { 'a', "sieve4M", 6, sieve },
    { 's', "sha256-KiB", 60000, sha256 },
    { 'q', "qsort512K", 8, quicksort },
    { 'r', "crc32-MiB", 200, crc32 },
    { 'b', "chase64M", 4000000, chase, prepare_chase },
    { 'B', "randrmw64M", 10000000, random_updates, prepare_arena },
    { 'c', "repmovsd-1MiB", 1000, rep_copy, prepare_arena },
    { 'A', "repmovsd-alias8M", 100, rep_copy_aliased, prepare_arena },
    { 'C', "dwordcopy-1MiB", 1000, loop_copy, prepare_arena },
    { 'm', "repmovsb-48B", 10000000, rep_copy_short },
    { 'd', "x87mm128", 150, x87_matrix, 0, 1 },
    { 'h', "smc", 100000, self_modifying },
    { 'H', "smc-datapage", 100000, data_beside_code },
    { 'i', "interp12op", 10000000, threaded_interpreter },
    { 'j', "icall", 60000000, indirect_calls },
    { 'k', "fib24", 3000, recursion },
    { 0 },
};
