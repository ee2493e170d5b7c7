// paging-pae.c: PAE paging: the four PDPTEs, 4 KiB and 2 MiB pages, reserved bits, no-execute where CPUID has it.
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: paging-pae: ok
// QEMU: yes
#include "paging.h"

const char program_name[] = "paging-pae";

enum { FRAME_A = 0x00800000, FRAME_B = 0x00801000, PAGE = 0x00a00000, BIG = 0x40000000, MSR_EFER = 0xc0000080 };

static volatile u64 pointers[4] __attribute__((aligned(32)));
static volatile u64 directories[4][512] __attribute__((aligned(4096)));
static volatile u64 tables[8][512] __attribute__((aligned(4096)));      // 16 MiB mapped to themselves
#define ENTRY(linear) tables[(linear) >> 21][((linear) >> 12) & 511]
#define NX (1ull << 63)

static void map(u32 linear, u64 entry)
{
    ENTRY(linear) = entry;
    invlpg(linear);
}

static u64 rdmsr(u32 msr) { u64 v; __asm__ volatile("rdmsr" : "=A"(v) : "c"(msr)); return v; }
static void wrmsr(u32 msr, u64 v) { __asm__ volatile("wrmsr" : : "c"(msr), "A"(v)); }

u32 probe_cr3(u32 value);       // MOV to CR3 that may fault
__asm__(".globl probe_cr3\n"
        "probe_cr3: movl 4(%esp), %ecx\n"
        "pushl %ebx; pushl %esi; pushl %edi; pushl %ebp\n"
        "movl $1f, trap_resume; movl %esp, trap_resume_esp; movl $-1, trap_vector\n"
        "movl %ecx, %cr3\n"
        "1: movl $0, trap_resume; movl trap_vector, %eax\n"
        "popl %ebp; popl %edi; popl %esi; popl %ebx\n"
        "ret\n");

static void basics(void)
{
    WORD(FRAME_A) = 0xaaaaaaaa;
    WORD(FRAME_B) = 0xbbbbbbbb;
    map(PAGE, FRAME_A | P | W | U);
    check_equal("read", WORD(PAGE), 0xaaaaaaaa);
    check_equal("accessed", (u32)ENTRY(PAGE) & (A | D), A);
    WORD(PAGE) = 0xaaaaaaaa;
    check_equal("dirty", (u32)ENTRY(PAGE) & (A | D), A | D);
    map(PAGE, FRAME_B | P | W | U);
    check_equal("remapped", WORD(PAGE), 0xbbbbbbbb);
    map(PAGE, FRAME_A | P | U);
    page_fault("read-only", probe_write(PAGE), E_PRESENT | E_WRITE, PAGE);
    map(PAGE, FRAME_A | P | W);
    page_fault("supervisor", probe_user_read(PAGE), E_PRESENT | E_USER, PAGE);
    map(PAGE, 0);
    page_fault("absent", probe_write(PAGE + 5), E_WRITE, PAGE + 5);
    // R/W and U/S of the directory count too; a PDPTE has none.
    map(PAGE, FRAME_A | P | W | U);
    directories[0][PAGE >> 21] &= ~(u64)W;
    invlpg(PAGE);
    page_fault("directory-read-only", probe_write(PAGE), E_PRESENT | E_WRITE, PAGE);
    directories[0][PAGE >> 21] |= W;
    invlpg(PAGE);
    // An absent PDPTE.
    page_fault("absent-pdpte", probe_read(0x80001234), 0, 0x80001234);
    page_fault("absent-pdpte-user", probe_user_write(0x80001234), E_USER | E_WRITE, 0x80001234);
}

static void large_pages(void)
{
    directories[1][0] = FRAME_A | PS | P | W | U;       // CR4.PSE doesn't matter under PAE
    write_cr3(read_cr3());
    check_equal("2m-page", WORD(BIG), 0xaaaaaaaa);
    check_equal("2m-page-second", WORD(BIG + 4096), 0xbbbbbbbb);
    check_equal("2m-accessed", (u32)directories[1][0] & (A | D), A);
    WORD(BIG + 0x1ffffc) = 0x77777777;
    check_equal("2m-end", WORD(FRAME_A + 0x1ffffc), 0x77777777);
    check_equal("2m-dirty", (u32)directories[1][0] & (A | D), A | D);
    page_fault("2m-next-is-absent", probe_read(BIG + 0x200000), 0, BIG + 0x200000);
    directories[1][0] = FRAME_A | (1 << 13) | PS | P | W | U;   // bits 13 to 20 are reserved
    invlpg(BIG);
    reserved_fault("2m-reserved", probe_read(BIG), 0, BIG);
    directories[1][0] = FRAME_A | PS | P | W | U;
    invlpg(BIG);
}

