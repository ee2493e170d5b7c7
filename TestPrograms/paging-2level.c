// paging-2level.c: 32-bit paging: rights, WP, accessed and dirty bits, 4 MiB pages, INVLPG, aliases, global pages, self-map.
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: paging-2level: ok
// QEMU: yes
#include "paging.h"

const char program_name[] = "paging-2level";

enum {
    FRAME_A = 0x00800000,   // guest-physical pages nobody else uses
    FRAME_B = 0x00801000,
    BIG = 0x00c00000,       // the fourth 4 MiB
    PAGE = 0x00a00000,      // a linear page to experiment with
};
#define ENTRY(linear) page_tables[(linear) >> 12]

static void map(u32 linear, u32 entry)
{
    ENTRY(linear) = entry;
    invlpg(linear);
}

// Every combination of directory and table rights against every access.
static void rights(void)
{
    static const char name[] = "rights";
    for (u32 wp = 0; wp < 2; wp++) {
        write_cr0(wp ? read_cr0() | CR0_WP : read_cr0() & ~CR0_WP);
        for (u32 i = 0; i < 16; i++) {
            u32 directory = (i & 3) << 1, table = (i >> 2) << 1, both = directory & table;
            u32 saved = page_directory[PAGE >> 22];
            // Our own code lives in another 4 MiB, so the directory entry can be restricted.
            page_directory[PAGE >> 22] = (saved & ~(W | U)) | directory;
            map(PAGE, FRAME_A | P | table);
            no_fault(name, probe_read(PAGE));
            if (wp && !(both & W))
                page_fault(name, probe_write(PAGE), E_PRESENT | E_WRITE, PAGE);
            else
                no_fault(name, probe_write(PAGE));
            if (both & U)
                no_fault(name, probe_user_read(PAGE));
            else
                page_fault(name, probe_user_read(PAGE), E_PRESENT | E_USER, PAGE);
            if ((both & (U | W)) == (U | W))
                no_fault(name, probe_user_write(PAGE));
            else
                page_fault(name, probe_user_write(PAGE), E_PRESENT | E_USER | E_WRITE, PAGE);
            page_directory[PAGE >> 22] = saved;
            invlpg(PAGE);
        }
    }
}

static void not_present(void)
{
    map(PAGE, FRAME_A | W | U);
    page_fault("absent-read", probe_read(PAGE + 0x123), 0, PAGE + 0x123);
    page_fault("absent-write", probe_write(PAGE + 0x123), E_WRITE, PAGE + 0x123);
    if (!running_on_tcg)        // TCG reads first
        page_fault("absent-read-modify-write-is-a-write", probe_modify(PAGE + 0x10), E_WRITE, PAGE + 0x10);
    page_fault("absent-user-read", probe_user_read(PAGE), E_USER, PAGE);
    page_fault("absent-user-write", probe_user_write(PAGE), E_USER | E_WRITE, PAGE);
    page_fault("absent-fetch", probe_fetch(PAGE + 0x40), 0, PAGE + 0x40);
    check_equal("absent-fetch-eip-is-the-target", trap_eip, PAGE + 0x40);
    page_fault("absent-user-fetch", probe_user_fetch(PAGE + 0x40), E_USER, PAGE + 0x40);
    // An access across two pages faults with the first byte that is not there.
    map(PAGE - 4096, FRAME_B | P | W | U);
    page_fault("straddle-second-page", probe_read(PAGE - 2), 0, PAGE);
    WORD(PAGE - 4) = 0x11111111;
    page_fault("straddle-write", probe_write(PAGE - 1), E_WRITE, PAGE);
    check_equal("straddle-write-left-no-part", WORD(PAGE - 4), 0x11111111);
    // An instruction across two pages: the address is that of the second page, EIP that of the instruction.
    *(volatile u8 *)(PAGE - 2) = 0xb8;  // mov eax, imm32
    page_fault("straddle-fetch", probe_fetch(PAGE - 2), 0, PAGE);
    check_equal("straddle-fetch-eip", trap_eip, PAGE - 2);
    // A present entry behind an absent directory entry.
    u32 saved = page_directory[PAGE >> 22];
    map(PAGE, FRAME_A | P | W | U);
    page_directory[PAGE >> 22] = 0;
    invlpg(PAGE);
    page_fault("absent-directory", probe_write(PAGE), E_WRITE, PAGE);
    page_directory[PAGE >> 22] = saved;
    invlpg(PAGE);
    no_fault("present-again", probe_write(PAGE));
    map(PAGE - 4096, (PAGE - 4096) | P | W | U);
}

