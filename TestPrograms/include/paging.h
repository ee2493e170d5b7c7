/* paging.h: the C face of runtime/paging.S, and the bits of page-table entries.
 *
 *   31              12 11  9 8 7 6 5 4   3   2   1   0
 *   | frame            | avl |G|S|D|A|PCD|PWT|U/S|R/W|P|     S: 4 MiB page (directory), PAT (table)
 */
#ifndef PAGING_H
#define PAGING_H
#include "guest.h"

enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100 };
/* #PF error code */
enum { E_PRESENT = 1, E_WRITE = 2, E_USER = 4, E_RESERVED = 8, E_FETCH = 16 };

#define NO_TRAP 0xffffffffu

u32 probe_read(u32 address);
u32 probe_write(u32 address);
u32 probe_modify(u32 address);
u32 probe_fetch(u32 address);
u32 probe_user_read(u32 address);
u32 probe_user_write(u32 address);
u32 probe_user_fetch(u32 address);
void setup_paging(void);
extern volatile u32 page_directory[1024], page_tables[4096];
extern volatile u32 trap_vector, trap_error, trap_cr2, trap_eip, trap_esp, probe_value;

static inline void invlpg(u32 address) { __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory"); }
static inline u32 read_cr0(void) { u32 v; __asm__ volatile("movl %%cr0, %0" : "=r"(v)); return v; }
static inline void write_cr0(u32 v) { __asm__ volatile("movl %0, %%cr0" : : "r"(v) : "memory"); }
static inline u32 read_cr3(void) { u32 v; __asm__ volatile("movl %%cr3, %0" : "=r"(v)); return v; }
static inline void write_cr3(u32 v) { __asm__ volatile("movl %0, %%cr3" : : "r"(v) : "memory"); }
static inline u32 read_cr4(void) { u32 v; __asm__ volatile("movl %%cr4, %0" : "=r"(v)); return v; }
static inline void write_cr4(u32 v) { __asm__ volatile("movl %0, %%cr4" : : "r"(v) : "memory"); }
static inline void cpuid(u32 leaf, u32 r[4])
{
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
}

static inline void no_fault(const char *name, u32 vector) { check_equal(name, vector, NO_TRAP); }
static inline void page_fault(const char *name, u32 vector, u32 error, u32 address)
{
    check_equal(name, vector, V_PF);
    check_equal(name, trap_error, error);
    check_equal(name, trap_cr2, address);
}
/* A reserved bit set in a present entry: the error code has P too, which TCG forgets. */
static inline void reserved_fault(const char *name, u32 vector, u32 error, u32 address)
{
    page_fault(name, vector, (running_on_tcg ? 0 : E_PRESENT) | E_RESERVED | error, address);
}
#define WORD(address) (*(volatile u32 *)(address))

#endif
