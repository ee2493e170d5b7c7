// The two gates, hostile arguments, and hostile programs: whatever they do, the kernel must live.
#include "tests.h"

#define UNKNOWN_CALL 222
#define HWCAP_SEP (1 << 11)

static const uint32_t bad_addresses[] = {0, 4, 0xBFFFFFFE, 0xBFFFF000, 0xC0000000, 0xC0100000, 0xFFFFE000, 0xFFFFFFFC};
#define BAD_ADDRESSES (sizeof bad_addresses / sizeof *bad_addresses)

// getpid, with all registers known; fills `after` with EBX ECX EDX ESI EDI EBP.
static uint32_t registers_after(void (*gate)(void), uint32_t after[6]) {
    uint32_t result;
    __asm__ volatile(
        "pushl %%ebp\n\t"
        "pushl %[after]\n\t"
        "movl %[gate], %%eax\n\t"
        "pushl %%eax\n\t"
        "movl $20, %%eax\n\t"
        "movl $0x11111111, %%ebx\n\t"
        "movl $0x22222222, %%ecx\n\t"
        "movl $0x33333333, %%edx\n\t"
        "movl $0x44444444, %%esi\n\t"
        "movl $0x55555555, %%edi\n\t"
        "movl $0x66666666, %%ebp\n\t"
        "call *(%%esp)\n\t"
        "pushl %%edi\n\t"
        "movl 8(%%esp), %%edi\n\t"
        "movl %%ebx, (%%edi)\n\t"
        "movl %%ecx, 4(%%edi)\n\t"
        "movl %%edx, 8(%%edi)\n\t"
        "movl %%esi, 12(%%edi)\n\t"
        "movl %%ebp, 20(%%edi)\n\t"
        "popl 16(%%edi)\n\t"
        "addl $8, %%esp\n\t"
        "popl %%ebp"
        : "=&a"(result)
        : [after] "c"(after), [gate] "d"(gate)
        : "ebx", "esi", "edi", "memory", "cc");
    return result;
}

static void check_registers(void (*gate)(void)) {
    uint32_t after[6];
    CHECK((int)registers_after(gate, after) == getpid());
    for (uint32_t i = 0; i < 6; i++) CHECK(after[i] == (i + 1) * 0x11111111u);
}

static void both_gates_keep_registers(void) {
    check_registers(gate_interrupt);
    if (!use_sysenter()) exit(0);
    check_registers(system_gate);
}

static void both_gates_agree(void) {
    use_interrupt();
    int pid = getpid(), parent = getppid();
    if (!use_sysenter()) exit(0);
    CHECK(getpid() == pid && getppid() == parent);
    CHECK(system_call(UNKNOWN_CALL) == -ENOSYS && system_call(-1) == -ENOSYS && system_call(1 << 30) == -ENOSYS);
    use_interrupt();
    CHECK(system_call(UNKNOWN_CALL) == -ENOSYS && system_call(-1) == -ENOSYS && system_call(1 << 30) == -ENOSYS);
}

// fork returns twice by whichever gate, and execve starts with clean registers.
static void fork_and_execve_by_sysenter(void) {
    if (!use_sysenter()) exit(0);
    for (int i = 0; i < 20; i++) {
        int pid = fork(), status;
        if (pid == 0) {
            if (i % 2) exit(42);
            execve(SELF, (char *[]){SELF, "--executed", "two words", 0}, (char *[]){"NAME=value", 0});
        }
        sched_yield();
        CHECK(waitpid(pid, &status, 0) == pid && status == EXIT(42));
    }
}

// The sixth argument travels on the user stack.
static void six_arguments_by_both_gates(void) {
    static char page[4096];
    int file = open("six", O_CREAT | O_TRUNC | O_RDWR);
    for (int i = 0; i < 3; i++) {
        memset(page, '0' + i, sizeof page);
        CHECK(write(file, page, sizeof page) == (int)sizeof page);
    }
    for (int round = 0; round < 2; round++) {
        char *memory = mmap(0, 4096, PROT_READ, MAP_PRIVATE, file, 2 * 4096);
        CHECK(!is_error(memory) && *memory == '2');
        if (!use_sysenter()) break;
    }
}

