// Files are arrays of pages, so that a program is mapped from its file, not copied: a process that maps a page holds
// a reference to it, and a file that writes to a page with other references gets a page of its own first.
#include "files.h"

#include "boot.h"
#include "console.h"
#include "errors.h"
#include "heap.h"
#include "string.h"
#include "usercopy.h"

#define LARGEST 0x20000000u

static struct file *directory;

struct file *file_first(void) { return directory; }

static struct file **find_link(const char *path) {
    const char *name = base_name(path);
    struct file **link = &directory;
    while (*link && strcmp((*link)->name, name)) link = &(*link)->next;
    return link;
}

struct file *file_find(const char *path) { return *find_link(path); }

int file_create(const char *path, struct file **result) {
    const char *name = base_name(path);
    size_t length = strlen(name);
    if (!length) return -ENOENT;
    if (length >= FILE_NAME_SIZE) return -ENAMETOOLONG;
    struct file **link = find_link(path), *file = heap_allocate(sizeof *file);
    if (!file) return -ENOMEM;
    *file = (struct file){.references = 1};
    memcpy(file->name, name, length + 1);
    *link = *result = file;
    return 0;
}

int file_remove(const char *path) {
    struct file **link = find_link(path), *file = *link;
    if (!file) return -ENOENT;
    if (file->device) return -EACCES;
    *link = file->next;
    file_release(file);
    return 0;
}

void file_truncate(struct file *file) {
    for (uint32_t i = 0; i < file->capacity; i++) {
        if (file->pages[i]) page_release(file->pages[i]);
    }
    heap_release(file->pages);
    file->pages = 0;
    file->size = file->capacity = 0;
}

void file_release(struct file *file) {
    if (--file->references) return;
    file_truncate(file);
    heap_release(file);
}

static bool grow(struct file *file, uint32_t pages) {
    if (pages <= file->capacity) return true;
    uint32_t capacity = file->capacity ? file->capacity : 4;
    while (capacity < pages) capacity *= 2;
    physical_t *table = heap_allocate(capacity * sizeof *table);
    if (!table) return false;
    memset(table, 0, capacity * sizeof *table);
    if (file->pages) memcpy(table, file->pages, file->capacity * sizeof *table);
    heap_release(file->pages);
    file->pages = table;
    file->capacity = capacity;
    return true;
}

physical_t file_page(const struct file *file, uint32_t offset) {
    if (offset % PAGE_SIZE || file->size < PAGE_SIZE || offset > file->size - PAGE_SIZE) return 0;
    return file->pages[offset / PAGE_SIZE];
}

static uint32_t part_of_page(uint32_t offset, uint32_t size) {
    uint32_t part = PAGE_SIZE - offset % PAGE_SIZE;
    return part < size ? part : size;
}

int file_read(const struct file *file, uint32_t offset, void *to, uint32_t size) {
    static const char zeros[PAGE_SIZE];
    if (file->device) return file->device->read(offset, to, size);
    if (offset >= file->size) return 0;
    if (size > file->size - offset) size = file->size - offset;
    for (uint32_t done = 0, part; done < size; done += part) {
        uint32_t at = offset + done;
        part = part_of_page(at, size - done);
        physical_t page = file->pages[at / PAGE_SIZE];
        const char *from = page ? (const char *)linear(page) + at % PAGE_SIZE : zeros;
        int error = copy_user((char *)to + done, from, part);
        if (error) return done ? (int)done : error;
    }
    return size;
}

// The file's page number `index`, which nobody else may see change.
static physical_t own_page(struct file *file, uint32_t index) {
    physical_t page = file->pages[index];
    if (page && page_references(page) == 1) return page;
    physical_t own = page ? page_allocate() : page_allocate_zeroed();
    if (!own) return 0;
    if (page) {
        memcpy(linear(own), linear(page), PAGE_SIZE);
        page_release(page);
    }
    return file->pages[index] = own;
}

int file_write(struct file *file, uint32_t offset, const void *from, uint32_t size) {
    if (file->device) return file->device->write(offset, from, size);
    if (!size) return 0;
    if (offset > LARGEST || size > LARGEST - offset) return -EFBIG;
    if (!grow(file, (offset + size + PAGE_SIZE - 1) / PAGE_SIZE)) return -ENOMEM;
    for (uint32_t done = 0, part; done < size; done += part) {
        uint32_t at = offset + done;
        part = part_of_page(at, size - done);
        physical_t page = own_page(file, at / PAGE_SIZE);
        int error = page ? copy_user((char *)linear(page) + at % PAGE_SIZE, (const char *)from + done, part) : -ENOMEM;
        if (error) return done ? (int)done : error;
        if (at + part > file->size) file->size = at + part;
    }
    return size;
}

// A module stays where the loader put it: its pages are reserved, with one reference each, now the file's.
static void add_module(const struct module *module) {
    char name[FILE_NAME_SIZE];
    uint32_t length = 0;
    while (module->command[length] && module->command[length] != ' ') length++;
    const char *start = module->command + length;
    while (start > module->command && start[-1] != '/') start--;
    length -= start - module->command;
    if (length >= FILE_NAME_SIZE) length = FILE_NAME_SIZE - 1;
    memcpy(name, start, length);
    name[length] = 0;

    struct file *file;
    uint32_t from = module->memory.start, size = module->memory.end - from;
    if (file_find(name) || file_create(name, &file)) return;
    if (from % PAGE_SIZE) {
        file_write(file, 0, linear(from), size);
        return;
    }
    if (!grow(file, (size + PAGE_SIZE - 1) / PAGE_SIZE)) return;
    file->size = size;
    for (uint32_t at = 0; at < size; at += PAGE_SIZE) file->pages[at / PAGE_SIZE] = from + at;
}

void files_start(void) {
    struct file *console;
    for (uint32_t i = 0; i < boot.module_count; i++) add_module(&boot.modules[i]);
    if (!file_create("console", &console)) console->device = &console_device;
}
