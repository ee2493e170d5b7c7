// Descriptors of the GDT, LDT and IDT, and selectors, over their raw bits. SDM volume 3, sections 3.4 and 3.5
// (segments), 5.8 (call gates), 6.11 (interrupt gates), 7.2 (TSS).

/// A segment selector.
///
/// ```
///  15              3  2  1 0
/// +-----------------+--+----+
/// |      index      |TI| RPL|
/// +-----------------+--+----+
/// ```
public struct Selector: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt16
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
  /// Which descriptor of its table.
  @inlinable public var index: UInt16 { rawValue >> 3 }
  /// The table is the LDT.
  @inlinable public var isLocal: Bool { rawValue & 4 != 0 }
  /// Requested privilege level.
  @inlinable public var rpl: UInt8 { UInt8(truncatingIfNeeded: rawValue & 3) }
  /// Names the GDT's entry 0, whatever its RPL.
  @inlinable public var isNull: Bool { rawValue & 0xfffc == 0 }
  /// The descriptor's offset in its table.
  @inlinable public var offset: UInt32 { UInt32(rawValue & 0xfff8) }
  /// The error code that names this selector.
  @inlinable public var errorCode: UInt32 { UInt32(rawValue & 0xfffc) }
}

/// The type field of a system descriptor (S = 0).
public enum SystemDescriptorType: UInt8, Sendable, BitwiseCopyable {
  case reserved0 = 0
  case tss16Available = 1
  case ldt = 2
  case tss16Busy = 3
  case callGate16 = 4
  case taskGate = 5
  case interruptGate16 = 6
  case trapGate16 = 7
  case reserved8 = 8
  case tss32Available = 9
  case reserved10 = 10
  case tss32Busy = 11
  case callGate32 = 12
  case reserved13 = 13
  case interruptGate32 = 14
  case trapGate32 = 15
}

