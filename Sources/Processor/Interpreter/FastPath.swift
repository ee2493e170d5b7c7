// What fast handlers are made of. They run in flat 32-bit protected mode only (`EngineMode.flat`): a linear address is
// an effective address, and one compare with the TLB's tag says that an access is allowed, is in memory and stays
// within its page. Whatever fails that compare is left to the general handler of the same instruction, which starts
// over: a fast handler has committed nothing by then.

import ISA

typealias State = UnsafeMutableRawPointer
typealias StepPointer = UnsafeMutableRawPointer

/// The fast path's view of a step.
@inline(__always) func operands(_ step: StepPointer) -> UnsafeMutablePointer<Step> {
  step.assumingMemoryBound(to: Step.self)
}

/// A register operand of a fast handler, by its byte offset in the state block.
@inline(__always) func get<W: OperandWidth>(_ c: State, _ offset: UInt8, _: W.Type = W.self) -> W {
  c.load(fromByteOffset: Int(offset), as: W.self)
}

@inline(__always) func put<W: OperandWidth>(_ c: State, _ offset: UInt8, _ value: W) {
  c.storeBytes(of: value, toByteOffset: Int(offset), as: W.self)
}

/// base + index * factor + displacement: no branch, since absent registers read as zero.
@inline(__always) func address(_ c: State, _ step: StepPointer) -> UInt32 {
  let o = operands(step)
  return get(c, o.pointee.base, UInt32.self)
    &+ get(c, o.pointee.index, UInt32.self) &<< UInt32(o.pointee.scale)
    &+ o.pointee.displacement
}

/// Host address for a load of `W`, or nil for the general handler to find out why.
@inline(__always) func readable<W: OperandWidth>(_ c: State, _ linear: UInt32, _: W.Type) -> UnsafeMutableRawPointer? {
  let s = CPU(c).s
  let entry = s.pointee.tlb + TLB.set(of: linear)
  let last = linear &+ UInt32(W.bitWidth / 8 - 1)
  if entry.pointee.readTag == s.pointee.tlbGeneration | UInt64(last & ~0xfff) {
    return UnsafeMutableRawPointer(bitPattern: entry.pointee.addend &+ UInt(linear)).unsafelyUnwrapped
  }
  return nil
}

/// Host address for a store of `W`, or nil.
@inline(__always) func writable<W: OperandWidth>(_ c: State, _ linear: UInt32, _: W.Type) -> UnsafeMutableRawPointer? {
  let s = CPU(c).s
  let entry = s.pointee.tlb + TLB.set(of: linear)
  let last = linear &+ UInt32(W.bitWidth / 8 - 1)
  if entry.pointee.writeTag == s.pointee.tlbGeneration | UInt64(last & ~0xfff) {
    return UnsafeMutableRawPointer(bitPattern: entry.pointee.addend &+ UInt(linear)).unsafelyUnwrapped
  }
  return nil
}

/// Leaves this instruction to its general handler.
@inline(__always) func slowly(_ c: State, _ step: StepPointer) {
  CPU(c).s.pointee.general(c, step)
}

/// Goes on with the next instruction of the block.
@inline(__always) func next(_ c: State, _ step: StepPointer) {
  dispatch(c, step + MemoryLayout<Step>.stride)
}

/// Takes a direct branch, through its link when that still leads to the right block.
@inline(__always) func branch(_ c: State, _ step: StepPointer) {
  let s = CPU(c).s
  let o = operands(step)
  let eip = s.pointee.blockEIP &+ o.pointee.immediate
  s.pointee.remaining &-= Int64(o.pointee.position) &+ 1
  enter(c, step, eip)
}

