// The EFLAGS register as named bits, so that no engine, test or device spells one as a number.
// SDM volume 1, section 3.4.3; volume 3, section 2.3.

/// The EFLAGS register.
///
/// ```
///  31        21 20  19  18 17 16 15 14 13 12  11 10  9  8  7  6  5  4  3  2  1  0
/// +------------+---+---+--+--+--+--+--+-----+--+--+--+--+--+--+--+--+--+--+--+--+
/// |      0     |ID |VIP|VI|AC|VM|RF| 0|NT|IOPL|OF|DF|IF|TF|SF|ZF| 0|AF| 0|PF| 1|CF|
/// +------------+---+---+--+--+--+--+--+-----+--+--+--+--+--+--+--+--+--+--+--+--+
/// ```
public struct EFlags: OptionSet, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Carry: carry or borrow out of the highest bit.
  @inlinable public static var cf: EFlags { EFlags(rawValue: 1 << 0) }
  /// Bit 1, which always reads as one.
  @inlinable public static var fixed: EFlags { EFlags(rawValue: 1 << 1) }
  /// Parity: the low byte of the result has an even number of ones.
  @inlinable public static var pf: EFlags { EFlags(rawValue: 1 << 2) }
  /// Auxiliary carry: carry or borrow out of bit 3.
  @inlinable public static var af: EFlags { EFlags(rawValue: 1 << 4) }
  /// Zero.
  @inlinable public static var zf: EFlags { EFlags(rawValue: 1 << 6) }
  /// Sign: the highest bit of the result.
  @inlinable public static var sf: EFlags { EFlags(rawValue: 1 << 7) }
  /// Trap: #DB after each instruction.
  @inlinable public static var tf: EFlags { EFlags(rawValue: 1 << 8) }
  /// Interrupt enable: maskable interrupts are taken.
  @inlinable public static var `if`: EFlags { EFlags(rawValue: 1 << 9) }
  /// Direction: string operations go downwards.
  @inlinable public static var df: EFlags { EFlags(rawValue: 1 << 10) }
  /// Overflow of signed arithmetic.
  @inlinable public static var of: EFlags { EFlags(rawValue: 1 << 11) }
  /// Both bits of the I/O privilege level: the highest CPL that may use IN, OUT, CLI, STI.
  @inlinable public static var iopl: EFlags { EFlags(rawValue: 3 << 12) }
  /// Nested task: IRET returns to the task named by the TSS's back link.
  @inlinable public static var nt: EFlags { EFlags(rawValue: 1 << 14) }
  /// Resume: instruction breakpoints are ignored for one instruction.
  @inlinable public static var rf: EFlags { EFlags(rawValue: 1 << 16) }
  /// Virtual-8086 mode.
  @inlinable public static var vm: EFlags { EFlags(rawValue: 1 << 17) }
  /// Alignment check (with CR0.AM, in ring 3).
  @inlinable public static var ac: EFlags { EFlags(rawValue: 1 << 18) }
  /// Virtual interrupt flag (CR4.VME, CR4.PVI).
  @inlinable public static var vif: EFlags { EFlags(rawValue: 1 << 19) }
  /// Virtual interrupt pending (CR4.VME, CR4.PVI).
  @inlinable public static var vip: EFlags { EFlags(rawValue: 1 << 20) }
  /// A program that can change it has CPUID.
  @inlinable public static var id: EFlags { EFlags(rawValue: 1 << 21) }

  /// CF, PF, AF, ZF, SF and OF: what arithmetic writes.
  @inlinable public static var status: EFlags { EFlags(rawValue: 0x8d5) }
  /// What SAHF loads: the low byte without OF.
  @inlinable public static var sahf: EFlags { EFlags(rawValue: 0xd5) }
  /// Every bit that exists on this processor and can be one.
  @inlinable public static var all: EFlags { EFlags(rawValue: 0x3f_7fd7) }

  /// Where IOPL's two bits begin.
  @inlinable public static var ioplShift: UInt32 { 12 }
  /// The I/O privilege level, 0 to 3.
  @inlinable public var ioPrivilegeLevel: UInt8 {
    get { UInt8(truncatingIfNeeded: (rawValue >> 12) & 3) }
    set { rawValue = (rawValue & ~0x3000) | UInt32(newValue & 3) << 12 }
  }
}

extension EFlags: CustomStringConvertible {
  /// The manual's names of the bits that are set, high to low, as in `IOPL=3 ZF PF`; the fixed bit is left out.
  public var description: String {
    let names: [(EFlags, String)] = [
      (.id, "ID"), (.vip, "VIP"), (.vif, "VIF"), (.ac, "AC"), (.vm, "VM"), (.rf, "RF"), (.nt, "NT"), (.of, "OF"),
      (.df, "DF"), (.if, "IF"), (.tf, "TF"), (.sf, "SF"), (.zf, "ZF"), (.af, "AF"), (.pf, "PF"), (.cf, "CF"),
    ]
    var words = names.filter { contains($0.0) }.map(\.1)
    if ioPrivilegeLevel != 0 { words.insert("IOPL=\(ioPrivilegeLevel)", at: 0) }
    return words.joined(separator: " ")
  }
}
