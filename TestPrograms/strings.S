# strings.S: MOVS STOS LODS CMPS SCAS INS OUTS: widths, directions, REP forms, 16-bit addresses, overlaps, faults in the middle.
# KIND: multiboot
# RUN:
# EXPECT-EXIT: 1
# EXPECT-SERIAL: strings: ok
# QEMU: yes
#include "guest.h"
#define HOLE 0x00a01000                 /* a page that is absent until the hook maps it */
#define HOLE_ENTRY (page_tables + (HOLE >> 12) * 4)
#define WINDOW 0x30                     /* a 64 KiB segment over `buffer` */

.macro AT source, destination, count
        movl $\source, %esi
        movl $\destination, %edi
        movl $\count, %ecx
.endm
.macro CHECK_POINTERS name, source, destination, count
        CHECK "\name-esi", %esi, $(\source)
        CHECK "\name-edi", %edi, $(\destination)
        CHECK "\name-ecx", %ecx, $(\count)
.endm

        PROGRAM "strings"
// ---- one element at a time: every width, both directions ----
        cld
        AT text, buffer, 0x55
        movsb
        CHECK_POINTERS "movsb", text + 1, buffer + 1, 0x55
        movsw
        CHECK_POINTERS "movsw", text + 3, buffer + 3, 0x55
        movsl
        CHECK_POINTERS "movsl", text + 7, buffer + 7, 0x55
        CHECK "movs-data", buffer + 3, $0x37363534
        std
        movl $text + 8, %esi
        movl $buffer + 0x20, %edi
        movsl
        CHECK_POINTERS "movsl-down", text + 4, buffer + 0x1c, 0x55
        CHECK "movsl-down-data", buffer + 0x20, $0x64636239
        movsw
        movsb
        CHECK_POINTERS "movsw-movsb-down", text + 1, buffer + 0x19, 0x55
        cld
        movl $0x11223344, %eax
        movl $buffer, %edi
        stosl
        stosw
        stosb
        CHECK "stos-edi", %edi, $(buffer + 7)
        CHECK "stos-data", buffer + 3, $0x44334411
        movl $text, %esi
        xorl %eax, %eax
        lodsb
        CHECK "lodsb", %eax, $0x31
        lodsw
        CHECK "lodsw", %eax, $0x3332
        lodsl
        CHECK "lodsl", %eax, $0x37363534
        std
        lodsb
        CHECK "lodsb-down", %esi, $(text + 6)
        cld

// ---- REP ----
        AT text, buffer, 16
        rep movsb
        CHECK_POINTERS "rep-movsb", text + 16, buffer + 16, 0
        CHECK "rep-movsb-last", buffer + 12, $0x68676665
        AT text, buffer + 0x40, 4
        rep movsl
        CHECK_POINTERS "rep-movsl", text + 16, buffer + 0x50, 0
        AT text, buffer, 0
        rep movsb
        CHECK_POINTERS "rep-zero", text, buffer, 0
        std
        AT text + 15, buffer + 0x8f, 16
        rep movsb
        CHECK_POINTERS "rep-movsb-down", text - 1, buffer + 0x7f, 0
        CHECK "rep-movsb-down-data", buffer + 0x80, $0x34333231
        cld
        // Overlapping upwards spreads the first element, as the manual's byte-by-byte order says.
        movl $0x04030201, buffer
        AT buffer, buffer + 1, 31
        rep movsb
        CHECK "overlap-by-one", buffer + 28, $0x01010101
        movl $0x04030201, buffer
        movl $0x08070605, buffer + 4
        AT buffer, buffer + 3, 7
        rep movsl                       // dwords, three bytes apart
        CHECK "overlap-dwords-by-three", buffer + 8, $0x03080403
        movl $0xaabbccdd, %eax
        movl $buffer, %edi
        movl $5, %ecx
        rep stosl
        CHECK "rep-stosl", buffer + 16, $0xaabbccdd
        movl $text, %esi
        movl $3, %ecx
        rep lodsb                       // leaves the last
        CHECK "rep-lodsb", %eax, $0xaabbcc33

