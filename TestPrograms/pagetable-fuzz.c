// pagetable-fuzz.c: random changes to page tables, and random accesses through them, each held to a walk in software.
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: pagetable-fuzz: steps=20000 seed=1 pae=0 faults=5897 sum=20d3a8b7
// EXPECT-SERIAL: pagetable-fuzz: steps=20000 seed=1 pae=1 faults=5930 sum=569ea9f8
// EXPECT-SERIAL: pagetable-fuzz: ok
// QEMU: yes
//
// steps    random operations
// seed     of the random numbers
// pae      0 or 1: only this format; otherwise both, and PAE with no-execute where CPUID has it
// nx       1: with no-execute (with pae=1)
//
// What it works on: three address spaces, in each of which eight slots of the directory take part, and eight pages of
// each slot; sixteen data frames; ten tables. A slot leads to a table, which other slots and spaces may have too, or
// is a large page. The last one, SELF, leads to a directory, its own or another space's: its pages are the tables of
// the slots. The first, SHARED, is the same in all spaces, and it alone may have global pages. All tables lie where
// large pages may be, too. So there are four ways to an entry: the guest's own mapping, SELF, a page with the table
// as its frame, and a large page.
//
// The rules (SDM 3A, 4.10.4): a page is stale when a TLB may hold a translation that isn't true any more. Before its
// next use, and no sooner, INVLPG, a CR3 load or CR4.PGE forgets it. What needs no such thing (absent before, rights
// added, A or D set) gets none. So no result depends on what a TLB happens to hold. Whether a walk that fails sets A,
// the manual leaves open: then the guest sets it. (A processor that walks tables ahead of the program may set more
// than one A.)
#include "attempts.h"
#include "entry-stores.h"
#include "page-tables.h"
#include "parameters.h"
#include "random.h"
#include "software-walk.h"

const char program_name[] = "pagetable-fuzz";

enum {
    SPACES = 3, SLOTS = 8, PLACES = 8, PAGES = SLOTS * PLACES, DATA_FRAMES = 16, TABLES = 10, SHARED_TABLES = 2,
    SHARED = 0, SELF = 7, NONE = 0xff,
    REGION = 0x00800000, OTHER_REGION = 0x00c00000,     // guest-physical memory that large pages map
    TABLE_AREA = REGION + 0x40000, TABLE_AREA_PAGES = 64,
    PAE_WINDOW = 0x40000000,    // with PAE all slots are in one directory, the second
    RET_AT = 0x800,             // in every data frame
    DEFAULT_STEPS = 20000, SUM_WITH_NO_EXECUTE = 0x4ae413bc,
};

// Indexes of what takes part, in a directory and in a table: neighbours, far apart, across the ends of tables.
static const u16 slot_indexes[2][SLOTS] = {
    { 256, 257, 258, 260, 512, 514, 768, 1000 },
    { 0, 1, 2, 4, 128, 130, 256, 511 },
};
static const u16 place_indexes[2][PLACES] = {
    { 0, 1, 2, 511, 512, 1021, 1022, 1023 },
    { 0, 1, 2, 255, 256, 509, 510, 511 },
};
static u8 slot_at[1024], place_at[1024];        // what has an index, or NONE

// Page n is place n % 8 of slot n / 8; in SELF, it is the table of slot n % 8.
static u32 address_of[PAGES];
static u8 page_behind[PAGES];                   // the page that follows in linear memory, or NONE

static Space spaces[SPACES];
static u32 directory_of[SPACES], tables[TABLES];
static u8 role_of[TABLE_AREA_PAGES];            // of a page there: a table, TABLES + a space for its directory, or NONE

static u32 current, stale[SLOTS];               // the space; a bit for each page
static u32 write_protect, global_enable, no_execute;    // CR0.WP, CR4.PGE, EFER.NXE
static u32 random, sum, faults, step, failures_told;

static u32 choose(u32 limit) { return below(random = next_random(random), limit); }
static u32 one_in(u32 limit) { return !choose(limit); }
static u32 some_of(u32 mask) { return choose(4096) & mask; }
static void note(u32 value) { sum = fold(sum, value); }

