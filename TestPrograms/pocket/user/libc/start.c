// What happens before main: finds arguments, environment and auxiliary vector on the stack, and takes the gate that
// the environment asks for (GATE=sysenter).
#include "string.h"
#include "system.h"

char **environment;
static const uint32_t *auxiliary;

int main(int argc, char **argv);

uint32_t auxiliary_value(uint32_t type) {
    for (const uint32_t *entry = auxiliary; entry[0]; entry += 2) {
        if (entry[0] == type) return entry[1];
    }
    return 0;
}

int use_sysenter(void) {
    uint32_t page = auxiliary_value(AT_SYSINFO);
    if (page) system_gate = (void (*)(void))page;
    return page != 0;
}

void use_interrupt(void) { system_gate = gate_interrupt; }

__attribute__((noreturn)) void program_start(uint32_t *stack) {
    int argc = stack[0];
    char **argv = (char **)(stack + 1);
    environment = argv + argc + 1;
    char **end = environment;
    while (*end) end++;
    auxiliary = (const uint32_t *)(end + 1);
    for (char **variable = environment; *variable; variable++) {
        if (!strcmp(*variable, "GATE=sysenter")) use_sysenter();
    }
    exit(main(argc, argv));
}
