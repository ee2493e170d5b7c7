// pagetable-fuzz.c: random changes to page tables, and random accesses through them, each held to a walk in software.
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: pagetable-fuzz: steps=20000 seed=1 pae=0 faults=0 sum=00000000
// EXPECT-SERIAL: pagetable-fuzz: steps=20000 seed=1 pae=1 faults=0 sum=00000000
// EXPECT-SERIAL: pagetable-fuzz: ok
// QEMU: yes
//
// steps    random operations
// seed     of the random numbers
// pae      0 or 1: only this format; otherwise both, and PAE with no-execute where CPUID has it
// nx       1: with no-execute (with pae=1)
//
// What it works on: eight slots of the directory, each with eight pages that take part, in each of three address spaces;
// sixteen data frames; ten tables. A slot leads to a table, which other slots and spaces may use as well, or is a large
// page. The last slot, SELF, leads to a directory, its own or another space's: its pages are the tables of the slots. The
// first, SHARED, is the same in all spaces and alone may have global pages. All tables lie in a region that large pages map
// too. So an entry can be reached in four ways: by the guest's own identity mapping, by SELF, by a page that has the table
// as its frame, and by a large page.
//
// The rules of the game (SDM 3A, 4.10.4): a translation that may be in a TLB and isn't true any more is `stale`; before an
// access to its page, and no sooner, INVLPG, a CR3 load or CR4.PGE forgets it. What needs no such thing (absent before,
// rights added, A or D set) gets none. So no result depends on what a TLB happens to hold. A and D bits of a walk that
// fails are left open by the manual: they are set by hand then. A fault that rights added in vain is tried again.
#include "parameters.h"
#include "page-tables.h"
#include "working-set.h"

const char program_name[] = "pagetable-fuzz";

enum {
    SPACES = 3, SLOTS = 8, PLACES = 8, PAGES = SLOTS * PLACES, DATA_FRAMES = 2 * PLACES, TABLES = 10, SHARED_TABLES = 2,
    SHARED = 0, SELF = 7, NONE = 0xff,
    REGION = 0x00800000, OTHER_REGION = 0x00c00000,     // guest-physical memory that large pages map
    TABLE_AREA = REGION + 0x40000, TABLE_AREA_END = TABLE_AREA + 0x40000,
    CODE = 0x800,               // where a data frame has a RET
    DEFAULT_STEPS = 20000,
    NX = 1 << 31, RESERVED_52 = 1 << 20, RESERVED_62 = 1 << 30,         // in an entry's high half
    FOUND = -1,
};

// Indexes in directory and tables of what takes part: neighbours, far apart, across the ends of tables.
static const u16 slot_indexes[2][SLOTS] = { { 256, 257, 258, 260, 512, 514, 768, 1000 }, { 0, 1, 2, 4, 128, 130, 256, 511 } };
static const u16 place_indexes[2][PLACES] = { { 0, 1, 2, 511, 512, 1021, 1022, 1023 }, { 0, 1, 2, 255, 256, 509, 510, 511 } };
enum { PAE_WINDOW = 0x40000000 };       // the slots in PAE are those of one directory, the second

static u8 slot_at[1024], place_at[1024];        // what an index is, or NONE
static u8 page_behind[PAGES];                   // the page that follows in linear memory, or NONE
static u32 address_of[PAGES];

static Space spaces[SPACES];
static u32 directory_of[SPACES], tables[TABLES];
static u8 role_of[64];                          // of a page in the table area: a table, or TABLES + a space, or NONE
static u32 large_reserved, large_pages, can_be_global;

static u32 current, stale[SLOTS];               // stale: a bit a page
static u32 protects, keeps, no_execute;         // CR0.WP, CR4.PGE, EFER.NXE
static u32 random, sum, faults, step, failed;

static u32 choose(u32 limit) { return below(random = next_random(random), limit); }
static u32 chance(u32 of) { return !choose(of); }
static void note(u32 value) { sum = fold(sum, value); }

