// mmu-large.c: pages of 4 or 2 MiB beside 4 KiB ones: the same memory through both, split, joined, guarded, dirtied.
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: mmu-large: pae=0 steps=5000 sum=ab4af932
// EXPECT-SERIAL: mmu-large: pae=1 steps=5000 sum=f25fec46
// EXPECT-SERIAL: mmu-large: ok
// QEMU: yes
//
// steps    random accesses in each format
// seed     of the random numbers
//
// All of it is done twice: with the guest's own 16 MiB in 4 KiB pages, and in large ones, page tables included.
#include "page-tables.h"
#include "parameters.h"
#include "random.h"

const char program_name[] = "mmu-large";

enum {
    MEMORY_A = 0x00800000,  // two large pages of guest-physical memory
    MEMORY_B = 0x00c00000,
    BIG = 0x40000000,       // mapped by one entry of the directory
    SMALL = 0x50000000,     // mapped by a table
    OTHER = 0x60000000,
    ALL = P | W | U,
};

static Space space;
static u32 small_table;

static volatile u32 *slot(u32 linear) { return slot_entry(&space, linear); }
static u32 last_word(u32 linear) { return linear + slot_size() - 4; }

static void set_slot(u32 linear, u32 entry, u32 invalidated)
{
    *slot(linear) = entry;
    invlpg(invalidated);
}

// A table for a slot whose pages lie in a row.
static void fill_table(u32 table, u32 frame)
{
    for (u32 i = 0; i < table_entries(); i++)
        *entry_at(table, i) = (frame + (i << 12)) | ALL;
}

static u32 random_words(u32 steps, u32 random)
{
    u32 sum = 0;
    for (; steps; steps--) {
        random = next_random(random);
        u32 offset = below(random, slot_size()) & ~3u, value;
        switch (random >> 2 & 3) {      // bits that don't choose the word
        case 0:
            WORD(BIG + offset) = random;
            value = WORD(SMALL + offset);
            check_equal("stored-large-read-small", value, random);
            break;
        case 1:
            WORD(SMALL + offset) += random;
            value = WORD(BIG + offset);
            break;
        case 2:
            WORD(BIG + offset) ^= random;
            value = WORD(SMALL + offset);
            break;
        default:
            value = WORD(BIG + offset);
        }
        sum = fold(sum, value);
    }
    return sum;
}

static void accessed_dirty(void)
{
    for (u32 i = 0; i < 4; i++) {       // INVLPG of any address within a page is for all of it
        static const u32 offsets[] = { 0, 4096, 0x123456, 0x1ff000 };
        u32 at = BIG + offsets[i], far = BIG + offsets[3 - i];
        *page_entry(small_table, SMALL) = MEMORY_A | ALL;
        invlpg(SMALL);
        set_slot(BIG, MEMORY_A | PS | ALL, at);
        check_equal("clear-at-first", *slot(BIG) & (A | D), 0);
        (void)WORD(far & ~3u);
        check_equal("read-sets-a", *slot(BIG) & (A | D), A);
        WORD(far & ~3u) = 1;
        check_equal("write-sets-d", *slot(BIG) & (A | D), A | D);
        set_slot(BIG, *slot(BIG) & ~(u32)D, at);
        (void)WORD(last_word(BIG));
        check_equal("read-leaves-d", *slot(BIG) & (A | D), A);
        WORD(last_word(BIG)) = 2;
        check_equal("d-again", *slot(BIG) & (A | D), A | D);
        check_equal("the-other-mapping-has-bits-of-its-own", *page_entry(small_table, SMALL) & (A | D), 0);
    }
}

static void guards(void)
{
    u32 middle = BIG + 0x155554, end = last_word(BIG);
    no_fault("user", probe_user_write(end));
    set_slot(BIG, MEMORY_A | PS | P | U, BIG + 0x2000);
    page_fault("read-only", probe_write(middle), E_PRESENT | E_WRITE, middle);
    page_fault("read-only-end", probe_modify(end), E_PRESENT | E_WRITE, end);
    page_fault("read-only-user", probe_user_write(end), E_PRESENT | E_WRITE | E_USER, end);
    no_fault("read-only-read", probe_user_read(end));
    check_equal("what-faults-leaves-d", *slot(BIG) & D, 0);
    write_cr0(read_cr0() & ~CR0_WP);
    no_fault("without-wp", probe_write(middle));
    check_equal("without-wp-sets-d", *slot(BIG) & D, D);
    write_cr0(read_cr0() | CR0_WP);
    set_slot(BIG, MEMORY_A | PS | P | W, BIG + 0x3000);
    page_fault("supervisor", probe_user_read(middle), E_PRESENT | E_USER, middle);
    no_fault("supervisor-write", probe_write(middle));
    *slot(BIG) |= U;                            // one more right: no INVLPG
    no_lasting_fault("user-again", probe_user_write(middle));
    set_slot(BIG, 0, BIG + 0x4000);
    page_fault("absent", probe_write(end), E_WRITE, end);
    page_fault("absent-user", probe_user_read(BIG), E_USER, BIG);
    // Reserved: bit 21 in the one format, bits 13 to 20 in the other.
    set_slot(BIG, MEMORY_A | (wide ? 1 << 20 : 1 << 21) | PS | ALL, BIG);
    reserved_fault("reserved", probe_read(middle), 0, middle);
    set_slot(BIG, MEMORY_A | PS | ALL, BIG);
}

