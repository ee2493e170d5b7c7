// The diskette: sectors by INT 13h, and the FAT12 that is on them. FAT and root directory are kept in memory.
// Routines that fail set carry and put the reason into SI.

// Reads FAT and root directory.
disk_start:
        movw $FAT_START, %ax
        movw $FAT, %bx
        movb $FAT_SECTORS, %cl
        call read
        jc 1f
        movw $ROOT_START, %ax
        movw $ROOT, %bx
        movb $ROOT_SECTORS, %cl
        call read
1:      ret

// Writes them back, with both FATs.
flush:  movw $FAT_START, %ax
        movw $FAT, %bx
        movb $FAT_SECTORS, %cl
        call write_sectors
        jc 1f
        movw $FAT_START + FAT_SECTORS, %ax      // the first eight are on one side, the last on the other
        movb $TRACK_SECTORS - FAT_START - FAT_SECTORS, %cl
        call write_sectors
        jc 1f
        movw $TRACK_SECTORS, %ax
        movw $FAT + (TRACK_SECTORS - FAT_START - FAT_SECTORS) * SECTOR_SIZE, %bx
        movb $FAT_START + 2 * FAT_SECTORS - TRACK_SECTORS, %cl
        call write_sectors
        jc 1f
        movw $ROOT_START, %ax
        movw $ROOT, %bx
        movb $ROOT_SECTORS, %cl
        call write_sectors
1:      ret

// The cluster numbered AX, to BX or from there. CX goes.
read_cluster:
        movb $1, %cl
        pushw %ax
        addw $DATA_START - 2, %ax
        call read
        popw %ax
        ret
write_cluster:
        movb $1, %cl
        pushw %ax
        addw $DATA_START - 2, %ax
        call write_sectors
        popw %ax
        ret

// CL sectors of one track from the sector numbered AX on, to BX or from there. Keep all but SI.
read:   movb $0x02, operation
        movw $broken, %si
        jmp 1f
write_sectors:
        movb $0x03, operation
        movw $refused, %si
1:      pushal
        movb %cl, count
        movb $3, tries
        movw $TRACK_SECTORS, %cx
        xorw %dx, %dx
        divw %cx
        movb %dl, %cl
        incb %cl
        movb %al, %ch
        shrb $1, %ch
        movb %al, %dh
        andb $1, %dh
        movb drive, %dl
2:      movb operation, %ah
        movb count, %al
        int $0x13
        jnc 3f
        xorb %ah, %ah
        int $0x13
        decb tries
        jnz 2b
        stc
3:      popal
        ret

operation: .byte 0
count:  .byte 0
tries:  .byte 0

// The FAT's entry for AX comes in AX: FAT12 has two entries in three bytes.
next_cluster:
        pushw %bx
        movw %ax, %bx
        shrw $1, %bx
        pushf
        addw %ax, %bx
        movw FAT(%bx), %ax
        popf
        jnc 1f
        shrw $4, %ax
1:      andw $0xfff, %ax
        popw %bx
        ret

// Makes CX the entry for AX. Keeps all.
set_next:
        pushal
        movw %ax, %bx
        shrw $1, %bx
        pushf
        addw %ax, %bx
        movw FAT(%bx), %dx
        popf
        jc 1f
        andw $0xf000, %dx
        jmp 2f
1:      andw $0x000f, %dx
        shlw $4, %cx
2:      orw %cx, %dx
        movw %dx, FAT(%bx)
        popal
        ret

// Carry if AX is no cluster of a file.
check_cluster:
        movw $damaged, %si
        cmpw $2, %ax
        jb 1f
        cmpw $CLUSTERS + 2, %ax
        cmc
1:      ret

// How many clusters are free: AX.
free_clusters:
        xorw %dx, %dx
        movw $2, %cx
1:      movw %cx, %ax
        call next_cluster
        testw %ax, %ax
        jnz 2f
        incw %dx
2:      incw %cx
        cmpw $CLUSTERS + 2, %cx
        jb 1b
        movw %dx, %ax
        ret

// Takes a file's name from the line at SI.
parse_name:
        movw $name, %di
        movw $11, %cx
        movb $' ', %al
        rep stosb
        movw $name, %di
        movw $name + 8, %dx             // where the part ends