/// Enters the block at `eip` through a step's link, or leaves to look for it.
@inline(__always) func enter(_ c: State, _ step: StepPointer, _ eip: UInt32) {
  let s = CPU(c).s
  let block = operands(step).pointee.link.assumingMemoryBound(to: BlockHeader.self)
  if block.pointee.key == UInt64(eip) | s.pointee.context, s.pointee.remaining >= Int64(block.pointee.count) {
    s.pointee.blockEIP = eip
    dispatch(c, UnsafeMutableRawPointer(block + 1))
  } else {
    s.pointee.eip = eip
    s.pointee.linkFrom = step
    s.pointee.leave = .resolve
  }
}

/// Enters the block at a computed `eip`.
@inline(__always) func enterIndirect(_ c: State, _ eip: UInt32) {
  let s = CPU(c).s
  let block = s.pointee.jumpCache[JumpCache.slot(eip)].assumingMemoryBound(to: BlockHeader.self)
  if block.pointee.key == UInt64(eip) | s.pointee.context, s.pointee.remaining >= Int64(block.pointee.count) {
    s.pointee.blockEIP = eip
    dispatch(c, UnsafeMutableRawPointer(block + 1))
  } else {
    s.pointee.eip = eip
    s.pointee.leave = .resolve
  }
}

/// Retires up to and with this step.
@inline(__always) func retire(_ c: State, _ step: StepPointer) {
  CPU(c).s.pointee.remaining &-= Int64(operands(step).pointee.position) &+ 1
}

// MARK: Templates. In the two-register forms `rm` is the destination and `reg` the source.

@inline(__always)
func fastRR<O: BinaryOperation, W: OperandWidth>(_ c: State, _ step: StepPointer, _: O.Type, _: W.Type) {
  let cpu = CPU(c), o = operands(step)
  let (value, flags) = O.apply(get(c, o.pointee.rm, W.self), get(c, o.pointee.reg, W.self), cpu.flags)
  if O.writes { put(c, o.pointee.rm, value) }
  cpu.flags = flags
  next(c, step)
}

@inline(__always)
func fastRI<O: BinaryOperation, W: OperandWidth>(_ c: State, _ step: StepPointer, _: O.Type, _: W.Type) {
  let cpu = CPU(c), o = operands(step)
  let (value, flags) = O.apply(
    get(c, o.pointee.rm, W.self), W(truncatingIfNeeded: o.pointee.immediate), cpu.flags)
  if O.writes { put(c, o.pointee.rm, value) }
  cpu.flags = flags
  next(c, step)
}

/// Register from memory.
@inline(__always)
func fastRM<O: BinaryOperation, W: OperandWidth>(_ c: State, _ step: StepPointer, _: O.Type, _: W.Type) {
  let cpu = CPU(c), o = operands(step)
  guard let host = readable(c, address(c, step), W.self) else { return slowly(c, step) }
  let (value, flags) = O.apply(get(c, o.pointee.reg, W.self), host.loadUnaligned(as: W.self), cpu.flags)
  if O.writes { put(c, o.pointee.reg, value) }
  cpu.flags = flags
  next(c, step)
}

/// Memory from register or immediate.
@inline(__always)
func fastMemory<O: BinaryOperation, W: OperandWidth>(
  _ c: State, _ step: StepPointer, _: O.Type, _ source: W
) {
  let cpu = CPU(c)
  let linear = address(c, step)
  guard let host = O.writes ? writable(c, linear, W.self) : readable(c, linear, W.self) else {
    return slowly(c, step)
  }
  let (value, flags) = O.apply(host.loadUnaligned(as: W.self), source, cpu.flags)
  if O.writes { host.storeBytes(of: value, as: W.self) }
  cpu.flags = flags
  next(c, step)
}

@inline(__always)
func fastMR<O: BinaryOperation, W: OperandWidth>(_ c: State, _ step: StepPointer, _: O.Type, _: W.Type) {
  fastMemory(c, step, O.self, get(c, operands(step).pointee.reg, W.self))
}

@inline(__always)
func fastMI<O: BinaryOperation, W: OperandWidth>(_ c: State, _ step: StepPointer, _: O.Type, _: W.Type) {
  fastMemory(c, step, O.self, W(truncatingIfNeeded: operands(step).pointee.immediate))
}

