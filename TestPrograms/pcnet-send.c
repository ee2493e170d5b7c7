// pcnet-send.c: a driver for the AMD PCnet-PCI adapter that sends frames, or sends each and waits until it comes back.
// KIND: multiboot
// RUN:
// EXPECT-EXIT: 1
// EXPECT-SERIAL: pcnet-send: no adapter
// EXPECT-SERIAL: pcnet-send: ok
// QEMU: yes
//
// send   frames to send, each one once the one before has gone; none if echo is given
// echo   frames to send, each one once the one before has come back
// size   bytes of a frame, without its check sequence
//
// Source: AMD, Am79C970A PCnet-PCI II data sheet (19436). Registers lie behind an address register, RAP: each access to
// data is two accesses to ports. Sums are over the frames that came back, so they are the same on any wire that returns
// them.
#include "parameters.h"
#include "random.h"

const char program_name[] = "pcnet-send";

enum { CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc, CONFIG_COMMAND = 0x04, CONFIG_BAR0 = 0x10, CONFIG_LINE = 0x3c };
enum { ADAPTER = 0x20001022, FUNCTIONS_OF_BUS = 256, COMMAND_IO = 1, COMMAND_MASTER = 4 };
enum { PIC1 = 0x20, PIC2 = 0xa0, LEVELS1 = 0x4d0, LEVELS2 = 0x4d1, VECTORS = 0x20, END_OF_INTERRUPT = 0x20, CASCADE = 2 };
enum { RDP = 0x10, RAP = 0x12, RESET = 0x14, BDP = 0x16 };      // from BAR0, accessed by words
enum { INIT = 1, START = 2, STOP = 4, DEMAND = 8, INTERRUPTS = 0x40, INITIALIZED = 0x100, EVENTS = 0x7f00 };  // CSR0
enum { SOFTWARE_STYLE = 20, STYLE_32_BITS = 2 };                // BCR20
enum { RING_BITS = 4, RING = 1 << RING_BITS, BUFFER = 1536, SMALLEST = 60, LARGEST = 1514, OUR_TYPE = 0xb588 };

#define OWN 0x80000000u          // the adapter's
#define FAILED 0x40000000u
#define WHOLE 0x03000000u        // start and end of a packet
#define COUNT(n) (0xf000u | (-(n) & 0xfffu))

// Software style 2: rings and their entries lie at multiples of 16.
typedef struct {
    u32 buffer, flags, count, free;
} Entry;

static struct {
    u16 mode;
    u8 receive_ring, send_ring, address[6];
    u16 reserved;
    u32 filter[2], receive, send;
} block __attribute__((aligned(16)));

static volatile Entry receive[RING] __attribute__((aligned(16))), send[RING] __attribute__((aligned(16)));
static u8 received[RING][BUFFER], sent[RING][BUFFER];
static u32 next_sent, next_received;
static u16 base;
static u8 line;
static volatile u32 events;      // bits of CSR0 that interrupts brought

static void outw(u16 port, u16 value) { __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory"); }
static u16 inw(u16 port) { u16 v; __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory"); return v; }
static void outl(u16 port, u32 value) { __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port)); }
static u32 inl(u16 port) { u32 v; __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port)); return v; }

static u16 read_csr(u16 number) { outw(base + RAP, number); return inw(base + RDP); }
static void write_csr(u16 number, u16 value) { outw(base + RAP, number), outw(base + RDP, value); }
static void write_bcr(u16 number, u16 value) { outw(base + RAP, number), outw(base + BDP, value); }

struct frame;
__attribute__((interrupt)) static void on_interrupt(struct frame *frame)
{
    u16 status = read_csr(0);
    // Writing a one clears an event.
    write_csr(0, (status & EVENTS) | INTERRUPTS);
    events |= status & EVENTS;
    if (line >= 8)
        outb(PIC2, END_OF_INTERRUPT);
    outb(PIC1, END_OF_INTERRUPT);
}

// STI holds interrupts back for one instruction: none is lost between the question and HLT.
static void wait(void) { __asm__ volatile("sti; hlt; cli" : : : "memory"); }

extern u8 idt[];
void STDCALL set_gate(void *gate, u32 selector, u32 offset, u32 access);

static void open_line(void)
{
    set_gate(idt + 8 * (VECTORS + line), KERNEL_CODE, (u32)on_interrupt, G_INT32 << 8);
    outb(PIC1, 0x11), outb(PIC1 + 1, VECTORS), outb(PIC1 + 1, 1 << CASCADE), outb(PIC1 + 1, 1);
    outb(PIC2, 0x11), outb(PIC2 + 1, VECTORS + 8), outb(PIC2 + 1, CASCADE), outb(PIC2 + 1, 1);
    // Lines of PCI are levels.
    u16 levels = inb(LEVELS1) | inb(LEVELS2) << 8 | 1 << line, masks = ~(1 << line | 1 << CASCADE);
    outb(LEVELS1, levels), outb(LEVELS2, levels >> 8);
    outb(PIC1 + 1, masks), outb(PIC2 + 1, masks >> 8);
}

