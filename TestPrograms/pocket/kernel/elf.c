// From an ELF file to the regions of an address space (System V ABI, Intel386 supplement, chapters 4 and 5). A file
// may say anything: every number in it is checked before it is used.
#include "elf.h"

#include "errors.h"
#include "files.h"
#include "layout.h"
#include "string.h"

#define LOAD 1
#define EXECUTABLE 2
#define MACHINE_386 3
#define SEGMENT_LIMIT 32

#define FLAG_EXECUTE 1
#define FLAG_WRITE 2
#define FLAG_READ 4

struct elf_header {
    uint8_t identification[16];
    uint16_t type, machine;
    uint32_t version, entry, program_offset, section_offset, flags;
    uint16_t size, program_entry_size, program_count;
    uint16_t section_entry_size, section_count, section_names;
};

struct segment {
    uint32_t type, offset, address, physical, file_size, size, flags, alignment;
};

static uint32_t page_down(uint32_t address) { return address & ~(PAGE_SIZE - 1u); }
static uint32_t page_up(uint32_t address) { return page_down(address + PAGE_SIZE - 1); }

static int read_header(const struct file *file, struct elf_header *header) {
    static const uint8_t expected[] = {0x7F, 'E', 'L', 'F', 1, 1, 1};  // 32 bits, little-endian
    if (file->device) return -EACCES;
    if (file_read(file, 0, header, sizeof *header) != sizeof *header) return -ENOEXEC;
    if (memcmp(header->identification, expected, sizeof expected)) return -ENOEXEC;
    if (header->type != EXECUTABLE || header->machine != MACHINE_386) return -ENOEXEC;
    if (header->program_entry_size != sizeof(struct segment)) return -ENOEXEC;
    return header->program_count && header->program_count <= SEGMENT_LIMIT ? 0 : -ENOEXEC;
}

static bool is_sound(const struct file *file, const struct segment *s) {
    uint32_t limit = USER_MAP_BASE;
    return s->file_size <= s->size && s->address >= PAGE_SIZE && s->address < limit && s->size <= limit - s->address &&
           s->offset <= file->size && s->file_size <= file->size - s->offset &&
           s->address % PAGE_SIZE == s->offset % PAGE_SIZE;
}

static int map_segment(struct space *space, struct file *file, const struct segment *s) {
    uint32_t start = page_down(s->address), end = page_up(s->address + s->size), lead = s->address - start;
    unsigned protection = 0;
    struct backing backing = {0};
    if (s->flags & FLAG_READ) protection |= PROTECT_READ;
    if (s->flags & FLAG_WRITE) protection |= PROTECT_WRITE;
    if (s->flags & FLAG_EXECUTE) protection |= PROTECT_EXECUTE;
    if (s->file_size) backing = (struct backing){file, s->offset - lead, s->file_size + lead};
    if (!space_is_free(space, start, end)) return -ENOEXEC;
    return space_map(space, start, end, protection, backing);
}

int elf_load(struct space *space, struct file *file, struct image *image) {
    struct elf_header header;
    int error = read_header(file, &header);
    if (error) return error;
    *image = (struct image){.entry = header.entry, .header_count = header.program_count};
    for (uint32_t i = 0; i < header.program_count; i++) {
        struct segment s;
        if (header.program_offset > file->size) return -ENOEXEC;
        if (file_read(file, header.program_offset + i * sizeof s, &s, sizeof s) != sizeof s) return -ENOEXEC;
        if (s.type != LOAD || !s.size) continue;
        if (!is_sound(file, &s)) return -ENOEXEC;
        error = map_segment(space, file, &s);
        if (error) return error;
        if (s.address + s.size > image->end) image->end = s.address + s.size;
        uint32_t ahead = header.program_offset - s.offset;
        if (header.program_offset >= s.offset && ahead < s.file_size) image->headers = s.address + ahead;
    }
    return image->end ? 0 : -ENOEXEC;
}
