// cpuid-dump.c: prints every CPUID leaf there is. What it prints depends on the CPU, so the output isn't compared.
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// QEMU: yes
#include "guest.h"

const char program_name[] = "cpuid-dump";

static const char *const feature_names[32] = {
    "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", 0, "sep", "mtrr", "pge", "mca", "cmov",
    "pat", "pse36", "psn", "clflush", 0, "ds", "acpi", "mmx", "fxsr", "sse", "sse2", "ss", "htt", "tm", "ia64", "pbe",
};

static void cpuid(u32 leaf, u32 r[4])
{
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
}

static void dump(u32 first, u32 most)
{
    u32 r[4];
    cpuid(first, r);
    u32 last = r[0];
    if (last < first || last - first > most)    // no such range
        return;
    for (u32 leaf = first;; leaf++) {
        cpuid(leaf, r);
        print_hex(leaf);
        print(":");
        for (int i = 0; i < 4; i++) {
            print(" ");
            print_hex(r[i]);
        }
        print("\n");
        if (leaf == last)
            break;
    }
}

static int has_cpuid(void)
{
    u32 before, after;
    __asm__ volatile("pushfl; pushfl; popl %0; movl %0, %1; xorl $0x200000, %1; pushl %1; popfl; pushfl; popl %1; popfl"
                     : "=&r"(before), "=&r"(after));
    return ((before ^ after) & 0x200000) != 0;
}

void main(void)
{
    u32 r[4];
    if (!has_cpuid()) {
        print("no CPUID: EFLAGS.ID cannot be changed\n");
        return;
    }
    char vendor[14];
    cpuid(0, r);
    for (int i = 0; i < 4; i++) {
        vendor[i] = (char)(r[1] >> i * 8);
        vendor[i + 4] = (char)(r[3] >> i * 8);
        vendor[i + 8] = (char)(r[2] >> i * 8);
    }
    vendor[12] = '\n';
    vendor[13] = 0;
    print(vendor);
    cpuid(1, r);
    print("features:");
    for (int i = 0; i < 32; i++)
        if (r[3] & (1u << i) && feature_names[i]) {
            print(" ");
            print(feature_names[i]);
        }
    print("\n");
    dump(0, 0x40);
    dump(0x40000000, 0x40);
    dump(0x80000000, 0x40);
}
