// One call of each kind, for those who watch what a call goes through: getppid; a read of 512 bytes of the disk (or of
// the file that is named), if there is one; a write of a line to the console; a fork; the first touch of a fresh page.
// In the end it says what came of them, which is the same on whatever ground the kernel stands.
#include <stdint.h>

#include "stdio.h"
#include "stdlib.h"
#include "system.h"

#define PAGE 4096
#define SECTOR 512

static unsigned char block[SECTOR];

int main(int argc, char **argv) {
    static const char line[] = "a line for the console\n";
    int disk = open(argc > 1 ? argv[1] : "disk", O_RDONLY);
    // What is about to happen must find its pages in place.
    block[0] = 1;
    char *fresh = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    int parent = getppid();
    int got = 0;
    if (disk >= 0) {
        lseek(disk, SECTOR, SEEK_SET);
        got = read(disk, block, sizeof block);
    }
    int written = write(1, line, sizeof line - 1);
    int child = fork();
    if (child == 0) exit(3);
    int status = 0;
    waitpid(child, &status, 0);
    fresh[0] = 1;

    uint32_t sum = 0;
    for (int i = 0; i < got; i++) sum = sum * 31 + block[i];
    printf("calls: parent %d, read %d (%x), wrote %d, child's status %x, page %d\n", parent, got, sum, written, status,
           fresh[0]);
    return 0;
}
