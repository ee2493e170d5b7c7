// From a selector to a descriptor in memory, and from a descriptor to what a segment register keeps of it. Every check
// that names a selector in an error code starts here (SDM 3A, 3.4 and 3.5).

import ISA

extension SegmentCache {
  /// What a segment register keeps of a descriptor.
  @inline(__always) init(_ descriptor: SegmentDescriptor, selector: UInt16) {
    self.init(
      selector: selector, base: descriptor.base, limit: descriptor.limit,
      attributes: UInt16(truncatingIfNeeded: descriptor.high >> 8) & 0xf0ff)
  }

  /// A register loaded with a null selector: any use of it faults.
  @inline(__always) static func null(_ selector: UInt16 = 0) -> SegmentCache { SegmentCache(selector: selector) }

  /// The same but for the selector: what runs and what may be accessed don't change.
  @inline(__always) func describesSameSegment(as other: SegmentCache) -> Bool {
    base == other.base && limit == other.limit && attributes == other.attributes
  }
}

extension SegmentDescriptor {
  /// A segment with the S bit that can be loaded into DS, ES, FS or GS.
  @inline(__always) var isLoadableAsData: Bool { isCodeOrData && isReadable }

  /// An available TSS, 16-bit or 32-bit.
  @inline(__always) var isAvailableTSS: Bool { high & 0x1700 == 0x0100 }

  /// A busy TSS, 16-bit or 32-bit.
  @inline(__always) var isBusyTSS: Bool { high & 0x1700 == 0x0300 }
}

extension CPU {
  /// Linear address of the descriptor that a selector names; nil outside the table's limit, or when there is no LDT.
  @inline(__always) func descriptorAddress(_ selector: UInt16) -> UInt32? {
    let offset = UInt32(selector & 0xfff8)
    if selector & 4 == 0 {
      return offset | 7 <= s.pointee.gdtr.limit ? s.pointee.gdtr.base &+ offset : nil
    }
    guard s.pointee.ldtr.isPresent, offset | 7 <= s.pointee.ldtr.limit else { return nil }
    return s.pointee.ldtr.base &+ offset
  }

  /// The descriptor that a selector names.
  /// - Parameter fault: thrown when the selector is outside its table.
  @inline(__always)
  func readDescriptor(_ selector: UInt16, else fault: GuestFault) throws(GuestFault) -> SegmentDescriptor {
    guard let address = descriptorAddress(selector) else { throw fault }
    return SegmentDescriptor(rawValue: try loadSystem(address))
  }

  /// The descriptor that a selector names; #GP(selector) outside the table.
  @inline(__always)
  func readDescriptor(_ selector: UInt16) throws(GuestFault) -> SegmentDescriptor {
    try readDescriptor(selector, else: .generalProtection(Self.errorCode(selector)))
  }

  /// The error code that names a selector.
  @inline(__always) static func errorCode(_ selector: UInt16) -> UInt32 { UInt32(selector & 0xfffc) }

  /// Index and table of a selector are zero: it names no segment, whatever its RPL.
  @inline(__always) static func isNull(_ selector: UInt16) -> Bool { selector & 0xfffc == 0 }

  /// Sets the accessed bit of a code or data descriptor in memory, if it is clear: one locked byte on a processor.
  /// - Returns: the descriptor as it is now in memory.
  @inline(__always)
  func markAccessed(_ descriptor: SegmentDescriptor, _ selector: UInt16) throws(GuestFault) -> SegmentDescriptor {
    if descriptor.isAccessed { return descriptor }
    if let address = descriptorAddress(selector) {
      let marked = descriptor.markedAccessed
      try storeSystem(UInt8(truncatingIfNeeded: marked.high >> 8), address &+ 5)
      return marked
    }
    return descriptor
  }

  /// Writes the busy bit of a TSS descriptor in memory.
  func storeBusy(_ busy: Bool, _ descriptor: SegmentDescriptor, at address: UInt32) throws(GuestFault) {
    try storeSystem(UInt8(truncatingIfNeeded: descriptor.markedBusy(busy).high >> 8), address &+ 5)
  }

  /// Makes a code segment and an offset in it the place to go on. Privilege is the caller's to set; so is the call of
  /// `updateContext()`.
  @inline(__always)
  func enter(_ code: SegmentCache, eip: UInt32) {
    segment(.cs).pointee = code
    s.pointee.eip = eip
  }

  /// Ends a far transfer within a privilege level: `updateContext()` unless the code segment is as it was.
  @inline(__always)
  func finishTransfer(from old: SegmentCache) {
    if !segment(.cs).pointee.describesSameSegment(as: old) { updateContext() }
  }
}
