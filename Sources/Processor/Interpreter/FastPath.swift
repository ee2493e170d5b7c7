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

/// How a memory operand is addressed; one of two, chosen when the block is made.
protocol AddressForm {
  static func address(_ c: State, _ step: StepPointer) -> UInt32
}

/// base + displacement. An absent base reads as zero.
enum Based: AddressForm {
  @inline(__always) static func address(_ c: State, _ step: StepPointer) -> UInt32 {
    let o = operands(step)
    return get(c, o.pointee.base, UInt32.self) &+ o.pointee.displacement
  }
}

/// base + index * factor + displacement. Absent registers read as zero.
enum Indexed: AddressForm {
  @inline(__always) static func address(_ c: State, _ step: StepPointer) -> UInt32 {
    let o = operands(step)
    return get(c, o.pointee.base, UInt32.self)
      &+ get(c, o.pointee.index, UInt32.self) &<< UInt32(o.pointee.scale)
      &+ o.pointee.displacement
  }
}

/// A place in memory, found in the TLB or not.
struct Place<W: OperandWidth> {
  let entry: UnsafeMutablePointer<TLBEntry>
  let linear: UInt32
  let isHit: Bool

  /// For a load.
  @inline(__always) init(reading linear: UInt32, _ c: State) {
    self.init(linear, c, isWrite: false)
  }

  /// For a store.
  @inline(__always) init(writing linear: UInt32, _ c: State) {
    self.init(linear, c, isWrite: true)
  }

  @inline(__always) private init(_ linear: UInt32, _ c: State, isWrite: Bool) {
    let s = CPU(c).s
    entry = s.pointee.tlb + TLB.set(of: linear)
    self.linear = linear
    let last = linear &+ UInt32(W.bitWidth / 8 - 1)
    isHit = (isWrite ? entry.pointee.writeTag : entry.pointee.readTag) == s.pointee.tlbGeneration | UInt64(last & ~0xfff)
  }

  /// Only after a hit.
  @inline(__always) var host: UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(bitPattern: entry.pointee.addend &+ UInt(linear)).unsafelyUnwrapped
  }

  @inline(__always) var value: W {
    get { host.loadUnaligned(as: W.self) }
    nonmutating set { host.storeBytes(of: newValue, as: W.self) }
  }
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

/// The same where the flags are overwritten before anything can see them (`FlagLiveness`).
@inline(__always)
func fastRRWithoutFlags<O: BinaryOperation>(_ c: State, _ step: StepPointer, _: O.Type) {
  let o = operands(step)
  put(c, o.pointee.rm, O.apply(get(c, o.pointee.rm, UInt32.self), get(c, o.pointee.reg), CPU(c).flags).0)
  next(c, step)
}

@inline(__always)
func fastRIWithoutFlags<O: BinaryOperation>(_ c: State, _ step: StepPointer, _: O.Type) {
  let o = operands(step)
  put(c, o.pointee.rm, O.apply(get(c, o.pointee.rm, UInt32.self), o.pointee.immediate, CPU(c).flags).0)
  next(c, step)
}

@inline(__always)
func fastShiftWithoutFlags<O: ShiftOperation>(_ c: State, _ step: StepPointer, _: O.Type) {
  let o = operands(step)
  put(c, o.pointee.rm, O.apply(get(c, o.pointee.rm, UInt32.self), o.pointee.immediate, CPU(c).flags).0)
  next(c, step)
}

@inline(__always)
func fastUnaryWithoutFlags<O: UnaryOperation>(_ c: State, _ step: StepPointer, _: O.Type) {
  let o = operands(step)
  put(c, o.pointee.rm, O.apply(get(c, o.pointee.rm, UInt32.self), CPU(c).flags).0)
  next(c, step)
}

/// Register from memory.
@inline(__always)
func fastRM<O: BinaryOperation, W: OperandWidth, A: AddressForm>(
  _ c: State, _ step: StepPointer, _: O.Type, _: W.Type, _: A.Type
) {
  let cpu = CPU(c), o = operands(step)
  let place = Place<W>(reading: A.address(c, step), c)
  guard place.isHit else { return slowly(c, step) }
  let (value, flags) = O.apply(get(c, o.pointee.reg, W.self), place.value, cpu.flags)
  if O.writes { put(c, o.pointee.reg, value) }
  cpu.flags = flags
  next(c, step)
}

