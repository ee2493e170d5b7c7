# image.S: the diskette: boot sector, FATs, root directory and files, each file in one piece. The build says how large
# the files are.
#include "layout.h"
        .set clusters_kernel, (KERNEL_SIZE + 511) / 512
        .set clusters_readme, (README_SIZE + 511) / 512
        .set clusters_poem, (POEM_SIZE + 511) / 512
        .set first_kernel, 2
        .set first_readme, first_kernel + clusters_kernel
        .set first_poem, first_readme + clusters_readme
        .set end_of_files, first_poem + clusters_poem

        // What the cluster's entry says: the next of its file, or that it is the last; 0 for a free one.
        .macro entry_of cluster
        .if (\cluster) >= end_of_files
        .set entry, 0
        .elseif (\cluster) + 1 == first_readme || (\cluster) + 1 == first_poem || (\cluster) + 1 == end_of_files
        .set entry, 0xfff
        .else
        .set entry, (\cluster) + 1
        .endif
        .endm

        .macro fat
        .byte MEDIUM, 0xff, 0xff
        .set at, 2
        .rept FAT_SECTORS * SECTOR_SIZE / 3 - 1
        entry_of at
        .set even, entry
        entry_of at + 1
        .byte even & 0xff, even >> 8 | (entry & 15) << 4, entry >> 4
        .set at, at + 2
        .endr
        .endm

        .macro file name, attributes, cluster, size
        .ascii "\name"
        .byte \attributes
        .zero 10
        .word 0, (2026 - 1980) << 9 | 1 << 5 | 1        // 2026-01-01 00:00
        .word \cluster
        .long \size
        .endm

        .globl _start
_start: .incbin "boot.bin"
        fat
        fat
        file "REAL MODE  ", 0x08, 0, 0
        file "KERNEL  SYS", 0x07, first_kernel, KERNEL_SIZE
        file "README  TXT", 0x20, first_readme, README_SIZE
        file "POEM    TXT", 0x20, first_poem, POEM_SIZE
        .org DATA_START * SECTOR_SIZE
        .incbin "kernel.bin"
        .balign SECTOR_SIZE
        .incbin "README.TXT"
        .balign SECTOR_SIZE
        .incbin "POEM.TXT"
        .org SECTORS * SECTOR_SIZE