static __attribute__((noinline)) void tell(const char *name, u32 got, u32 expected)
{
    print("step ");
    print_decimal(step);
    print(": ");
    check_equal(name, got, expected);
    if (++failures_told == 10)
        finish();
}
static void expect(const char *name, u32 got, u32 expected)
{
    if (got != expected)
        tell(name, got, expected);
}

// ---- Where things are ----
static u32 data_frame(u32 n) { return (n & 1 ? REGION : OTHER_REGION) + (place_indexes[wide][n >> 1] << 12); }
static u32 any_data_frame(void) { return data_frame(choose(DATA_FRAMES)); }
static u32 leaf_entry(u32 table, u32 place) { return (u32)entry_at(table, place_indexes[wide][place]); }
static u32 upper_entry(u32 space, u32 slot) { return (u32)entry_at(directory_of[space], slot_indexes[wide][slot]); }
static Walk walk(u32 page) { return walk_in_software(&spaces[current], address_of[page]); }
static u32 must_end_with(const Walk *w, u32 access) { return verdict(w, access, write_protect, no_execute); }
static u32 shows_table(const Walk *w)
{
    return w->failure == FOUND && w->frame - TABLE_AREA < TABLE_AREA_PAGES << 12;
}

// ---- The rules ----
static void all_fresh(u32 first_slot)
{
    for (u32 s = first_slot; s < SLOTS; s++)
        stale[s] = 0;
}

static void load_space(u32 space)
{
    current = space;
    write_cr3(spaces[space].root);
    all_fresh(global_enable ? SHARED + 1 : 0);
}

static void toggle_global(void)
{
    if (!(cpuid_features() & CPUID_PGE))
        return;
    global_enable ^= 1;
    write_cr4(read_cr4() ^ CR4_PGE);
    all_fresh(0);
}

// Before a page is used.
static void freshen(u32 page)
{
    u32 slot = page / PLACES, bit = 1u << page % PLACES;
    if (!(stale[slot] & bit))
        return;
    u32 way = choose(16);
    if (way == 0)
        load_space(current);
    else if (way == 1)
        toggle_global();
    if (stale[slot] & bit) {
        invlpg(address_of[page] + choose(4096));
        stale[slot] &= ~bit;
    }
}

// Translations through an entry may be stale, in the current space; no other can have any, but in SHARED.
static void mark_stale(u32 entry)
{
    u32 table = entry & 0xfffff000, index = (entry & 0xfff) >> (2 + wide);
    if (table == directory_of[current] && slot_at[index] != NONE)
        stale[slot_at[index]] = 0xff;
    for (u32 s = 0; s < SLOTS; s++) {
        u32 upper = WORD(upper_entry(current, s)), place = s == SELF ? slot_at[index] : place_at[index];
        if (upper & P && (upper & 0xfffff000) == table && place != NONE)
            stale[s] |= 1u << place;
    }
}

// Frame, rights lost, A or D cleared; PCD, PWT and the free bits don't matter.
static u32 leaves_stale(u32 old, u32 old_high, u32 low, u32 high)
{
    return old & P
        && (old & ~low & (P | W | U | A | D) || (old ^ low) & (0xfffff000 | PS | G) || (old_high ^ high) & ~(u32)NX
            || high & ~old_high & NX);
}

// ---- Accesses ----
// A fault may have set A on its way (and D in the first of two pages), or not: now they are set.
static void settle(const Walk *w, u32 bits)
{
    u32 upper = WORD(w->upper), leaf = WORD(w->leaf);
    if (upper & P && !(upper & A))
        WORD(w->upper) = upper | A;
    if (w->leaf != w->upper && leaf & P && (leaf & bits) != bits)
        WORD(w->leaf) = leaf | bits;
}

static void check_marks(const Walk *w, u32 bits)
{
    u32 upper = WORD(w->upper), leaf = WORD(w->leaf);
    expect("directory-accessed", upper & A, A);
    expect("accessed-and-dirty", leaf & bits, bits);
    note((upper & 0xfff) << 12 | (leaf & 0xfff));
}

// Four bytes of the frames themselves, by the guest's own mapping: perhaps the last of one and the first of the other.
static u32 memory_at(const Walk *first, const Walk *second, u32 offset)
{
    if (offset <= 0xffc)
        return WORD(first->frame + offset);
    u32 bits = (0x1000 - offset) * 8;
    return WORD(first->frame + 0xffc) >> (32 - bits) | WORD(second->frame) << bits;
}

