// PCI configuration space, by mechanism 1 (PCI 2.1, 3.2.2.3.2).
#ifndef PCI_H
#define PCI_H

#include <stdint.h>

#define PCI_NONE 0xFFFFFFFFu
#define PCI_COMMAND 0x04
#define PCI_COMMAND_IO 1
#define PCI_COMMAND_MASTER 4
#define PCI_BAR4 0x20

// Where the first function on bus 0 with this class (base class and subclass) stands, or PCI_NONE.
uint32_t pci_find(uint16_t class);

// The 32 bits at an offset, a multiple of 4.
uint32_t pci_read(uint32_t function, uint8_t offset);
void pci_write(uint32_t function, uint8_t offset, uint32_t value);

#endif