// ---- CMPS, SCAS: flags as SUB gives them, (source) - (destination), accumulator - (destination) ----
        movb $5, buffer
        movb $7, buffer + 1
        AT buffer, buffer + 1, 0
        cmpsb
        CHECK_FLAGS "cmpsb-below", (F_CF | F_ZF | F_SF), (F_CF | F_SF)
        movb $7, %al
        movl $buffer, %edi
        scasb
        CHECK_FLAGS "scasb-above", (F_CF | F_ZF), 0
        AT text, copy, 16
        repe cmpsb                      // equal for ten bytes
        CHECK_FLAGS "repe-cmpsb-zf", F_ZF, 0
        CHECK_POINTERS "repe-cmpsb", text + 11, copy + 11, 5
        AT text, copy, 10
        repe cmpsb
        CHECK_FLAGS "repe-cmpsb-all-equal", F_ZF, F_ZF
        CHECK_POINTERS "repe-cmpsb-all", text + 10, copy + 10, 0
        AT text, copy, 2
        repe cmpsl
        CHECK_POINTERS "repe-cmpsl", text + 8, copy + 8, 0
        AT text, copy, 9
        repne cmpsw                     // stops at the first equal pair
        CHECK_POINTERS "repne-cmpsw", text + 2, copy + 2, 8
        movb $'5', %al
        movl $text, %edi
        movl $100, %ecx
        repne scasb
        CHECK_FLAGS "repne-scasb-zf", F_ZF, F_ZF
        CHECK "repne-scasb", %edi, $(text + 5)
        CHECK "repne-scasb-ecx", %ecx, $95
        movl $-1, %ecx                  // strlen
        xorl %eax, %eax
        movl $text, %edi
        repne scasb
        notl %ecx
        decl %ecx
        CHECK "strlen", %ecx, $16
        movw $0x3231, %ax
        movl $text, %edi
        movl $4, %ecx
        repe scasw
        CHECK "repe-scasw", %edi, $(text + 4)
        std
        movb $'3', %al
        movl $text + 15, %edi
        movl $16, %ecx
        repne scasb
        CHECK "repne-scasb-down", %edi, $(text + 1)
        cld
        // ECX zero: no access, no flags.
        AT 0, 0, 0
        stc
        pushfl
        repe cmpsb
        pushfl
        popl %eax
        popl %ebx
        CHECK "rep-zero-keeps-flags", %eax, %ebx

// ---- segment overrides change the source only ----
        SET_DESCRIPTOR WINDOW, $buffer, 0xffff, A_DATA16
        movl $WINDOW, %eax
        movl %eax, %gs
        movl $0x5e5e5e5e, buffer + 0x100
        movl $0x100, %esi
        movl $buffer, %edi
        movsl %gs:(%esi), %es:(%edi)
        CHECK "override-movs", buffer, $0x5e5e5e5e
        movl $0x100, %esi
        lodsl %gs:(%esi)
        CHECK "override-lods", %eax, $0x5e5e5e5e

// ---- 16-bit addresses: SI, DI and CX count and wrap, the upper halves stay ----
        movl %ds, %ebx
        movl $WINDOW, %eax
        movl %eax, %es
        movl $0x64636261, buffer + 0xfffc
        movl $0x6463625a, buffer
        movl $0xabcdfffe, %esi
        movl $0x12340080, %edi
        movl $0x77770004, %ecx
        addr16 rep movsb %gs:(%si), %es:(%di)
        CHECK_POINTERS "addr16-rep", 0xabcd0002, 0x12340084, 0x77770000
        CHECK "addr16-wraps", buffer + 0x80, $0x625a6463
        movl $0x77770000, %ecx          // CX is zero: nothing
        movl $0xffff0010, %edi
        addr16 rep stosb
        CHECK "addr16-cx-zero", %edi, $0xffff0010
        movl $KERNEL_DATA, %eax
        movl %eax, %es

