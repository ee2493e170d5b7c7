// Far RET, and the half of it that IRET shares: going back to a code segment of the same or an outer level
// (SDM 2, RET and IRET/IRETD; SDM 3A, 5.8.6).

import ISA

extension CPU {
  // MARK: Transfer body

  /// RET far, with or without a count of bytes to release.
  func retFar(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let size = i.pointee.operandSize
    let release = i.pointee.form == .imm ? i.pointee.immediate & 0xffff : 0
    let old = segment(.cs).pointee
    var stack = StackCursor(self)
    let eip = try stack.pop(size: size)
    let selector = UInt16(truncatingIfNeeded: try stack.pop(size: size))

    if usesParagraphs {
      let code = paragraphCode(selector)
      if eip > code.limit { throw .generalProtection(0) }
      stack.skip(release)
      stack.commit()
      enter(code, eip: eip)
      return finishTransfer(from: old)
    }

    let code = try returnCode(selector)
    if selector & 3 == UInt16(cpl) {
      if eip > code.limit { throw .generalProtection(0) }
      stack.skip(release)
      stack.commit()
      enter(code, eip: eip)
      return finishTransfer(from: old)
    }

    stack.skip(release)
    let outerESP = try stack.pop(size: size)
    let outerSS = try returnStack(UInt16(truncatingIfNeeded: try stack.pop(size: size)), privilege: UInt8(selector & 3))
    if eip > code.limit { throw .generalProtection(0) }
    enterOuter(code, eip: eip, outerSS, esp: outerESP)
    // The parameters lie on the outer stack too.
    let mask: UInt32 = hasBigStack ? 0xffff_ffff : 0xffff
    esp = esp & ~mask | (esp &+ release) & mask
    updateContext()
  }

  // MARK: Shared with IRET

  /// Checks the code segment that a RET or IRET found on the stack, and gives what CS will hold.
  @inline(__always)
  func returnCode(_ selector: UInt16) throws(GuestFault) -> SegmentCache {
    if Self.isNull(selector) { throw .generalProtection(0) }
    let error = Self.errorCode(selector)
    let descriptor = try readDescriptor(selector)
    let rpl = UInt8(selector & 3)
    guard descriptor.isCode, rpl >= cpl else { throw .generalProtection(error) }
    if descriptor.isConforming ? descriptor.dpl > rpl : descriptor.dpl != rpl { throw .generalProtection(error) }
    if !descriptor.isPresent { throw .segmentNotPresent(error) }
    return SegmentCache(try markAccessed(descriptor, selector), selector: selector)
  }

  /// Checks the stack segment of an outer level that a RET or IRET found on the stack.
  @inline(__always)
  func returnStack(_ selector: UInt16, privilege: UInt8) throws(GuestFault) -> SegmentCache {
    try stackSegment(selector, privilege: privilege)
  }

  /// Commits a return to an outer level: CS:EIP, SS:ESP, privilege, and data segments that the level may not keep.
  /// A 16-bit stack segment takes SP only: the upper half of ESP stays the inner level's. The caller calls
  /// `updateContext()`.
  @inline(__always)
  func enterOuter(_ code: SegmentCache, eip: UInt32, _ stack: SegmentCache, esp newESP: UInt32) {
    s.pointee.cpl = UInt8(code.selector & 3)
    enter(code, eip: eip)
    segment(.ss).pointee = stack
    esp = stack.isBig ? newESP : esp & 0xffff_0000 | newESP & 0xffff
    dropPrivilegedSegment(.es)
    dropPrivilegedSegment(.ds)
    dropPrivilegedSegment(.fs)
    dropPrivilegedSegment(.gs)
  }

  /// Nulls a data segment register that holds data or nonconforming code of a more privileged level.
  @inline(__always)
  private func dropPrivilegedSegment(_ register: SegmentRegister) {
    let held = segment(register).pointee
    // Conforming code (1, C) is open to every level; an unusable register has nothing to hide but its selector.
    if held.attributes & 0x1c != 0x1c, held.privilege < cpl { segment(register).pointee = .null() }
  }
}