/// An eight-byte descriptor of the GDT, LDT or IDT, over its raw bits (the low doubleword in bits 0 to 31).
///
/// ```
/// code, data and system segments
///  63        56 55 54 53 52 51    48 47 46 45 44 43  40 39        32
/// +------------+--+--+--+--+--------+--+-----+--+------+------------+
/// | base 31:24 | G|DB| L|AV| lim19:16| P| DPL | S| type | base 23:16 |
/// +------------+--+--+--+--+--------+--+-----+--+------+------------+
///  31                             16 15                            0
/// +---------------------------------+-------------------------------+
/// |            base 15:0            |           limit 15:0          |
/// +---------------------------------+-------------------------------+
///
/// gates
///  63                             48 47 46 45 44 43  40 39 37 36   32
/// +---------------------------------+--+-----+--+------+-----+------+
/// |           offset 31:16          | P| DPL | 0| type |  0  |params|
/// +---------------------------------+--+-----+--+------+-----+------+
///  31                             16 15                            0
/// +---------------------------------+-------------------------------+
/// |             selector            |          offset 15:0          |
/// +---------------------------------+-------------------------------+
/// ```
public struct SegmentDescriptor: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The descriptor from the two doublewords as they lie in memory.
  @inlinable public init(low: UInt32, high: UInt32) { rawValue = UInt64(high) << 32 | UInt64(low) }

  /// A code, data or system segment.
  ///
  /// - Parameters:
  ///   - limit: the last valid offset; more than 0xFFFFF asks for page granularity, with the low 12 bits taken as ones.
  ///   - type: the four type bits.
  ///   - isCodeOrData: the S bit.
  @inlinable public init(
    base: UInt32, limit: UInt32, type: UInt8, isCodeOrData: Bool = true, dpl: UInt8 = 0, isPresent: Bool = true,
    is32Bit: Bool = true, available: Bool = false
  ) {
    let large = limit > 0xf_ffff
    let raw = large ? limit >> 12 : limit
    var high = base & 0xff00_0000
    high |= raw & 0xf_0000
    high |= (base >> 16) & 0xff
    high |= UInt32(type & 15) << 8
    high |= UInt32(dpl & 3) << 13
    if isCodeOrData { high |= 1 << 12 }
    if isPresent { high |= 1 << 15 }
    if available { high |= 1 << 20 }
    if is32Bit { high |= 1 << 22 }
    if large { high |= 1 << 23 }
    self.init(low: base << 16 | raw & 0xffff, high: high)
  }

  /// A call, interrupt, trap or task gate.
  @inlinable public init(
    gate type: SystemDescriptorType, selector: UInt16, offset: UInt32, dpl: UInt8 = 0, isPresent: Bool = true,
    parameters: UInt8 = 0
  ) {
    var high = offset & 0xffff_0000
    high |= UInt32(parameters & 31)
    high |= UInt32(type.rawValue) << 8
    high |= UInt32(dpl & 3) << 13
    if isPresent { high |= 1 << 15 }
    self.init(low: UInt32(selector) << 16 | offset & 0xffff, high: high)
  }

  /// The doubleword at the lower address.
  @inlinable public var low: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
  /// The doubleword at the higher address.
  @inlinable public var high: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }

  // Common to all kinds.

  /// The four type bits.
  @inlinable public var type: UInt8 { UInt8(truncatingIfNeeded: (high >> 8) & 15) }
  /// S: a code or data segment, rather than a system segment or gate.
  @inlinable public var isCodeOrData: Bool { high & 1 << 12 != 0 }
  /// Descriptor privilege level.
  @inlinable public var dpl: UInt8 { UInt8(truncatingIfNeeded: (high >> 13) & 3) }
  /// P.
  @inlinable public var isPresent: Bool { high & 1 << 15 != 0 }
  /// The kind of a system segment or gate; nil for code and data.
  @inlinable public var systemType: SystemDescriptorType? {
    isCodeOrData ? nil : unsafeBitCast(type, to: SystemDescriptorType.self)
  }

  // Segments.

  /// The segment's first linear address.
  @inlinable public var base: UInt32 { (low >> 16) | (high & 0xff) << 16 | high & 0xff00_0000 }
  /// The limit field's 20 bits, before granularity.
  @inlinable public var rawLimit: UInt32 { low & 0xffff | high & 0xf_0000 }
  /// The limit in bytes: the last valid offset (the last invalid one of an expand-down segment).
  @inlinable public var limit: UInt32 { hasPageGranularity ? rawLimit << 12 | 0xfff : rawLimit }
  /// AVL: software's own.
  @inlinable public var isAvailable: Bool { high & 1 << 20 != 0 }
  /// L: 64-bit code, where long mode is active.
  @inlinable public var isLong: Bool { high & 1 << 21 != 0 }
  /// D/B: 32-bit code, a 32-bit stack pointer, or a 4 GiB upper bound when expand-down.
  @inlinable public var is32Bit: Bool { high & 1 << 22 != 0 }
  /// G: the limit counts pages.
  @inlinable public var hasPageGranularity: Bool { high & 1 << 23 != 0 }

  // Code and data types (S = 1).

  /// A code segment.
  @inlinable public var isCode: Bool { high & 0x1800 == 0x1800 }
  /// A data segment.
  @inlinable public var isData: Bool { high & 0x1800 == 0x1000 }
  /// The segment was loaded into a register.
  @inlinable public var isAccessed: Bool { high & 1 << 8 != 0 }
  /// A data segment that can be written.
  @inlinable public var isWritable: Bool { high & 0x1a00 == 0x1200 }
  /// A segment that can be read: data, or code with R.
  @inlinable public var isReadable: Bool { isData || high & 0x1a00 == 0x1a00 }
  /// A conforming code segment: runs at the caller's privilege.
  @inlinable public var isConforming: Bool { high & 0x1c00 == 0x1c00 }
  /// A data segment whose valid offsets lie above the limit.
  @inlinable public var isExpandDown: Bool { high & 0x1c00 == 0x1400 }

  // Gates.

  /// The selector that a gate leads to.
  @inlinable public var gateSelector: UInt16 { UInt16(truncatingIfNeeded: low >> 16) }
  /// The offset that a gate leads to; a 16-bit gate has no upper half.
  @inlinable public var gateOffset: UInt32 {
    let lower = low & 0xffff
    return type & 8 != 0 ? lower | high & 0xffff_0000 : lower
  }
  /// How many parameters a call gate copies to the inner stack (words or doublewords).
  @inlinable public var gateParameterCount: UInt8 { UInt8(truncatingIfNeeded: high & 31) }
  /// A gate or TSS of the 32-bit kind.
  @inlinable public var isSystem32Bit: Bool { type & 8 != 0 }

  // Changes that the processor makes.

  /// The descriptor with the accessed bit set.
  @inlinable public var markedAccessed: SegmentDescriptor { SegmentDescriptor(rawValue: rawValue | 1 << 40) }
  /// The TSS descriptor with its busy bit set or cleared.
  @inlinable public func markedBusy(_ busy: Bool) -> SegmentDescriptor {
    SegmentDescriptor(rawValue: busy ? rawValue | 1 << 41 : rawValue & ~(1 << 41))
  }
}