static void check_fault(u32 kind, u32 vector, u32 error, u32 address, u32 eip)
{
    faults++;
    expect("fault", vector, V_PF);
    u32 got = trap_error;
    if (running_on_tcg)         // it forgets P beside RSVD, and reads before it writes
        got |= (got & E_RESERVED ? E_PRESENT : 0) | (kind == ADD || kind == EXCHANGE ? E_WRITE : 0);
    expect("error-code", got, error);
    expect("cr2", trap_cr2, address);
    if (kind == FETCH)
        expect("eip", trap_eip, eip);
    note(error);
    note(address);
}

static void use_page(void)
{
    static const u8 kinds[16] = {
        READ, READ, READ, READ, READ, READ, WRITE, WRITE, WRITE, WRITE, WRITE_BYTE, ADD, ADD, EXCHANGE, FETCH, FETCH,
    };
    static const u8 needs[KINDS] = { 0, E_WRITE, E_WRITE, E_WRITE, E_WRITE, E_FETCH };
    u32 page = choose(PAGES), next = page_behind[page], kind = kinds[choose(16)], user = one_in(4);
    u32 access = needs[kind] | (user ? E_USER : 0);
    freshen(page);
    Walk first = walk(page), second = first;
    if (first.has_pat)
        return;
    u32 expected = must_end_with(&first, access), is_table = shows_table(&first);
    // What would write to a table, or run one, reads instead.
    if (is_table && expected == NO_TRAP && kind != READ)
        kind = READ, access &= E_USER;

    // Four bytes, or a RET with a prefix, on two pages. The second one's fault begins where it begins.
    u32 across = 0, fault_at = 0;
    if (next != NONE && !is_table && kind != WRITE_BYTE && kind != EXCHANGE && one_in(6)) {
        freshen(next);
        second = walk(next);
        u32 other = must_end_with(&second, access);
        // Of two faults of a read-modify-write, either may come first.
        across = !shows_table(&second) && !second.has_pat && (kind != ADD || (expected & other) == NO_TRAP);
        if (across && expected == NO_TRAP && other != NO_TRAP)
            expected = other, fault_at = address_of[next];
    }

    u32 offset = choose(16) * 4 + (choose(2) ? 0xfc0 : 0), value = next_random(random);
    if (is_table)
        offset = (choose(2) ? place_indexes : slot_indexes)[wide][choose(8)] << (2 + wide);
    else if (across)
        offset = kind == FETCH ? 0xfff : 0xffd + choose(3);
    else if (kind == FETCH)
        offset = RET_AT;
    else if (kind == WRITE_BYTE || offset < 0x40)
        offset += choose(4);
    if (kind == EXCHANGE)
        offset &= ~7u;
    u32 linear = address_of[page] + offset, before = 0;
    if (kind == FETCH && across) {
        if (first.failure == FOUND)
            *(volatile u8 *)(first.frame + 0xfff) = 0xf3;
        if (second.failure == FOUND)
            *(volatile u8 *)second.frame = 0xc3;
    } else if (expected == NO_TRAP && kind != WRITE_BYTE) {
        before = memory_at(&first, &second, offset);
    }

    u32 vector = attempt(kind, user, linear, value, expected == NO_TRAP);
    if (expected != NO_TRAP) {
        check_fault(kind, vector, expected, fault_at ? fault_at : linear, linear);
        settle(&first, fault_at && access & E_WRITE ? A | D : A);
        if (fault_at)
            settle(&second, A);
        return;
    }
    expect("no-fault", vector, NO_TRAP);
    check_marks(&first, access & E_WRITE ? A | D : A);
    if (across)
        check_marks(&second, access & E_WRITE ? A | D : A);
    if (kind == FETCH)
        return;
    u32 after = kind == WRITE_BYTE ? *(volatile u8 *)(first.frame + offset) : memory_at(&first, &second, offset);
    switch (kind) {
    case READ: expect("read", probe_value, after); break;
    case WRITE: expect("written", after, value); break;
    case WRITE_BYTE: expect("byte-written", after, value & 0xff); break;
    case ADD: expect("added", after, before + value); break;
    case EXCHANGE: expect("compared", probe_value, before), expect("not-exchanged", after, before); break;
    }
    note(after);
}

