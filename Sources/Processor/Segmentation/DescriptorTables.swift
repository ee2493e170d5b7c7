// The registers that say where descriptors are: GDTR, IDTR, LDTR, TR (SDM 2: LGDT/LIDT, SGDT, SIDT, LLDT, SLDT, LTR,
// STR; SDM 3A, 2.4).

import ISA

extension CPU {
  // MARK: Transfer bodies

  func lgdt(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    s.pointee.gdtr = try pseudoDescriptor(i)
  }

  func lidt(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    s.pointee.idtr = try pseudoDescriptor(i)
  }

  func lldt(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if usesParagraphs { throw .invalidOpcode }
    if cpl != 0 { throw .generalProtection(0) }
    let selector = try readRM(i, as: UInt16.self)
    if Self.isNull(selector) {
      s.pointee.ldtr = .null(selector)
      return
    }
    let code = Self.errorCode(selector)
    guard selector & 4 == 0 else { throw .generalProtection(code) }
    let descriptor = try readDescriptor(selector)
    guard descriptor.systemType == .ldt else { throw .generalProtection(code) }
    if !descriptor.isPresent { throw .segmentNotPresent(code) }
    s.pointee.ldtr = SegmentCache(descriptor, selector: selector)
  }

  func ltr(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if usesParagraphs { throw .invalidOpcode }
    if cpl != 0 { throw .generalProtection(0) }
    let selector = try readRM(i, as: UInt16.self)
    let code = Self.errorCode(selector)
    if Self.isNull(selector) { throw .generalProtection(0) }
    guard selector & 4 == 0, let address = descriptorAddress(selector) else { throw .generalProtection(code) }
    let descriptor = SegmentDescriptor(rawValue: try loadSystem(address))
    guard descriptor.isAvailableTSS else { throw .generalProtection(code) }
    if !descriptor.isPresent { throw .segmentNotPresent(code) }
    try storeBusy(true, descriptor, at: address)
    s.pointee.tr = SegmentCache(descriptor.markedBusy(true), selector: selector)
  }

  // MARK: Ordinary bodies

  func sgdt(_ i: UnsafePointer<Instruction>) throws(GuestFault) { try storePseudoDescriptor(s.pointee.gdtr, i) }

  func sidt(_ i: UnsafePointer<Instruction>) throws(GuestFault) { try storePseudoDescriptor(s.pointee.idtr, i) }

  func sldt(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if usesParagraphs { throw .invalidOpcode }
    try storeSelector(s.pointee.ldtr.selector, i)
  }

  func str(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if usesParagraphs { throw .invalidOpcode }
    try storeSelector(s.pointee.tr.selector, i)
  }

  // MARK: Parts

  /// A limit and a base, six bytes; a 16-bit operand size takes 24 bits of the base.
  private func pseudoDescriptor(_ i: UnsafePointer<Instruction>) throws(GuestFault) -> DescriptorTable {
    guard i.pointee.hasMemory else { throw .invalidOpcode }
    if cpl != 0 { throw .generalProtection(0) }
    let address = try operandAddress(i, size: 6, write: false)
    let limit: UInt16 = try load(address, user: isUser)
    let base: UInt32 = try load(address &+ 2, user: isUser)
    return DescriptorTable(base: i.pointee.operandSize == 4 ? base : base & 0x00ff_ffff, limit: UInt32(limit))
  }

  /// The manual has a 16-bit operand size store 24 bits of the base; processors store 32.
  private func storePseudoDescriptor(
    _ table: DescriptorTable, _ i: UnsafePointer<Instruction>
  ) throws(GuestFault) {
    guard i.pointee.hasMemory else { throw .invalidOpcode }
    let address = try operandAddress(i, size: 6, write: true)
    try checkWritable(address, size: 6, user: isUser)
    try store(UInt16(truncatingIfNeeded: table.limit), address, user: isUser)
    try store(table.base, address &+ 2, user: isUser)
  }

  /// 16 bits to memory; a 32-bit register is filled with zeros above.
  private func storeSelector(_ selector: UInt16, _ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if !i.pointee.hasMemory, i.pointee.operandSize == 4 {
      setRegister(i.pointee.rm, UInt32(selector))
    } else {
      try writeRM(i, selector)
    }
  }
}
