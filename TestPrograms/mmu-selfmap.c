// mmu-selfmap.c: page tables that map themselves: mappings made, seen and undone through a recursive directory entry.
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: mmu-selfmap: ok
// QEMU: yes
//
// A directory that is also one of its own tables lays all page tables out in linear memory, from `window` on, in order:
//
//   window + (window >> 12) * entry ......... the directory itself (the tables of the window's own slots)
//   window + (linear >> 12) * entry ......... the entry of any page
//
// A 2-level directory takes one slot for it. In PAE four slots name the four directories (SDM 3A, 4.3 and 4.4).
#include "page-tables.h"

const char program_name[] = "mmu-selfmap";

enum {
    FRAME_A = 0x00800000,   // guest-physical pages nobody else uses
    FRAME_B = 0x00801000,
    HOME = 0x60000000,      // 4 MiB to experiment with, far from all windows
};

static u32 window;

static void store(u32 entry, u32 value) { WORD(entry) = value; }
static u32 seen_page_entry(u32 linear) { return window + (linear >> 12 << (2 + wide)); }
static u32 seen_directory(void) { return seen_page_entry(window); }
static u32 seen_slot_entry(u32 linear) { return seen_directory() + (linear >> slot_shift() << (2 + wide)); }
static u32 bits(u32 entry) { return WORD(entry) & (A | D); }

// The slot whose entry names the very directory that it is in, and that directory.
static u32 recursive_slot(void) { return wide ? window + (window >> 30) * slot_size() : window; }
static u32 recursive_directory(const Space *space) { return space->directory + (wide ? window >> 30 << 12 : 0); }

// The recursive entries; in a space that isn't current, or where they have been absent.
static void open_self_map(const Space *space, u32 rights)
{
    for (u32 i = 0; i < (wide ? 4 : 1); i++)
        *entry_at(space->directory, (window >> slot_shift()) + i) = (space->directory + (i << 12)) | rights;
}

static void reload(void) { write_cr3(read_cr3()); }

// What the window shows is what lies in the tables, the marks of being looked at included.
static void looks(const Space *space)
{
    u32 own = seen_slot_entry(recursive_slot()), expected = recursive_directory(space) | P | W | A;
    check_equal("own-entry-is-accessed", WORD(own), expected);
    check_equal("own-entry-in-memory", *slot_entry(space, recursive_slot()), expected);
    check_equal("entry-of-a-page-of-ours", WORD(seen_page_entry(0x00123456)) & 0xfffff000, 0x00123000);
    // A store through the window makes the entry that maps the page a dirty one: here the one that names the directory.
    u32 slot = seen_slot_entry(HOME), names = seen_page_entry(slot);
    store(slot, 0);
    check_equal("a-store-to-the-directory-dirties-its-entry", WORD(names) & (P | W | A | D), P | W | A | D);
}

// A table hung in, filled, used and taken out again, all by the window.
static void makes_and_undoes(const Space *space, u32 table)
{
    u32 slot = seen_slot_entry(HOME), page = HOME + 0x5000, entry = seen_page_entry(page);
    page_fault("no-table-no-entry", probe_read(entry), 0, entry);
    page_fault("no-table-no-page", probe_read(page), 0, page);
    store(slot, table | P | W | U);             // absent before: INVLPG neither for the page nor for the table's
    check_equal("empty-table", WORD(entry), 0);
    check_equal("looking-at-the-table-marks-the-slot", bits(slot), A);
    page_fault("no-entry", probe_read(page), 0, page);
    store(entry, FRAME_A | P | W | U);
    check_equal("filling-the-table-dirties-the-slot", bits(slot), A | D);
    check_equal("in-memory", *page_entry(table, page), FRAME_A | P | W | U);
    check_equal("made", WORD(page + 0x10), 0xaaaaaaaa);
    check_equal("read-sets-a", bits(entry), A);
    WORD(page + 0x20) = 1;
    check_equal("write-sets-d", bits(entry), A | D);
    check_equal("bits-in-memory", *page_entry(table, page), FRAME_A | P | W | U | A | D);
    // The bits cleared, here and there.
    store(entry, WORD(entry) & ~(u32)(A | D));
    invlpg(page);
    check_equal("bits-stay-cleared", bits(entry), 0);
    (void)WORD(page);
    check_equal("a-again", bits(entry), A);
    WORD(page) = 2;
    check_equal("d-again", bits(entry), A | D);
    store(slot, WORD(slot) & ~(u32)(A | D));
    invlpg(page);
    invlpg(entry);
    check_equal("slot-bits-stay-cleared", *slot_entry(space, HOME) & (A | D), 0);
    (void)WORD(page);
    check_equal("using-the-table-marks-the-slot", *slot_entry(space, HOME) & (A | D), A);
    // Another frame, fewer rights, and the end.
    store(entry, FRAME_B | P | W | U);
    invlpg(page);
    check_equal("remapped", WORD(page + 0x10), 0xbbbbbbbb);
    store(entry, FRAME_B | P);
    invlpg(page);
    page_fault("read-only", probe_write(page), E_PRESENT | E_WRITE, page);
    page_fault("supervisor", probe_user_read(page), E_PRESENT | E_USER, page);
    store(entry, 0);
    invlpg(page);
    page_fault("undone", probe_write(page), E_WRITE, page);
    store(entry, FRAME_A | P | W | U);
    no_fault("made-again", probe_user_write(page));
    store(slot, 0);
    invlpg(page);
    invlpg(entry);
    page_fault("slot-undone-page", probe_read(page), 0, page);
    page_fault("slot-undone-entry", probe_write(entry), E_WRITE, entry);
}

