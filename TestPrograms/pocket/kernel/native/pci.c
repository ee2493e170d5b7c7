#include "pci.h"

#include "cpu.h"

#define ADDRESS 0xCF8
#define DATA 0xCFC
#define ENABLE 0x80000000u
#define FUNCTIONS 256  // of bus 0: 32 devices with 8 each
#define CLASS 0x08

uint32_t pci_read(uint32_t function, uint8_t offset) {
    out32(ADDRESS, ENABLE | function << 8 | offset);
    return in32(DATA);
}

void pci_write(uint32_t function, uint8_t offset, uint32_t value) {
    out32(ADDRESS, ENABLE | function << 8 | offset);
    out32(DATA, value);
}

uint32_t pci_find(uint16_t class) {
    for (uint32_t function = 0; function < FUNCTIONS; function++) {
        if ((uint16_t)pci_read(function, 0) == 0xFFFF) continue;
        if (pci_read(function, CLASS) >> 16 == class) return function;
    }
    return PCI_NONE;
}
