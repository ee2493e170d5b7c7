// Selects kernels, times them by the time-stamp counter and reports. See kit.h for the protocol.
#include "kit.h"

char *append_text(char *end, const char *text)
{
    while (*text) *end++ = *text++;
    return end;
}

char *append_decimal(char *end, u32 value)
{
    char reversed[12];
    int length = 0;
    do {
        reversed[length++] = '0' + value % 10;
        value /= 10;
    } while (value);
    while (length) *end++ = reversed[--length];
    return end;
}

char *append_hex(char *end, u64 value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) *end++ = "0123456789abcdef"[(value >> (i * 4)) & 15];
    return end;
}

void print(const char *text)
{
    u32 length = 0;
    while (text[length]) length++;
    write_bytes(text, length);
}

static u64 read_time_stamp(void)
{
    u32 low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (u64)high << 32 | low;
}

static int ends_ids(char c) { return !c || c == '/' || c == '=' || c == ' '; }

static int is_selected(char id, const char *selection)
{
    if (ends_ids(*selection)) return 1;
    for (; !ends_ids(*selection); selection++)
        if (*selection == id) return 1;
    return 0;
}

static u32 selected_count(u32 count, const char *selection)
{
    while (!ends_ids(*selection)) selection++;
    char how = *selection;
    if (how != '/' && how != '=') return count;
    u32 number = 0;
    for (selection++; *selection >= '0' && *selection <= '9'; selection++) number = number * 10 + (u32)(*selection - '0');
    if (!number) number = 1;
    if (how == '=') return number;
    return count / number ? count / number : 1;
}

static char *append_header(char *end, char kind, const struct kernel *kernel)
{
    *end++ = kind;
    *end++ = ' ';
    *end++ = kernel->id;
    *end++ = ' ';
    return append_text(end, kernel->name);
}

void run_kernels(const struct kernel *kernel, const char *selection)
{
    for (; kernel->id; kernel++) {
        if (!is_selected(kernel->id, selection)) continue;
        char line[128];
        if (kernel->needs_x87 && !has_x87()) {
            char *end = append_header(line, 'S', kernel);
            end = append_text(end, ": this processor has no x87\n");
            write_bytes(line, (u32)(end - line));
            continue;
        }
        u32 count = selected_count(kernel->count, selection);
        if (kernel->prepare) kernel->prepare();

        char *end = append_header(line, 'B', kernel);
        *end++ = '\n';
        write_bytes(line, (u32)(end - line));

        u64 start = read_time_stamp();
        u32 sum = kernel->run(count);
        u64 ticks = read_time_stamp() - start;

        end = append_header(line, 'E', kernel);
        end = append_text(end, " n=");
        end = append_decimal(end, count);
        end = append_text(end, " sum=");
        end = append_hex(end, sum, 8);
        end = append_text(end, " tsc=");
        end = append_hex(end, ticks, 16);
        *end++ = '\n';
        write_bytes(line, (u32)(end - line));
    }
}