// A or D cleared and not flushed: the next access may set them or not. Its data is the same; then the guest sets them.
static void use_unflushed(void)
{
    u32 page = choose(PAGES), bits = choose(3), value = next_random(random), offset = choose(16) * 4;
    if (stale[page / PLACES] & 1u << page % PLACES)
        return;
    Walk w = walk(page);
    if (w.has_pat || shows_table(&w) || must_end_with(&w, E_WRITE) != NO_TRAP)
        return;
    WORD(w.leaf) &= ~(u32)(bits == 0 ? A : bits == 1 ? D : A | D);
    u32 kind = choose(2) ? WRITE : READ;
    expect("unflushed", attempt(kind, 0, address_of[page] + offset, value, 1), NO_TRAP);
    expect("unflushed-value", kind == READ ? probe_value : value, WORD(w.frame + offset));
    WORD(w.leaf) |= A | D;
}

// ---- Changes ----
static u32 random_high(void)
{
    if (!wide)
        return 0;
    if (one_in(48))
        return choose(2) ? RESERVED_52 : RESERVED_62;
    return no_execute && one_in(6) ? NX : 0;
}

static void mutate_leaf(u32 is_shared, u32 *low, u32 *high)
{
    switch (choose(18)) {
    case 0 ... 6:;
        u32 what = choose(16), rights = (one_in(8) ? 0 : P) | (one_in(4) ? 0 : W) | (choose(3) ? U : 0);
        *low = what > 3 ? any_data_frame() : what ? tables[choose(TABLES)] : directory_of[choose(SPACES)];
        *low |= rights | some_of(0xe00) | some_of(one_in(4) ? A | D : 0) | some_of(one_in(8) ? 0x18 : 0);
        *low |= some_of(is_shared ? G : 0);
        *high = random_high();
        break;
    case 7: *low ^= P; break;
    case 8: *low ^= W; break;
    case 9: *low ^= U; break;
    case 10: *low &= ~(u32)A; break;
    case 11: *low &= ~(u32)D; break;
    case 12: *low &= ~(u32)(A | D); break;
    case 13: *low |= A | D; break;
    case 14: *low = (*low & 0xfff) | any_data_frame(); break;
    case 15: *low ^= is_shared ? G : 0x200; break;
    case 16: *high ^= no_execute ? NX : 0; break;
    default: break;                     // the same value
    }
}

static void mutate_upper(u32 slot, u32 space, u32 *low, u32 *high)
{
    switch (choose(12)) {
    case 0 ... 5:;
        u32 rights = (one_in(8) ? 0 : P) | (one_in(6) ? 0 : W) | (one_in(5) ? 0 : U);
        if (slot == SELF) {
            *low = directory_of[one_in(4) ? choose(SPACES) : space];
        } else if ((wide || read_cr4() & CR4_PSE) && one_in(5)) {
            u32 reserved = wide ? 1 << 13 : RESERVED_IN_4M;
            *low = (choose(2) ? REGION : OTHER_REGION) | PS | some_of(D) | (one_in(16) ? reserved : 0);
            *low |= some_of(slot == SHARED ? G : 0);
        } else {
            *low = tables[slot == SHARED ? choose(SHARED_TABLES) : SHARED_TABLES + choose(TABLES - SHARED_TABLES)];
        }
        *low |= rights | some_of(0xe00 | A);
        *high = random_high();
        break;
    case 6 ... 7: *low ^= P; break;
    case 8: *low ^= W; break;
    case 9: *low ^= U; break;
    case 10: *low &= ~(u32)A; break;
    default: break;
    }
    // A global page may be used without a walk in a space that has never walked to it: its marks don't depend on that.
    if (slot == SHARED)
        *low |= A | D;
}

static void change_entry(u32 entry, u32 low, u32 high)
{
    u32 old = WORD(entry), old_high = high_half(entry);
    u32 is_torn = store_entry(entry, low, high, choose(STORE_WAYS));
    if (leaves_stale(old, old_high, low, high) || (is_torn && (old | low) & P))
        mark_stale(entry);
    note(old);
}