/// Memory from register or immediate.
@inline(__always)
func fastMemory<O: BinaryOperation, W: OperandWidth>(
  _ c: State, _ step: StepPointer, _: O.Type, _ linear: UInt32, _ source: W
) {
  let cpu = CPU(c)
  let place = O.writes ? Place<W>(writing: linear, c) : Place<W>(reading: linear, c)
  guard place.isHit else { return slowly(c, step) }
  let (value, flags) = O.apply(place.value, source, cpu.flags)
  if O.writes { place.value = value }
  cpu.flags = flags
  next(c, step)
}

@inline(__always)
func fastMR<O: BinaryOperation, W: OperandWidth, A: AddressForm>(
  _ c: State, _ step: StepPointer, _: O.Type, _: W.Type, _: A.Type
) {
  fastMemory(c, step, O.self, A.address(c, step), get(c, operands(step).pointee.reg, W.self))
}

@inline(__always)
func fastMI<O: BinaryOperation, W: OperandWidth, A: AddressForm>(
  _ c: State, _ step: StepPointer, _: O.Type, _: W.Type, _: A.Type
) {
  fastMemory(c, step, O.self, A.address(c, step), W(truncatingIfNeeded: operands(step).pointee.immediate))
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
  let place = Place<W>(writing: Indexed.address(c, step), c)
  guard place.isHit else { return slowly(c, step) }
  let (value, flags) = O.apply(place.value, cpu.flags)
  place.value = value
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

@inline(__always)
func fastLoad<W: OperandWidth, A: AddressForm>(_ c: State, _ step: StepPointer, _: W.Type, _: A.Type) {
  let place = Place<W>(reading: A.address(c, step), c)
  guard place.isHit else { return slowly(c, step) }
  put(c, operands(step).pointee.reg, place.value)
  next(c, step)
}

@inline(__always)
func fastStore<W: OperandWidth, A: AddressForm>(_ c: State, _ step: StepPointer, _: W.Type, _: A.Type) {
  let place = Place<W>(writing: A.address(c, step), c)
  guard place.isHit else { return slowly(c, step) }
  place.value = get(c, operands(step).pointee.reg)
  next(c, step)
}

@inline(__always)
func fastStoreImmediate<W: OperandWidth, A: AddressForm>(_ c: State, _ step: StepPointer, _: W.Type, _: A.Type) {
  let place = Place<W>(writing: A.address(c, step), c)
  guard place.isHit else { return slowly(c, step) }
  place.value = W(truncatingIfNeeded: operands(step).pointee.immediate)
  next(c, step)
}

@inline(__always) func fastZeroExtend<W: OperandWidth>(_ c: State, _ step: StepPointer, _: W.Type) {
  let o = operands(step)
  put(c, o.pointee.reg, UInt32(truncatingIfNeeded: get(c, o.pointee.rm, W.self)))
  next(c, step)
}

@inline(__always)
func fastZeroExtendLoad<W: OperandWidth, A: AddressForm>(_ c: State, _ step: StepPointer, _: W.Type, _: A.Type) {
  let place = Place<W>(reading: A.address(c, step), c)
  guard place.isHit else { return slowly(c, step) }
  put(c, operands(step).pointee.reg, UInt32(truncatingIfNeeded: place.value))
  next(c, step)
}

@inline(__always) func fastSignExtend<W: OperandWidth>(_ c: State, _ step: StepPointer, _: W.Type) {
  let o = operands(step)
  put(c, o.pointee.reg, get(c, o.pointee.rm, W.self).extended)
  next(c, step)
}

@inline(__always)
func fastSignExtendLoad<W: OperandWidth, A: AddressForm>(_ c: State, _ step: StepPointer, _: W.Type, _: A.Type) {
  let place = Place<W>(reading: A.address(c, step), c)
  guard place.isHit else { return slowly(c, step) }
  put(c, operands(step).pointee.reg, place.value.extended)
  next(c, step)
}

/// Pushes, or returns false for the general handler.
@inline(__always) func fastPush(_ c: State, _ value: UInt32) -> Bool {
  let cpu = CPU(c)
  let top = cpu.esp &- 4
  let place = Place<UInt32>(writing: top, c)
  guard place.isHit else { return false }
  place.value = value
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

// MARK: Fusion. A comparison and the branch behind it in one handler: the flags are still left for others to see, but the
// branch doesn't wait for them, and one indirect jump is saved. The branch's own step stays where it is: it supplies
// target and link, and is executed by itself when the comparison had to go the general way.

/// The branch of a fused pair.
@inline(__always)
func fusedBranch<C: Condition>(_ c: State, _ step: StepPointer, _ flags: LazyFlags, _: C.Type) {
  CPU(c).flags = flags
  let branchStep = step + MemoryLayout<Step>.stride
  if C.holds(flags) { branch(c, branchStep) } else { next(c, branchStep) }
}

@inline(__always)
func fusedRR<O: BinaryOperation, W: OperandWidth, C: Condition>(
  _ c: State, _ step: StepPointer, _: O.Type, _: W.Type, _: C.Type
) {
  let o = operands(step)
  let (value, flags) = O.apply(get(c, o.pointee.rm, W.self), get(c, o.pointee.reg, W.self), CPU(c).flags)
  if O.writes { put(c, o.pointee.rm, value) }
  fusedBranch(c, step, flags, C.self)
}

@inline(__always)
func fusedRI<O: BinaryOperation, W: OperandWidth, C: Condition>(
  _ c: State, _ step: StepPointer, _: O.Type, _: W.Type, _: C.Type
) {
  let o = operands(step)
  let (value, flags) = O.apply(
    get(c, o.pointee.rm, W.self), W(truncatingIfNeeded: o.pointee.immediate), CPU(c).flags)
  if O.writes { put(c, o.pointee.rm, value) }
  fusedBranch(c, step, flags, C.self)
}

@inline(__always)
func fusedRM<O: BinaryOperation, W: OperandWidth, C: Condition>(
  _ c: State, _ step: StepPointer, _: O.Type, _: W.Type, _: C.Type
) {
  let place = Place<W>(reading: Indexed.address(c, step), c)
  guard place.isHit else { return slowly(c, step) }
  let (_, flags) = O.apply(get(c, operands(step).pointee.reg, W.self), place.value, CPU(c).flags)
  fusedBranch(c, step, flags, C.self)
}

@inline(__always)
func fusedMR<O: BinaryOperation, W: OperandWidth, C: Condition>(
  _ c: State, _ step: StepPointer, _: O.Type, _: W.Type, _: C.Type
) {
  let place = Place<W>(reading: Indexed.address(c, step), c)
  guard place.isHit else { return slowly(c, step) }
  let (_, flags) = O.apply(place.value, get(c, operands(step).pointee.reg, W.self), CPU(c).flags)
  fusedBranch(c, step, flags, C.self)
}

@inline(__always)
func fusedMI<O: BinaryOperation, W: OperandWidth, C: Condition>(
  _ c: State, _ step: StepPointer, _: O.Type, _: W.Type, _: C.Type
) {
  let place = Place<W>(reading: Indexed.address(c, step), c)
  guard place.isHit else { return slowly(c, step) }
  let source = W(truncatingIfNeeded: operands(step).pointee.immediate)
  let (_, flags) = O.apply(place.value, source, CPU(c).flags)
  fusedBranch(c, step, flags, C.self)
}

@inline(__always)
func fusedUnary<O: UnaryOperation, C: Condition>(_ c: State, _ step: StepPointer, _: O.Type, _: C.Type) {
  let o = operands(step)
  let (value, flags) = O.apply(get(c, o.pointee.rm, UInt32.self), CPU(c).flags)
  put(c, o.pointee.rm, value)
  fusedBranch(c, step, flags, C.self)
}
