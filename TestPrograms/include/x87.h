// What a C guest needs to compute with the x87 unit: the unit itself, and numbers on COM1, all bits of them.
#ifndef X87_H
#define X87_H

// CR0.MP and NE on, EM and TS off.
static inline void enable_x87(void)
{
    u32 value;
    __asm__ volatile("movl %%cr0, %0; andl $~12, %0; orl $0x22, %0; movl %0, %%cr0; fninit" : "=r"(value));
}

// Six decimals.
static inline void print_decimal(double value)
{
    char text[24], *at = text + sizeof text;
    int negative = value < 0;
    if (negative)
        value = -value;
    u32 whole = (u32)(int)value;
    u32 rest = (u32)(int)((value - whole) * 1e6);
    *--at = 0;
    for (int i = 0; i < 6; i++, rest /= 10)
        *--at = (char)('0' + rest % 10);
    *--at = '.';
    do
        *--at = (char)('0' + whole % 10);
    while (whole /= 10);
    if (negative)
        *--at = '-';
    print(at);
}

// All of it: six decimals, and the bits.
static inline void print_double(double value)
{
    union { double number; u32 words[2]; } bits = { value };
    print_decimal(value);
    print(" ");
    print_hex(bits.words[1]);
    print_hex(bits.words[0]);
    print("\n");
}

#endif
