// The stack (SDM 1, chapter 6): ESP or SP by the B bit of SS, every access through SS. An instruction that pushes or
// pops several values works on a cursor and commits the stack pointer last, so that a fault leaves it as it was.

import ISA

/// A stack pointer on its way through one instruction.
struct StackCursor: BitwiseCopyable {
  let cpu: CPU
  /// Zero-extended SP, or ESP.
  var pointer: UInt32
  private let mask: UInt32

  @inline(__always) init(_ cpu: CPU) {
    self.cpu = cpu
    mask = cpu.hasBigStack ? 0xffff_ffff : 0xffff
    pointer = cpu.esp & mask
  }

  @inline(__always) mutating func push<W: OperandWidth>(_ value: W) throws(GuestFault) {
    let size = UInt32(W.bitWidth / 8)
    let next = (pointer &- size) & mask
    try cpu.store(value, cpu.linear(.ss, next, size: size, write: true), user: cpu.isUser)
    pointer = next
  }

  @inline(__always) mutating func pop<W: OperandWidth>(_: W.Type = W.self) throws(GuestFault) -> W {
    let size = UInt32(W.bitWidth / 8)
    let value: W = try cpu.load(cpu.linear(.ss, pointer, size: size, write: false), user: cpu.isUser)
    pointer = (pointer &+ size) & mask
    return value
  }

  /// Pushes `value` with an operand size of 2 or 4 bytes.
  @inline(__always) mutating func push(_ value: UInt32, size: UInt8) throws(GuestFault) {
    if size == 2 { try push(UInt16(truncatingIfNeeded: value)) } else { try push(value) }
  }

  /// Pops 2 or 4 bytes, zero-extended.
  @inline(__always) mutating func pop(size: UInt8) throws(GuestFault) -> UInt32 {
    size == 2 ? UInt32(try pop(UInt16.self)) : try pop(UInt32.self)
  }

  /// Steps over `count` bytes.
  @inline(__always) mutating func skip(_ count: UInt32) { pointer = (pointer &+ count) & mask }

  /// Makes the new stack pointer the processor's: ESP, or SP with ESP's upper half unchanged.
  @inline(__always) func commit() {
    cpu.esp = cpu.esp & ~mask | pointer
  }
}
