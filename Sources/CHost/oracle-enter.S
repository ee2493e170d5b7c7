// The passage between 64-bit host code and the 32-bit code under test. Nothing here trusts a register or the stack on
// the way out: everything is reached relative to RIP, above 4 GiB, where the tested code can't write.
//
// chost_oracle_frame (see oracle.c):
//   +0 EAX ECX EDX EBX ESP EBP ESI EDI  +32 EFLAGS  +36 EIP  +40 ES CS SS DS FS GS (16 bits each)
//   +56 host RSP  +64 host FS base  +72 host GS base  +80 host ES DS FS GS selectors
#if defined(__x86_64__) && defined(__linux__)
  .text
  .hidden chost_oracle_frame
  .hidden chost_oracle_enter
  .hidden chost_oracle_exit
  .hidden chost_oracle_leave
  .hidden chost_oracle_enter_end

  .globl chost_oracle_enter
  .type chost_oracle_enter, @function
  .p2align 4
chost_oracle_enter:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  pushfq
  leaq chost_oracle_frame(%rip), %rax
  movq %rsp, 56(%rax)
  rdfsbase %rcx
  movq %rcx, 64(%rax)
  rdgsbase %rcx
  movq %rcx, 72(%rax)
  movw %es, 80(%rax)
  movw %ds, 82(%rax)
  movw %fs, 84(%rax)
  movw %gs, 86(%rax)
  // An interrupt return enters: it serializes (the code was written through another mapping) and starts TF after itself.
  pushq $0x2b
  movl 16(%rax), %ecx
  pushq %rcx
  movl 32(%rax), %ecx
  pushq %rcx
  pushq $0x23
  movl 36(%rax), %ecx
  pushq %rcx
  movw 40(%rax), %es
  movw 46(%rax), %ds
  movw 48(%rax), %fs
  movw 50(%rax), %gs
  movl 4(%rax), %ecx
  movl 8(%rax), %edx
  movl 12(%rax), %ebx
  movl 20(%rax), %ebp
  movl 24(%rax), %esi
  movl 28(%rax), %edi
  movl 0(%rax), %eax
  iretq

  .globl chost_oracle_exit
chost_oracle_exit:
  movl %eax, chost_oracle_frame+0(%rip)
  movl %ecx, chost_oracle_frame+4(%rip)
  movl %edx, chost_oracle_frame+8(%rip)
  movl %ebx, chost_oracle_frame+12(%rip)
  movl %esp, chost_oracle_frame+16(%rip)
  movl %ebp, chost_oracle_frame+20(%rip)
  movl %esi, chost_oracle_frame+24(%rip)
  movl %edi, chost_oracle_frame+28(%rip)
  movq chost_oracle_frame+56(%rip), %rsp
  pushfq
  popq %rax
  movl %eax, chost_oracle_frame+32(%rip)
  movw %es, chost_oracle_frame+40(%rip)
  movw %ss, chost_oracle_frame+44(%rip)
  movw %ds, chost_oracle_frame+46(%rip)
  movw %fs, chost_oracle_frame+48(%rip)
  movw %gs, chost_oracle_frame+50(%rip)

  // The signal handler comes here with RSP already the host's and the frame already filled.
  .globl chost_oracle_leave
chost_oracle_leave:
  leaq chost_oracle_frame(%rip), %rax
  movw 80(%rax), %es
  movw 82(%rax), %ds
  movw 84(%rax), %fs
  movw 86(%rax), %gs
  movq 64(%rax), %rcx
  wrfsbase %rcx
  movq 72(%rax), %rcx
  wrgsbase %rcx
  popfq
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret
  .globl chost_oracle_enter_end
chost_oracle_enter_end:
  .size chost_oracle_enter, .-chost_oracle_enter
#endif
#if defined(__ELF__)
  .section .note.GNU-stack, "", %progbits
#endif
