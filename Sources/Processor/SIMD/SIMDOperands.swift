// Operands of SIMD instructions: registers where they lie, memory of up to 16 bytes copied into place. Nothing is
// committed before every byte was found accessible.

import ISA

extension CPU {
  /// A source of an XMM instruction: 16 bytes of which those beyond `memoryBytes` are zero when it is memory.
  @inline(__always)
  func xmmSource(_ i: UnsafePointer<Instruction>, _ action: UnsafePointer<SIMDAction>) throws(GuestFault) -> UnsafeRawPointer {
    if !i.pointee.hasMemory { return UnsafeRawPointer(xmmRegister(Int(i.pointee.rm))) }
    switch action.pointee.memoryBytes {
    case 16: simdScratch.pointee = try loadAligned128(i)
    case 8: simdScratch.pointee = FloatingPointState.Vector(try loadOperand(i, UInt64.self), 0)
    default: simdScratch.pointee = FloatingPointState.Vector(UInt64(try loadOperand(i, UInt32.self)), 0)
    }
    return UnsafeRawPointer(simdScratch)
  }

  /// A source of an MMX instruction, extended with zeros.
  @inline(__always)
  func mmSource(_ i: UnsafePointer<Instruction>, _ action: UnsafePointer<SIMDAction>) throws(GuestFault) -> UnsafeRawPointer {
    let value: UInt64
    if !i.pointee.hasMemory {
      value = physicalRegister(Int(i.pointee.rm & 7)).pointee.x
    } else if action.pointee.memoryBytes == 8 {
      value = try loadOperand(i, UInt64.self)
    } else {
      value = UInt64(try loadOperand(i, UInt32.self))
    }
    simdScratch.pointee = FloatingPointState.Vector(value, 0)
    return UnsafeRawPointer(simdScratch)
  }

  /// A general register or memory, extended with zeros.
  func generalSource(_ i: UnsafePointer<Instruction>, _ action: UnsafePointer<SIMDAction>) throws(GuestFault) -> UnsafeRawPointer {
    let value =
      action.pointee.memoryBytes == 2 && i.pointee.hasMemory
      ? UInt32(try loadOperand(i, UInt16.self)) : try readRM(i, as: UInt32.self)
    simdScratch.pointee = FloatingPointState.Vector(UInt64(value), 0)
    return UnsafeRawPointer(simdScratch)
  }

  /// The memory operand.
  @inline(__always)
  func loadOperand<W: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ i: UnsafePointer<Instruction>, _: W.Type
  ) throws(GuestFault) -> W {
    try load(operandAddress(i, size: UInt32(W.bitWidth / 8), write: false), user: isUser)
  }

  /// The 16 bytes of the memory operand; #GP(0) if they aren't at a multiple of 16.
  @inline(__always)
  func loadAligned128(_ i: UnsafePointer<Instruction>) throws(GuestFault) -> FloatingPointState.Vector {
    try load128(alignedAddress(i, write: false))
  }

  /// The linear address of an operand that must be at a multiple of 16. #GP comes before a page fault, and before an
  /// alignment check.
  @inline(__always)
  func alignedAddress(_ i: UnsafePointer<Instruction>, write: Bool) throws(GuestFault) -> UInt32 {
    let offset = effectiveAddress(i)
    if (segment(i.pointee.segment).pointee.base &+ offset) & 15 != 0 { try misaligned(i, offset, write: write) }
    return try linear(i.pointee.segment, offset, size: 16, write: write)
  }

  /// #GP(0), unless the segment has a fault of its own.
  @inline(never)
  private func misaligned(_ i: UnsafePointer<Instruction>, _ offset: UInt32, write: Bool) throws(GuestFault) {
    do {
      _ = try linear(i.pointee.segment, offset, size: 16, write: write)
    } catch {
      if error.vector == GuestFault.stackFault(0).vector { throw error }
    }
    throw .generalProtection(0)
  }

  /// Loads 16 bytes. Both pages of an operand that crosses into a second are looked at before either is read.
  @inline(__always)
  func load128(_ linear: UInt32) throws(GuestFault) -> FloatingPointState.Vector {
    let user = isUser
    if linear & 0xfff > 0xff0 {
      _ = try route(linear, write: false, user: user)
      _ = try route((linear &+ 15) & ~0xfff, write: false, user: user)
    }
    let low: UInt64 = try load(linear, user: user)
    let high: UInt64 = try load(linear &+ 8, user: user)
    return FloatingPointState.Vector(low, high)
  }

  /// Stores 16 bytes, all or none.
  @inline(__always)
  func store128(_ value: FloatingPointState.Vector, _ linear: UInt32) throws(GuestFault) {
    let user = isUser
    try checkWritable(linear, size: 16, user: user)
    try store(value.x, linear, user: user)
    try store(value.y, linear &+ 8, user: user)
  }
}