// A slot gets another table: the pages below it and the table's own page in the window follow.
static void exchanges_tables(u32 table, u32 other)
{
    u32 slot = seen_slot_entry(HOME), page = HOME + 0x7000, entry = seen_page_entry(page);
    *page_entry(table, page) = FRAME_A | P | W | U;
    *page_entry(other, page) = FRAME_B | P | W | U;
    for (u32 i = 0; i < 6; i++) {
        u32 even = i % 2 == 0, ours = even ? table : other;
        store(slot, ours | P | W | U);
        invlpg(page);
        invlpg(entry);
        check_equal("exchanged-page", WORD(page + 0x10), even ? 0xaaaaaaaa : 0xbbbbbbbb);
        check_equal("exchanged-entry", WORD(entry) & 0xfffff000, even ? FRAME_A : FRAME_B);
        // What is stored to the table that is there now doesn't reach the other one.
        store(entry, WORD(entry) | 0x200);
        check_equal("reached", *page_entry(ours, page) & 0x200, 0x200);
        check_equal("not-reached", *page_entry(table ^ other ^ ours, page) & 0x200, 0);
        store(entry, WORD(entry) & ~(u32)0x200);
    }
    // The same table in two slots, one behind the other: one store, two pages.
    u32 twin = page + slot_size();
    store(seen_slot_entry(twin), other | P | W | U);
    check_equal("twin", WORD(twin + 0x10), 0xbbbbbbbb);
    store(seen_page_entry(twin), FRAME_A | P | W | U);
    invlpg(page);
    invlpg(twin);
    check_equal("twin-changed", WORD(twin + 0x10), 0xaaaaaaaa);
    check_equal("twin-changed-by-the-other", WORD(page + 0x10), 0xaaaaaaaa);
    store(seen_slot_entry(twin), 0);
    store(slot, 0);
    reload();
}

// A table that is mapped as a page of data too, and at last by itself.
static void is_data_too(u32 table, u32 other)
{
    u32 page = HOME + 0x9000, alias = HOME + 0xa000, own = HOME + 0xb000;
    store(seen_slot_entry(HOME), table | P | W | U);
    store(seen_slot_entry(HOME + slot_size()), other | P | W | U);
    u32 far_alias = alias + slot_size(), entry = (u32)page_entry(far_alias, page);
    store(seen_page_entry(far_alias), table | P | W | U);       // `other` maps `table` as data
    store(entry, FRAME_A | P | W | U);
    check_equal("made-through-data", WORD(page + 0x10), 0xaaaaaaaa);
    check_equal("data-shows-a", bits(entry), A);
    check_equal("window-shows-it-too", WORD(seen_page_entry(page)), FRAME_A | P | W | U | A);
    store(entry, FRAME_B | P | W | U);
    invlpg(page);
    check_equal("changed-through-data", WORD(page + 0x10), 0xbbbbbbbb);
    WORD(page) = 3;
    check_equal("data-shows-d", bits(entry), A | D);
    no_fault("user-changes-it", probe_user_write(far_alias + 0x800));   // an entry that nobody uses

    // `table` maps itself at `own`: an entry in it changes its neighbours, and itself.
    store(seen_page_entry(own), table | P | W | U);
    entry = (u32)page_entry(own, page);
    check_equal("seen-by-itself", WORD(entry) & 0xfffff000, FRAME_B);
    store(entry, FRAME_A | P | W | U);
    invlpg(page);
    check_equal("changed-by-itself", WORD(page + 0x10), 0xaaaaaaaa);
    entry = (u32)page_entry(own, own);
    check_equal("its-own-bits", WORD(entry), table | P | W | U | A | D);
    store(entry, FRAME_B | P | W | U);          // the entry that maps the page being written
    invlpg(own);
    check_equal("moved-itself-away", WORD(own + 0x10), 0xbbbbbbbb);
    check_equal("bits-of-what-it-became", WORD(seen_page_entry(own)), FRAME_B | P | W | U | A);
    // Reading one's own clear entry shows it accessed: the bit is set before the data is read.
    store(seen_page_entry(own), table | P | W | U);
    invlpg(own);
    check_equal("a-comes-first", WORD(entry), table | P | W | U | A);

    store(seen_slot_entry(HOME), 0);
    store(seen_slot_entry(HOME + slot_size()), 0);
    reload();
}

