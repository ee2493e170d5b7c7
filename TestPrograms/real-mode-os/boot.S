# boot.S: the boot sector. Finds KERNEL.SYS in the root directory of the FAT12 diskette that it lies on, reads it by
# INT 13h to 1000:0000 and enters it with the drive's number in DL.
#
#   0000:0500  root directory (14 sectors)      0000:2100  first FAT (9 sectors)      0000:7C00  here, the stack below
#include "layout.h"
        .set ROOT, 0x0500
        .set FAT, 0x2100
        .code16
        .globl _start
_start: jmp main
        nop
        .ascii "TRAPLINE"
        .word SECTOR_SIZE
        .byte 1                         // sectors in a cluster
        .word FAT_START
        .byte FAT_COUNT
        .word ROOT_ENTRIES
        .word SECTORS
        .byte MEDIUM
        .word FAT_SECTORS
        .word TRACK_SECTORS
        .word HEADS
        .long 0, 0                      // hidden sectors, sectors of a large volume
        .byte 0, 0, 0x29
        .long 0x54524150                // serial number
        .ascii "REAL MODE  FAT12   "

main:   ljmp $0, $1f                    // a BIOS may come as 07C0:0000
1:      cli
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0x7c00, %sp
        sti
        cld
        movb %dl, drive
        movw $ROOT_START, %ax
        movw $ROOT, %bx
        movb $ROOT_SECTORS, %cl
        call read
        movw $FAT_START, %ax
        movw $FAT, %bx
        movb $FAT_SECTORS, %cl
        call read

        movw $ROOT, %di
        movw $ROOT_ENTRIES, %cx
2:      pushw %cx
        pushw %di
        movw $name, %si
        movw $11, %cx
        repe cmpsb
        popw %di
        popw %cx
        je 3f
        addw $32, %di
        loop 2b
        movw $missing, %si
        jmp fail

3:      movw 26(%di), %ax               // the first cluster
        movw $KERNEL_SEGMENT, %dx
        movw %dx, %es
        xorw %bx, %bx
4:      pushw %ax
        addw $DATA_START - 2, %ax
        movb $1, %cl
        call read
        popw %ax
        addw $SECTOR_SIZE, %bx
        movw %ax, %si                   // FAT12: three bytes hold two entries
        shrw $1, %si
        pushf
        addw %ax, %si
        movw FAT(%si), %ax
        popf
        jnc 5f
        shrw $4, %ax
5:      andw $0xfff, %ax
        cmpw $LAST_CLUSTER, %ax
        jb 4b
        movb drive, %dl
        ljmp $KERNEL_SEGMENT, $0

// Reads CL sectors of one track from the sector numbered AX on to ES:BX. Keeps BX and ES.
read:   movb %cl, count
        movb $3, tries
        movw $TRACK_SECTORS, %cx
        xorw %dx, %dx
        divw %cx
        movb %dl, %cl
        incb %cl                        // sectors count from 1
        movb %al, %ch
        shrb $1, %ch
        movb %al, %dh
        andb $1, %dh
        movb drive, %dl
1:      movb $0x02, %ah
        movb count, %al
        int $0x13
        jnc 2f
        xorb %ah, %ah                   // reset the drive and try again
        int $0x13
        decb tries
        jnz 1b
        movw $broken, %si
        jmp fail
2:      ret

fail:   lodsb
        testb %al, %al
        jz 1f
        movb $0x0e, %ah
        movw $7, %bx
        int $0x10
        jmp fail
1:      hlt
        jmp 1b

name:   .ascii "KERNEL  SYS"
missing: .asciz "KERNEL.SYS is missing\r\n"
broken: .asciz "can't read the diskette\r\n"
drive:  .byte 0
count:  .byte 0
tries:  .byte 0
        .org 510
        .word 0xaa55