1:      call next_upper
        cmpb $' ', %ah
        jbe 4f
        cmpb $'.', %ah
        jne 2f
        cmpw $name + 8, %dx
        jne 5f
        movw $name + 8, %di
        movw $name + 11, %dx
        jmp 1b
2:      cmpw %dx, %di
        je 5f
        movb %ah, (%di)
        incw %di
        jmp 1b
4:      decw %si
        cmpb $' ', name
        je 5f
        clc
        ret
5:      movw $noname, %si
        stc
        ret

name:   .fill 11, 1, ' '

// Finds the file: BX is its entry.
find:   movw $ROOT, %bx
        movw $ROOT_ENTRIES, %cx
1:      cmpb $0, (%bx)
        je 3f
        testb $0x08, 11(%bx)
        jnz 2f
        pushw %cx
        pushw %si
        movw %bx, %di
        movw $name, %si
        movw $11, %cx
        repe cmpsb
        popw %si
        popw %cx
        je 4f
2:      addw $32, %bx
        loop 1b
3:      movw $nofile, %si
        stc
4:      ret

// Frees the file at BX.
remove: movb $0xe5, (%bx)
        movw 26(%bx), %ax
1:      call check_cluster
        jc 2f
        movw %ax, %dx
        call next_cluster
        xchgw %ax, %dx
        xorw %cx, %cx
        call set_next
        movw %dx, %ax
        jmp 1b
2:      ret

// Makes the file anew, empty. The reason for a failure comes in `reason`.
create: call find
        jc 1f
        testb $0x01, 11(%bx)
        movw $protected, %si
        jnz 8f
        call remove
1:      movw $ROOT, %bx
        movw $ROOT_ENTRIES, %cx
2:      cmpb $0, (%bx)
        je 3f
        cmpb $0xe5, (%bx)
        je 3f
        addw $32, %bx
        loop 2b
        movw $full, %si
8:      movw %si, reason
        stc
        ret
3:      movw %bx, entry
        movw %bx, %di
        movw $name, %si
        movw $11, %cx
        rep movsb
        movw $21, %cx
        xorb %al, %al
        rep stosb
        movb $0x20, 11(%bx)
        call stamp
        movw $0, last
        clc
        ret

// Dates the entry at BX:  | year - 1980 (7) | month (4) | day (5) |   | hour (5) | minute (6) | second / 2 (5) |
stamp:  movb $0x04, %ah
        int $0x1a
        jc 9f
        movb %cl, %al                   // the century is the clock's to tell; this system began in 2000
        call from_bcd
        addw $20, %ax
        movw %ax, %di
        movb %dh, %al
        call from_bcd
        shlw $4, %di
        orw %ax, %di
        movb %dl, %al
        call from_bcd
        shlw $5, %di
        orw %ax, %di
        movw %di, 24(%bx)
        movb $0x02, %ah
        int $0x1a
        jc 9f
        movb %ch, %al
        call from_bcd
        movw %ax, %di
        movb %cl, %al
        call from_bcd
        shlw $6, %di
        orw %ax, %di
        movb %dh, %al
        call from_bcd
        shlw $5, %di
        shrw $1, %ax
        orw %ax, %di
        movw %di, 22(%bx)
9:      ret

// The two decimal digits in AL: AX.
from_bcd:
        movb %al, %ah
        shrb $4, %ah
        andb $15, %al
        aad
        ret

// Writes the first ECX bytes of BUFFER as the next cluster of the file that was made.
append: movw $2, %ax
1:      pushw %ax
        call next_cluster
        testw %ax, %ax
        popw %ax
        jz 2f
        incw %ax
        cmpw $CLUSTERS + 2, %ax
        jb 1b
        movw $full, %si
        stc
        ret
2:      movw $BUFFER, %bx
        pushl %ecx
        call write_cluster
        popl %ecx
        jc 5f
        movw entry, %bx
        addl %ecx, 28(%bx)
        movw $0xfff, %cx
        call set_next
        movw %ax, %cx
        movw last, %ax
        movw %cx, last
        testw %ax, %ax
        jnz 3f
        movw %cx, 26(%bx)
        clc
        ret
3:      call set_next
        clc
5:      ret
