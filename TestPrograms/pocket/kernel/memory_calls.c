// brk, mmap and munmap: checks of what a process asks for, above the address space that does it (memory.c). And
// sysinfo, which tells how much memory there is.
#include "boot.h"
#include "descriptors.h"
#include "errors.h"
#include "native/traps.h"
#include "process.h"
#include "scheduler.h"
#include "syscalls.h"
#include "usercopy.h"

#define MAP_SHARED 0x01
#define MAP_PRIVATE 0x02
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20

struct map_request {
    uint32_t address, length, protection, flags, descriptor, offset;
};

static uint32_t page_up(uint32_t address) { return (address + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1u); }

// Whole pages that a process may ask for: below the stack's end, not empty.
static bool is_range(uint32_t start, uint32_t size) {
    return start % PAGE_SIZE == 0 && size && start <= USER_STACK_TOP && size <= USER_STACK_TOP - start;
}

int sys_brk(struct frame *frame) {
    struct space *space = &current->space;
    uint32_t wanted = frame->ebx, old = page_up(space->heap_end), new = page_up(wanted);
    if (wanted < space->heap_start || wanted > USER_MAP_BASE) return space->heap_end;
    if (new < old && space_unmap(space, new, old)) return space->heap_end;
    if (new > old) {
        if (!space_is_free(space, old, new)) return space->heap_end;
        if (space_map(space, old, new, PROTECT_READ | PROTECT_WRITE, (struct backing){0})) return space->heap_end;
    }
    return space->heap_end = wanted;
}

static int map(const struct map_request *request) {
    struct space *space = &current->space;
    struct backing backing = {0};
    bool shared = request->flags & MAP_SHARED;
    uint32_t size = page_up(request->length), start = request->address;
    if (!request->length || shared == !!(request->flags & MAP_PRIVATE) || request->offset % PAGE_SIZE) return -EINVAL;
    if (!size || size > USER_STACK_TOP) return -ENOMEM;
    if (!(request->flags & MAP_ANONYMOUS)) {
        struct file *file = descriptor_file(request->descriptor);
        if (!file) return -EBADF;
        if (file->device || shared) return -EACCES;
        uint32_t left = request->offset < file->size ? file->size - request->offset : 0;
        if (left) backing = (struct backing){file, request->offset, left < size ? left : size};
    }
    if (request->flags & MAP_FIXED) {
        if (!is_range(start, size)) return -EINVAL;
        if (space_unmap(space, start, start + size)) return -ENOMEM;
    } else if (!is_range(start, size) || !start || !space_is_free(space, start, start + size)) {
        start = space_find_free(space, size);
        if (!start) return -ENOMEM;
    }
    int error = shared ? space_map_shared(space, start, start + size, request->protection)
                       : space_map(space, start, start + size, request->protection, backing);
    return error ? error : (int)start;
}

// The oldest form: all six arguments in memory.
int sys_mmap(struct frame *frame) {
    struct map_request request;
    int error = copy_from_user(&request, frame->ebx, sizeof request);
    return error ? error : map(&request);
}

// Offset in pages, as the sixth argument; who came by SYSENTER has it on the user stack (vsyscall_sysenter).
int sys_mmap2(struct frame *frame) {
    struct map_request request = {frame->ebx, frame->ecx, frame->edx, frame->esi, frame->edi, 0};
    uint32_t pages = frame->ebp;
    if (frame->eip == (uint32_t)vsyscall_return && copy_from_user(&pages, frame->ebp, sizeof pages)) return -EFAULT;
    if (pages >= 1u << 20) return -EINVAL;
    request.offset = pages * PAGE_SIZE;
    return map(&request);
}

int sys_munmap(struct frame *frame) {
    uint32_t start = frame->ebx, size = page_up(frame->ecx);
    if (!is_range(start, size)) return -EINVAL;
    return space_unmap(&current->space, start, start + size);
}

// What Linux calls struct sysinfo; the fields left out are 0.
int sys_sysinfo(struct frame *frame) {
    struct {
        uint32_t seconds, loads[3], memory, free, unused[5], high[2], unit, padding[2];
    } info = {.memory = boot.top, .free = pages_free() * PAGE_SIZE, .unit = 1};
    _Static_assert(sizeof info == 64, "the size of Linux's");
    return copy_to_user(frame->ebx, &info, sizeof info);
}
