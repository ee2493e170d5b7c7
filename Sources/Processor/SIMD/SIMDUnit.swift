// MMX, SSE and SSE2 (SDM 1, chapters 9 to 11): which instruction is executed how. Each line of `SIMDTable` becomes one
// action, found by its number; what computes is a function of the host's own unit (CHost, simd.c), what moves is here.

import CHost
import ISA

/// How an instruction of `SIMDTable` is executed.
struct SIMDAction: BitwiseCopyable {
  /// Computes; a function that does nothing where nothing is computed.
  var function: chost_simd_function
  var operands: SIMDInstruction.Operands
  var isFloatingPoint: Bool
  var usesMM: Bool
  var usesXmm: Bool
  /// Bytes of the source in memory.
  var memoryBytes: UInt32
}

/// The actions, and whether this host has them.
enum SIMDUnit {
  /// False on hosts that aren't x86: CPUID then offers none of it, and every instruction is #UD.
  static let isAvailable = chost_simd_find("addps") != nil

  /// By number in `SIMDTable`.
  nonisolated(unsafe) static let actions: UnsafePointer<SIMDAction> = {
    let rows = SIMDTable.rows
    let table = UnsafeMutablePointer<SIMDAction>.allocate(capacity: rows.count)
    for (number, row) in rows.enumerated() {
      (table + number).initialize(
        to: SIMDAction(
          function: function(of: row) ?? { _, _, _ in }, operands: row.operands, isFloatingPoint: row.isFloatingPoint,
          usesMM: row.operands.usesMM, usesXmm: row.operands.usesXmm, memoryBytes: UInt32(row.operands.memoryBytes)))
    }
    return UnsafePointer(table)
  }()

  /// The host's function for a line, or nil if it doesn't compute.
  static func function(of row: SIMDInstruction) -> chost_simd_function? {
    let onMM: Bool =
      switch row.operands {
      case .mmFromMM64, .mmFromMM32, .mmFromR16, .r32FromMM, .mmCount: true
      default: false
      }
    if onMM, let own = chost_simd_find(row.mnemonic + ".mm") { return own }
    return chost_simd_find(row.mnemonic)
  }
}

extension GuestFault {
  /// #XM.
  static var simdException: GuestFault { .exception(19) }
}

extension CPU {
  /// Room for two operands.
  @inline(__always) var simdScratch: UnsafeMutablePointer<FloatingPointState.Vector> {
    (raw + MemoryLayout<CPUState>.offset(of: \.simdScratch)!).assumingMemoryBound(to: FloatingPointState.Vector.self)
  }

  @inline(__always) var mxcsr: UnsafeMutablePointer<UInt32> {
    (raw + MemoryLayout<CPUState>.offset(of: \.fpu.mxcsr)!).assumingMemoryBound(to: UInt32.self)
  }

  /// SSE instructions run: CR0.EM and CR0.TS are clear, CR4.OSFXSR is set.
  @inline(__always) var allowsSSE: Bool {
    s.pointee.cr0 & CR0([.em, .ts]).rawValue == 0 && s.pointee.cr4 & CR4.osfxsr.rawValue != 0
  }

  /// Before an instruction on XMM registers (SDM 3A, 13.1).
  @inline(__always) func checkSSE() throws(GuestFault) {
    if allowsSSE { return }
    if s.pointee.cr0 & CR0.em.rawValue != 0 || s.pointee.cr4 & CR4.osfxsr.rawValue == 0 { throw .invalidOpcode }
    throw .deviceNotAvailable
  }

  /// Computes; the destination stays as it is when an unmasked exception is found.
  @inline(__always)
  func compute(
    _ action: UnsafePointer<SIMDAction>, _ destination: UnsafeMutableRawPointer, _ source: UnsafeRawPointer,
    _ immediate: UInt32 = 0
  ) throws(GuestFault) {
    if !action.pointee.isFloatingPoint {
      action.pointee.function(destination, source, immediate)
    } else if chost_simd_float(action.pointee.function, destination, source, immediate, mxcsr) {
      throw simdFault
    }
  }

