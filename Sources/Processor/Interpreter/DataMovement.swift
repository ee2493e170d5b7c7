// Data movement (SDM 1, 5.1.1), in every mode. Bodies of ordinary instructions: see Dispatch.swift.

import ISA

extension CPU {
  func mov(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    switch i.pointee.operandSize {
    case 1: try mov(i, UInt8.self)
    case 2: try mov(i, UInt16.self)
    default: try mov(i, UInt32.self)
    }
  }

  @inline(__always)
  private func mov<W: OperandWidth>(_ i: UnsafePointer<Instruction>, _: W.Type) throws(GuestFault) {
    switch i.pointee.form {
    case .regRM: setRegister(i.pointee.reg, try readRM(i, as: W.self))
    case .rmReg: try writeRM(i, register(i.pointee.reg, as: W.self))
    default: try writeRM(i, W(truncatingIfNeeded: i.pointee.immediate))
    }
  }

  func movzx8(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    setExtended(i, UInt32(try readRM(i, as: UInt8.self)))
  }

  func movzx16(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    setExtended(i, UInt32(try readRM(i, as: UInt16.self)))
  }

  func movsx8(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    setExtended(i, try readRM(i, as: UInt8.self).extended)
  }

  func movsx16(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    setExtended(i, try readRM(i, as: UInt16.self).extended)
  }

  @inline(__always) private func setExtended(_ i: UnsafePointer<Instruction>, _ value: UInt32) {
    if i.pointee.operandSize == 2 {
      setRegister(i.pointee.reg, UInt16(truncatingIfNeeded: value))
    } else {
      setRegister(i.pointee.reg, value)
    }
  }

  func xchg(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    switch i.pointee.operandSize {
    case 1: try xchg(i, UInt8.self)
    case 2: try xchg(i, UInt16.self)
    default: try xchg(i, UInt32.self)
    }
  }

  @inline(__always)
  private func xchg<W: OperandWidth>(_ i: UnsafePointer<Instruction>, _: W.Type) throws(GuestFault) {
    let new: W = register(i.pointee.reg)
    let flags = flags
    var old: W = 0
    try modifyRM(i) { (value: W) in
      old = value
      return (new, flags)
    }
    setRegister(i.pointee.reg, old)
  }

  func bswap(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if i.pointee.operandSize == 2 {
      // Undefined by the manual; processors clear the register's lower half.
      setRegister(i.pointee.rm, UInt16(0))
    } else {
      setRegister(i.pointee.rm, register(i.pointee.rm, as: UInt32.self).byteSwapped)
    }
  }

  /// The source is read, and may fault, whether or not the condition holds.
  func cmovcc(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if i.pointee.operandSize == 2 {
      let value = try readRM(i, as: UInt16.self)
      if flags.holds(i.pointee.condition) { setRegister(i.pointee.reg, value) }
    } else {
      let value = try readRM(i, as: UInt32.self)
      if flags.holds(i.pointee.condition) { setRegister(i.pointee.reg, value) }
    }
  }

  func setcc(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    try writeRM(i, UInt8(flags.holds(i.pointee.condition) ? 1 : 0))
  }

  func lea(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    setExtended(i, effectiveAddress(i))
  }

  func xlat(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let mask: UInt32 = i.pointee.address16 ? 0xffff : 0xffff_ffff
    let address = (effectiveAddress(i) &+ UInt32(al)) & mask
    al = try load(linear(i.pointee.segment, address, size: 1, write: false), user: isUser)
  }

  func lahf(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    ah = UInt8(truncatingIfNeeded: flags.eflags & EFlags.sahf.rawValue | EFlags.fixed.rawValue)
  }

  func sahf(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let kept = flags.eflags & EFlags.of.rawValue
    flags = LazyFlags(eflags: UInt32(ah) & EFlags.sahf.rawValue | kept)
  }

  func cbw(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if i.pointee.operandSize == 2 { ax = UInt16(truncatingIfNeeded: al.extended) } else { eax = ax.extended }
  }

  func cwd(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if i.pointee.operandSize == 2 {
      setRegister(2, ax.isNegative ? UInt16.max : 0)
    } else {
      edx = eax.isNegative ? UInt32.max : 0
    }
  }

  func cmpxchg(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    switch i.pointee.operandSize {
    case 1: try cmpxchg(i, UInt8.self)
    case 2: try cmpxchg(i, UInt16.self)
    default: try cmpxchg(i, UInt32.self)
    }
  }

  /// The destination is written in either case: with the old value when the comparison fails.
  @inline(__always)
  private func cmpxchg<W: OperandWidth>(_ i: UnsafePointer<Instruction>, _: W.Type) throws(GuestFault) {
    let accumulator: W = register(0), source: W = register(i.pointee.reg)
    var old: W = 0
    try modifyRM(i) { (value: W) in
      old = value
      let (_, flags) = Arithmetic.sub(accumulator, value)
      return (accumulator == value ? source : value, flags)
    }
    if accumulator != old { setRegister(0, old) }
  }

  func cmpxchg8b(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let address = try operandAddress(i, size: 8, write: true)
    try checkWritable(address, size: 8, user: isUser)
    let old: UInt64 = try load(address, user: isUser)
    let isEqual = old == UInt64(edx) << 32 | UInt64(eax)
    try store(isEqual ? UInt64(ecx) << 32 | UInt64(ebx) : old, address, user: isUser)
    if !isEqual {
      eax = UInt32(truncatingIfNeeded: old)
      edx = UInt32(truncatingIfNeeded: old >> 32)
    }
    let others = flags.eflags & ~EFlags.zf.rawValue
    flags = LazyFlags(eflags: others | (isEqual ? EFlags.zf.rawValue : 0))
  }

  func xadd(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    switch i.pointee.operandSize {
    case 1: try xadd(i, UInt8.self)
    case 2: try xadd(i, UInt16.self)
    default: try xadd(i, UInt32.self)
    }
  }

  @inline(__always)
  private func xadd<W: OperandWidth>(_ i: UnsafePointer<Instruction>, _: W.Type) throws(GuestFault) {
    let source: W = register(i.pointee.reg)
    if i.pointee.hasMemory {
      var old: W = 0
      try modifyRM(i) { (value: W) in
        old = value
        return Arithmetic.add(value, source)
      }
      setRegister(i.pointee.reg, old)
    } else {
      // With the same register twice, the sum is what stays.
      let old: W = register(i.pointee.rm)
      let (sum, flags) = Arithmetic.add(old, source)
      setRegister(i.pointee.reg, old)
      setRegister(i.pointee.rm, sum)
      self.flags = flags
    }
  }
}