@inline(__always)
func fastUnary<O: UnaryOperation, W: OperandWidth>(_ c: State, _ step: StepPointer, _: O.Type, _: W.Type) {
  let cpu = CPU(c), o = operands(step)
  let (value, flags) = O.apply(get(c, o.pointee.rm, W.self), cpu.flags)
  put(c, o.pointee.rm, value)
  cpu.flags = flags
  next(c, step)
}

@inline(__always)
func fastUnaryMemory<O: UnaryOperation, W: OperandWidth>(_ c: State, _ step: StepPointer, _: O.Type, _: W.Type) {
  let cpu = CPU(c)
  guard let host = writable(c, address(c, step), W.self) else { return slowly(c, step) }
  let (value, flags) = O.apply(host.loadUnaligned(as: W.self), cpu.flags)
  host.storeBytes(of: value, as: W.self)
  cpu.flags = flags
  next(c, step)
}

/// By an immediate count; the table keeps counts of zero away.
@inline(__always)
func fastShift<O: ShiftOperation, W: OperandWidth>(_ c: State, _ step: StepPointer, _: O.Type, _: W.Type) {
  let cpu = CPU(c), o = operands(step)
  let (value, flags) = O.apply(get(c, o.pointee.rm, W.self), o.pointee.immediate, cpu.flags)
  put(c, o.pointee.rm, value)
  cpu.flags = flags
  next(c, step)
}

@inline(__always)
func fastShiftCL<O: ShiftOperation, W: OperandWidth>(_ c: State, _ step: StepPointer, _: O.Type, _: W.Type) {
  let cpu = CPU(c), o = operands(step)
  let count = cpu.ecx & 31
  if count != 0 {
    let (value, flags) = O.apply(get(c, o.pointee.rm, W.self), count, cpu.flags)
    put(c, o.pointee.rm, value)
    cpu.flags = flags
  }
  next(c, step)
}

@inline(__always) func fastMovRR<W: OperandWidth>(_ c: State, _ step: StepPointer, _: W.Type) {
  let o = operands(step)
  put(c, o.pointee.rm, get(c, o.pointee.reg, W.self))
  next(c, step)
}

@inline(__always) func fastMovRI<W: OperandWidth>(_ c: State, _ step: StepPointer, _: W.Type) {
  let o = operands(step)
  put(c, o.pointee.rm, W(truncatingIfNeeded: o.pointee.immediate))
  next(c, step)
}

@inline(__always) func fastLoad<W: OperandWidth>(_ c: State, _ step: StepPointer, _: W.Type) {
  guard let host = readable(c, address(c, step), W.self) else { return slowly(c, step) }
  put(c, operands(step).pointee.reg, host.loadUnaligned(as: W.self))
  next(c, step)
}

@inline(__always) func fastStore<W: OperandWidth>(_ c: State, _ step: StepPointer, _: W.Type) {
  guard let host = writable(c, address(c, step), W.self) else { return slowly(c, step) }
  host.storeBytes(of: get(c, operands(step).pointee.reg, W.self), as: W.self)
  next(c, step)
}

@inline(__always) func fastStoreImmediate<W: OperandWidth>(_ c: State, _ step: StepPointer, _: W.Type) {
  guard let host = writable(c, address(c, step), W.self) else { return slowly(c, step) }
  host.storeBytes(of: W(truncatingIfNeeded: operands(step).pointee.immediate), as: W.self)
  next(c, step)
}

@inline(__always) func fastZeroExtend<W: OperandWidth>(_ c: State, _ step: StepPointer, _: W.Type) {
  let o = operands(step)
  put(c, o.pointee.reg, UInt32(truncatingIfNeeded: get(c, o.pointee.rm, W.self)))
  next(c, step)
}

