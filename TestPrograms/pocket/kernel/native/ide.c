// An ATA disk at the ports that PCs have for it (ATA/ATAPI-6), by bus-master DMA where PCI has the controller for it
// (Intel 82371, "Bus Master IDE"), else by programmed I/O. Each command ends by an interrupt on line 14, which wakes
// who waits.
//
//   PRD table (one entry):   | physical address (32) | bytes (16) | 0 (15) | last (1) |
#include "ide.h"

#include "../scheduler.h"
#include "cpu.h"
#include "interrupts.h"
#include "pci.h"

#define DATA 0x1F0
#define COUNT 0x1F2
#define LBA_LOW 0x1F3
#define LBA_MIDDLE 0x1F4
#define LBA_HIGH 0x1F5
#define DEVICE 0x1F6
#define STATUS 0x1F7  // read; writing it starts a command
#define CONTROL 0x3F6
#define LINE 14

#define BUSY 0x80
#define REQUEST 0x08
#define ERROR 0x01
#define NO_INTERRUPTS 0x02
#define LBA 0xE0

#define IDENTIFY 0xEC
#define READ 0x20
#define WRITE 0x30
#define READ_DMA 0xC8
#define WRITE_DMA 0xCA

#define IDE_CLASS 0x0101
#define MASTER_COMMAND 0  // registers of the bus master, from its base
#define MASTER_STATUS 2
#define MASTER_TABLE 4
#define MASTER_START 1
#define MASTER_TO_MEMORY 8
#define MASTER_INTERRUPT 4
#define MASTER_ERROR 2

#define PATIENCE 1000000
#define WORDS (SECTOR_SIZE / 2)
#define LARGEST_LBA28 0x0FFFFFFFu

static struct {
    uint32_t address;
    uint16_t bytes, last;
} table __attribute__((aligned(8)));

static uint16_t master;  // its base port; 0: there is none
static struct queue waiting;
static bool is_over;
static uint8_t status;

static void interrupt(void) {
    status = in8(STATUS);
    is_over = true;
    wake_all(&waiting);
}

static uint8_t wait_for_interrupt_of_disk(void) {
    while (!is_over) sleep_in(&waiting);
    is_over = false;
    return status;
}

static uint8_t poll(void) {
    for (unsigned i = 0; i < PATIENCE; i++) {
        uint8_t now = in8(STATUS);
        if (!(now & BUSY)) return now;
    }
    return ERROR;
}

static void command(uint8_t code, uint32_t sector, uint32_t count) {
    out8(DEVICE, LBA | sector >> 24);
    out8(COUNT, count);
    out8(LBA_LOW, sector);
    out8(LBA_MIDDLE, sector >> 8);
    out8(LBA_HIGH, sector >> 16);
    out8(STATUS, code);
}

static void find_master(void) {
    uint32_t function = pci_find(IDE_CLASS);
    if (function == PCI_NONE) return;
    uint32_t base = pci_read(function, PCI_BAR4);
    if (!(base & 1) || !(base & 0xFFF0)) return;
    master = base & 0xFFF0;
    pci_write(function, PCI_COMMAND, (uint16_t)pci_read(function, PCI_COMMAND) | PCI_COMMAND_IO | PCI_COMMAND_MASTER);
}

uint32_t ide_start(void) {
    uint16_t identity[WORDS];
    out8(DEVICE, LBA);
    uint8_t present = in8(STATUS);
    if (present == 0 || present == 0xFF) return 0;
    out8(CONTROL, NO_INTERRUPTS);
    command(IDENTIFY, 0, 0);
    uint8_t answer = poll();
    // A CD answers with an error.
    if (answer & ERROR || !(answer & REQUEST)) return 0;
    for (unsigned i = 0; i < WORDS; i++) identity[i] = in16(DATA);
    in8(STATUS);
    uint32_t sectors = identity[60] | (uint32_t)identity[61] << 16;
    find_master();
    interrupt_set_handler(LINE, interrupt);
    out8(CONTROL, 0);
    return sectors < LARGEST_LBA28 ? sectors : LARGEST_LBA28;
}

static bool transfer_by_master(bool is_write, uint32_t sector, uint32_t count, physical_t memory) {
    table.address = memory;
    table.bytes = count * SECTOR_SIZE;
    table.last = 0x8000;
    uint8_t direction = is_write ? 0 : MASTER_TO_MEMORY;
    out32(master + MASTER_TABLE, physical(&table));
    out8(master + MASTER_COMMAND, direction);
    out8(master + MASTER_STATUS, MASTER_INTERRUPT | MASTER_ERROR);
    command(is_write ? WRITE_DMA : READ_DMA, sector, count);
    out8(master + MASTER_COMMAND, direction | MASTER_START);
    uint8_t end = wait_for_interrupt_of_disk();
    uint8_t moved = in8(master + MASTER_STATUS);
    out8(master + MASTER_COMMAND, direction);
    return !(end & ERROR) && !(moved & MASTER_ERROR);
}

static bool transfer_by_processor(bool is_write, uint32_t sector, uint32_t count, physical_t memory) {
    uint16_t *words = linear(memory);
    command(is_write ? WRITE : READ, sector, count);
    // The first sector of a write is wanted without an interrupt.
    if (is_write && poll() & ERROR) return false;
    for (uint32_t n = 0; n < count; n++, words += WORDS) {
        if (!is_write && wait_for_interrupt_of_disk() & ERROR) return false;
        for (unsigned i = 0; i < WORDS; i++) {
            if (is_write) {
                out16(DATA, words[i]);
            } else {
                words[i] = in16(DATA);
            }
        }
        if (is_write && wait_for_interrupt_of_disk() & ERROR) return false;
    }
    return true;
}

bool ide_transfer(bool is_write, uint32_t sector, uint32_t count, physical_t memory) {
    is_over = false;
    if (master) return transfer_by_master(is_write, sector, count, memory);
    return transfer_by_processor(is_write, sector, count, memory);
}