static void bad_pointers_are_errors(void) {
    int file = open(SELF, O_RDONLY), out = open("junk", O_CREAT | O_TRUNC | O_WRONLY);
    for (unsigned i = 0; i < BAD_ADDRESSES; i++) {
        void *bad = (void *)bad_addresses[i];
        CHECK(write(out, bad, 16) == -EFAULT);
        CHECK(write(1, bad, 16) == -EFAULT);
        CHECK(read(file, bad, 16) == -EFAULT);
        CHECK(open(bad, O_RDONLY) == -EFAULT);
        CHECK(unlink(bad) == -EFAULT);
        CHECK(execve(bad, 0, 0) == -EFAULT);
        CHECK(nanosleep(bad, 0) == -EFAULT);
        CHECK(clock_gettime(0, bad) == -EFAULT);
        CHECK(system_call(90, bad) == -EFAULT);
        int pid = fork();
        if (pid == 0) exit(0);
        if (bad) CHECK(waitpid(pid, bad, 0) == -EFAULT);
        CHECK(waitpid(pid, 0, 0) == pid);
    }
    CHECK(write(out, "x", 0xFFFFFFFF) < 0);
    CHECK(write(out, (void *)0xBFFFE000, 0x7FFFFFFF) == -EFAULT);
    CHECK(write(100, "x", 1) == -EBADF && read(-1, 0, 0) == -EBADF && close(16) == -EBADF);
}

