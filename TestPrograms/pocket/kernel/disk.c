// Bytes of the disk through one buffer of whole sectors. Whoever finds the buffer in use sleeps until it isn't.
#include "disk.h"

#include "errors.h"
#include "files.h"
#include "native/ide.h"
#include "scheduler.h"
#include "string.h"
#include "usercopy.h"

#define BUFFER_ORDER 2  // 16 KiB: blocks of pages lie at multiples of their size, so it crosses no 64 KiB

static physical_t buffer;
static uint32_t disk_size;
static bool is_busy;
static struct queue waiting;

static void take(void) {
    while (is_busy) sleep_in(&waiting);
    is_busy = true;
}

static void release(void) {
    is_busy = false;
    wake_all(&waiting);
}

// Sectors that hold `size` bytes from `offset`, as many as fit into the buffer; and the bytes that are in them.
static uint32_t cover(uint32_t offset, uint32_t size, uint32_t *bytes) {
    uint32_t before = offset % SECTOR_SIZE, room = IDE_MOST_SECTORS * SECTOR_SIZE - before;
    *bytes = size < room ? size : room;
    return (before + *bytes + SECTOR_SIZE - 1) / SECTOR_SIZE;
}

static int read_part(uint32_t offset, char *to, uint32_t size, uint32_t *bytes) {
    uint32_t sectors = cover(offset, size, bytes);
    if (!ide_transfer(false, offset / SECTOR_SIZE, sectors, buffer)) return -EIO;
    return copy_user(to, (const char *)linear(buffer) + offset % SECTOR_SIZE, *bytes);
}

static int write_part(uint32_t offset, const char *from, uint32_t size, uint32_t *bytes) {
    uint32_t first = offset / SECTOR_SIZE, sectors = cover(offset, size, bytes);
    bool is_partial = offset % SECTOR_SIZE || *bytes % SECTOR_SIZE;
    if (is_partial && !ide_transfer(false, first, sectors, buffer)) return -EIO;
    int error = copy_user((char *)linear(buffer) + offset % SECTOR_SIZE, from, *bytes);
    if (error) return error;
    return ide_transfer(true, first, sectors, buffer) ? 0 : -EIO;
}

static uint32_t up_to_end(uint32_t offset, uint32_t size) {
    if (offset >= disk_size) return 0;
    return size < disk_size - offset ? size : disk_size - offset;
}

static int disk_read(uint32_t offset, void *to, uint32_t size) {
    size = up_to_end(offset, size);
    int error = 0;
    uint32_t done = 0, part = 0;
    take();
    while (done < size && !(error = read_part(offset + done, (char *)to + done, size - done, &part))) done += part;
    release();
    return done ? (int)done : error;
}

static int disk_write(uint32_t offset, const void *from, uint32_t size) {
    size = up_to_end(offset, size);
    int error = 0;
    uint32_t done = 0, part = 0;
    take();
    while (done < size && !(error = write_part(offset + done, (const char *)from + done, size - done, &part))) {
        done += part;
    }
    release();
    return done ? (int)done : error;
}

static const struct device disk_device = {disk_read, disk_write, .has_places = true};

void disk_start(void) {
    struct file *file;
    uint32_t sectors = ide_start();
    if (!sectors || !(buffer = pages_allocate(BUFFER_ORDER)) || file_create("disk", &file)) return;
    disk_size = sectors < INT32_MAX / SECTOR_SIZE ? sectors * SECTOR_SIZE : INT32_MAX / SECTOR_SIZE * SECTOR_SIZE;
    file->device = &disk_device;
    file->size = disk_size;
}