static void reserved_bits(void)
{
    // Bit 62 of a table entry is reserved: no CPU has 63 address bits.
    map(PAGE, (1ull << 62) | FRAME_A | P | W | U);
    reserved_fault("reserved-62", probe_read(PAGE), 0, PAGE);
    reserved_fault("reserved-62-user-write", probe_user_write(PAGE), E_WRITE | E_USER, PAGE);
    map(PAGE, (1ull << 52) | FRAME_A | P | W | U);
    reserved_fault("reserved-52", probe_read(PAGE), 0, PAGE);
    map(PAGE, NX | FRAME_A | P | W | U);                // without EFER.NXE bit 63 is reserved too
    reserved_fault("reserved-63-without-nxe", probe_read(PAGE), 0, PAGE);
    map(PAGE, (1ull << 62) | FRAME_A | W | U);          // not present: nothing else is looked at
    page_fault("absent-and-reserved", probe_read(PAGE), 0, PAGE);
    map(PAGE, FRAME_A | P | W | U);
    if (!running_on_tcg) {                              // TCG looks at PDPTEs only while it walks
        pointers[3] = (u32)directories[3] | P | W;      // R/W is reserved in a PDPTE: MOV CR3 faults
        check_equal("pdpte-reserved", probe_cr3(read_cr3()), V_GP);
        check_equal("pdpte-reserved-error-code", trap_error, 0);
        pointers[3] = W | U;                            // not present: not looked at
        check_equal("pdpte-absent-not-checked", probe_cr3(read_cr3()), NO_TRAP);
        pointers[3] = (u32)directories[3] | P;
        write_cr3(read_cr3());
    }
}

static void no_execute(void)
{
    u32 r[4];
    cpuid(0x80000000, r);
    if (r[0] < 0x80000001)
        return;
    cpuid(0x80000001, r);
    if (!(r[3] & (1 << 20)))
        return;
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | 0x800);
    *(volatile u8 *)FRAME_A = 0xc3;
    map(PAGE, FRAME_A | P | W | U);
    no_fault("fetch", probe_fetch(PAGE));
    map(PAGE, NX | FRAME_A | P | W | U);
    no_fault("nx-read", probe_read(PAGE));
    no_fault("nx-write", probe_write(PAGE + 4));
    page_fault("nx-fetch", probe_fetch(PAGE), E_PRESENT | E_FETCH, PAGE);
    check_equal("nx-fetch-eip", trap_eip, PAGE);
    page_fault("nx-user-fetch", probe_user_fetch(PAGE), E_PRESENT | E_FETCH | E_USER, PAGE);
    map(PAGE, 0);
    page_fault("absent-fetch-says-fetch", probe_fetch(PAGE), E_FETCH, PAGE);
    map(PAGE, FRAME_A | P | W | U);
    directories[0][PAGE >> 21] |= NX;
    invlpg(PAGE);
    page_fault("nx-directory", probe_fetch(PAGE), E_PRESENT | E_FETCH, PAGE);
    directories[0][PAGE >> 21] &= ~NX;
    invlpg(PAGE);
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~0x800ull);
}

void main(void)
{
    u32 r[4];
    cpuid(1, r);
    if (!(r[3] & (1 << 6)))     // no PAE: nothing to test
        return;
    for (u32 i = 0; i < 8; i++) {
        for (u32 j = 0; j < 512; j++)
            tables[i][j] = (i << 21 | j << 12) | P | W | U;
        directories[0][i] = (u32)tables[i] | P | W | U;
    }
    pointers[0] = (u32)directories[0] | P;
    pointers[1] = (u32)directories[1] | P;
    pointers[3] = (u32)directories[3] | P;
    write_cr4(read_cr4() | CR4_PAE);
    write_cr3((u32)pointers);
    write_cr0(read_cr0() | CR0_PG | CR0_WP);
    basics();
    large_pages();
    reserved_bits();
    no_execute();
    write_cr0(read_cr0() & ~CR0_PG);
}