// Every call with arguments that make no sense, except those that would end or block this process.
static void junk_arguments_do_no_harm(void) {
    uint32_t seed = 12345;
    for (int number = 0; number < 280; number++) {
        if (number == 1 || number == 2 || number == 3 || number == 7 || number == 114 || number == 162 ||
            number == 190 || number == 252 || number == 91 || number == 45 || number == 90 || number == 192 ||
            number == 6 || number == 63) {
            continue;
        }
        for (int round = 0; round < 16; round++) {
            uint32_t arguments[6];
            for (int i = 0; i < 6; i++) {
                seed = seed * 1664525 + 1013904223;
                arguments[i] = seed >> 28 < 8 ? bad_addresses[seed >> 28] : seed;
            }
            if (number == 4 || number == 146) arguments[0] = 7;
            system_call(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
        }
    }
}

static void divide(void) { __asm__ volatile("xorl %%edx, %%edx\n\tdivl %%edx" : : : "eax", "edx"); }
static void undefined(void) { __asm__ volatile("ud2"); }
static void privileged(void) { __asm__ volatile("cli"); }
static void privileged_halt(void) { __asm__ volatile("hlt"); }
static void port(void) { __asm__ volatile("outb %al, $0xF4"); }
static void control_register(void) { __asm__ volatile("movl %%cr0, %%eax" : : : "eax"); }
static void model_register(void) { __asm__ volatile("rdmsr" : : "c"(0x174) : "eax", "edx"); }
static void breakpoint(void) { __asm__ volatile("int3"); }
static void other_interrupt(void) { __asm__ volatile("int $0x21"); }
// A division by zero that isn't masked, where there are floating-point registers.
static void floating_point(void) {
    uint16_t control = 0x37B;
    __asm__ volatile("fninit\n\tfldcw %0\n\tfld1\n\tfldz\n\tfdivrp\n\tfwait" : : "m"(control));
}
static void bad_segment(void) { __asm__ volatile("movl %0, %%ds" : : "r"(0x10)); }
static void kernel_jump(void) { __asm__ volatile("jmp *%0" : : "r"(0xC0100000)); }
static void far_jump(void) { __asm__ volatile("ljmp $0x08, $0xC0100000"); }
static void no_stack(void) { __asm__ volatile("movl $0xC0001000, %esp\n\tpushl $1"); }
static void single_step(void) { __asm__ volatile("pushl $0x302\n\tpopfl\n\tnop\n\tnop"); }

static void misbehaviour_kills_with_linux_signals(void) {
    CHECK(status_of(divide) == SIGFPE);
    CHECK(status_of(undefined) == SIGILL);
    CHECK(status_of(privileged) == SIGSEGV);
    CHECK(status_of(privileged_halt) == SIGSEGV);
    CHECK(status_of(port) == SIGSEGV);
    CHECK(status_of(control_register) == SIGSEGV);
    CHECK(status_of(model_register) == SIGSEGV);
    CHECK(status_of(breakpoint) == SIGTRAP);
    CHECK(status_of(other_interrupt) == SIGSEGV);
    CHECK(status_of(floating_point) == (has_fpu() ? SIGFPE : SIGILL));
    CHECK(status_of(bad_segment) == SIGSEGV);
    CHECK(status_of(kernel_jump) == SIGSEGV);
    CHECK(status_of(far_jump) == SIGSEGV);
    CHECK(status_of(no_stack) == SIGSEGV);
    CHECK(status_of(single_step) == SIGTRAP);
}

// System calls with flags and segments set against the kernel.
static void hostile_flags(void) {
    for (int round = 0; round < 2; round++) {
        int pid;
        __asm__ volatile("std\n\tcall *%1\n\tcld" : "=a"(pid) : "m"(system_gate), "0"(20) : "memory");
        CHECK(pid == getpid());
        __asm__ volatile(
            "pushfl\n\torl $0x4000, (%%esp)\n\tpopfl\n\t"  // NT, which would make the kernel's IRET switch tasks
            "call *%1\n\t"
            "pushfl\n\tandl $~0x4000, (%%esp)\n\tpopfl"
            : "=a"(pid)
            : "m"(system_gate), "0"(158)
            : "memory");
        CHECK(pid == 0);
        __asm__ volatile(
            "pushl %%ds\n\tpushl %%es\n\txorl %%ecx, %%ecx\n\tmovl %%ecx, %%es\n\tcall *%1\n\tpopl %%es\n\tpopl %%ds"
            : "=a"(pid)
            : "m"(system_gate), "0"(20)
            : "ecx", "memory");
        CHECK(pid == getpid());
        if (!use_sysenter()) return;
    }
}

static void step_into_sysenter(void) {
    if (!use_sysenter()) return;
    __asm__ volatile(
        "movl %%esp, %%ebp\n\tpushl $0x302\n\tmovl $20, %%eax\n\tpopfl\n\tsysenter"
        :
        :
        : "eax", "ecx", "edx", "memory");
}

static void bad_stack_into_sysenter(void) {
    if (!use_sysenter()) return;
    __asm__ volatile("movl $0xC0100000, %%ebp\n\tmovl $20, %%eax\n\tsysenter" : : : "eax", "memory");
}

static void six_arguments_from_nowhere(void) {
    if (!use_sysenter()) return;
    __asm__ volatile("movl $0xC0100000, %%ebp\n\tmovl $192, %%eax\n\tsysenter" : : : "eax", "memory");
}

static void hostile_sysenter(void) {
    bool has = auxiliary_value(AT_HWCAP) & HWCAP_SEP;
    int step = status_of(step_into_sysenter);
    CHECK(!has || step == SIGTRAP || step == SIGSEGV);
    CHECK(!has || status_of(bad_stack_into_sysenter) == SIGSEGV);
    CHECK(!has || status_of(six_arguments_from_nowhere) == SIGSEGV);
}

const struct test call_tests[] = {
    {"registers", both_gates_keep_registers},
    {"gates", both_gates_agree},
    {"sysenter-fork", fork_and_execve_by_sysenter},
    {"six-arguments", six_arguments_by_both_gates},
    {"bad-pointers", bad_pointers_are_errors},
    {"junk", junk_arguments_do_no_harm},
    {"signals", misbehaviour_kills_with_linux_signals},
    {"hostile-flags", hostile_flags},
    {"hostile-sysenter", hostile_sysenter},
    {0, 0},
};