  /// What an unmasked SIMD floating-point exception is to the guest.
  var simdFault: GuestFault { s.pointee.cr4 & CR4.osxmmexcpt.rawValue != 0 ? .simdException : .invalidOpcode }

  // MARK: Ordinary body

  func simd(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    guard SIMDUnit.isAvailable else { throw .invalidOpcode }
    let action = s.pointee.simdActions + Int(i.pointee.selector)
    if action.pointee.usesXmm { try checkSSE() }
    // CVTPI2PS and CVTPI2PD have nothing to do with the x87 unit when their source is memory.
    if action.pointee.usesMM, !(action.pointee.operands == .xmmFromMM64 && i.pointee.hasMemory) { try checkMMX() }
    let reg = Int(i.pointee.reg)
    let immediate = i.pointee.immediate
    switch action.pointee.operands {
    case .xmmFromXmm128, .xmmFromXmm64, .xmmFromXmm32:
      try compute(action, xmmRegister(reg), xmmSource(i, action), immediate)
    case .mmFromMM64, .mmFromMM32:
      let source = try mmSource(i, action)
      let result = simdScratch + 1
      result.pointee = FloatingPointState.Vector(physicalRegister(reg).pointee.x, 0)
      try compute(action, result, source, immediate)
      enterMMX()
      setMMX(reg, result.pointee.x)
    case .xmmFromMM64: try convertFromMM(i, action)
    case .mmFromXmm64, .mmFromXmm128: try convertToMM(i, action)
    case .xmmFromR32, .xmmFromR16: try compute(action, xmmRegister(reg), generalSource(i, action), immediate)
    case .mmFromR16:
      let source = try generalSource(i, action)
      let result = simdScratch + 1
      result.pointee = physicalRegister(reg).pointee
      try compute(action, result, source, immediate)
      enterMMX()
      setMMX(reg, result.pointee.x)
    case .r32FromXmm32, .r32FromXmm64, .r32FromXmm:
      let result = simdScratch + 1
      try compute(action, result, xmmSource(i, action), immediate)
      setRegister(i.pointee.reg, UInt32(truncatingIfNeeded: result.pointee.x))
    case .r32FromMM:
      let result = simdScratch + 1
      try compute(action, result, mmSource(i, action), immediate)
      enterMMX()
      setRegister(i.pointee.reg, UInt32(truncatingIfNeeded: result.pointee.x))
    case .flagsFromXmm32, .flagsFromXmm64:
      let result = simdScratch + 1
      result.pointee = xmmRegister(reg).pointee
      try compute(action, result, xmmSource(i, action))
      flags = LazyFlags(eflags: UInt32(truncatingIfNeeded: result.pointee.x))
    case .xmmCount:
      simdScratch.pointee = FloatingPointState.Vector(UInt64(immediate), 0)
      try compute(action, xmmRegister(Int(i.pointee.rm)), simdScratch)
    case .mmCount:
      let number = Int(i.pointee.rm)
      simdScratch.pointee = FloatingPointState.Vector(UInt64(immediate), 0)
      let result = simdScratch + 1
      result.pointee = FloatingPointState.Vector(physicalRegister(number).pointee.x, 0)
      try compute(action, result, simdScratch)
      enterMMX()
      setMMX(number, result.pointee.x)
    default: try simdMove(i, action)
    }
  }

  /// CVTPI2PS and CVTPI2PD. The transition to MMX is made before anything is computed, and so even if that ends in #XM.
  private func convertFromMM(_ i: UnsafePointer<Instruction>, _ action: UnsafePointer<SIMDAction>) throws(GuestFault) {
    let source = try mmSource(i, action)
    if !i.pointee.hasMemory { enterMMX() }
    try compute(action, xmmRegister(Int(i.pointee.reg)), source)
  }

  /// CVTPS2PI, CVTPD2PI and their truncating forms.
  private func convertToMM(_ i: UnsafePointer<Instruction>, _ action: UnsafePointer<SIMDAction>) throws(GuestFault) {
    let source = try xmmSource(i, action)
    let result = simdScratch + 1
    result.pointee = FloatingPointState.Vector()
    enterMMX()
    try compute(action, result, source)
    setMMX(Int(i.pointee.reg), result.pointee.x)
  }
}
