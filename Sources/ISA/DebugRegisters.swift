// The debug status and control registers as named bits. SDM volume 3, section 17.2.

/// DR6: why the last #DB came.
///
/// ```
///  31        16  15 14 13 12     4  3  2  1  0
/// +------------+--+--+--+--+-----+--+--+--+--+
/// |   ones     |BT|BS|BD| 0| ones|B3|B2|B1|B0|
/// +------------+--+--+--+--+-----+--+--+--+--+
/// ```
public struct DR6: OptionSet, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// Breakpoint 0's condition was met.
  @inlinable public static var b0: DR6 { DR6(rawValue: 1 << 0) }
  @inlinable public static var b1: DR6 { DR6(rawValue: 1 << 1) }
  @inlinable public static var b2: DR6 { DR6(rawValue: 1 << 2) }
  @inlinable public static var b3: DR6 { DR6(rawValue: 1 << 3) }
  /// The next instruction touches a debug register while DR7.GD is set.
  @inlinable public static var bd: DR6 { DR6(rawValue: 1 << 13) }
  /// Single step.
  @inlinable public static var bs: DR6 { DR6(rawValue: 1 << 14) }
  /// Switch to a task whose TSS has T set.
  @inlinable public static var bt: DR6 { DR6(rawValue: 1 << 15) }
  /// All four breakpoint bits.
  @inlinable public static var breakpoints: DR6 { DR6(rawValue: 0xf) }
  /// The bits that read as ones; DR6 after RESET.
  @inlinable public static var fixed: DR6 { DR6(rawValue: 0xffff_0ff0) }
  /// The bits that software can change.
  @inlinable public static var writable: DR6 { DR6(rawValue: 0xe00f) }
}

/// DR7: which breakpoints are armed, and for what.
///
/// ```
///  31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16   13  10 9  8  7  6  5  4  3  2  1  0
/// +-----+-----+-----+-----+-----+-----+-----+-----+-+--+-+-+--+--+--+--+--+--+--+--+--+--+
/// |LEN3 |R/W3 |LEN2 |R/W2 |LEN1 |R/W1 |LEN0 |R/W0 |0|GD|0|1|GE|LE|G3|L3|G2|L2|G1|L1|G0|L0|
/// +-----+-----+-----+-----+-----+-----+-----+-----+-+--+-+-+--+--+--+--+--+--+--+--+--+--+
/// ```
public struct DR7: OptionSet, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// Any of L0 to G3: at least one breakpoint is armed.
  @inlinable public static var anyEnabled: DR7 { DR7(rawValue: 0xff) }
  /// L0 to L3: those that a task switch clears.
  @inlinable public static var localEnables: DR7 { DR7(rawValue: 0x55) }
  /// Local exact breakpoint enable (no effect since the P6).
  @inlinable public static var le: DR7 { DR7(rawValue: 1 << 8) }
  /// Global exact breakpoint enable (no effect since the P6).
  @inlinable public static var ge: DR7 { DR7(rawValue: 1 << 9) }
  /// Bit 10, which reads as one; DR7 after RESET.
  @inlinable public static var fixed: DR7 { DR7(rawValue: 1 << 10) }
  /// General detect: MOV to or from a debug register raises #DB.
  @inlinable public static var gd: DR7 { DR7(rawValue: 1 << 13) }
  /// The bits that software can change.
  @inlinable public static var writable: DR7 { DR7(rawValue: 0xffff_23ff) }

  /// What a breakpoint watches for.
  public enum Condition: UInt8, Sendable, BitwiseCopyable {
    case execute, write, io, readWrite
  }

  /// Breakpoint `number` (0 to 3) is armed, locally or globally.
  @inlinable public func isEnabled(_ number: Int) -> Bool { (rawValue >> UInt32(number * 2)) & 3 != 0 }

  /// What breakpoint `number` (0 to 3) watches for.
  @inlinable public func condition(_ number: Int) -> Condition {
    unsafeBitCast(UInt8(truncatingIfNeeded: (rawValue >> UInt32(16 + number * 4)) & 3), to: Condition.self)
  }

  /// How many bytes breakpoint `number` (0 to 3) watches: 1, 2 or 4 (8 where the encoding is reserved here).
  @inlinable public func length(_ number: Int) -> UInt32 {
    switch (rawValue >> UInt32(18 + number * 4)) & 3 {
    case 0: 1
    case 1: 2
    case 2: 8
    default: 4
    }
  }
}
