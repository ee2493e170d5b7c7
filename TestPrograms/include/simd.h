// What a C guest needs to compute with SSE2: the switch in CR4, and digits on COM1.
#ifndef SIMD_H
#define SIMD_H

// CR4.OSFXSR and OSXMMEXCPT; CR0.EM and TS off.
static inline void enable_sse(void)
{
    u32 value;
    __asm__ volatile("movl %%cr0, %0; andl $~12, %0; movl %0, %%cr0" : "=r"(value) : : "memory");
    __asm__ volatile("movl %%cr4, %0; orl $0x600, %0; movl %0, %%cr4" : "=r"(value) : : "memory");
}

// With nine decimals, rounded: |value| is below 2^31.
static inline void print_double(double value)
{
    char text[24], *at = text + sizeof text;
    int negative = value < 0;
    if (negative)
        value = -value;
    u32 whole = (u32)(int)value;
    u32 rest = (u32)(int)((value - whole) * 1e9 + 0.5);
    if (rest == 1000000000)
        whole++, rest = 0;
    *--at = 0;
    *--at = '\n';
    for (int i = 0; i < 9; i++, rest /= 10)
        *--at = (char)('0' + rest % 10);
    *--at = '.';
    do
        *--at = (char)('0' + whole % 10);
    while (whole /= 10);
    if (negative)
        *--at = '-';
    print(at);
}

#endif