static void change_leaf(void)
{
    u32 table = choose(TABLES), entry = leaf_entry(tables[table], choose(PLACES));
    u32 low = WORD(entry), high = high_half(entry);
    mutate_leaf(table < SHARED_TABLES, &low, &high);
    change_entry(entry, low, high);
}

static void change_upper(void)
{
    u32 slot = choose(SLOTS), space = choose(4) ? current : choose(SPACES), entry = upper_entry(space, slot);
    u32 low = WORD(entry), high = high_half(entry);
    mutate_upper(slot, space, &low, &high);
    for (u32 s = 0; s < SPACES; s++)
        if (s == space || slot == SHARED)
            change_entry(upper_entry(s, slot), low, high);
}

// One store by a page that shows a table.
static void store_through(u32 kind, u32 linear, u32 value)
{
    expect("store-to-a-table", attempt(kind, 0, linear, value, 1), NO_TRAP);
}

// An entry changed by a page that shows its table, if one is found; else directly.
static void change_through_page(void)
{
    u32 page = choose(2) ? SELF * PLACES + choose(SLOTS) : choose(PAGES);
    Walk w = walk(page);
    for (u32 tries = choose(8); tries && !shows_table(&w) && !w.is_large; tries--)
        w = walk(page = choose(PAGES));
    freshen(page);
    u32 table = w.frame, linear = address_of[page];
    if (w.is_large && w.failure == FOUND && (w.frame & -slot_size()) == REGION) {
        // Any table is there. Of this part of the slot nobody has kept an account: INVLPG, stale or not.
        table = choose(4) ? tables[choose(TABLES)] : directory_of[choose(SPACES)];
        linear = (linear & -slot_size()) + (table - REGION);
        invlpg(linear);
    } else if (!shows_table(&w) || w.has_pat) {
        return change_leaf();
    }
    u32 role = role_of[(table - TABLE_AREA) >> 12], n = choose(8), is_leaf = role < TABLES;
    if (must_end_with(&w, E_WRITE) != NO_TRAP || (!is_leaf && n == SHARED))
        return change_upper();

    u32 entry = is_leaf ? leaf_entry(table, n) : upper_entry(role - TABLES, n);
    u32 old = WORD(entry), old_high = high_half(entry), low = old, high = old_high;
    if (is_leaf)
        mutate_leaf(role < SHARED_TABLES, &low, &high);
    else
        mutate_upper(n, role - TABLES, &low, &high);
    u32 is_own = entry == w.upper || entry == w.leaf;
    if (is_own)
        high = old_high;        // after the first of two stores the page might be gone
    linear += entry & 0xfff;
    if (high != old_high)
        store_through(WRITE, linear + 4, high);
    store_through((old ^ low) < 0x100 && choose(2) ? WRITE_BYTE : WRITE, linear, low);
    expect("changed", WORD(entry), low);
    expect("changed-high", high_half(entry), high);
    if (is_own || leaves_stale(old, old_high, low, high) || (high != old_high && (old | low) & P))
        mark_stale(entry);
    if (!is_own)
        check_marks(&w, A | D);
    note(old);
}

// ---- The whole ----
static void one_step(void)
{
    switch (choose(64)) {
    case 0 ... 33: use_page(); break;
    case 34 ... 36: use_unflushed(); break;
    case 37 ... 49: change_leaf(); break;
    case 50 ... 54: change_through_page(); break;
    case 55 ... 58: change_upper(); break;
    case 59 ... 60: load_space(choose(SPACES)); break;
    case 61 ... 62: write_protect ^= 1, write_cr0(read_cr0() ^ CR0_WP); break;
    default: toggle_global();
    }
}

// All entries, and all words that accesses may reach.
static void survey(void)
{
    for (u32 t = 0; t < TABLES; t++)
        for (u32 i = 0; i < PLACES; i++)
            note(WORD(leaf_entry(tables[t], i)));
    for (u32 s = 0; s < SPACES; s++)
        for (u32 i = 0; i < SLOTS; i++)
            note(WORD(upper_entry(s, i)));
    for (u32 i = 0; i < DATA_FRAMES; i++)
        for (u32 offset = 0; offset < 0x44; offset += 4)
            note(WORD(data_frame(i) + offset) ^ WORD(data_frame(i) + 0xfbc + offset));
}