// ---- INS and OUTS ----
        movw $0x21, %dx                 // the PIC's mask register: 0xff since start-up
        movl $buffer, %edi
        movl $0, buffer
        movl $3, %ecx
        rep insb
        CHECK "rep-insb", buffer, $0x00ffffff
        CHECK "rep-insb-edi", %edi, $(buffer + 3)
        movw $0x80, %dx
        movl $text, %esi
        movl $8, %ecx
        rep outsb
        outsw
        CHECK "rep-outsb", %esi, $(text + 10)

// ---- a page fault in the middle: registers say how far it came, and it goes on from there ----
        call setup_paging
.macro HOLE_OPEN
        movl $(HOLE | 6), HOLE_ENTRY
        invlpg HOLE
        movl $0, faults
.endm
        movl $mend, trap_hook
        HOLE_OPEN
        movl $0x61626364, %eax
        movl $HOLE - 16, %edi
        movl $8, %ecx
        rep stosl
        CHECK "fault-in-stos-count", faults, $1
        CHECK "fault-in-stos-ecx", fault_ecx, $4
        CHECK "fault-in-stos-edi", fault_edi, $HOLE
        CHECK "fault-in-stos-eip-is-rep", fault_code, $0xabf3
        CHECK "fault-in-stos-done", %ecx, $0
        CHECK "fault-in-stos-data", HOLE + 12, $0x61626364
        HOLE_OPEN
        movl $0x11111111, HOLE - 4      // the source straddles the edge: the dword is not half moved
        AT HOLE - 10, buffer, 4
        rep movsl
        CHECK "fault-in-movs-ecx", fault_ecx, $2
        CHECK "fault-in-movs-esi", fault_esi, $(HOLE - 2)
        CHECK "fault-in-movs-edi", fault_edi, $(buffer + 8)
        CHECK "fault-in-movs-cr2", fault_address, $HOLE
        CHECK "fault-in-movs-end", %esi, $(HOLE + 6)
        movl $0x64, HOLE - 1
        movl $0, HOLE
        HOLE_OPEN
        AT HOLE - 4, copy_of_hole, 8
        movl HOLE - 4, %eax
        movl %eax, copy_of_hole
        repe cmpsb
        CHECK "fault-in-cmps-ecx", fault_ecx, $4
        CHECK_FLAGS "fault-in-cmps-zf", F_ZF, F_ZF
        HOLE_OPEN
        std
        movl $HOLE + 8, %edi
        movl $4, %ecx
        rep stosl                       // downwards: faults at once, then runs out of the page
        cld
        CHECK "fault-down-ecx", fault_ecx, $4
        CHECK "fault-down-edi", %edi, $(HOLE - 8)
        movl $0, trap_hook
        ret

mend:   cmpl $V_PF, 40(%ebp)
        movl $0, %eax
        jne 1f
        incl faults
        movl 8(%ebp), %eax
        movl %eax, fault_edi
        movl 12(%ebp), %eax
        movl %eax, fault_esi
        movl 32(%ebp), %eax
        movl %eax, fault_ecx
        movl 48(%ebp), %eax
        movzwl (%eax), %eax
        movl %eax, fault_code
        movl %cr2, %eax
        movl %eax, fault_address
        orl $1, HOLE_ENTRY
        invlpg HOLE
        movl $1, %eax
1:      ret

        .data
        .align 4
text:   .asciz "123456789bcdefgh"
        .align 4
copy:   .asciz "123456789bXdefgh"
        .align 4
copy_of_hole: .skip 16
        .bss
        .align 4096
buffer: .skip 65536
        .align 4
faults: .skip 4
fault_ecx: .skip 4
fault_esi: .skip 4
fault_edi: .skip 4
fault_code: .skip 4
fault_address: .skip 4
