// execve: a process's arguments are taken out of its old address space, a new one is made, and the arguments are put
// onto its stack as the System V ABI for the i386 has them:
//
//   esp -> argc | argv... 0 | envp... 0 | auxiliary vector ... 0 0 | 16 random bytes | texts
#include "exec.h"

#include "boot.h"
#include "descriptors.h"
#include "elf.h"
#include "errors.h"
#include "native/cpu.h"
#include "native/timer.h"
#include "native/traps.h"
#include "panic.h"
#include "process.h"
#include "scheduler.h"
#include "signals.h"
#include "string.h"
#include "syscalls.h"
#include "usercopy.h"

#define TEXT_LIMIT 0x8000  // bytes of arguments and environment together
#define COUNT_LIMIT 1024   // of them
#define RANDOM_SIZE 16

enum {
    AUXILIARY_HEADERS = 3,
    AUXILIARY_HEADER_SIZE = 4,
    AUXILIARY_HEADER_COUNT = 5,
    AUXILIARY_PAGE_SIZE = 6,
    AUXILIARY_ENTRY = 9,
    AUXILIARY_USER = 11,
    AUXILIARY_EFFECTIVE_USER = 12,
    AUXILIARY_GROUP = 13,
    AUXILIARY_EFFECTIVE_GROUP = 14,
    AUXILIARY_CPU_FEATURES = 16,
    AUXILIARY_CLOCK = 17,
    AUXILIARY_SECURE = 23,
    AUXILIARY_RANDOM = 25,
    AUXILIARY_VSYSCALL = 32,
};

// All texts one behind the other, arguments first. There is one of it: exec never waits, and the kernel isn't
// preempted.
static struct {
    char texts[TEXT_LIMIT];
    uint32_t size, argument_count, environment_count;
} start;

static uint32_t vector[COUNT_LIMIT + 64];

static int add_text(const char *text, uint32_t length) {
    if (start.size + length + 1 > TEXT_LIMIT) return -E2BIG;
    if (start.argument_count + start.environment_count >= COUNT_LIMIT) return -E2BIG;
    memcpy(start.texts + start.size, text, length);
    start.texts[start.size + length] = 0;
    start.size += length + 1;
    return 0;
}

// Takes the texts that an array of the caller's points to.
static int add_array(uint32_t array, uint32_t *count) {
    for (*count = 0; array; array += sizeof(uint32_t)) {
        uint32_t text;
        int length = copy_from_user(&text, array, sizeof text);
        if (length) return length;
        if (!text) break;
        if (start.argument_count + start.environment_count >= COUNT_LIMIT) return -E2BIG;
        length = copy_text_from_user(start.texts + start.size, text, TEXT_LIMIT - start.size, -E2BIG);
        if (length < 0) return length;
        start.size += length + 1;
        ++*count;
    }
    return 0;
}

static uint32_t *put_texts(uint32_t *at, const char **text, uint32_t count, uint32_t base) {
    for (uint32_t i = 0; i < count; i++) {
        *at++ = base + (*text - start.texts);
        *text += strlen(*text) + 1;
    }
    *at++ = 0;
    return at;
}

// The user's stack pointer, 0 if the stack couldn't be written.
static uint32_t build_stack(const struct image *image) {
    uint32_t texts = (USER_STACK_TOP - start.size) & ~15u, random = texts - RANDOM_SIZE;
    uint32_t random_bytes[RANDOM_SIZE / 4] = {0x9E3779B9u * current->pid, 0x7F4A7C15, 0xF39CC060, 0x5CEDC834};
    const uint32_t auxiliary[] = {
        AUXILIARY_VSYSCALL, VSYSCALL_PAGE,
        AUXILIARY_HEADERS, image->headers,
        AUXILIARY_HEADER_SIZE, 32,
        AUXILIARY_HEADER_COUNT, image->header_count,
        AUXILIARY_PAGE_SIZE, PAGE_SIZE,
        AUXILIARY_ENTRY, image->entry,
        AUXILIARY_USER, 0,
        AUXILIARY_EFFECTIVE_USER, 0,
        AUXILIARY_GROUP, 0,
        AUXILIARY_EFFECTIVE_GROUP, 0,
        AUXILIARY_CPU_FEATURES, cpu_features(),
        AUXILIARY_CLOCK, TICKS_PER_SECOND,
        AUXILIARY_SECURE, 0,
        AUXILIARY_RANDOM, random,
        0, 0,
    };
    const char *text = start.texts;
    uint32_t *at = vector;
    *at++ = start.argument_count;
    at = put_texts(at, &text, start.argument_count, texts);
    at = put_texts(at, &text, start.environment_count, texts);
    memcpy(at, auxiliary, sizeof auxiliary);
    uint32_t size = (char *)at - (char *)vector + sizeof auxiliary;
    uint32_t stack = (random - size) & ~15u;
    if (copy_to_user(texts, start.texts, start.size)) return 0;
    if (copy_to_user(random, random_bytes, sizeof random_bytes)) return 0;
    return copy_to_user(stack, vector, size) ? 0 : stack;
}