static void name_places(void)
{
    for (u32 i = 0; i < 1024; i++)
        slot_at[i] = place_at[i] = NONE;
    for (u32 i = 0; i < 8; i++)
        slot_at[slot_indexes[wide][i]] = place_at[place_indexes[wide][i]] = (u8)i;
    for (u32 page = 0; page < PAGES; page++) {
        u32 slot = page / PLACES, index = (slot == SELF ? slot_indexes : place_indexes)[wide][page % PLACES];
        address_of[page] = (wide ? PAE_WINDOW : 0) + (slot_indexes[wide][slot] << slot_shift()) + (index << 12);
    }
    for (u32 page = 0; page < PAGES; page++) {
        u32 is_next = page + 1 < PAGES && address_of[page + 1] == address_of[page] + 4096;
        page_behind[page] = is_next ? (u8)(page + 1) : NONE;
    }
}

static void lay_out(u32 pae)
{
    choose_format(pae);
    name_places();
    for (u32 i = 0; i < DATA_FRAMES; i++) {
        next_table = data_frame(i);
        *(volatile u8 *)(new_tables(1) + RET_AT) = 0xc3;
    }
    for (u32 i = 0; i < TABLE_AREA_PAGES; i++)
        role_of[i] = NONE;
    next_table = TABLE_AREA;
    for (u32 t = 0; t < TABLES; t++) {
        tables[t] = new_tables(1);
        role_of[(tables[t] - TABLE_AREA) >> 12] = (u8)t;
        for (u32 i = 0; i < PLACES; i++)
            WORD(leaf_entry(tables[t], i)) = any_data_frame() | P | W | U;
    }
    for (u32 s = 0; s < SPACES; s++) {
        spaces[s] = new_space();
        directory_of[s] = spaces[s].directory + (wide ? PAE_WINDOW >> 30 << 12 : 0);
        role_of[(directory_of[s] - TABLE_AREA) >> 12] = (u8)(TABLES + s);
        for (u32 slot = 0; slot < SELF; slot++)
            WORD(upper_entry(s, slot)) = tables[slot == SHARED ? 0 : SHARED_TABLES + slot] | P | W | U | A | D;
        WORD(upper_entry(s, SELF)) = directory_of[s] | P | W | U;
    }
}

static u32 run(u32 steps, u32 seed, u32 pae)
{
    random = seed, sum = faults = current = global_enable = 0, write_protect = 1;
    all_fresh(0);
    lay_out(pae);
    start_paging(&spaces[0]);
    for (step = 1; step <= steps; step++) {
        one_step();
        if (step % 1024 == 0)
            survey();
    }
    survey();
    stop_paging();
    return sum;
}

static void run_and_print(u32 steps, u32 seed, u32 pae)
{
    u32 result = run(steps, seed, pae);
    begin_line();
    print_parameter("steps", steps);
    print_parameter("seed", seed);
    print_parameter("pae", pae);
    if (no_execute)
        print_parameter("nx", 1);
    print_parameter("faults", faults);
    end_line(result);
}

static u32 has_no_execute(void)
{
    u32 r[4];
    cpuid(0x80000000, r);
    if (r[0] < 0x80000001)
        return 0;
    cpuid(0x80000001, r);
    return r[3] >> 20 & 1;
}

static void start_no_execute(void)
{
    no_execute = 1;
    __asm__ volatile("wrmsr" : : "c"(0xc0000080), "a"(0x800), "d"(0));      // EFER.NXE
}

void main(void)
{
    u32 steps = parameter("steps", DEFAULT_STEPS), seed = parameter("seed", 1), pae = parameter("pae", 2);
    if (pae != 1)
        run_and_print(steps, seed, 0);
    if (pae == 0 || !(cpuid_features() & CPUID_PAE))
        return;
    if (pae == 1 && parameter("nx", 0) && has_no_execute())
        start_no_execute();
    run_and_print(steps, seed, 1);
    if (pae == 1 || !has_no_execute())
        return;
    // Not printed, since what is printed must be the same on every processor.
    start_no_execute();
    u32 result = run(steps, seed, 1);
    if (steps == DEFAULT_STEPS && seed == 1)
        check_equal("sum-with-no-execute", result, SUM_WITH_NO_EXECUTE);
}
