// Near control transfer (SDM 1, 5.1.7), in every mode. Bodies of transfers: EIP is the next instruction's when they
// begin (Dispatch.swift). A target outside the code segment faults before anything is committed.

import ISA

extension CPU {
  /// Goes to an offset of the code segment, cut to the operand size.
  @inline(__always)
  private func go(to target: UInt32, size: UInt8) throws(GuestFault) {
    let eip = try checkedTarget(target, size: size)
    s.pointee.eip = eip
  }

  /// The target as EIP will have it; #GP(0) beyond the limit.
  @inline(__always)
  func checkedTarget(_ target: UInt32, size: UInt8) throws(GuestFault) -> UInt32 {
    let eip = size == 2 ? target & 0xffff : target
    if eip > segment(.cs).pointee.limit { throw .generalProtection(0) }
    return eip
  }

  func jmp(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    try go(to: s.pointee.eip &+ i.pointee.immediate, size: i.pointee.operandSize)
  }

  func jcc(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if flags.holds(i.pointee.condition) {
      try go(to: s.pointee.eip &+ i.pointee.immediate, size: i.pointee.operandSize)
    }
  }

  func jmpIndirect(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    try go(to: readTarget(i), size: i.pointee.operandSize)
  }

  func call(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    try call(s.pointee.eip &+ i.pointee.immediate, size: i.pointee.operandSize)
  }

  func callIndirect(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    try call(readTarget(i), size: i.pointee.operandSize)
  }

  @inline(__always)
  private func call(_ target: UInt32, size: UInt8) throws(GuestFault) {
    let eip = try checkedTarget(target, size: size)
    var stack = StackCursor(self)
    try stack.push(s.pointee.eip, size: size)
    stack.commit()
    s.pointee.eip = eip
  }

  @inline(__always)
  private func readTarget(_ i: UnsafePointer<Instruction>) throws(GuestFault) -> UInt32 {
    i.pointee.operandSize == 2 ? UInt32(try readRM(i, as: UInt16.self)) : try readRM(i, as: UInt32.self)
  }

  func ret(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    var stack = StackCursor(self)
    let target = try stack.pop(size: i.pointee.operandSize)
    let eip = try checkedTarget(target, size: i.pointee.operandSize)
    if i.pointee.form == .imm { stack.skip(i.pointee.immediate) }
    stack.commit()
    s.pointee.eip = eip
  }

  /// LOOP, LOOPE, LOOPNE: the counter is CX or ECX by the address size.
  func loop(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let mask: UInt32 = i.pointee.address16 ? 0xffff : 0xffff_ffff
    let count = (ecx &- 1) & mask
    let wanted: Bool
    switch i.pointee.operation {
    case .loope: wanted = count != 0 && flags.zero
    case .loopne: wanted = count != 0 && !flags.zero
    default: wanted = count != 0
    }
    if wanted { try go(to: s.pointee.eip &+ i.pointee.immediate, size: i.pointee.operandSize) }
    ecx = ecx & ~mask | count
  }

  func jcxz(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if (i.pointee.address16 ? ecx & 0xffff : ecx) == 0 {
      try go(to: s.pointee.eip &+ i.pointee.immediate, size: i.pointee.operandSize)
    }
  }
}
