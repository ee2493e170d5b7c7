// Fast handlers of the SIMD instructions that compiled code is full of: arithmetic and moves on XMM registers, flat 32-bit
// code (FastPath.swift). What they don't find as they want it (a TLB miss, a unit switched off, an operand out of line)
// is left to the general handler.

import CHost
import ISA

/// The choice among them, made when a block is.
struct SIMDFastHandlers {
  private typealias Operands = SIMDInstruction.Operands

  /// Gives a step its fast handler, if the instruction has one. Registers in the step are byte offsets from XMM0.
  func specialise(_ step: inout Step, _ i: Instruction) {
    guard SIMDUnit.isAvailable else { return }
    let action = SIMDUnit.actions[Int(i.selector)]
    guard let handler = handler(action, i) else { return }
    step.handler = handler
    step.link = unsafeBitCast(action.function, to: UnsafeMutableRawPointer.self)
    step.reg = i.reg << 4
    step.rm = (i.rm & 7) << 4
  }

  private func handler(_ action: SIMDAction, _ i: Instruction) -> Handler? {
    let isIndexed = i.index != Instruction.noRegister
    switch (action.operands, i.hasMemory) {
    case (.xmmFromXmm128, false), (.xmmFromXmm64, false), (.xmmFromXmm32, false):
      return action.isFloatingPoint ? Self.floatRegister : Self.plainRegister
    case (.xmmFromXmm128, true):
      if action.isFloatingPoint { return isIndexed ? Self.float128Indexed : Self.float128Based }
      return isIndexed ? Self.plain128Indexed : Self.plain128Based
    case (.xmmFromXmm64, true) where action.isFloatingPoint: return isIndexed ? Self.float64Indexed : Self.float64Based
    case (.xmmFromXmm32, true) where action.isFloatingPoint: return isIndexed ? Self.float32Indexed : Self.float32Based
    case (.loadAligned, false), (.loadUnaligned, false): return Self.copyRegister
    case (.loadAligned, true): return isIndexed ? Self.loadAlignedIndexed : Self.loadAlignedBased
    case (.loadUnaligned, true): return isIndexed ? Self.loadUnalignedIndexed : Self.loadUnalignedBased
    case (.storeAligned, true): return isIndexed ? Self.storeAlignedIndexed : Self.storeAlignedBased
    case (.storeUnaligned, true): return isIndexed ? Self.storeUnalignedIndexed : Self.storeUnalignedBased
    case (.loadDouble, true), (.loadQuadword, true): return isIndexed ? Self.load64Indexed : Self.load64Based
    case (.storeDouble, true), (.storeQuadword, true), (.storeLow, true):
      return isIndexed ? Self.store64Indexed : Self.store64Based
    case (.loadSingle, true): return isIndexed ? Self.load32Indexed : Self.load32Based
    case (.storeSingle, true): return isIndexed ? Self.store32Indexed : Self.store32Based
    default: return nil
    }
  }

  private static let floatRegister: Handler = { c, step in
    guard CPU(c).allowsSSE else { return slowly(c, step) }
    finishFloat(c, step, xmm(c, operands(step).pointee.rm))
  }
  private static let plainRegister: Handler = { c, step in
    guard CPU(c).allowsSSE else { return slowly(c, step) }
    finishPlain(c, step, xmm(c, operands(step).pointee.rm))
  }
  private static let copyRegister: Handler = { c, step in
    guard CPU(c).allowsSSE else { return slowly(c, step) }
    xmm(c, operands(step).pointee.reg).pointee = xmm(c, operands(step).pointee.rm).pointee
    next(c, step)
  }
  private static let float128Based: Handler = { fastFloat128($0, $1, Based.self) }
  private static let float128Indexed: Handler = { fastFloat128($0, $1, Indexed.self) }
  private static let plain128Based: Handler = { fastPlain128($0, $1, Based.self) }
  private static let plain128Indexed: Handler = { fastPlain128($0, $1, Indexed.self) }
  private static let float64Based: Handler = { fastFloatScalar($0, $1, Based.self, UInt64.self) }
  private static let float64Indexed: Handler = { fastFloatScalar($0, $1, Indexed.self, UInt64.self) }
  private static let float32Based: Handler = { fastFloatScalar($0, $1, Based.self, UInt32.self) }
  private static let float32Indexed: Handler = { fastFloatScalar($0, $1, Indexed.self, UInt32.self) }
  private static let loadAlignedBased: Handler = { fastLoad128($0, $1, Based.self, alignment: 16) }
  private static let loadAlignedIndexed: Handler = { fastLoad128($0, $1, Indexed.self, alignment: 16) }
  private static let loadUnalignedBased: Handler = { fastLoad128($0, $1, Based.self, alignment: 1) }
  private static let loadUnalignedIndexed: Handler = { fastLoad128($0, $1, Indexed.self, alignment: 1) }
  private static let storeAlignedBased: Handler = { fastStore128($0, $1, Based.self, alignment: 16) }
  private static let storeAlignedIndexed: Handler = { fastStore128($0, $1, Indexed.self, alignment: 16) }
  private static let storeUnalignedBased: Handler = { fastStore128($0, $1, Based.self, alignment: 1) }
  private static let storeUnalignedIndexed: Handler = { fastStore128($0, $1, Indexed.self, alignment: 1) }
  private static let load64Based: Handler = { fastLoadScalar($0, $1, Based.self, UInt64.self) }
  private static let load64Indexed: Handler = { fastLoadScalar($0, $1, Indexed.self, UInt64.self) }
  private static let load32Based: Handler = { fastLoadScalar($0, $1, Based.self, UInt32.self) }
  private static let load32Indexed: Handler = { fastLoadScalar($0, $1, Indexed.self, UInt32.self) }
  private static let store64Based: Handler = { fastStoreScalar($0, $1, Based.self, UInt64.self) }
  private static let store64Indexed: Handler = { fastStoreScalar($0, $1, Indexed.self, UInt64.self) }
  private static let store32Based: Handler = { fastStoreScalar($0, $1, Based.self, UInt32.self) }
  private static let store32Indexed: Handler = { fastStoreScalar($0, $1, Indexed.self, UInt32.self) }
}