static void accessed_dirty(void)
{
    page_directory[PAGE >> 22] &= ~A;
    map(PAGE, FRAME_A | P | W | U);
    check_equal("a-d-start", ENTRY(PAGE) & (A | D), 0);
    (void)WORD(PAGE);
    check_equal("read-sets-a", ENTRY(PAGE) & (A | D), A);
    check_equal("read-sets-a-in-directory", page_directory[PAGE >> 22] & A, A);
    WORD(PAGE) = 1;
    check_equal("write-sets-d", ENTRY(PAGE) & (A | D), A | D);
    map(PAGE, FRAME_A | P | W | U);
    probe_user_write(PAGE);
    check_equal("user-write-sets-a-and-d", ENTRY(PAGE) & (A | D), A | D);
    // A write that faults leaves D alone.
    map(PAGE, FRAME_A | P | U);
    write_cr0(read_cr0() | CR0_WP);
    page_fault("read-only", probe_write(PAGE), E_PRESENT | E_WRITE, PAGE);
    check_equal("faulting-write-leaves-d", ENTRY(PAGE) & D, 0);
    write_cr0(read_cr0() & ~CR0_WP);
    no_fault("wp-off", probe_write(PAGE));
    check_equal("write-with-wp-off-sets-d", ENTRY(PAGE) & D, D);
    write_cr0(read_cr0() | CR0_WP);
    // The D bit cleared without INVLPG may stay clear; with INVLPG the next write sets it.
    map(PAGE, FRAME_A | P | W | U | A);
    WORD(PAGE) = 2;
    ENTRY(PAGE) &= ~(u32)D;
    invlpg(PAGE);
    WORD(PAGE) = 3;
    check_equal("d-again", ENTRY(PAGE) & D, D);
    // A fetch sets A.
    *(volatile u8 *)PAGE = 0xc3;
    map(PAGE, FRAME_A | P | W | U);
    no_fault("fetch", probe_fetch(PAGE));
    check_equal("fetch-sets-a-only", ENTRY(PAGE) & (A | D), A);
}

static void aliases(void)
{
    map(PAGE, FRAME_A | P | W | U);
    map(PAGE + 4096, FRAME_A | P | W | U);
    WORD(PAGE + 8) = 0xfeedface;
    check_equal("alias", WORD(PAGE + 4096 + 8), 0xfeedface);
    WORD(PAGE + 4096 + 8) = 0xdeadbeef;
    check_equal("alias-back", WORD(PAGE + 8), 0xdeadbeef);
    WORD(FRAME_B) = 0xbbbbbbbb;
    WORD(FRAME_A) = 0xaaaaaaaa;
    for (u32 i = 0; i < 8; i++) {
        map(PAGE, (i & 1 ? FRAME_B : FRAME_A) | P | W | U);
        check_equal("remap-and-invlpg", WORD(PAGE), i & 1 ? 0xbbbbbbbb : 0xaaaaaaaa);
    }
    // A CR3 load does what INVLPG does, for every page that is not global.
    for (u32 i = 0; i < 8; i++) {
        ENTRY(PAGE) = (i & 1 ? FRAME_B : FRAME_A) | P | W | U;
        write_cr3(read_cr3());
        check_equal("remap-and-cr3", WORD(PAGE), i & 1 ? 0xbbbbbbbb : 0xaaaaaaaa);
    }
    // So does a task of its own: another directory that shares all tables but one.
    static volatile u32 other_directory[1024] __attribute__((aligned(4096)));
    static volatile u32 other_table[1024] __attribute__((aligned(4096)));
    for (u32 i = 0; i < 1024; i++) {
        other_directory[i] = page_directory[i];
        other_table[i] = page_tables[(PAGE >> 22) * 1024 + i];
    }
    other_directory[PAGE >> 22] = (u32)other_table | P | W | U;
    other_table[(PAGE >> 12) & 1023] = FRAME_A | P | W | U;
    map(PAGE, FRAME_B | P | W | U);
    for (u32 i = 0; i < 4; i++) {
        write_cr3((u32)other_directory);
        check_equal("other-address-space", WORD(PAGE), 0xaaaaaaaa);
        write_cr3((u32)page_directory);
        check_equal("own-address-space", WORD(PAGE), 0xbbbbbbbb);
    }
}

