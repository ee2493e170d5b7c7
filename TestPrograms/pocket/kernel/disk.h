// The disk, as a file: `disk`, where there is one. Nothing is cached: each read and write goes to the device.
#ifndef DISK_H
#define DISK_H

// After files_start and interrupts_start.
void disk_start(void);

#endif