// ---- Accesses that may fault: u32 vector = attempt(linear, value). What was read is in probe_value. ----
enum { READ, WRITE, WRITE_BYTE, ADD, EXCHANGE, FETCH, KINDS };
__asm__(".macro ATTEMPT name, user, instruction:vararg\n"
        "\\name: pushl %ebx; pushl %esi; pushl %edi; pushl %ebp\n"
        "movl 20(%esp), %ecx; movl 24(%esp), %edx\n"
        "movl %ecx, %edi; movl %edx, %ebx; xorl %eax, %eax\n"
        "movl $77f, trap_resume; movl %esp, trap_resume_esp; movl $-1, trap_vector\n"
        ".if \\user; call enter_user; .endif\n"
        "\\instruction\n"
        "movl %eax, probe_value\n"
        ".if \\user; int $0x80; .endif\n"
        "77: movl $0, trap_resume; movl trap_vector, %eax\n"
        "popl %ebp; popl %edi; popl %esi; popl %ebx\n"
        "ret\n"
        ".endm\n"
        ".macro ATTEMPTS name, instruction:vararg\n"
        "ATTEMPT try_\\name, 0, \\instruction\n"
        "ATTEMPT try_user_\\name, 1, \\instruction\n"
        ".endm\n"
        "ATTEMPTS read, movl (%ecx), %eax\n"
        "ATTEMPTS write, movl %edx, (%ecx)\n"
        "ATTEMPTS write_byte, movb %dl, (%ecx)\n"
        "ATTEMPTS add, xaddl %edx, (%ecx)\n"
        "ATTEMPTS exchange, cmpxchg8b (%edi)\n"         // compares with the value and 0, which isn't there
        "ATTEMPTS fetch, call *%ecx\n");
typedef u32 Attempt(u32 linear, u32 value);
Attempt try_read, try_write, try_write_byte, try_add, try_exchange, try_fetch;
Attempt try_user_read, try_user_write, try_user_write_byte, try_user_add, try_user_exchange, try_user_fetch;
static Attempt *const attempts[KINDS][2] = {
    { try_read, try_user_read }, { try_write, try_user_write }, { try_write_byte, try_user_write_byte },
    { try_add, try_user_add }, { try_exchange, try_user_exchange }, { try_fetch, try_user_fetch },
};

static __attribute__((noinline)) void report(const char *name, u32 got, u32 expected)
{
    print("step "), print_decimal(step), print(": ");
    check_equal(name, got, expected);
    if (++failed == 10)
        finish();
}
static void expect(const char *name, u32 got, u32 expected)
{
    if (got != expected)
        report(name, got, expected);
}

// ---- The walk in software ----
typedef struct {
    u32 upper, leaf;            // where the entries are; of a large page, both the directory's
    u32 failure;                // FOUND, or what the error code says of it: 0, or P and RSVD
    u32 frame;                  // of the 4 KiB page
    u32 rights, high;           // of both levels together
    u32 is_large;
    u32 is_table;               // the frame is a table or directory
    u32 is_strange;             // a table entry with PS set: what PAT makes of it is not our business
} Walk;

static u32 high_half(u32 entry) { return wide ? WORD(entry + 4) : 0; }
static u32 index_of(u32 page) { return page >> 3 == SELF ? slot_indexes[wide][page & 7] : place_indexes[wide][page & 7]; }
static u32 upper_entry(u32 space, u32 slot) { return (u32)entry_at(directory_of[space], slot_indexes[wide][slot]); }

static Walk walk(u32 page)
{
    Walk w;
    w.upper = w.leaf = upper_entry(current, page >> 3);
    w.is_large = w.is_table = w.is_strange = w.failure = 0;
    w.rights = WORD(w.upper), w.high = high_half(w.upper);
    if (!(w.rights & P))
        return w;
    u32 entry = w.rights;
    w.is_large = (entry & PS) != 0;
    w.failure = E_PRESENT | E_RESERVED;
    if (w.high & ~(u32)NX || (w.is_large && entry & large_reserved))
        return w;
    if (w.is_large) {
        w.frame = (entry & -slot_size()) + (index_of(page) << 12);
    } else {
        w.leaf = (u32)entry_at(entry & 0xfffff000, index_of(page));
        entry = WORD(w.leaf);
        u32 high = high_half(w.leaf);
        w.is_strange = entry & PS;
        w.failure = entry & P ? E_PRESENT | E_RESERVED : 0;
        if (!(entry & P) || high & ~(u32)NX)
            return w;
        w.frame = entry & 0xfffff000, w.rights &= entry, w.high |= high;
    }
    w.failure = FOUND;
    w.is_table = w.frame >= TABLE_AREA && w.frame < TABLE_AREA_END;
    return w;
}