// The directory as its own last table: every entry appears in linear memory.
static void self_map(void)
{
    page_directory[1023] = (u32)page_directory | P | W;
    invlpg(0xfffff000);
    check_equal("self-map-directory", WORD(0xfffff000 + 1023 * 4) & ~(u32)(A | D), (u32)page_directory | P | W);
    map(PAGE, FRAME_A | P | W | U);
    volatile u32 *entry = (volatile u32 *)(0xffc00000 + (PAGE >> 12) * 4);
    check_equal("self-map-entry", *entry & 0xfffff000, FRAME_A);
    *entry = FRAME_B | P | W | U;
    invlpg(PAGE);
    check_equal("written-through-self-map", WORD(PAGE), 0xbbbbbbbb);
    page_directory[1023] = 0;
    write_cr3(read_cr3());
}

static void large_pages(u32 features)
{
    u32 saved = page_directory[BIG >> 22];
    if (!(features & 8))
        return;
    write_cr4(read_cr4() | CR4_PSE);
    page_directory[BIG >> 22] = 0x00800000 | PS | P | W | U;
    write_cr3(read_cr3());
    WORD(FRAME_A + 0x1230) = 0x12345678;
    check_equal("large-page", WORD(BIG + 0x1230), 0x12345678);
    WORD(FRAME_A + 0x3ff000) = 0x87654321;
    check_equal("large-page-end", WORD(BIG + 0x3ff000), 0x87654321);
    check_equal("large-page-a", page_directory[BIG >> 22] & (A | D), A);
    WORD(BIG) = 0xaaaaaaaa;
    check_equal("large-page-d", page_directory[BIG >> 22] & (A | D), A | D);
    no_fault("large-page-user", probe_user_write(BIG + 0x200000));
    page_directory[BIG >> 22] = 0x00800000 | PS | P;
    invlpg(BIG);
    page_fault("large-page-read-only", probe_write(BIG), E_PRESENT | E_WRITE, BIG);
    page_fault("large-page-supervisor", probe_user_read(BIG), E_PRESENT | E_USER, BIG);
    // Bit 21 of a 4 MiB entry is reserved; the fault says so, whatever else is wrong.
    page_directory[BIG >> 22] = 0x00800000 | (1 << 21) | PS | P | W | U;
    invlpg(BIG);
    reserved_fault("large-page-reserved", probe_read(BIG), 0, BIG);
    reserved_fault("large-page-reserved-user", probe_user_write(BIG), E_USER | E_WRITE, BIG);
    // Without CR4.PSE the PS bit means nothing: the entry names a table.
    page_directory[BIG >> 22] = saved | PS;
    write_cr4(read_cr4() & ~CR4_PSE);
    write_cr3(read_cr3());
    WORD(BIG) = 0x5555aaaa;
    check_equal("ps-ignored-without-pse", WORD(BIG), 0x5555aaaa);
    page_directory[BIG >> 22] = saved;
    write_cr3(read_cr3());
}

// A global entry may outlive a CR3 load, so that is not tested; INVLPG and clearing CR4.PGE do flush it.
static void global_pages(u32 features)
{
    if (!(features & (1 << 13)))
        return;
    WORD(FRAME_A) = 0xaaaaaaaa;
    write_cr4(read_cr4() | CR4_PGE);
    map(PAGE, FRAME_A | P | W | U | G);
    check_equal("global", WORD(PAGE), 0xaaaaaaaa);
    ENTRY(PAGE) = FRAME_B | P | W | U | G;
    write_cr3(read_cr3());
    u32 seen = WORD(PAGE);
    check_equal("global-after-cr3-is-old-or-new", seen == 0xaaaaaaaa || seen == 0xbbbbbbbb, 1);
    invlpg(PAGE);
    check_equal("global-after-invlpg", WORD(PAGE), 0xbbbbbbbb);
    ENTRY(PAGE) = FRAME_A | P | W | U | G;
    write_cr4(read_cr4() & ~CR4_PGE);
    check_equal("global-after-pge", WORD(PAGE), 0xaaaaaaaa);
}

static void paging_off_and_on(void)
{
    map(PAGE, FRAME_A | P | W | U);
    WORD(FRAME_A) = 0xaaaaaaaa;
    write_cr0(read_cr0() & ~CR0_PG);
    WORD(PAGE) = 0x0ff0ff;
    check_equal("paging-off", WORD(FRAME_A), 0xaaaaaaaa);
    write_cr0(read_cr0() | CR0_PG);
    check_equal("paging-on", WORD(PAGE), 0xaaaaaaaa);
}

void main(void)
{
    u32 r[4];
    cpuid(1, r);
    setup_paging();
    rights();
    not_present();
    accessed_dirty();
    aliases();
    self_map();
    large_pages(r[3]);
    global_pages(r[3]);
    paging_off_and_on();
}