// Rights of the recursive entry, changed through itself.
static void guards_itself(const Space *space)
{
    u32 own = seen_slot_entry(recursive_slot()), any = own - (8 << (2 + wide));     // of a slot that nobody uses
    page_fault("window-of-the-supervisor", probe_user_read(any), E_PRESENT | E_USER, any);
    store(own, WORD(own) | U);                  // one more right: no INVLPG
    no_lasting_fault("window-for-all", probe_user_read(any));
    store(own, WORD(own) & ~(u32)(U | W));
    reload();
    page_fault("window-without-w", probe_write(any), E_PRESENT | E_WRITE, any);
    page_fault("not-even-its-own-entry", probe_write(own), E_PRESENT | E_WRITE, own);
    page_fault("window-without-u", probe_user_read(any), E_PRESENT | E_USER, any);
    write_cr0(read_cr0() & ~CR0_WP);
    store(own, WORD(own) | W);
    write_cr0(read_cr0() | CR0_WP);
    no_lasting_fault("window-with-w-again", probe_write(any));
    store(any, 0);
    check_equal("own-entry-at-last", *slot_entry(space, recursive_slot()), recursive_directory(space) | P | W | A | D);
}

// Two spaces with a window each, and one of them in the other by the directory entry next to the window.
static void meets_another(const Space *space, u32 table)
{
    Space other = new_space();
    u32 page = HOME + 0xd000, ours = window, theirs = window - (wide ? 4 : 1) * slot_size();
    open_self_map(&other, P | W);
    window = theirs;                            // the other's directories in our space, as a foreign window
    for (u32 i = 0; i < (wide ? 4 : 1); i++)
        *entry_at(space->directory, (theirs >> slot_shift()) + i) = (other.directory + (i << 12)) | P | W;
    // In their space their directory would be seen at ours + ...; in the foreign window, at theirs + the same.
    u32 in_theirs = seen_page_entry(page), slot = seen_page_entry(ours) + (page >> slot_shift() << (2 + wide));
    store(slot, table | P | W | U);
    store(in_theirs, FRAME_B | P | W | U);
    window = ours;
    page_fault("not-in-ours", probe_read(page), 0, page);
    write_cr3(other.root);
    check_equal("made-from-outside", WORD(page + 0x10), 0xbbbbbbbb);
    check_equal("seen-from-inside", WORD(seen_page_entry(page)), FRAME_B | P | W | U | A);
    store(seen_page_entry(page), FRAME_A | P | W | U);
    write_cr3(space->root);
    window = theirs;
    check_equal("changed-from-inside", WORD(in_theirs), FRAME_A | P | W | U);
    open_self_map(space, 0);
    window = ours;
    reload();
    page_fault("foreign-window-closed", probe_read(in_theirs), 0, in_theirs);
}

static void run(u32 pae, u32 where)
{
    choose_format(pae);
    Space space = new_space();
    u32 table = new_tables(1), other = new_tables(1);
    window = where;
    WORD(FRAME_A + 0x10) = 0xaaaaaaaa;
    WORD(FRAME_B + 0x10) = 0xbbbbbbbb;
    open_self_map(&space, P | W);
    start_paging(&space);
    looks(&space);
    makes_and_undoes(&space, table);
    exchanges_tables(table, other);
    is_data_too(table, other);
    guards_itself(&space);
    meets_another(&space, new_tables(1));
    window = where;
    open_self_map(&space, 0);
    reload();
    page_fault("window-closed", probe_read(seen_directory()), 0, seen_directory());
    stop_paging();
}

void main(void)
{
    run(0, 0xffc00000);         // the last slot
    run(0, 0xafc00000);         // one in the middle
    if (cpuid_features() & CPUID_PAE) {
        run(1, 0xff800000);     // the last four
        run(1, 0x90000000);
    }
}
