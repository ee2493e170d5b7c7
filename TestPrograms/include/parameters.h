// parameters.h: words NAME=NUMBER on the multiboot command line (Multiboot Specification 0.6.96, 3.3), and the line
// that says what was asked for and what came of it:  mmu-mix: pages=64 steps=20000 sum=0123abcd
#ifndef PARAMETERS_H
#define PARAMETERS_H
#include "guest.h"

extern const char program_name[];
extern u32 boot_eax, boot_ebx;

// The number behind NAME=, or `otherwise`. The last such word counts; words that aren't NAME=decimal are passed over.
static inline u32 parameter(const char *name, u32 otherwise)
{
    const u32 *information = (const u32 *)boot_ebx;
    if (boot_eax != 0x2badb002 || !(information[0] & 4))
        return otherwise;
    for (const char *word = (const char *)information[4]; *word;) {
        u32 i = 0, value = 0;
        while (name[i] && word[i] == name[i])
            i++;
        u32 first = i + 1, ours = !name[i] && word[i] == '=';
        if (ours)
            for (i = first; word[i] >= '0' && word[i] <= '9'; i++)
                value = value * 10 + (u32)(word[i] - '0');
        if (ours && i > first && (!word[i] || word[i] == ' '))
            otherwise = value;
        for (word += i; *word && *word != ' '; word++) {}
        while (*word == ' ')
            word++;
    }
    return otherwise;
}

// The same between two bounds.
static inline u32 parameter_within(const char *name, u32 otherwise, u32 least, u32 most)
{
    u32 value = parameter(name, otherwise);
    return value < least ? least : value > most ? most : value;
}

static inline void print_decimal(u32 value)
{
    char digits[11], *first = digits + 10;
    *first = 0;
    do
        *--first = (char)('0' + value % 10);
    while (value /= 10);
    print(first);
}

static inline void begin_line(void) { print(program_name), print(":"); }
static inline void print_parameter(const char *name, u32 value)
{
    print(" ");
    print(name);
    print("=");
    print_decimal(value);
}
static inline void end_line(u32 sum) { print(" sum="), print_hex(sum), print("\n"); }

#endif