// Makes `file` the current process's program; `frame` then enters it. An error leaves the process as it was.
static int execute(struct file *file, struct frame *frame) {
    struct space space;
    struct image image;
    int error = space_create(&space);
    if (error) return error;
    error = elf_load(&space, file, &image);
    if (!error) error = space_map_stack(&space);
    if (error) {
        space_destroy(&space);
        return error;
    }
    space.heap_start = space.heap_end = (image.end + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1u);

    struct space old = current->space;
    current->space = space;
    tables_load(space.tables);
    if (old.tables) space_destroy(&old);
    uint32_t length = strlen(file->name);
    if (length >= PROCESS_NAME_SIZE) length = PROCESS_NAME_SIZE - 1;
    memcpy(current->name, file->name, length);
    current->name[length] = 0;
    uint32_t stack = build_stack(&image);
    if (!stack) process_kill(SIGNAL_KILL, "no memory for its arguments");
    load_user_fs(0);
    load_user_gs(0);
    fpu_forget();
    *frame = (struct frame){
        .es = USER_DATA,
        .ds = USER_DATA,
        .eip = image.entry,
        .cs = USER_CODE,
        .eflags = EFLAGS_RESERVED | EFLAGS_IF,
        .esp = stack,
        .ss = USER_DATA,
    };
    return 0;
}

int sys_execve(struct frame *frame) {
    char path[PATH_SIZE];
    int error = copy_text_from_user(path, frame->ebx, sizeof path, -ENAMETOOLONG);
    if (error < 0) return error;
    struct file *file = file_find(path);
    if (!file) return -ENOENT;
    start.size = start.argument_count = start.environment_count = 0;
    error = add_array(frame->ecx, &start.argument_count);
    if (!error) error = add_array(frame->edx, &start.environment_count);
    if (!error) error = execute(file, frame);
    if (error) return error;
    enter_user(frame);  // not by SYSEXIT, which would keep registers of the old program
}

static const char *skip_spaces(const char *text) {
    while (*text == ' ') text++;
    return text;
}

static const char *word_end(const char *text) {
    while (*text && *text != ' ') text++;
    return text;
}

static uint32_t add_words(const char *text) {
    uint32_t count = 0;
    for (text = skip_spaces(text); *text; text = skip_spaces(word_end(text))) {
        if (!add_text(text, word_end(text) - text)) count++;
    }
    return count;
}

// The arguments that a module came with.
static uint32_t add_own_words(const struct file *file) {
    for (uint32_t i = 0; i < boot.module_count; i++) {
        const char *end = word_end(boot.modules[i].command);
        size_t length = strlen(file->name);
        if ((size_t)(end - boot.modules[i].command) < length) continue;
        if (!strncmp(end - length, file->name, length)) return add_words(end);
    }
    return 0;
}

// As Linux does: "init=PROGRAM ARGUMENTS..." at the end, and each NAME=VALUE before that into the environment.
// Without init=, the first module. A program that gets no arguments here has those its module came with.
void exec_first(void) {
    static char program[BOOT_TEXT];
    const char *arguments = boot.module_count ? boot.modules[0].command : "", *word = skip_spaces(boot.command);
    const char *environment = word;
    while (*word && strncmp(word, "init=", 5)) word = skip_spaces(word_end(word));
    if (*word) arguments = word + 5;
    const char *environment_end = word;

    current = process_create_first();
    memcpy(program, arguments, word_end(arguments) - arguments);
    struct file *file = file_find(program);
    if (!file) panic("there is no program \"%s\" to start with", program);
    add_text(file->name, strlen(file->name));
    start.argument_count = 1 + add_words(word_end(arguments));
    if (start.argument_count == 1) start.argument_count += add_own_words(file);
    for (word = environment; word < environment_end; word = skip_spaces(word_end(word))) {
        const char *equals = strchr(word, '=');
        if (!equals || equals >= word_end(word)) continue;
        if (!add_text(word, word_end(word) - word)) start.environment_count++;
    }
    descriptors_start(current);
    int error = execute(file, process_frame(current));
    if (error) panic("\"%s\" can't be started: error %d", program, -error);
    enter_user(process_frame(current));
}
