// The RAM file system: one flat directory of files in pages. Loaded modules are its first files.
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "pages.h"

#define FILE_NAME_SIZE 48

// A file that isn't pages. Both functions take a pointer that may fault, as copy_user does, and return a count of
// bytes or a negative error number.
struct device {
    int (*read)(uint32_t offset, void *to, uint32_t size);
    int (*write)(uint32_t offset, const void *from, uint32_t size);
    bool has_places;  // offsets mean something, and the file has a size
};

struct file {
    struct file *next;  // in the directory
    char name[FILE_NAME_SIZE];
    const struct device *device;
    uint32_t size;
    physical_t *pages;  // 0 where nothing was ever written
    uint32_t capacity;  // how many of them
    uint32_t references;  // the directory's own is one
};

// After pages_start: modules become files, and the console a device.
void files_start(void);

// Only the last part of a path counts.
struct file *file_find(const char *path);
struct file *file_first(void);
int file_create(const char *path, struct file **result);
int file_remove(const char *path);

static inline void file_retain(struct file *file) { file->references++; }
void file_release(struct file *file);

// Bytes read or written, fewer at the end of the file or of memory, or a negative error number.
int file_read(const struct file *file, uint32_t offset, void *to, uint32_t size);
int file_write(struct file *file, uint32_t offset, const void *from, uint32_t size);
void file_truncate(struct file *file);

// The page that holds all of [offset, offset + PAGE_SIZE), 0 if no one page does. It stays the file's own.
physical_t file_page(const struct file *file, uint32_t offset);

#endif
