// The compute kernels as a static program of i386 Linux: the native side of the comparison.
#include "kit.h"

enum { SYS_EXIT = 1, SYS_WRITE = 4, SYS_MPROTECT = 125, READ_WRITE_EXECUTE = 7 };

static int system_call(int number, long a, long b, long c)
{
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}

__asm__(".globl _start\n"
        "_start:\n"
        "    xor %ebp, %ebp\n"
        "    mov %esp, %eax\n"
        "    and $-16, %esp\n"
        "    sub $12, %esp\n"
        "    push %eax\n"
        "    call main_on_stack\n");

void write_bytes(const char *bytes, u32 length) { system_call(SYS_WRITE, 1, (long)bytes, length); }

// Every host that runs this has one.
int has_x87(void) { return 1; }

// Linux enters with argc and the pointers of argv on the stack.
void main_on_stack(long *stack)
{
    const char *selection = stack[0] > 1 ? (const char *)stack[2] : "";
    system_call(SYS_MPROTECT, (long)code_page, 8192, READ_WRITE_EXECUTE);
    run_kernels(compute_kernels, selection);
    system_call(SYS_EXIT, 0, 0, 0);
    for (;;) {}
}

void *memset(void *target, int value, unsigned long length)
{
    for (u8 *p = target; length--; p++) {
        *p = (u8)value;
        __asm__ volatile("");   // or the compiler makes a call of memset of this
    }
    return target;
}
