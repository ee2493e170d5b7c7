// Far JMP and CALL: to a paragraph, to a code segment, through a call gate, to a task (SDM 2, JMP and CALL; SDM 3A,
// 5.8.1 to 5.8.4). Gates to inner levels are in CallGate.swift, tasks in TaskSwitch.swift.

import ISA

extension CPU {
  // MARK: Transfer bodies

  func jmpFar(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    try jump(i.pointee.selector, i.pointee.immediate)
  }

  func jmpFarIndirect(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let target = try farPointer(i)
    try jump(target.selector, target.offset)
  }

  func callFar(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    try call(i.pointee.selector, i.pointee.immediate, size: i.pointee.operandSize)
  }

  func callFarIndirect(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let target = try farPointer(i)
    try call(target.selector, target.offset, size: i.pointee.operandSize)
  }

  // MARK: The two verbs

  private func jump(_ selector: UInt16, _ offset: UInt32) throws(GuestFault) {
    let old = segment(.cs).pointee
    if usesParagraphs {
      let code = paragraphCode(selector)
      if offset > code.limit { throw .generalProtection(0) }
      enter(code, eip: offset)
      return finishTransfer(from: old)
    }
    if Self.isNull(selector) { throw .generalProtection(0) }
    let descriptor = try readDescriptor(selector)
    if descriptor.isCodeOrData {
      let code = try directCode(descriptor, selector)
      if offset > code.limit { throw .generalProtection(0) }
      enter(code, eip: offset)
      return finishTransfer(from: old)
    }
    try transferThroughSystemDescriptor(descriptor, selector, isCall: false)
  }

  private func call(_ selector: UInt16, _ offset: UInt32, size: UInt8) throws(GuestFault) {
    let old = segment(.cs).pointee
    var code: SegmentCache
    if usesParagraphs {
      code = paragraphCode(selector)
    } else {
      if Self.isNull(selector) { throw .generalProtection(0) }
      let descriptor = try readDescriptor(selector)
      if !descriptor.isCodeOrData {
        return try transferThroughSystemDescriptor(descriptor, selector, isCall: true)
      }
      code = try directCode(descriptor, selector)
    }
    var stack = StackCursor(self)
    try stack.push(UInt32(old.selector), size: size)
    try stack.push(s.pointee.eip, size: size)
    if offset > code.limit { throw .generalProtection(0) }
    stack.commit()
    enter(code, eip: offset)
    finishTransfer(from: old)
  }

  // MARK: Where a selector leads

  /// CS after a paragraph load.
  func paragraphCode(_ selector: UInt16) -> SegmentCache {
    var code = segment(.cs).pointee
    loadParagraph(&code, selector)
    return code
  }

  /// A code segment that JMP or CALL names directly: privilege stays as it is.
  func directCode(_ descriptor: SegmentDescriptor, _ selector: UInt16) throws(GuestFault) -> SegmentCache {
    let error = Self.errorCode(selector)
    guard descriptor.isCode else { throw .generalProtection(error) }
    if descriptor.isConforming {
      if descriptor.dpl > cpl { throw .generalProtection(error) }
    } else if selector & 3 > UInt16(cpl) || descriptor.dpl != cpl {
      throw .generalProtection(error)
    }
    if !descriptor.isPresent { throw .segmentNotPresent(error) }
    return SegmentCache(try markAccessed(descriptor, selector), selector: selector & ~3 | UInt16(cpl))
  }

  /// JMP or CALL to what isn't a code segment: a gate or a TSS.
  private func transferThroughSystemDescriptor(
    _ descriptor: SegmentDescriptor, _ selector: UInt16, isCall: Bool
  ) throws(GuestFault) {
    let error = Self.errorCode(selector)
    guard let type = descriptor.systemType else { throw .generalProtection(error) }
    let isPrivileged = descriptor.dpl >= cpl && descriptor.dpl >= UInt8(selector & 3)
    switch type {
    case .callGate16, .callGate32:
      guard isPrivileged else { throw .generalProtection(error) }
      if !descriptor.isPresent { throw .segmentNotPresent(error) }
      try transferThroughCallGate(descriptor, isCall: isCall)
    case .taskGate:
      guard isPrivileged else { throw .generalProtection(error) }
      if !descriptor.isPresent { throw .segmentNotPresent(error) }
      try switchTask(throughGateTo: descriptor.gateSelector, isCall ? .call : .jump, external: 0)
    case .tss16Available, .tss32Available:
      // A TSS descriptor has its place in the GDT only.
      guard isPrivileged, selector & 4 == 0 else { throw .generalProtection(error) }
      if !descriptor.isPresent { throw .segmentNotPresent(error) }
      try switchTask(to: selector, descriptor, isCall ? .call : .jump, external: 0)
    default:
      throw .generalProtection(error)
    }
  }
}
