// What an instruction does, free of how its operands were encoded: `add eax, 1`, `add [ebx], cl` and the short form
// 05 id are all `.add`. The interpreter, the translator and the disassembler's marks are tables over this one list.

/// A semantic operation of the IA-32 instruction set (SDM volume 2), independent of operand form and size.
public enum Operation: UInt16, CaseIterable, Sendable, BitwiseCopyable {
  // Data movement
  case mov, movFromSegment, movToSegment
  case movzx8, movzx16, movsx8, movsx16
  case xchg, bswap, cmovcc, setcc, lea, xlat
  case push, pop, pushSegment, popSegment, pusha, popa, pushf, popf
  case lahf, sahf
  /// 98: CBW with a 16-bit operand size, CWDE with 32.
  case cbw
  /// 99: CWD with a 16-bit operand size, CDQ with 32.
  case cwd
  case lds, les, lss, lfs, lgs
  case cmpxchg, cmpxchg8b, xadd
  // Arithmetic and logic
  case add, or, adc, sbb, and, sub, xor, cmp, test
  case inc, dec, neg, not
  /// One-operand F6/F7 forms: the accumulator is implied.
  case mul, imul, div, idiv
  /// Two- and three-operand IMUL (0F AF, 69, 6B).
  case imulTruncating
  // Decimal
  case daa, das, aaa, aas, aam, aad
  // Shifts and rotates
  case rol, ror, rcl, rcr, shl, shr, sar, shld, shrd
  // Bits
  case bt, bts, btr, btc, bsf, bsr
  // Strings
  case movs, cmps, stos, lods, scas, ins, outs
  // Near control transfer
  case jcc, jmp, jmpIndirect, call, callIndirect, ret
  case loop, loope, loopne, jcxz
  // Far control transfer and interrupts
  case jmpFar, jmpFarIndirect, callFar, callFarIndirect, retFar
  case int, int3, into, icebp, iret, bound
  case enter, leave
  // Flags
  case clc, stc, cmc, cld, std, cli, sti, salc
  // Input and output
  case `in`, out
  // Protection and system
  case lgdt, lidt, sgdt, sidt, lldt, sldt, ltr, str, lmsw, smsw, clts
  case arpl, lar, lsl, verr, verw
  case movFromControl, movToControl, movFromDebug, movToDebug
  case invlpg, invd, wbinvd
  case rdtsc, rdpmc, rdmsr, wrmsr, cpuid
  case sysenter, sysexit
  case hlt
  /// 9B: waits for the x87 unit; #NM when CR0.MP and CR0.TS are set.
  case wait
  /// NOP in all its forms (90, F3 90, 0F 1F, the hint-NOP space 0F 18-0F 1E, 0F 0D).
  case nop
  /// An ESC opcode (D8-DF): belongs to the x87 unit.
  case x87
  /// An MMX, SSE or SSE2 instruction: `Instruction.selector` is its number in `SIMDTable`.
  case simd
  /// 0F AE /0 and /1: x87, MMX and SSE state to and from 512 bytes.
  case fxsave, fxrstor
  // Ends of decoding that aren't instructions
  /// An encoding that raises #UD: undefined, or a LOCK prefix where it isn't allowed.
  case undefined
  /// More than 15 bytes: #GP(0).
  case tooLong
  /// The bytes end before the instruction does; the fault is the fetch's own.
  case truncated
}