private typealias Vector = FloatingPointState.Vector

/// An XMM register by its byte offset from XMM0.
@inline(__always) private func xmm(_ c: State, _ offset: UInt8) -> UnsafeMutablePointer<Vector> {
  (c + (MemoryLayout<CPUState>.offset(of: \.fpu)! + 128 + Int(offset))).assumingMemoryBound(to: Vector.self)
}

/// The host address of `bytes` bytes when the fast path may touch them, else nil.
@inline(__always)
private func place<A: AddressForm>(
  _ c: State, _ step: StepPointer, _: A.Type, bytes: UInt32, alignment: UInt32, write: Bool
) -> UnsafeMutableRawPointer? {
  let cpu = CPU(c)
  let linear = A.address(c, step)
  let entry = cpu.s.pointee.tlb + TLB.set(of: linear)
  let wanted = cpu.s.pointee.tlbGeneration | UInt64((linear &+ (bytes &- 1)) & ~0xfff)
  guard cpu.allowsSSE, linear & (alignment &- 1) == 0,
    (write ? entry.pointee.writeTag : entry.pointee.readTag) == wanted
  else { return nil }
  return UnsafeMutableRawPointer(bitPattern: entry.pointee.addend &+ UInt(linear))
}

@inline(__always) private func finishFloat(_ c: State, _ step: StepPointer, _ source: UnsafeRawPointer) {
  let cpu = CPU(c)
  let o = operands(step)
  let function = unsafeBitCast(o.pointee.link, to: chost_simd_function.self)
  if chost_simd_float(function, xmm(c, o.pointee.reg), source, o.pointee.immediate, cpu.mxcsr) {
    return leaveFaulting(c, step, cpu.simdFault)
  }
  next(c, step)
}

@inline(__always) private func finishPlain(_ c: State, _ step: StepPointer, _ source: UnsafeRawPointer) {
  let o = operands(step)
  unsafeBitCast(o.pointee.link, to: chost_simd_function.self)(xmm(c, o.pointee.reg), source, o.pointee.immediate)
  next(c, step)
}

@inline(__always) private func fastFloat128<A: AddressForm>(_ c: State, _ step: StepPointer, _: A.Type) {
  guard let source = place(c, step, A.self, bytes: 16, alignment: 16, write: false) else { return slowly(c, step) }
  finishFloat(c, step, source)
}

@inline(__always) private func fastPlain128<A: AddressForm>(_ c: State, _ step: StepPointer, _: A.Type) {
  guard let source = place(c, step, A.self, bytes: 16, alignment: 16, write: false) else { return slowly(c, step) }
  finishPlain(c, step, source)
}

@inline(__always)
private func fastFloatScalar<A: AddressForm, W: OperandWidthOrMore>(
  _ c: State, _ step: StepPointer, _: A.Type, _: W.Type
) {
  guard let source = place(c, step, A.self, bytes: UInt32(W.bitWidth / 8), alignment: 1, write: false) else {
    return slowly(c, step)
  }
  // The host's function reads 16 bytes, of which the guest may not own more than these.
  let copy = CPU(c).simdScratch
  copy.pointee = Vector(UInt64(source.loadUnaligned(as: W.self)), 0)
  finishFloat(c, step, copy)
}

@inline(__always)
private func fastLoad128<A: AddressForm>(_ c: State, _ step: StepPointer, _: A.Type, alignment: UInt32) {
  guard let source = place(c, step, A.self, bytes: 16, alignment: alignment, write: false) else {
    return slowly(c, step)
  }
  xmm(c, operands(step).pointee.reg).pointee = source.loadUnaligned(as: Vector.self)
  next(c, step)
}

@inline(__always)
private func fastStore128<A: AddressForm>(_ c: State, _ step: StepPointer, _: A.Type, alignment: UInt32) {
  guard let target = place(c, step, A.self, bytes: 16, alignment: alignment, write: true) else {
    return slowly(c, step)
  }
  target.storeBytes(of: xmm(c, operands(step).pointee.reg).pointee, as: Vector.self)
  next(c, step)
}

@inline(__always)
private func fastLoadScalar<A: AddressForm, W: OperandWidthOrMore>(
  _ c: State, _ step: StepPointer, _: A.Type, _: W.Type
) {
  guard let source = place(c, step, A.self, bytes: UInt32(W.bitWidth / 8), alignment: 1, write: false) else {
    return slowly(c, step)
  }
  xmm(c, operands(step).pointee.reg).pointee = Vector(UInt64(source.loadUnaligned(as: W.self)), 0)
  next(c, step)
}

@inline(__always)
private func fastStoreScalar<A: AddressForm, W: OperandWidthOrMore>(
  _ c: State, _ step: StepPointer, _: A.Type, _: W.Type
) {
  guard let target = place(c, step, A.self, bytes: UInt32(W.bitWidth / 8), alignment: 1, write: true) else {
    return slowly(c, step)
  }
  let value = W(truncatingIfNeeded: xmm(c, operands(step).pointee.reg).pointee.x)
  target.storeBytes(of: value, as: W.self)
  next(c, step)
}

private typealias OperandWidthOrMore = FixedWidthInteger & UnsignedInteger & BitwiseCopyable
