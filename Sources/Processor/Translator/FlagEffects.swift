// What instructions do to the six arithmetic flags, as far as a translation must know: which flags they read, which they
// define, and which the manual leaves undefined. There the host's silicon and the interpreter differ, and the
// interpreter's rule holds (`Arithmetic.undefined`: such a flag is 0). Translated code lets the host's bits stand as long as
// nobody can see them; whoever may see them clears those that are undefined by then.

import ISA

/// One instruction's effect on CF PF AF ZF SF OF, as bits of EFLAGS.
struct FlagEffect {
  var reads: UInt32 = 0
  var defines: UInt32 = 0
  /// Different on the host and in the interpreter; a bit here is 0 in the interpreter.
  var leavesUndefined: UInt32 = 0

  static let cf: UInt32 = 1, pf: UInt32 = 4, af: UInt32 = 0x10, zf: UInt32 = 0x40, sf: UInt32 = 0x80, of: UInt32 = 0x800
  static let all = arithmeticFlags

  /// Flags that are undefined after an instruction, from those before it.
  func undefined(after before: UInt32) -> UInt32 { before & ~defines | leavesUndefined }

  init(_ i: Instruction) {
    switch i.operation {
    case .add, .sub, .cmp, .neg, .or, .and, .xor, .test, .cmpxchg, .xadd: defines = Self.all
    case .adc, .sbb:
      reads = Self.cf
      defines = Self.all
    case .inc, .dec: defines = Self.all & ~Self.cf
    case .shl, .shr, .sar: shift(i, defining: Self.all & ~Self.af, undefined: Self.af)
    case .rol, .ror: shift(i, defining: Self.cf | Self.of, undefined: 0)
    case .rcl, .rcr:
      reads = Self.cf
      shift(i, defining: Self.cf | Self.of, undefined: 0)
    case .shld, .shrd: shift(i, defining: Self.all & ~Self.af, undefined: Self.af)
    case .mul, .imul, .imulTruncating:
      defines = Self.cf | Self.of
      leavesUndefined = Self.all & ~defines
    case .div, .idiv: leavesUndefined = Self.all
    case .bsf, .bsr:
      defines = Self.zf
      leavesUndefined = Self.all & ~Self.zf
    case .bt, .bts, .btr, .btc, .clc, .stc: defines = Self.cf
    case .cmc:
      reads = Self.cf
      defines = Self.cf
    case .sahf: defines = Self.all & ~Self.of
    case .lahf: reads = Self.all & ~Self.of
    case .salc: reads = Self.cf
    case .pushf: reads = Self.all
    case .popf: defines = Self.all
    // FCMOV and FCOMI read or write them; SSE's comparisons write them all.
    case .x87: if !i.hasMemory, X87Encoding.usesFlags(i.condition, i.reg << 3 | i.rm) { reads = Self.all }
    case .simd:
      switch SIMDTable.rows[Int(i.selector)].operands {
      case .flagsFromXmm32, .flagsFromXmm64: defines = Self.all
      default: break
      }
    case .jcc, .setcc, .cmovcc: reads = Self.read(by: i.condition)
    default: break
    }
  }

  /// A shift by 1 defines OF; one by more leaves it undefined; one by 0 changes nothing.
  private mutating func shift(_ i: Instruction, defining: UInt32, undefined: UInt32) {
    guard i.form == .rmImm || i.form == .rmRegImm else {
      leavesUndefined = defining | undefined
      return
    }
    let count = i.immediate & 31
    if count == 0 { return }
    defines = count == 1 ? defining : defining & ~Self.of
    leavesUndefined = count == 1 ? undefined : undefined | Self.of
  }

  private static func read(by condition: UInt8) -> UInt32 {
    switch condition >> 1 & 7 {
    case 0: of
    case 1: cf
    case 2: zf
    case 3: cf | zf
    case 4: sf
    case 5: pf
    case 6: sf | of
    default: zf | sf | of
    }
  }
}

/// The form in which translated code spills the arithmetic flags: LAHF's byte in bits 8 to 15, OF in bit 0.
enum HostFlags {
  @inline(__always) static func packed(_ eflags: UInt32) -> UInt32 { (eflags & 0xd5) << 8 | eflags >> 11 & 1 }
  @inline(__always) static func eflags(_ packed: UInt32) -> UInt32 { packed >> 8 & 0xd5 | (packed & 1) << 11 }
}
