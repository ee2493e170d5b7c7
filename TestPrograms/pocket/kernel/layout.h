// Where everything lies in the 4 GiB a process sees, and the numbers that C and assembly must agree on.
//
//   0x00000000  nothing: a null pointer faults
//   0x08048000  the program, then its heap (brk)
//   0x40000000  mmap, upwards
//   0xBF7FF000  the stack's lowest page; it grows down from USER_STACK_TOP
//   0xC0000000  the linear map: RAM from physical 0, the kernel itself 1 MiB into it
//   0xFF000000  the end of the linear map (1008 MiB of RAM at most)
//   0xFFFFE000  the vsyscall page: kernel code that user programs call to enter the kernel
#ifndef LAYOUT_H
#define LAYOUT_H

#define PAGE_SIZE 0x1000
#define KERNEL_BASE 0xC0000000
#define LINEAR_SIZE 0x3F000000
#define VSYSCALL_PAGE 0xFFFFE000

#define USER_STACK_TOP 0xBFFFF000
#define USER_STACK_SIZE 0x00800000
#define USER_MAP_BASE 0x40000000

#define KERNEL_STACK_SIZE 0x2000
#define KERNEL_STACK_ORDER 1

// SYSENTER and SYSEXIT want these four in this order.
#define KERNEL_CODE 0x08
#define KERNEL_DATA 0x10
#define USER_CODE 0x1B
#define USER_DATA 0x23
#define TASK_SEGMENT 0x28

#define SYSCALL_VECTOR 0x80
#define SYSCALL_LIMIT 270

// Byte offsets into struct frame (frame.h), for the entry paths.
#define FRAME_EAX 28
#define FRAME_VECTOR 40
#define FRAME_EIP 48
#define FRAME_CS 52

#endif
