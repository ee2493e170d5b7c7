// What the three programs of the kit share: the kernels as data, and the line protocol in which they report.
#ifndef KIT_H
#define KIT_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

// A measured loop. It is run once, with `count` divided or replaced as the selection says.
struct kernel {
    char id;
    const char *name;
    u32 count;              // how often by default
    u32 (*run)(u32 count);  // returns a sum that depends on all of the work
    void (*prepare)(void);  // runs before the clock starts; may be null
    int needs_x87;
};

// Both tables end with an id of 0.
extern const struct kernel compute_kernels[];
extern const struct kernel system_kernels[];

// 64 MiB that the kernels work in, and two pages that one of them executes.
extern u8 arena[];
extern u8 code_page[];

// Runs the selected kernels of a table. A selection is IDS, then /DIVISOR or =COUNT or nothing: "abc/10", "k=300",
// "/20". No ids are all ids. Prints, a line each time:
//     B id name
//     E id name n=COUNT sum=HEX tsc=HEX
//     S id name: reason          (skipped)
void run_kernels(const struct kernel *table, const char *selection);

void print(const char *text);

// Given by the program around the kernels.
void write_bytes(const char *bytes, u32 length);
int has_x87(void);

// Text is built in buffers; each of these returns the new end.
char *append_text(char *end, const char *text);
char *append_decimal(char *end, u32 value);
char *append_hex(char *end, u64 value, int digits);

#endif
