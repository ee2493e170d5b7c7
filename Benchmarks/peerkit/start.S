# The guest's entry from a multiboot loader, its descriptors and stacks, and what traps lead to.
        .section .multiboot, "a"
        .align 4
        .long 0x1BADB002, 3, -(0x1BADB002 + 3)

        .text
        .globl _start, run_in_user_mode, int80_minimal, int81_full, page_fault, any_exception, sysenter_entry
        .globl user_int80, user_int81, user_sysenter, task_state, idt_register
_start: cli
        mov $kernel_start_stack_top, %esp
        push %ebx                       # the loader's information
        lgdt gdt_register
        ljmp $8, $1f
1:      mov $0x10, %ax
        mov %ax, %ds
        mov %ax, %es
        mov %ax, %ss
        mov %ax, %fs
        mov %ax, %gs
        mov %cr0, %eax
        and $~0xc, %eax                 # EM, TS off
        or $0x22, %eax                  # MP, NE on
        mov %eax, %cr0
        call main_from_loader
2:      hlt
        jmp 2b

# Runs the function at 4(%esp) in ring 3 until it does INT 0x80 with EAX = 1.
run_in_user_mode:
        mov 4(%esp), %eax
        push %ebx
        push %esi
        push %edi
        push %ebp
        mov %esp, saved_stack
        mov $0x23, %ecx
        mov %cx, %ds
        mov %cx, %es
        push $0x23
        push $user_stack_top
        pushf
        push $0x1b
        push %eax
        iret
leave_user_mode:
        mov $0x10, %ecx
        mov %cx, %ds
        mov %cx, %es
        mov saved_stack, %esp
        pop %ebp
        pop %edi
        pop %esi
        pop %ebx
        ret

        .align 16
int80_minimal:
        cmp $1, %eax
        je leave_user_mode
        incl system_calls
        iret

        .align 16
int81_full:
        pusha
        push %ds
        push %es
        mov $0x10, %eax
        mov %ax, %ds
        mov %ax, %es
        push %esp
        call handle_system_call
        add $4, %esp
        pop %es
        pop %ds
        popa
        iret

        .align 16
sysenter_entry:
        incl system_calls
        sti
        sysexit

        .align 16
page_fault:
        push %eax
        push %edx
        mov %cr2, %eax
        mov %eax, %edx
        shr $12, %edx
        orl $1, page_tables(,%edx,4)
        invlpg (%eax)
        incl page_faults
        pop %edx
        pop %eax
        add $4, %esp
        iret

any_exception:
        mov $0x10, %ax
        mov %ax, %ds
        mov %ax, %es
        push %esp
        call report_exception

# The loops of ring 3.
user_int80:
        mov user_count, %esi
        mov $20, %eax
1:      int $0x80
        dec %esi
        jnz 1b
        mov $1, %eax
        int $0x80

user_int81:
        mov user_count, %esi
1:      mov $20, %eax
        int $0x81
        dec %esi
        jnz 1b
        mov $1, %eax
        int $0x80

user_sysenter:
        mov user_count, %esi
1:      mov %esp, %ecx
        mov $2f, %edx
        sysenter
2:      dec %esi
        jnz 1b
        mov $1, %eax
        int $0x80

        .data
        .align 8
gdt:    .quad 0
        .quad 0x00cf9b000000ffff        # 08: kernel code
        .quad 0x00cf93000000ffff        # 10: kernel data
        .quad 0x00cffb000000ffff        # 18: user code
        .quad 0x00cff3000000ffff        # 20: user data
        .globl gdt_task_state
gdt_task_state:
        .quad 0                         # 28: filled in by set_up_descriptors
gdt_register:
        .word 47
        .long gdt
idt_register:
        .word 2047
        .long idt

        .bss
        .align 4096
        .skip 16384
kernel_start_stack_top:
        .skip 16384
        .globl kernel_stack_top
kernel_stack_top:
        .skip 8192
user_stack_top:
task_state:
        .skip 128
saved_stack:
        .skip 4
