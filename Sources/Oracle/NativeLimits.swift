// What the native processor can't be asked, and why: printed by `trapline-check limits`, read by whoever wonders about a
// gap in the instruction table.

package enum NativeLimits {
  package struct Row: Sendable {
    package let encoding: String
    package let reason: String
  }

  package static let table: [Row] = [
    Row(encoding: "CD 80", reason: "INT 80h is a system call of the host"),
    Row(
      encoding: "0F 05, 0F 34",
      reason: "SYSCALL and SYSENTER are system calls of the host (AMD: SYSENTER is #UD in long mode)"),
    Row(encoding: "0F 35", reason: "SYSEXIT: #GP(0) on Intel, #UD on AMD in long mode"),
    Row(encoding: "0F 01 C1, D9, D4", reason: "VMCALL, VMMCALL and VMFUNC go to the hypervisor that the host runs on"),
    Row(encoding: "0F 01 EF", reason: "WRPKRU could lock the host out of its own pages"),
    Row(
      encoding: "0F 00 /0 /1, 0F 01 /0 /1 /4",
      reason: "SLDT, STR, SGDT, SIDT and SMSW show the host's own state, or with UMIP Linux's invention of it"),
    Row(encoding: "0F A2, 0F 31, 0F 33", reason: "CPUID, RDTSC and RDPMC tell of the host"),
    Row(
      encoding: "F1",
      reason: "ICEBP: EIP after it on the bare processor, at it under some hypervisors (seen with KVM on AMD)"),
    Row(encoding: "EA, 9A, CB, CA, CF, FF /3 /5 to selector 33h", reason: "there the host has 64-bit code"),
    Row(
      encoding: "selectors 40h-5Fh, 78h-7Fh in LAR, LSL",
      reason: "the kernel's TSS, LDT and processor number, which no guest has"),
    Row(
      encoding: "INT n with an interrupt gate, call and task gates, task switches, ring changes",
      reason: "the host's descriptor tables are the kernel's; tests by hand"),
    Row(
      encoding: "16-bit code, virtual-8086 mode, segment limits and bases",
      reason: "Linux offers flat 32-bit segments only; tests by hand"),
    Row(
      encoding: "67h with a memory operand",
      reason: "only where the host maps pages below 64 KiB (vm.mmap_min_addr); elsewhere just LEA and faults"),
    Row(
      encoding: "F3 67 A4, F3 67 A5 with an upper half in EDI",
      reason: "AMD Zen 3 copies overlapping bytes as if they lay apart: it compares SI with all of EDI"),
    Row(
      encoding: "LOCK or XCHG across a cache line", reason: "split locks are slowed, trapped or killed by some hosts"),
    Row(
      encoding: "EFLAGS.TF, RF",
      reason: "the single-step trap would come in the oracle's own code; RF is only seen after faults"),
    Row(
      encoding: "EFLAGS.AC going in",
      reason: "the oracle's own accesses would be checked too; it may be set by POPF and IRET"),
    Row(encoding: "data accesses across FFFFFFFFh", reason: "a #GP, #SS or #PF by model; undocumented"),
    Row(
      encoding: "F3 0F BC, F3 0F BD, F3 0F B8, F2/F3 on 0F opcodes",
      reason: "newer processors have other instructions there"),
    Row(
      encoding: "F0 0F 20 /0, F0 0F 22 /0, F0 0F 00 /5 mem",
      reason: "AMD takes LOCK there (MOV CR8; VERW by oversight), the manual says #UD"),
    Row(encoding: "0F 0D with a register", reason: "AMD: #UD, Intel: a NOP"),
    Row(
      encoding: "ARPL that changes nothing, on a read-only page or through CS",
      reason: "AMD completes it; elsewhere it may fault as a write"),
    Row(
      encoding: "PUSH, POP of a segment register, unaligned over a page's edge",
      reason: "some processors access 16 bits of the slot, some 32"),
    Row(encoding: "C4, C5, 62 with a register; 8F /1-/7", reason: "VEX, EVEX and XOP prefixes on newer processors"),
  ]
}
