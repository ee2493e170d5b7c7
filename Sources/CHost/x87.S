// Every x87 instruction, each as a function of its own, four bytes apart: the instruction, RET, and a NOP.
//   Register forms:  chost_x87_stubs + 4 * (64 * (opcode - D8) + (ModRM - C0)), of 512
//   Memory forms:    the 64 behind them, 4 * (512 + 8 * (opcode - D8) + ModRM.reg): the operand is at the first argument
// Nothing here keeps to the calling convention's empty x87 stack: that is the purpose (x87.h).
#if defined(__x86_64__)
  .text
#if defined(__APPLE__)
#define SYMBOL(name) _##name
#else
#define SYMBOL(name) name
#endif
  .globl SYMBOL(chost_x87_stubs)
  .p2align 6
SYMBOL(chost_x87_stubs):
  .set opcode, 0xd8
  .rept 8
  .set modrm, 0xc0
  .rept 64
  .byte opcode, modrm, 0xc3, 0x90
  .set modrm, modrm + 1
  .endr
  .set opcode, opcode + 1
  .endr
  .set opcode, 0xd8
  .rept 8
  .set modrm, 0x07
  .rept 8
  .byte opcode, modrm, 0xc3, 0x90
  .set modrm, modrm + 8
  .endr
  .set opcode, opcode + 1
  .endr

// uint32_t chost_x87_call_with_flags(stub, flags): the status flags before and after.
  .globl SYMBOL(chost_x87_call_with_flags)
  .p2align 4
SYMBOL(chost_x87_call_with_flags):
  subq $8, %rsp
  pushq %rsi
  popfq
  callq *%rdi
  pushfq
  popq %rax
  addq $8, %rsp
  ret
#endif
#if defined(__ELF__)
  .section .note.GNU-stack, "", %progbits
#endif
