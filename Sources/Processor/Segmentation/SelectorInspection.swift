// The instructions by which a program asks about a selector without loading it (SDM 2: ARPL, LAR, LSL, VERR, VERW;
// SDM 3A, 5.10). They answer in ZF. All are undefined in real-address and virtual-8086 mode.

import ISA

extension CPU {
  // MARK: Ordinary bodies

  /// ARPL: raises the RPL of the destination to that of the source.
  func arpl(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if usesParagraphs { throw .invalidOpcode }
    let source = register(i.pointee.reg, as: UInt16.self)
    if !i.pointee.hasMemory {
      let selector = register(i.pointee.rm, as: UInt16.self)
      let raises = selector & 3 < source & 3
      if raises { setRegister(i.pointee.rm, selector & ~3 | source & 3) }
      setZero(raises)
      return
    }
    let address = try operandAddress(i, size: 2, write: true)
    try checkWritable(address, size: 2, user: isUser)
    let selector: UInt16 = try load(address, user: isUser)
    let raises = selector & 3 < source & 3
    if raises { try store(selector & ~3 | source & 3, address, user: isUser) }
    setZero(raises)
  }

  /// LAR: type, privilege, presence and size bits of a descriptor. The limit's bits 16 to 19, undefined in the manual,
  /// come along, as on processors.
  func lar(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    // Segments, LDT, TSSs, call and task gates.
    guard let descriptor = try visibleDescriptor(i, systemTypes: 0x1a3e) else { return setZero(false) }
    if i.pointee.operandSize == 4 {
      setRegister(i.pointee.reg, descriptor.high & 0x00ff_ff00)
    } else {
      setRegister(i.pointee.reg, UInt16(truncatingIfNeeded: descriptor.high & 0xff00))
    }
    setZero(true)
  }

  /// LSL: the limit in bytes.
  func lsl(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    // Segments, LDT and TSSs.
    guard let descriptor = try visibleDescriptor(i, systemTypes: 0x0a0e) else { return setZero(false) }
    if i.pointee.operandSize == 4 {
      setRegister(i.pointee.reg, descriptor.limit)
    } else {
      setRegister(i.pointee.reg, UInt16(truncatingIfNeeded: descriptor.limit))
    }
    setZero(true)
  }

  /// VERR: may the segment be read from here?
  func verr(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let descriptor = try visibleDescriptor(i, systemTypes: 0)
    setZero(descriptor?.isReadable ?? false)
  }

  /// VERW: may the segment be written from here?
  func verw(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let descriptor = try visibleDescriptor(i, systemTypes: 0)
    setZero(descriptor?.isWritable ?? false)
  }

  // MARK: Parts

  /// The descriptor that the r/m operand names, if privilege lets the program see it.
  /// - Parameter systemTypes: a bit for each type of system descriptor that counts.
  private func visibleDescriptor(
    _ i: UnsafePointer<Instruction>, systemTypes: UInt32
  ) throws(GuestFault) -> SegmentDescriptor? {
    if usesParagraphs { throw .invalidOpcode }
    let selector = try readRM(i, as: UInt16.self)
    guard !Self.isNull(selector), let address = descriptorAddress(selector) else { return nil }
    let descriptor = SegmentDescriptor(rawValue: try loadSystem(address))
    if !descriptor.isCodeOrData, systemTypes >> UInt32(descriptor.type) & 1 == 0 { return nil }
    if !descriptor.isConforming, descriptor.dpl < max(cpl, UInt8(selector & 3)) { return nil }
    return descriptor
  }

  /// Changes ZF alone.
  func setZero(_ zero: Bool) {
    let others = flags.eflags & ~EFlags.zf.rawValue
    flags = LazyFlags(eflags: others | (zero ? EFlags.zf.rawValue : 0))
  }
}
