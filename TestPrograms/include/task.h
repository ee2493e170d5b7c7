/* task.h: the fields of a 32-bit and a 16-bit task-state segment. */
#define TSS_LINK 0x00
#define TSS_ESP0 0x04
#define TSS_SS0  0x08
#define TSS_CR3  0x1c
#define TSS_EIP  0x20
#define TSS_EFLAGS 0x24
#define TSS_EAX  0x28
#define TSS_ECX  0x2c
#define TSS_EDX  0x30
#define TSS_EBX  0x34
#define TSS_ESP  0x38
#define TSS_EBP  0x3c
#define TSS_ESI  0x40
#define TSS_EDI  0x44
#define TSS_ES   0x48
#define TSS_CS   0x4c
#define TSS_SS   0x50
#define TSS_DS   0x54
#define TSS_FS   0x58
#define TSS_GS   0x5c
#define TSS_LDT  0x60
#define TSS_T    0x64                   /* bit 0: debug trap on a switch to this task */
#define TSS_IO   0x66

#define TSS16_LINK 0x00
#define TSS16_IP 0x0e
#define TSS16_FLAGS 0x10
#define TSS16_AX 0x12
#define TSS16_SP 0x1a
#define TSS16_DI 0x20
#define TSS16_ES 0x22
#define TSS16_CS 0x24
#define TSS16_SS 0x26
#define TSS16_DS 0x28
#define TSS16_LDT 0x2a

#ifdef __ASSEMBLER__
#define DR6_BT 0x8000

/* NEW_TASK tss, eip, esp: a ring 0 task with flat segments that shares our page tables. */
.macro NEW_TASK tss, eip, esp
        pushl \esp
        pushl \eip
        pushl $\tss
        call new_task
.endm
/* CHECK_TYPE name, selector, type: the access byte of a GDT entry. */
.macro CHECK_TYPE name, selector, type
        pushl %eax
        movzbl gdt + \selector + 5, %eax
        CHECK "\name", %eax, $\type
        popl %eax
.endm
#define AVAILABLE 0x89
#define BUSY 0x8b
#endif
