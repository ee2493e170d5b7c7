// Descriptors and the system calls that take one. Two descriptors made by dup2 or fork share one position.
#include "descriptors.h"

#include "errors.h"
#include "heap.h"
#include "process.h"
#include "scheduler.h"
#include "syscalls.h"
#include "usercopy.h"

#define OPEN_ACCESS 3
#define OPEN_READ 0
#define OPEN_WRITE 1
#define OPEN_BOTH 2
#define OPEN_CREATE 0x40
#define OPEN_EXCLUSIVE 0x80
#define OPEN_TRUNCATE 0x200
#define OPEN_APPEND 0x400

#define VECTOR_LIMIT 1024
#define TRANSFER_LIMIT 0x7FFFF000u

struct open_file {
    struct file *file;
    uint32_t position, flags, references;
};

static struct open_file *open_file(uint32_t number) { return number < OPEN_FILES ? current->files[number] : 0; }

struct file *descriptor_file(uint32_t number) {
    struct open_file *open = open_file(number);
    return open ? open->file : 0;
}

static struct open_file *open_create(struct file *file, uint32_t flags) {
    struct open_file *open = heap_allocate(sizeof *open);
    if (!open) return 0;
    *open = (struct open_file){file, 0, flags, 1};
    file_retain(file);
    return open;
}

static void open_release(struct open_file *open) {
    if (--open->references) return;
    file_release(open->file);
    heap_release(open);
}

void descriptors_start(struct process *first) {
    struct file *console = file_find("console");
    struct open_file *open = console ? open_create(console, OPEN_BOTH) : 0;
    if (!open) return;
    open->references = 3;
    first->files[0] = first->files[1] = first->files[2] = open;
}

void descriptors_share(const struct process *parent, struct process *child) {
    for (unsigned i = 0; i < OPEN_FILES; i++) {
        struct open_file *open = child->files[i] = parent->files[i];
        if (open) open->references++;
    }
}

void descriptors_close_all(struct process *process) {
    for (unsigned i = 0; i < OPEN_FILES; i++) {
        if (process->files[i]) open_release(process->files[i]);
        process->files[i] = 0;
    }
}

static int open_path(const char *path, uint32_t flags, struct file **file) {
    *file = file_find(path);
    if (*file && flags & OPEN_CREATE && flags & OPEN_EXCLUSIVE) return -EEXIST;
    if (*file) return 0;
    return flags & OPEN_CREATE ? file_create(path, file) : -ENOENT;
}

int sys_open(struct frame *frame) {
    char path[PATH_SIZE];
    uint32_t flags = frame->ecx, number = 0;
    struct file *file;
    int error = copy_text_from_user(path, frame->ebx, sizeof path, -ENAMETOOLONG);
    if (error < 0) return error;
    while (number < OPEN_FILES && current->files[number]) number++;
    if (number == OPEN_FILES) return -EMFILE;
    error = open_path(path, flags, &file);
    if (error) return error;
    if (flags & OPEN_TRUNCATE && (flags & OPEN_ACCESS) != OPEN_READ && !file->device) file_truncate(file);
    current->files[number] = open_create(file, flags);
    return current->files[number] ? (int)number : -ENOMEM;
}

int sys_close(struct frame *frame) {
    struct open_file *open = open_file(frame->ebx);
    if (!open) return -EBADF;
    current->files[frame->ebx] = 0;
    open_release(open);
    return 0;
}

static int read_open(struct open_file *open, uint32_t to, uint32_t size) {
    if (!open || (open->flags & OPEN_ACCESS) == OPEN_WRITE) return -EBADF;
    if (size > TRANSFER_LIMIT) size = TRANSFER_LIMIT;
    if (!is_user_range(to, size)) return -EFAULT;
    int count = file_read(open->file, open->position, (void *)to, size);
    if (count > 0) open->position += count;
    return count;
}

static int write_open(struct open_file *open, uint32_t from, uint32_t size) {
    if (!open || (open->flags & OPEN_ACCESS) == OPEN_READ) return -EBADF;
    if (size > TRANSFER_LIMIT) size = TRANSFER_LIMIT;
    if (!is_user_range(from, size)) return -EFAULT;
    if (open->flags & OPEN_APPEND) open->position = open->file->size;
    int count = file_write(open->file, open->position, (const void *)from, size);
    if (count > 0) open->position += count;
    return count;
}

int sys_read(struct frame *frame) { return read_open(open_file(frame->ebx), frame->ecx, frame->edx); }
int sys_write(struct frame *frame) { return write_open(open_file(frame->ebx), frame->ecx, frame->edx); }

int sys_writev(struct frame *frame) {
    struct open_file *open = open_file(frame->ebx);
    int total = 0;
    if (frame->edx > VECTOR_LIMIT) return -EINVAL;
    for (uint32_t i = 0; i < frame->edx; i++) {
        uint32_t part[2];  // address, length
        int count = copy_from_user(part, frame->ecx + i * sizeof part, sizeof part);
        if (!count) count = write_open(open, part[0], part[1]);
        if (count < 0) return total ? total : count;
        total += count;
        if ((uint32_t)count < part[1]) break;
    }
    return total;
}

int sys_lseek(struct frame *frame) {
    struct open_file *open = open_file(frame->ebx);
    if (!open) return -EBADF;
    if (open->file->device && !open->file->device->has_places) return -ESPIPE;
    const uint32_t bases[] = {0, open->position, open->file->size};
    if (frame->edx >= sizeof bases / sizeof *bases) return -EINVAL;
    int64_t position = (int64_t)bases[frame->edx] + (int32_t)frame->ecx;
    if (position < 0 || position > INT32_MAX) return -EINVAL;
    return open->position = position;
}

int sys_dup2(struct frame *frame) {
    struct open_file *open = open_file(frame->ebx);
    if (!open || frame->ecx >= OPEN_FILES) return -EBADF;
    struct open_file **slot = &current->files[frame->ecx];
    open->references++;
    if (*slot) open_release(*slot);
    *slot = open;
    return frame->ecx;
}

int sys_unlink(struct frame *frame) {
    char path[PATH_SIZE];
    int error = copy_text_from_user(path, frame->ebx, sizeof path, -ENAMETOOLONG);
    return error < 0 ? error : file_remove(path);
}
