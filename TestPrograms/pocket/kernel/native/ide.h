// The master disk of the first IDE channel.
#ifndef IDE_H
#define IDE_H

#include <stdbool.h>
#include <stdint.h>

#include "../pages.h"

#define SECTOR_SIZE 512
#define IDE_MOST_SECTORS 32  // in one transfer

// How many sectors the disk has; 0 without one.
uint32_t ide_start(void);

// Moves up to IDE_MOST_SECTORS sectors, to or from memory in a row that doesn't cross a multiple of 64 KiB. The caller
// sleeps meanwhile; one at a time.
bool ide_transfer(bool is_write, uint32_t sector, uint32_t count, physical_t memory);

#endif