// The error code that an access must end with, or NO_TRAP. `access` has E_WRITE, E_USER, E_FETCH.
static u32 verdict(const Walk *w, u32 access)
{
    u32 says = no_execute ? access : access & ~(u32)E_FETCH;
    if (w->failure != (u32)FOUND)
        return w->failure | says;
    u32 refused = (access & E_USER && !(w->rights & U)) || (access & E_FETCH && w->high & NX)
        || (access & E_WRITE && !(w->rights & W) && (protects || access & E_USER));
    return refused ? E_PRESENT | says : NO_TRAP;
}

// ---- The rules ----
static void load_space(u32 space)
{
    current = space;
    write_cr3(spaces[space].root);
    for (u32 s = keeps ? SHARED + 1 : 0; s < SLOTS; s++)
        stale[s] = 0;
}

static void toggle_global(void)
{
    if (!can_be_global)
        return;
    keeps ^= 1;
    write_cr4(read_cr4() ^ CR4_PGE);
    for (u32 s = 0; s < SLOTS; s++)
        stale[s] = 0;
}

// Before a page is used: whatever may be wrong in a TLB goes.
static void freshen(u32 page)
{
    u32 slot = page >> 3, bit = 1u << (page & 7);
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

// The entry has changed so that translations through it may be stale in the current space.
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

// Whether a change may leave something stale: frame, rights lost, A or D cleared. PCD, PWT and the free bits don't matter.
static u32 leaves_stale(u32 old, u32 old_high, u32 low, u32 high)
{
    if (!(old & P))
        return 0;
    u32 lost = old & ~low, changed = old ^ low;
    return lost & (P | W | U | A | D) || changed & (0xfffff000 | PS | G) || (old_high ^ high) & ~(u32)NX || high & ~old_high & NX;
}

// ---- Accesses ----
// The processor may have set A (and, across two pages, D) on the way to a fault, or not: now they are set.
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

// The memory itself, past the pages: four bytes, perhaps across the end of one frame and the beginning of another.
static u32 memory_at(const Walk *first, const Walk *second, u32 offset)
{
    if (offset <= 0xffc)
        return WORD(first->frame + offset);
    u32 inside = (0x1000 - offset) * 8;
    return WORD(first->frame + 0xffc) >> (32 - inside) | WORD(second->frame) << inside;
}

// One access, again when a right has been added that a TLB may not know of. Returns: the vector.
static u32 attempt(u32 kind, u32 user, u32 linear, u32 value, u32 expected)
{
    u32 vector = attempts[kind][user](linear, value);
    for (u32 i = 0; i < 2 && vector == V_PF && expected == NO_TRAP; i++) {
        invlpg(trap_cr2);
        vector = attempts[kind][user](linear, value);
    }
    return vector == V_LEAVE ? NO_TRAP : vector;
}

static void access_page(void)
{
    static const u8 kinds[16] = {
        READ, READ, READ, READ, READ, READ, WRITE, WRITE, WRITE, WRITE, WRITE_BYTE, ADD, ADD, EXCHANGE, FETCH, FETCH,
    };
    static const u8 needs[KINDS] = { 0, E_WRITE, E_WRITE, E_WRITE, E_WRITE, E_FETCH };
    u32 page = choose(PAGES), kind = kinds[choose(16)], user = chance(4), says = user ? E_USER : 0;
    freshen(page);
    Walk first = walk(page), second = first;
    if (first.is_strange)
        return;
    u32 next = page_behind[page], across = 0, expected = verdict(&first, needs[kind] | says);
    if (next != NONE && !first.is_table && kind != WRITE_BYTE && kind != EXCHANGE && chance(6)) {
        freshen(next);
        second = walk(next);
        across = !second.is_table && !second.is_strange;
    }
    // What would write to a table, or run one, reads instead.
    if (first.is_table && expected == NO_TRAP && kind != READ)
        kind = READ, expected = verdict(&first, says);
    u32 fault_at = 0;           // of the access: 0, or where its second page begins
    if (across && expected == NO_TRAP) {
        expected = verdict(&second, needs[kind] | says);
        fault_at = expected == NO_TRAP ? 0 : address_of[next];
    }
    if (across && kind == ADD && (verdict(&first, E_WRITE | says) & verdict(&second, E_WRITE | says)) != NO_TRAP)
        across = 0, fault_at = 0, expected = verdict(&first, E_WRITE | says);  // which of two faults comes first is open

    u32 offset = choose(16) * 4 + (choose(2) ? 0xfc0 : 0), value = next_random(random);
    if (first.is_table)
        offset = (choose(2) ? place_indexes[wide][choose(PLACES)] : slot_indexes[wide][choose(SLOTS)]) << (2 + wide);
    else if (across)
        offset = kind == FETCH ? 0xfff : 0xffd + choose(3);
    else if (kind == FETCH)
        offset = CODE;
    else if (kind == WRITE_BYTE || offset < 0x40)
        offset += choose(4);
    if (kind == EXCHANGE)
        offset &= ~7u;
    u32 linear = address_of[page] + offset, before = 0;
    if (kind == FETCH && across) {      // REP RET, one byte on either page
        if (first.failure == (u32)FOUND)
            *(volatile u8 *)(first.frame + 0xfff) = 0xf3;
        if (second.failure == (u32)FOUND)
            *(volatile u8 *)second.frame = 0xc3;
    }
    if (expected == NO_TRAP && kind != FETCH)
        before = kind == WRITE_BYTE ? *(volatile u8 *)(first.frame + offset) : memory_at(&first, &second, offset);

    u32 vector = attempt(kind, user, linear, value, expected);
    u32 marks = needs[kind] & E_WRITE ? A | D : A;
    if (expected == NO_TRAP) {
        expect("no-fault", vector, NO_TRAP);
        check_marks(&first, marks);
        if (across)
            check_marks(&second, marks);
        if (kind == FETCH)
            return;
        u32 after = kind == WRITE_BYTE ? *(volatile u8 *)(first.frame + offset) : memory_at(&first, &second, offset);
        switch (kind) {
        case READ: expect("read", probe_value, after); break;
        case WRITE: expect("written", after, value); break;
        case WRITE_BYTE: expect("byte-written", after, value & 0xff); break;
        case ADD: expect("added", after, before + value); break;
        case EXCHANGE: expect("compared", probe_value, before), expect("unchanged", after, before); break;
        }
        note(after);
        return;
    }
    faults++;
    expect("fault", vector, V_PF);
    u32 error = trap_error, at = fault_at ? fault_at : linear;
    if (running_on_tcg && error & E_RESERVED)
        error |= E_PRESENT;
    if (running_on_tcg && (kind == ADD || kind == EXCHANGE))
        error |= E_WRITE;               // TCG reads first
    expect("error-code", error, expected);
    expect("cr2", trap_cr2, at);
    if (kind == FETCH)
        expect("eip", trap_eip, linear);
    note(error), note(trap_cr2);
    settle(&first, fault_at && needs[kind] & E_WRITE ? A | D : A);
    if (fault_at)
        settle(&second, A);
}

// ---- Changes ----
static u32 data_frame(u32 i) { return (i & 1 ? REGION : OTHER_REGION) + (place_indexes[wide][i >> 1] << 12); }
static u32 low_bits(u32 mask) { return choose(4096) & mask; }

static u32 random_high(void)
{
    if (!wide)
        return 0;
    if (chance(48))
        return choose(2) ? RESERVED_52 : RESERVED_62;
    return no_execute && chance(6) ? NX : 0;
}

static void mutate_leaf(u32 is_shared, u32 *low, u32 *high)
{
    switch (choose(18)) {
    case 0 ... 6:;
        u32 what = choose(16), bits = low_bits(0xe00) | (chance(8) ? 0 : P) | (chance(4) ? 0 : W) | (choose(3) ? U : 0);
        *low = what > 3 ? data_frame(choose(DATA_FRAMES)) : what ? tables[choose(TABLES)] : directory_of[choose(SPACES)];
        *low |= bits | low_bits(chance(4) ? A | D : 0) | (is_shared && choose(2) ? G : 0) | low_bits(chance(8) ? 0x18 : 0);
        *high = random_high();
        break;
    case 7: *low ^= P; break;
    case 8: *low ^= W; break;
    case 9: *low ^= U; break;
    case 10: *low &= ~(u32)A; break;
    case 11: *low &= ~(u32)D; break;
    case 12: *low &= ~(u32)(A | D); break;
    case 13: *low = (*low & 0xfff) | data_frame(choose(DATA_FRAMES)); break;
    case 14: *low ^= is_shared ? G : 0x200; break;
    case 15: *low |= A | D; break;
    case 16: *high ^= no_execute ? NX : 0; break;
    default: break;                     // the same value
    }
}

static void mutate_upper(u32 slot, u32 space, u32 *low, u32 *high)
{
    switch (choose(12)) {
    case 0 ... 5:;
        u32 bits = low_bits(0xe00) | (chance(8) ? 0 : P) | (chance(6) ? 0 : W) | (chance(5) ? 0 : U) | low_bits(A);
        *high = random_high();
        if (slot == SELF) {
            *low = directory_of[chance(4) ? choose(SPACES) : space] | bits;
        } else if (large_pages && chance(5)) {
            *low = (choose(2) ? REGION : OTHER_REGION) | PS | bits | low_bits(D) | (chance(16) ? large_reserved & -large_reserved : 0);
            if (slot == SHARED)
                *low |= low_bits(G);
        } else {
            *low = tables[slot == SHARED ? choose(SHARED_TABLES) : SHARED_TABLES + choose(TABLES - SHARED_TABLES)] | bits;
        }
        break;
    case 6 ... 7: *low ^= P; break;
    case 8: *low ^= W; break;
    case 9: *low ^= U; break;
    case 10: *low &= ~(u32)A; break;
    default: break;
    }
    // A global page's slot may be used without a walk, in a space that hasn't used it before: all marks are there already.
    if (slot == SHARED)
        *low |= A | D;
}

// Stores an entry by the identity mapping, in one of many ways. Returns: whether it was more than one store.
static u32 store_entry(u32 entry, u32 low, u32 high)
{
    u32 old = WORD(entry), old_high = high_half(entry), way = choose(12), changed = old ^ low;
    if (way == 0 || (high != old_high && way < 6)) {
        // Eight bytes at once: in 2-level with a neighbour, which stays.
        u32 pair = entry & ~7u, odd = entry & 4;
        u32 expected_low = WORD(pair), expected_high = WORD(pair + 4);
        u32 new_low = odd ? expected_low : low, new_high = odd ? low : wide ? high : expected_high;
        __asm__ volatile("lock; cmpxchg8b %0"
                         : "+m"(*(volatile u64 *)pair), "+a"(expected_low), "+d"(expected_high)
                         : "b"(new_low), "c"(new_high) : "cc");
        return 0;
    }
    if (high != old_high) {
        if (way & 1)
            WORD(entry) = low, WORD(entry + 4) = high;
        else
            WORD(entry + 4) = high, WORD(entry) = low;
        return 1;
    }
    if (way < 3 && changed < 0x100) {
        *(volatile u8 *)entry = (u8)low;
    } else if (way < 5 && changed < 0x10000) {
        *(volatile u16 *)entry = (u16)low;
    } else if (way == 5) {
        __asm__ volatile("xchgl %1, %0" : "+m"(WORD(entry)), "+r"(low) : : "memory");
    } else if (way == 6) {
        __asm__ volatile("xorl %1, %0" : "+m"(WORD(entry)) : "r"(changed) : "cc");
    } else if (way == 7) {              // the low half, then the high half together with what follows
        u32 rest = *(volatile u16 *)(entry + 4);
        *(volatile u16 *)entry = (u16)low;
        WORD(entry + 2) = low >> 16 | rest << 16;
        return 1;
    } else {
        WORD(entry) = low;
    }
    return 0;
}

static void change_entry(u32 entry, u32 low, u32 high)
{
    u32 old = WORD(entry), old_high = high_half(entry);
    u32 parts = store_entry(entry, low, high);
    if (leaves_stale(old, old_high, low, high) || (parts && (old | low) & P))
        mark_stale(entry);
    note(old);
}

static void change_leaf(void)
{
    u32 table = choose(TABLES), entry = (u32)entry_at(tables[table], place_indexes[wide][choose(PLACES)]);
    u32 low = WORD(entry), high = high_half(entry);
    mutate_leaf(table < SHARED_TABLES, &low, &high);
    change_entry(entry, low, high);
}

static void change_upper(void)
{
    u32 slot = choose(SLOTS), space = choose(4) ? current : choose(SPACES), entry = upper_entry(space, slot);
    u32 low = WORD(entry), high = high_half(entry);
    mutate_upper(slot, space, &low, &high);
    if (slot == SHARED)
        for (u32 s = 0; s < SPACES; s++)
            change_entry(upper_entry(s, slot), low, high);
    else
        change_entry(entry, low, high);
}

// One store through a page that shows a table.
static void store_through(u32 kind, u32 linear, u32 value) { expect("change", attempt(kind, 0, linear, value, NO_TRAP), NO_TRAP); }

// An entry changed through a page that shows its table, if there is such a page; otherwise, directly.
static void change_through_page(void)
{
    u32 page = choose(2) ? SELF * PLACES + choose(SLOTS) : choose(PAGES);
    Walk w = walk(page);
    for (u32 tries = choose(8); tries && !w.is_table && !w.is_large; tries--)
        w = walk(page = choose(PAGES));
    freshen(page);
    u32 table = w.frame, linear = address_of[page];
    if (w.is_large) {
        // A large page over the tables: which one of them, is open; what a TLB knows of this part of it, too.
        table = choose(4) ? tables[choose(TABLES)] : directory_of[choose(SPACES)];
        if (w.failure != (u32)FOUND || (w.frame & -slot_size()) != REGION)
            return change_leaf();
        linear += (table - REGION) - (index_of(page) << 12);
        invlpg(linear);
    } else if (!w.is_table || w.is_strange) {
        return change_leaf();
    }
    if (verdict(&w, E_WRITE) != NO_TRAP)
        return change_upper();
    u32 role = role_of[(table - TABLE_AREA) >> 12], slot = choose(SLOTS), low, high, entry;
    if (role >= TABLES && slot == SHARED)
        return change_upper();
    entry = (u32)entry_at(table, role < TABLES ? place_indexes[wide][slot] : slot_indexes[wide][slot]);
    low = WORD(entry), high = high_half(entry);
    u32 old = low, old_high = high, own = entry == w.upper || entry == w.leaf;
    if (role < TABLES)
        mutate_leaf(role < SHARED_TABLES, &low, &high);
    else
        mutate_upper(slot, role - TABLES, &low, &high);
    if (own)
        high = old_high;                // after the first of two stores the page might be gone
    linear += entry & 0xfff;
    if (high != old_high)
        store_through(WRITE, linear + 4, high);
    if ((old ^ low) < 0x100 && choose(2))
        store_through(WRITE_BYTE, linear, low);
    else
        store_through(WRITE, linear, low);
    expect("changed", WORD(entry), low);
    expect("changed-high", high_half(entry), high);
    if (own || leaves_stale(old, old_high, low, high) || (high != old_high && (old | low) & P))
        mark_stale(entry);
    if (!own)
        check_marks(&w, A | D);
    note(old);
}

// A or D cleared and not flushed: the next access may set them or not. Its data is the same, and then they are set by hand.
static void use_unflushed(void)
{
    u32 page = choose(PAGES), bits = choose(3), value = next_random(random);
    if (stale[page >> 3] & 1u << (page & 7))
        return;
    Walk w = walk(page);
    if (w.is_strange || w.is_table || verdict(&w, E_WRITE) != NO_TRAP)
        return;
    WORD(w.leaf) &= ~(u32)(bits == 0 ? A : bits == 1 ? D : A | D);
    u32 offset = choose(16) * 4, linear = address_of[page] + offset;
    if (choose(2)) {
        expect("unflushed-write", attempt(WRITE, 0, linear, value, NO_TRAP), NO_TRAP);
        expect("unflushed-written", WORD(w.frame + offset), value);
    } else {
        expect("unflushed-read", attempt(READ, 0, linear, 0, NO_TRAP), NO_TRAP);
        expect("unflushed-value", probe_value, WORD(w.frame + offset));
    }
    WORD(w.leaf) |= A | D;
}

// All entries and all words that have been used.
static void survey(void)
{
    for (u32 t = 0; t < TABLES; t++)
        for (u32 i = 0; i < PLACES; i++)
            note(*entry_at(tables[t], place_indexes[wide][i]));
    for (u32 s = 0; s < SPACES; s++)
        for (u32 i = 0; i < SLOTS; i++)
            note(WORD(upper_entry(s, i)));
    for (u32 i = 0; i < DATA_FRAMES; i++) {
        u32 frame = data_frame(i);
        for (u32 offset = 0; offset < 0x44; offset += 4)
            note(WORD(frame + offset));
        for (u32 offset = 0xfc0; offset < 0x1000; offset += 4)
            note(WORD(frame + offset));
    }
}

static void one_step(void)
{
    switch (choose(64)) {
    case 0 ... 33: access_page(); break;
    case 34 ... 46: change_leaf(); break;
    case 47 ... 51: change_through_page(); break;
    case 52 ... 55: change_upper(); break;
    case 56 ... 57: load_space(choose(SPACES)); break;
    case 58 ... 59: protects ^= 1, write_cr0(read_cr0() ^ CR0_WP); break;
    case 60: toggle_global(); break;
    default: use_unflushed();
    }
}

static void set_up(u32 pae)
{
    choose_format(pae);
    large_pages = pae || cpuid_features() & CPUID_PSE;
    large_reserved = pae ? 0x1fe000 : 0x200000;
    can_be_global = (cpuid_features() & CPUID_PGE) != 0;
    for (u32 i = 0; i < 1024; i++)
        slot_at[i] = place_at[i] = NONE;
    for (u32 i = 0; i < 8; i++)
        slot_at[slot_indexes[pae][i]] = place_at[place_indexes[pae][i]] = (u8)i;
    for (u32 page = 0; page < PAGES; page++)
        address_of[page] = (pae ? PAE_WINDOW : 0) + (slot_indexes[pae][page >> 3] << slot_shift()) + (index_of(page) << 12);
    for (u32 page = 0; page < PAGES; page++)
        page_behind[page] = page + 1 < PAGES && address_of[page + 1] == address_of[page] + 4096 ? (u8)(page + 1) : NONE;

    for (u32 i = 0; i < DATA_FRAMES; i++) {
        next_table = data_frame(i);
        WORD(new_tables(1) + CODE) = 0xc3;
    }
    for (u32 i = 0; i < 64; i++)
        role_of[i] = NONE;
    next_table = TABLE_AREA;
    for (u32 t = 0; t < TABLES; t++) {
        tables[t] = new_tables(1);
        role_of[(tables[t] - TABLE_AREA) >> 12] = (u8)t;
    }
    for (u32 s = 0; s < SPACES; s++) {
        spaces[s] = new_space();
        directory_of[s] = spaces[s].directory + (pae ? PAE_WINDOW >> 30 << 12 : 0);
        role_of[(directory_of[s] - TABLE_AREA) >> 12] = (u8)(TABLES + s);
        for (u32 slot = 0; slot < SLOTS; slot++)
            WORD(upper_entry(s, slot)) = (slot == SELF ? directory_of[s] : tables[slot == SHARED ? 0 : SHARED_TABLES + slot]) | P | W | U | (slot == SHARED ? A | D : 0);
    }
    for (u32 t = 0; t < TABLES; t++)
        for (u32 i = 0; i < PLACES; i++)
            *entry_at(tables[t], place_indexes[pae][i]) = data_frame(choose(DATA_FRAMES)) | P | W | U;
}

static u32 run(u32 steps, u32 seed, u32 pae)
{
    random = seed, sum = faults = keeps = 0, protects = 1;
    for (u32 s = 0; s < SLOTS; s++)
        stale[s] = 0;
    set_up(pae);
    start_paging(&spaces[0]);
    current = 0;
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

static void set_no_execute(u32 on)
{
    no_execute = on;
    __asm__ volatile("wrmsr" : : "c"(0xc0000080), "a"(on ? 0x800 : 0), "d"(0));        // EFER.NXE
}

void main(void)
{
    u32 steps = parameter("steps", DEFAULT_STEPS), seed = parameter("seed", 1), pae = parameter("pae", 2);
    if (!(cpuid_features() & CPUID_PAE))
        pae = 0;
    if (pae == 0 || pae >= 2)
        run_and_print(steps, seed, 0);
    if (pae == 0)
        return;
    if (pae == 1 && parameter("nx", 0) && has_no_execute())
        set_no_execute(1);
    run_and_print(steps, seed, 1);
    if (pae == 1 || !has_no_execute())
        return;
    // Not printed: what is printed must be the same on every CPU.
    set_no_execute(1);
    u32 result = run(steps, seed, 1);
    if (steps == DEFAULT_STEPS && seed == 1)
        check_equal("sum-with-no-execute", result, 0);
}