static u32 config(u32 function, u32 at)
{
    outl(CONFIG_ADDRESS, 0x80000000u | function << 8 | at);
    return inl(CONFIG_DATA);
}

static u32 find(void)
{
    for (u32 function = 0; function < FUNCTIONS_OF_BUS; function++) {
        if (config(function, 0) != ADAPTER)
            continue;
        u32 command = config(function, CONFIG_COMMAND);
        outl(CONFIG_DATA, (command & 0xffff) | COMMAND_IO | COMMAND_MASTER);
        line = config(function, CONFIG_LINE);
        base = config(function, CONFIG_BAR0) & 0xffe0;
        return 1;
    }
    return 0;
}

static void bring_up(void)
{
    inw(base + RESET);
    write_bcr(SOFTWARE_STYLE, STYLE_32_BITS);
    for (u32 i = 0; i < 6; i++)
        block.address[i] = inb(base + i);
    block.receive_ring = block.send_ring = RING_BITS << 4;
    block.receive = (u32)receive, block.send = (u32)send;
    for (u32 i = 0; i < RING; i++) {
        receive[i].buffer = (u32)received[i], receive[i].count = 0;
        receive[i].flags = OWN | COUNT(BUFFER);
        send[i].buffer = (u32)sent[i];
    }
    write_csr(1, (u32)&block), write_csr(2, (u32)&block >> 16);
    write_csr(0, INIT | INTERRUPTS);
    while (!(events & INITIALIZED))
        wait();
    write_csr(0, START | INTERRUPTS);
}

// To everyone, of a type for experiments (IEEE 802, 88B5h), with bytes that depend on its number.
static void send_frame(u32 number, u32 size)
{
    volatile Entry *entry = &send[next_sent];
    u8 *bytes = sent[next_sent];
    next_sent = (next_sent + 1) % RING;
    for (u32 i = 0; i < 6; i++)
        bytes[i] = 0xff, bytes[6 + i] = block.address[i];
    *(u16 *)(bytes + 12) = OUR_TYPE;
    for (u32 i = 14; i < size; i++)
        bytes[i] = number + i;
    entry->count = 0;
    entry->flags = OWN | WHOLE | COUNT(size);
    write_csr(0, DEMAND | INTERRUPTS);
    while (entry->flags & OWN)
        wait();
    check_equal("a-frame-leaves-without-error", entry->flags & FAILED, 0);
}

// The next frame of our type that comes; others are dropped.
static u32 receive_frame(u32 sum, u32 number, u32 size)
{
    for (u32 is_ours = 0; !is_ours;) {
        volatile Entry *entry = &receive[next_received];
        const u8 *bytes = received[next_received];
        while (entry->flags & OWN)
            wait();
        next_received = (next_received + 1) % RING;
        is_ours = *(const u16 *)(bytes + 12) == OUR_TYPE;
        if (is_ours) {
            check_equal("a-frame-arrives-without-error", entry->flags & FAILED, 0);
            check_equal("its-length-counts-the-check-sequence", entry->count & 0xfff, size + 4);
            check_equal("its-last-byte", bytes[size - 1], (u8)(number + size - 1));
            for (u32 i = 14; i < size; i++)
                sum = fold(sum, bytes[i]);
        }
        entry->count = 0;
        entry->flags = OWN | COUNT(BUFFER);
    }
    return sum;
}

void main(void)
{
    u32 echoes = parameter("echo", 0), count = echoes ? 0 : parameter("send", 16);
    u32 size = parameter_within("size", 100, SMALLEST, LARGEST), sum = 0;
    if (!find()) {
        print("pcnet-send: no adapter\n");
        return;
    }
    if (line == 0 || line > 15 || !base) {
        print("pcnet-send: the adapter has no interrupt line or no ports\n");
        check_equal("line", line, 11);
        return;
    }
    open_line();
    bring_up();
    for (u32 i = 0; i < count; i++)
        send_frame(i, size);
    for (u32 i = 0; i < echoes; i++) {
        send_frame(i, size);
        sum = receive_frame(sum, i, size);
    }
    write_csr(0, STOP);

    begin_line();
    print_parameter("send", count);
    print_parameter("echo", echoes);
    print_parameter("size", size);
    end_line(sum);
}
