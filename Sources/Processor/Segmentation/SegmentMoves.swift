// MOV, PUSH and POP of segment registers, and the loads of far pointers (SDM 2: MOV, PUSH, POP, LDS/LES/LFS/LGS/LSS).

import ISA

extension CPU {
  // MARK: Ordinary bodies

  /// MOV r/m, Sreg: 16 bits to memory; a 32-bit register is filled with zeros above.
  func movFromSegment(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let selector = segment(Self.segmentRegister(i.pointee.reg)).pointee.selector
    if !i.pointee.hasMemory, i.pointee.operandSize == 4 {
      setRegister(i.pointee.rm, UInt32(selector))
    } else {
      try writeRM(i, selector)
    }
  }

  /// MOV Sreg, r/m16.
  func movToSegment(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let register = Self.segmentRegister(i.pointee.reg)
    let selector = try readRM(i, as: UInt16.self)
    try loadSegment(register, selector)
    if register == .ss { shadow(after: retired(before: i) &+ 1, debug: true) }
  }

  /// PUSH Sreg. With a 32-bit operand the stack pointer moves by four and only the low half is written, which is what
  /// the manual says of recent processors.
  func pushSegment(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let selector = segment(Self.segmentRegister(i.pointee.reg)).pointee.selector
    var stack = StackCursor(self)
    if i.pointee.operandSize == 4 { stack.skip(UInt32(bitPattern: -2)) }
    try stack.push(selector)
    stack.commit()
  }

  /// POP Sreg. With a 32-bit operand the upper half of the stack's slot is not read.
  func popSegment(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let register = Self.segmentRegister(i.pointee.reg)
    // The old SS decides about SP or ESP, also when it is SS that is popped.
    var stack = StackCursor(self)
    let selector = try stack.pop(UInt16.self)
    if i.pointee.operandSize == 4 { stack.skip(2) }
    try loadSegment(register, selector)
    stack.commit()
    if register == .ss { shadow(after: retired(before: i) &+ 1, debug: true) }
  }

  /// LDS, LES, LSS, LFS, LGS. LSS needs no interrupt shadow: it loads both halves at once.
  func loadFarPointer(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let register: SegmentRegister
    switch i.pointee.operation {
    case .lds: register = .ds
    case .les: register = .es
    case .lss: register = .ss
    case .lfs: register = .fs
    default: register = .gs
    }
    let (selector, offset) = try farPointer(i)
    try loadSegment(register, selector)
    if i.pointee.operandSize == 4 {
      setRegister(i.pointee.reg, offset)
    } else {
      setRegister(i.pointee.reg, UInt16(truncatingIfNeeded: offset))
    }
  }

  // MARK: Parts

  /// Reads a far pointer from memory: the offset (2 or 4 bytes), then the selector.
  func farPointer(_ i: UnsafePointer<Instruction>) throws(GuestFault) -> (selector: UInt16, offset: UInt32) {
    guard i.pointee.hasMemory else { throw .invalidOpcode }
    let start = effectiveAddress(i)
    let size = UInt32(i.pointee.operandSize)
    let end = i.pointee.address16 ? (start &+ size) & 0xffff : start &+ size
    let lower = try linear(i.pointee.segment, start, size: size, write: false)
    let offset =
      size == 4
      ? try load(lower, user: isUser, as: UInt32.self) : UInt32(try load(lower, user: isUser, as: UInt16.self))
    let upper = try linear(i.pointee.segment, end, size: 2, write: false)
    return (try load(upper, user: isUser, as: UInt16.self), offset)
  }

  /// A segment register from an encoding's number (0 to 5; the decoder refuses 6 and 7).
  @inline(__always) static func segmentRegister(_ number: UInt8) -> SegmentRegister {
    SegmentRegister(rawValue: number) ?? .ds
  }
}
