// Bits of a page-directory or page-table entry (Intel SDM volume 3, 4.3: 32-bit paging, 4 KiB pages).
//
//   31                12 11  9  8  7  6  5  4  3  2  1  0
//  +--------------------+-----+--+--+--+--+--+--+--+--+--+
//  | page frame         | own | G|  | D| A|  |  | U| W| P|
//  +--------------------+-----+--+--+--+--+--+--+--+--+--+
#ifndef ENTRIES_H
#define ENTRIES_H

#define ENTRY_PRESENT 0x001
#define ENTRY_WRITE 0x002
#define ENTRY_USER 0x004
#define ENTRY_GLOBAL 0x100
#define ENTRY_SHARED 0x200  // ours: fork keeps the page writable in both processes
#define ENTRY_FRAME 0xFFFFF000

#endif