@inline(__always) func fastZeroExtendLoad<W: OperandWidth>(_ c: State, _ step: StepPointer, _: W.Type) {
  guard let host = readable(c, address(c, step), W.self) else { return slowly(c, step) }
  put(c, operands(step).pointee.reg, UInt32(truncatingIfNeeded: host.loadUnaligned(as: W.self)))
  next(c, step)
}

@inline(__always) func fastSignExtend<W: OperandWidth>(_ c: State, _ step: StepPointer, _: W.Type) {
  let o = operands(step)
  put(c, o.pointee.reg, get(c, o.pointee.rm, W.self).extended)
  next(c, step)
}

@inline(__always) func fastSignExtendLoad<W: OperandWidth>(_ c: State, _ step: StepPointer, _: W.Type) {
  guard let host = readable(c, address(c, step), W.self) else { return slowly(c, step) }
  put(c, operands(step).pointee.reg, host.loadUnaligned(as: W.self).extended)
  next(c, step)
}

/// Pushes, or returns false for the general handler.
@inline(__always) func fastPush(_ c: State, _ value: UInt32) -> Bool {
  let cpu = CPU(c)
  let top = cpu.esp &- 4
  guard let host = writable(c, top, UInt32.self) else { return false }
  host.storeBytes(of: value, as: UInt32.self)
  cpu.esp = top
  return true
}

@inline(__always) func fastTruncatingProduct(_ c: State, _ step: StepPointer, _ a: UInt32, _ b: UInt32) {
  let (low, _, flags) = Arithmetic.imul(a, b)
  put(c, operands(step).pointee.reg, low)
  CPU(c).flags = flags
  next(c, step)
}

// MARK: Conditions, as types: each Jcc has a handler of its own.

protocol Condition {
  static func holds(_ flags: LazyFlags) -> Bool
}
enum Overflow: Condition { @inline(__always) static func holds(_ f: LazyFlags) -> Bool { f.overflow } }
enum NotOverflow: Condition { @inline(__always) static func holds(_ f: LazyFlags) -> Bool { !f.overflow } }
enum Below: Condition { @inline(__always) static func holds(_ f: LazyFlags) -> Bool { f.carry } }
enum NotBelow: Condition { @inline(__always) static func holds(_ f: LazyFlags) -> Bool { !f.carry } }
enum Zero: Condition { @inline(__always) static func holds(_ f: LazyFlags) -> Bool { f.zero } }
enum NotZero: Condition { @inline(__always) static func holds(_ f: LazyFlags) -> Bool { !f.zero } }
enum BelowEqual: Condition { @inline(__always) static func holds(_ f: LazyFlags) -> Bool { f.carry || f.zero } }
enum Above: Condition { @inline(__always) static func holds(_ f: LazyFlags) -> Bool { !(f.carry || f.zero) } }
enum Sign: Condition { @inline(__always) static func holds(_ f: LazyFlags) -> Bool { f.sign } }
enum NotSign: Condition { @inline(__always) static func holds(_ f: LazyFlags) -> Bool { !f.sign } }
enum Parity: Condition { @inline(__always) static func holds(_ f: LazyFlags) -> Bool { f.parity } }
enum NotParity: Condition { @inline(__always) static func holds(_ f: LazyFlags) -> Bool { !f.parity } }
enum Less: Condition { @inline(__always) static func holds(_ f: LazyFlags) -> Bool { f.sign != f.overflow } }
enum NotLess: Condition { @inline(__always) static func holds(_ f: LazyFlags) -> Bool { f.sign == f.overflow } }
enum LessEqual: Condition {
  @inline(__always) static func holds(_ f: LazyFlags) -> Bool { f.zero || f.sign != f.overflow }
}
enum Greater: Condition {
  @inline(__always) static func holds(_ f: LazyFlags) -> Bool { !(f.zero || f.sign != f.overflow) }
}

@inline(__always) func fastJcc<C: Condition>(_ c: State, _ step: StepPointer, _: C.Type) {
  if C.holds(CPU(c).flags) { branch(c, step) } else { next(c, step) }
}
