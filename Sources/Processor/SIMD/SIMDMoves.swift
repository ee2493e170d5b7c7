// Moves between XMM, MMX and general registers and memory, and what controls the units: MXCSR, EMMS, fences, CLFLUSH.
// Non-temporal stores are stores: there is no cache that they could go around.

import ISA

extension CPU {
  /// The instructions of `SIMDTable` that don't compute, once the unit was found ready.
  func simdMove(_ i: UnsafePointer<Instruction>, _ action: UnsafePointer<SIMDAction>) throws(GuestFault) {
    let register = xmmRegister(Int(i.pointee.reg))
    let other = xmmRegister(Int(i.pointee.rm & 7))
    let isMemory = i.pointee.hasMemory
    switch action.pointee.operands {
    // 16 bytes
    case .loadAligned: register.pointee = isMemory ? try loadAligned128(i) : other.pointee
    case .loadUnaligned:
      register.pointee = isMemory ? try load128(operandAddress(i, size: 16, write: false)) : other.pointee
    case .storeAligned:
      if isMemory { try store128(register.pointee, alignedAddress(i, write: true)) } else { other.pointee = register.pointee }
    case .storeUnaligned:
      if isMemory {
        try store128(register.pointee, operandAddress(i, size: 16, write: true))
      } else {
        other.pointee = register.pointee
      }
    // Scalars: a load clears the rest of the register, a move between registers keeps it.
    case .loadSingle:
      if isMemory {
        register.pointee = FloatingPointState.Vector(UInt64(try loadOperand(i, UInt32.self)), 0)
      } else {
        register.pointee.x = register.pointee.x & ~0xffff_ffff | other.pointee.x & 0xffff_ffff
      }
    case .storeSingle:
      if isMemory {
        try writeRM(i, UInt32(truncatingIfNeeded: register.pointee.x))
      } else {
        other.pointee.x = other.pointee.x & ~0xffff_ffff | register.pointee.x & 0xffff_ffff
      }
    case .loadDouble:
      if isMemory {
        register.pointee = FloatingPointState.Vector(try loadOperand(i, UInt64.self), 0)
      } else {
        register.pointee.x = other.pointee.x
      }
    case .storeDouble:
      if isMemory { try storeOperand(i, register.pointee.x) } else { other.pointee.x = register.pointee.x }
    // Halves
    case .loadLow: register.pointee.x = isMemory ? try loadOperand(i, UInt64.self) : other.pointee.y
    case .loadHigh: register.pointee.y = isMemory ? try loadOperand(i, UInt64.self) : other.pointee.x
    case .storeLow: try storeOperand(i, register.pointee.x)
    case .storeHigh: try storeOperand(i, register.pointee.y)
    // MOVD, MOVQ
    case .xmmFromR32Move:
      register.pointee = FloatingPointState.Vector(UInt64(try readRM(i, as: UInt32.self)), 0)
    case .r32FromXmmMove: try writeRM(i, UInt32(truncatingIfNeeded: register.pointee.x))
    case .loadQuadword:
      register.pointee = FloatingPointState.Vector(isMemory ? try loadOperand(i, UInt64.self) : other.pointee.x, 0)
    case .storeQuadword:
      if isMemory {
        try storeOperand(i, register.pointee.x)
      } else {
        other.pointee = FloatingPointState.Vector(register.pointee.x, 0)
      }
    default: try mmMove(i, action)
    }
  }

  private func mmMove(_ i: UnsafePointer<Instruction>, _ action: UnsafePointer<SIMDAction>) throws(GuestFault) {
    let reg = Int(i.pointee.reg)
    let rm = Int(i.pointee.rm & 7)
    let isMemory = i.pointee.hasMemory
    switch action.pointee.operands {
    case .mmFromR32Move:
      let value: UInt32 = try readRM(i)
      enterMMX()
      setMMX(reg, UInt64(value))
    case .r32FromMMMove:
      try writeRM(i, UInt32(truncatingIfNeeded: physicalRegister(reg).pointee.x))
      enterMMX()
    case .loadMM:
      let value = isMemory ? try loadOperand(i, UInt64.self) : physicalRegister(rm).pointee.x
      enterMMX()
      setMMX(reg, value)
    case .storeMM:
      let value = physicalRegister(reg).pointee.x
      if isMemory { try storeOperand(i, value) }
      enterMMX()
      if !isMemory { setMMX(rm, value) }
    case .xmmFromMMMove:
      xmmRegister(reg).pointee = FloatingPointState.Vector(physicalRegister(rm).pointee.x, 0)
      enterMMX()
    case .mmFromXmmMove:
      enterMMX()
      setMMX(reg, xmmRegister(rm).pointee.x)
    case .maskedXmm: try storeMasked(i, xmmRegister(reg).pointee, mask: xmmRegister(rm).pointee, bytes: 16)
    case .maskedMM:
      let value = FloatingPointState.Vector(physicalRegister(reg).pointee.x, 0)
      let mask = FloatingPointState.Vector(physicalRegister(rm).pointee.x, 0)
      // The transition comes before the access: the CPU that was asked (an AMD) has made it when it raises a fault.
      enterMMX()
      try storeMasked(i, value, mask: mask, bytes: 8)
    case .storeR32: try writeRM(i, register(i.pointee.reg, as: UInt32.self))
    case .emptyMM:
      fpu.pointee.top = 0
      fpu.pointee.occupied = 0
    case .loadControl:
      let value: UInt32 = try loadOperand(i, UInt32.self)
      if value & ~Self.mxcsrMask != 0 { throw .generalProtection(0) }
      mxcsr.pointee = value
    case .storeControl: try writeRM(i, mxcsr.pointee)
    case .fence: break
    case .flushLine:
      // With a register it is SFENCE. With memory it faults as a load of a byte does.
      if isMemory { _ = try route(operandAddress(i, size: 1, write: false), write: false, user: isUser) }
    default: throw .invalidOpcode
    }
  }

  /// The bits of MXCSR that exist: FXSAVE's MXCSR_MASK.
  static let mxcsrMask: UInt32 = 0xffff

  @inline(__always)
  private func storeOperand(_ i: UnsafePointer<Instruction>, _ value: UInt64) throws(GuestFault) {
    try store(value, operandAddress(i, size: 8, write: true), user: isUser)
  }

  /// MASKMOVQ and MASKMOVDQU: the bytes whose mask has its top bit go to (E)DI. Whether the others may fault is left
  /// to the model (SDM 2, MASKMOVDQU); they do, as on the CPU that was asked.
  private func storeMasked(
    _ i: UnsafePointer<Instruction>, _ value: FloatingPointState.Vector, mask: FloatingPointState.Vector, bytes: UInt32
  ) throws(GuestFault) {
    let start = i.pointee.address16 ? edi & 0xffff : edi
    func byte(_ n: UInt32, of vector: FloatingPointState.Vector) -> UInt8 {
      UInt8(truncatingIfNeeded: (n < 8 ? vector.x : vector.y) >> UInt64((n & 7) * 8))
    }
    let user = isUser
    let linear = try linear(i.pointee.segment, start, size: bytes, write: true)
    try checkWritable(linear, size: bytes, user: user)
    for n in 0..<bytes where byte(n, of: mask) & 0x80 != 0 {
      try store(byte(n, of: value), linear &+ n, user: user)
    }
  }
}