static void moves(void)
{
    for (u32 i = 0; i < 8; i++) {
        u32 memory = i & 1 ? MEMORY_B : MEMORY_A, at = BIG + i * (slot_size() / 8) + 0xabc;
        WORD(memory) = WORD(memory + 0x100000) = WORD(last_word(memory)) = memory + i;
        set_slot(BIG, memory | PS | ALL, at);
        check_equal("moved", WORD(BIG), memory + i);
        check_equal("moved-middle", WORD(BIG + 0x100000), memory + i);
        check_equal("moved-end", WORD(last_word(BIG)), memory + i);
    }
    // Across the end of a large page into one that lies elsewhere, and into a small one.
    u32 next = BIG + slot_size(), across = next - 2, table = new_tables(1);
    set_slot(BIG, MEMORY_A | PS | ALL, BIG);
    set_slot(next, MEMORY_B | PS | ALL, next);
    WORD(across) = 0x12345678;
    check_equal("first-half", WORD(last_word(MEMORY_A)) >> 16, 0x5678);
    check_equal("second-half", WORD(MEMORY_B) & 0xffff, 0x1234);
    *entry_at(table, 0) = (MEMORY_B + 0x5000) | ALL;
    set_slot(next, table | ALL, next);
    WORD(across) = 0x9abcdef0;
    check_equal("into-a-small-page", WORD(MEMORY_B + 0x5000) & 0xffff, 0x9abc);
    *entry_at(table, 0) = 0;
    invlpg(next);
    page_fault("into-an-absent-page", probe_write(across), E_WRITE, next);
    check_equal("no-part-was-stored", WORD(last_word(MEMORY_A)) >> 16, 0xdef0);
    set_slot(next, 0, next);
}

// One large page becomes a table of small ones and then one again; what is the same in both needs no INVLPG.
static void splits_and_joins(void)
{
    u32 table = new_tables(1), odd = BIG + 0x21000, gone = BIG + 0x22000, even = BIG + 0x23000;
    for (u32 i = 0; i < 4; i++) {
        WORD(MEMORY_A + 0x21000) = WORD(MEMORY_A + 0x22000) = WORD(MEMORY_A + 0x23000) = 0xaaaaaaa0 + i;
        WORD(MEMORY_B + 0x21000) = 0xbbbbbbb0 + i;
        check_equal("joined", WORD(odd) + WORD(gone) - WORD(even), 0xaaaaaaa0 + i);
        fill_table(table, MEMORY_A);
        *page_entry(table, odd) = (MEMORY_B + 0x21000) | ALL;
        *page_entry(table, gone) = 0;
        *slot(BIG) = table | ALL;
        if (i & 1) {
            write_cr3(read_cr3());
        } else {
            invlpg(odd);
            invlpg(gone);
        }
        check_equal("one-page-of-its-own", WORD(odd), 0xbbbbbbb0 + i);
        page_fault("one-page-less", probe_read(gone), 0, gone);
        check_equal("the-others-as-before", WORD(even), 0xaaaaaaa0 + i);
        if (i & 1) {
            check_equal("a-page-has-bits-of-its-own", *page_entry(table, even) & (A | D), A);
            check_equal("and-so-has-its-neighbour", *page_entry(table, even + 4096) & (A | D), 0);
        }
        *slot(BIG) = MEMORY_A | PS | ALL;
        if (i & 2) {
            write_cr3(read_cr3());
        } else {
            invlpg(odd);                // the one that was elsewhere; the absent one was in no TLB
            if (!(i & 1))
                invlpg(even);           // for the accessed bit below
        }
        check_equal("joined-again", WORD(odd), 0xaaaaaaa0 + i);
        check_equal("and-accessed", *slot(BIG) & (A | D), A);
        no_fault("nothing-is-gone", probe_user_write(gone));
        check_equal("and-dirty", *slot(BIG) & (A | D), A | D);
    }
}

