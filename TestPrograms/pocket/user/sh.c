// A shell to type at: a program and its arguments, perhaps with > FILE, perhaps in the background with &. A program is
// found by its file name, or without "pocket-" before and ".elf" behind.
#include <stdbool.h>

#include "stdio.h"
#include "stdlib.h"
#include "string.h"
#include "system.h"

#define LINE 512
#define WORDS 32

struct command {
    char *words[WORDS + 1];
    int count;
    const char *output;
    bool background;
};

// One line without its end; false when there are no more.
static bool read_line(char *line) {
    int length = read(0, line, LINE - 1);
    if (length <= 0) return false;
    if (line[length - 1] == '\n') length--;
    line[length] = 0;
    return true;
}

static void parse(char *line, struct command *command) {
    *command = (struct command){0};
    while (command->count < WORDS) {
        while (*line == ' ' || *line == '\t') *line++ = 0;
        if (!*line) break;
        char *word = line;
        while (*line && *line != ' ' && *line != '\t') line++;
        if (*line) *line++ = 0;
        if (!strcmp(word, "&")) {
            command->background = true;
        } else if (command->count && !strcmp(command->words[command->count - 1], ">")) {
            command->words[--command->count] = 0;
            command->output = word;
        } else {
            command->words[command->count++] = word;
        }
    }
}

static void execute(struct command *command) {
    char *name = command->words[0], path[LINE + 16];
    if (command->output) {
        int file = open(command->output, O_CREAT | O_TRUNC | O_WRONLY);
        if (file < 0) {
            printf("sh: cannot write to %s\n", command->output);
            exit(1);
        }
        dup2(file, 1);
        close(file);
    }
    int error = execve(name, command->words, environment);
    if (error == -ENOENT) {
        memcpy(path, "pocket-", 7);
        memcpy(path + 7, name, strlen(name));
        memcpy(path + 7 + strlen(name), ".elf", 5);
        error = execve(path, command->words, environment);
    }
    printf(error == -ENOENT ? "sh: %s: no such program\n" : "sh: %s: not a program\n", name);
    exit(127);
}

// Commands that the shell does itself; false if this is none.
static bool execute_own(const struct command *command, int *status) {
    const char *name = command->words[0];
    if (!strcmp(name, "exit")) exit(command->count > 1 ? atoi(command->words[1]) : *status);
    if (!strcmp(name, "cat") && command->count > 1) {
        char block[LINE];
        int file = open(command->words[1], O_RDONLY), length;
        if (file < 0) {
            printf("sh: there is no file %s\n", command->words[1]);
            *status = 1;
            return true;
        }
        while ((length = read(file, block, sizeof block)) > 0) write(1, block, length);
        close(file);
        *status = 0;
        return true;
    }
    if (!strcmp(name, "help")) {
        printf("PROGRAM [ARGUMENT]... [> FILE] [&] | cat FILE | exit [STATUS]\n");
        printf("programs: tests bench forkbomb init sh, as far as they are loaded\n");
        return true;
    }
    return false;
}

int main(void) {
    char line[LINE];
    struct command command;
    int status = 0;
    printf("pocket shell; \"help\" helps\n");
    for (;;) {
        printf("$ ");
        if (!read_line(line)) break;
        while (waitpid(-1, 0, WNOHANG) > 0) continue;
        parse(line, &command);
        if (!command.count || execute_own(&command, &status)) continue;
        int pid = fork(), word = 0;
        if (pid == 0) execute(&command);
        if (pid < 0) {
            printf("sh: no room for another process\n");
            continue;
        }
        if (command.background) continue;
        while (waitpid(pid, &word, 0) != pid) continue;
        status = WIFEXITED(word) ? WEXITSTATUS(word) : 128 + WTERMSIG(word);
        if (WTERMSIG(word)) printf("sh: killed by signal %d\n", WTERMSIG(word));
    }
    printf("\n");
    return status;
}
