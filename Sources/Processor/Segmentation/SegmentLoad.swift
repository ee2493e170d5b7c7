// What happens when a segment register gets a selector: a paragraph in real-address and virtual-8086 mode, a descriptor
// with all its checks in protected mode (SDM 2, MOV; SDM 3A, 3.4.4, 5.5 to 5.7, 20.1.1).

import ISA

extension CPU {
  /// Loads DS, ES, FS, GS or SS as MOV, POP and LDS do. Nothing has changed when it throws.
  func loadSegment(_ register: SegmentRegister, _ selector: UInt16) throws(GuestFault) {
    if usesParagraphs { return loadParagraph(register, selector) }
    let loaded =
      register == .ss ? try stackSegment(selector, privilege: cpl) : try dataSegment(selector)
    setSegment(register, loaded)
  }

  /// Puts a segment register in place, and the mode up to date if it depends on that.
  @inline(__always)
  func setSegment(_ register: SegmentRegister, _ loaded: SegmentCache) {
    let old = segment(register).pointee
    segment(register).pointee = loaded
    // Of FS and GS the mode has only whether they are open.
    let same =
      register.rawValue < SegmentRegister.fs.rawValue
      ? old.describesSameSegment(as: loaded) : old.isOpenData == loaded.isOpenData
    if !same { updateContext() }
  }

  /// A load in real-address or virtual-8086 mode.
  func loadParagraph(_ register: SegmentRegister, _ selector: UInt16) {
    var loaded = segment(register).pointee
    let old = loaded
    loadParagraph(&loaded, selector)
    segment(register).pointee = loaded
    if !loaded.describesSameSegment(as: old) { updateContext() }
  }

  /// What a paragraph load leaves in a segment register. Real-address mode writes selector and base; limit, size and
  /// type stay what protected mode made them, which is how "big real mode" comes about. Virtual-8086 mode sets all.
  @inline(__always)
  func loadParagraph(_ segment: inout SegmentCache, _ selector: UInt16) {
    segment.selector = selector
    segment.base = UInt32(selector) << 4
    if isVirtual8086 {
      segment.limit = 0xffff
      segment.attributes = Self.virtual8086Attributes
    } else {
      // Present, and code or data, though a null selector may have been there before.
      segment.attributes |= 0x90
    }
  }

  /// Present, DPL 3, data, writable, accessed; 16-bit.
  static let virtual8086Attributes: UInt16 = 0xf3

  /// Checks a selector for DS, ES, FS or GS and gives what the register will hold.
  @inline(__always)
  func dataSegment(_ selector: UInt16) throws(GuestFault) -> SegmentCache {
    if Self.isNull(selector) { return .null(selector) }
    let code = Self.errorCode(selector)
    let descriptor = try readDescriptor(selector)
    guard descriptor.isLoadableAsData else { throw .generalProtection(code) }
    if !descriptor.isConforming, descriptor.dpl < max(cpl, UInt8(selector & 3)) { throw .generalProtection(code) }
    if !descriptor.isPresent { throw .segmentNotPresent(code) }
    return SegmentCache(try markAccessed(descriptor, selector), selector: selector)
  }

  /// Checks a selector for SS at a privilege and gives what the register will hold.
  @inline(__always)
  func stackSegment(_ selector: UInt16, privilege: UInt8) throws(GuestFault) -> SegmentCache {
    if Self.isNull(selector) { throw .generalProtection(0) }
    let code = Self.errorCode(selector)
    let descriptor = try readDescriptor(selector)
    guard selector & 3 == UInt16(privilege), descriptor.isWritable, descriptor.dpl == privilege else {
      throw .generalProtection(code)
    }
    if !descriptor.isPresent { throw .stackFault(code) }
    return SegmentCache(try markAccessed(descriptor, selector), selector: selector)
  }
}