// Page tables in memory that a large page lets anyone write: what is written there counts as if written elsewhere.
static void holds_tables(void)
{
    u32 table = MEMORY_A + 0x40000, page = OTHER + 0x5000;
    WORD(MEMORY_B) = 0xbbbbbbbb;
    WORD(MEMORY_B + 0x1000) = 0xcccccccc;
    set_slot(BIG, MEMORY_A | PS | ALL, BIG);
    for (u32 i = 0; i < table_entries(); i++)
        *entry_at(table, i) = 0;
    volatile u32 *seen = page_entry(BIG + 0x40000, page);
    *slot(OTHER) = table | ALL;
    *seen = MEMORY_B | ALL;
    check_equal("made", WORD(page), 0xbbbbbbbb);
    check_equal("seen-accessed", *seen & (A | D), A);
    for (u32 i = 0; i < 8; i++) {
        *seen = (MEMORY_B + (i & 1) * 0x1000) | ALL;
        invlpg(page);
        check_equal("moved", WORD(page), i & 1 ? 0xcccccccc : 0xbbbbbbbb);
    }
    WORD(page) = 0xdddddddd;
    check_equal("seen-dirty", *seen & (A | D), A | D);
    *seen &= ~(u32)W;
    invlpg(page);
    page_fault("guarded", probe_write(page), E_PRESENT | E_WRITE, page);
    *(volatile u8 *)seen |= W;
    no_lasting_fault("by-one-byte", probe_write(page));
    *seen = 0;
    invlpg(page);
    page_fault("undone", probe_read(page), 0, page);

    // The directories and all tables lie in one large page, which the directory maps.
    u32 home = OTHER + slot_size(), all = FIRST_TABLE & ~(slot_size() - 1);
    *slot(home) = all | PS | P | W;
    volatile u32 *entry = (volatile u32 *)(home + (u32)slot(OTHER) - all);
    check_equal("directory-in-a-large-page", *entry & 0xfffff000, table);
    *page_entry(table, page) = MEMORY_B | ALL;
    check_equal("made-again", WORD(page), WORD(MEMORY_B));
    *entry = MEMORY_A | PS | ALL;
    invlpg(page);
    check_equal("slot-exchanged", WORD(page), WORD(MEMORY_A + 0x5000));
    check_equal("its-bits", *entry, MEMORY_A | PS | ALL | A);
    entry = (volatile u32 *)(home + (u32)slot(home) - all);
    check_equal("its-own-entry", *entry, all | PS | P | W | A | D);
    *entry = all | PS | P;                      // writes its own W away
    invlpg(home + 0x1234);
    page_fault("guarded-by-itself", probe_write((u32)entry), E_PRESENT | E_WRITE, (u32)entry);
    *slot(home) = 0;
    *slot(OTHER) = 0;
    invlpg(home);
    invlpg(page);
    page_fault("closed", probe_read(home), 0, home);
}

static void global_pages(void)
{
    if (!(cpuid_features() & CPUID_PGE))
        return;
    WORD(MEMORY_A + 0x3000) = 0xaaaaaaaa;
    WORD(MEMORY_B + 0x3000) = 0xbbbbbbbb;
    write_cr4(read_cr4() | CR4_PGE);
    set_slot(BIG, MEMORY_A | PS | G | ALL, BIG);
    check_equal("global", WORD(BIG + 0x3000), 0xaaaaaaaa);
    write_cr3(read_cr3());
    check_equal("global-still", WORD(BIG + 0x3000), 0xaaaaaaaa);
    set_slot(BIG, MEMORY_B | PS | G | ALL, BIG + 0x4000);
    check_equal("global-after-invlpg", WORD(BIG + 0x3000), 0xbbbbbbbb);
    *slot(BIG) = MEMORY_A | PS | ALL;
    write_cr4(read_cr4() & ~CR4_PGE);
    check_equal("global-after-pge", WORD(BIG + 0x3000), 0xaaaaaaaa);
}

static void run(u32 pae, u32 steps, u32 seed)
{
    choose_format(pae);
    space = new_space();
    small_table = new_tables(1);
    u32 at = MEMORY_A, words = (OWN_MEMORY - MEMORY_A) / 4;
    __asm__ volatile("rep stosl" : "+D"(at), "+c"(words) : "a"(0) : "memory");
    fill_table(small_table, MEMORY_A);
    *slot(SMALL) = small_table | ALL;
    u32 large = wide || cpuid_features() & CPUID_PSE;
    *slot(BIG) = large ? MEMORY_A | PS | ALL : *slot(SMALL);
    start_paging(&space);
    u32 sum = 0;
    for (u32 own_large = 0; own_large <= large; own_large++) {
        if (own_large) {
            for (u32 linear = 0; linear < OWN_MEMORY; linear += slot_size())
                *slot(linear) = linear | PS | ALL;
            write_cr3(read_cr3());
        }
        sum = fold(sum, random_words(own_large ? steps / 2 : steps - steps / 2, seed + own_large));
        if (!large)
            continue;
        accessed_dirty();
        guards();
        moves();
        splits_and_joins();
        holds_tables();
        global_pages();
        fill_table(small_table, MEMORY_A);
        write_cr3(read_cr3());
    }
    stop_paging();
    begin_line();
    print_parameter("pae", pae);
    print_parameter("steps", steps);
    end_line(sum);
}

void main(void)
{
    u32 steps = parameter("steps", 5000), seed = parameter("seed", 1);
    run(0, steps, seed);
    if (cpuid_features() & CPUID_PAE)
        run(1, steps, seed);
}
