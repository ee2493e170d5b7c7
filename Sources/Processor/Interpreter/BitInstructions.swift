// Bit tests and scans (SDM 1, 5.1.6). With a register bit offset and a memory operand, the bit string reaches 2 GiB
// either way from the operand's address.

import ISA

/// What BT, BTS, BTR, BTC do to the tested bit.
protocol BitOperation {
  static var writes: Bool { get }
  static func apply<W: OperandWidth>(_ value: W, _ bit: W) -> W
}
enum BitTest: BitOperation {
  static let writes = false
  @inline(__always) static func apply<W: OperandWidth>(_ value: W, _ bit: W) -> W { value }
}
enum BitSet: BitOperation {
  static let writes = true
  @inline(__always) static func apply<W: OperandWidth>(_ value: W, _ bit: W) -> W { value | bit }
}
enum BitReset: BitOperation {
  static let writes = true
  @inline(__always) static func apply<W: OperandWidth>(_ value: W, _ bit: W) -> W { value & ~bit }
}
enum BitComplement: BitOperation {
  static let writes = true
  @inline(__always) static func apply<W: OperandWidth>(_ value: W, _ bit: W) -> W { value ^ bit }
}

extension CPU {
  @inline(__always)
  func bit<O: BitOperation>(_ i: UnsafePointer<Instruction>, _: O.Type) throws(GuestFault) {
    if i.pointee.operandSize == 2 { try bit(i, O.self, UInt16.self) } else { try bit(i, O.self, UInt32.self) }
  }

  @inline(__always)
  private func bit<O: BitOperation, W: OperandWidth>(
    _ i: UnsafePointer<Instruction>, _: O.Type, _: W.Type
  ) throws(GuestFault) {
    let size = UInt32(W.bitWidth / 8)
    let offset: W =
      i.pointee.form == .rmReg ? register(i.pointee.reg) : W(truncatingIfNeeded: i.pointee.immediate)
    let bit = W(1) &<< offset
    let old: W
    if !i.pointee.hasMemory {
      old = register(i.pointee.rm)
      if O.writes { setRegister(i.pointee.rm, O.apply(old, bit)) }
    } else {
      var address = effectiveAddress(i)
      if i.pointee.form == .rmReg {
        // The signed offset selects an operand-sized cell beside the addressed one.
        let cells = Int32(truncatingIfNeeded: W.Signed(truncatingIfNeeded: offset)) >> (W.bitWidth == 16 ? 4 : 5)
        address = address &+ UInt32(bitPattern: cells) &* size
        if i.pointee.address16 { address &= 0xffff }
      }
      let place = try linear(i.pointee.segment, address, size: size, write: O.writes)
      if O.writes { try checkWritable(place, size: size, user: isUser) }
      old = try load(place, user: isUser)
      if O.writes { try store(O.apply(old, bit), place, user: isUser) }
    }
    // Only CF is defined; the others stay.
    flags = flags.with(carry: old & bit != 0, overflow: flags.overflow)
  }

  func bsf(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if i.pointee.operandSize == 2 {
      let value: UInt16 = try readRM(i)
      setScan(i, value, UInt16(truncatingIfNeeded: value.trailingZeroBitCount))
    } else {
      let value: UInt32 = try readRM(i)
      setScan(i, value, UInt32(truncatingIfNeeded: value.trailingZeroBitCount))
    }
  }

  func bsr(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if i.pointee.operandSize == 2 {
      let value: UInt16 = try readRM(i)
      setScan(i, value, 15 &- UInt16(truncatingIfNeeded: value.leadingZeroBitCount))
    } else {
      let value: UInt32 = try readRM(i)
      setScan(i, value, 31 &- UInt32(truncatingIfNeeded: value.leadingZeroBitCount))
    }
  }

  /// A zero source sets ZF and leaves the destination alone, as every processor does.
  @inline(__always)
  private func setScan<W: OperandWidth>(_ i: UnsafePointer<Instruction>, _ source: W, _ found: W) {
    if source != 0 { setRegister(i.pointee.reg, found) }
    flags = Arithmetic.scanned(isZero: source == 0)
  }
}
