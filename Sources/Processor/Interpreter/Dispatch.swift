// How one handler hands over to the next, and how the chain is left. In optimised builds the call of the next handler
// is the last thing a handler does and becomes a jump; unoptimised builds, where it would eat the stack, return to a
// loop after every step. Both run the same handlers.

import ISA

/// Continues with `step`, in tail position.
@inline(__always)
func dispatch(_ c: UnsafeMutableRawPointer, _ step: UnsafeMutableRawPointer) {
  #if DEBUG
    CPU(c).s.pointee.nextStep = step
  #else
    step.assumingMemoryBound(to: Step.self).pointee.handler(c, step)
  #endif
}

extension CPU {
  /// Runs handlers from `step` until one leaves the chain; `leave` says why.
  @inline(__always)
  func execute(from step: UnsafeMutableRawPointer) {
    #if DEBUG
      s.pointee.nextStep = step
      while let next = s.pointee.nextStep {
        s.pointee.nextStep = nil
        next.assumingMemoryBound(to: Step.self).pointee.handler(raw, next)
      }
    #else
      step.assumingMemoryBound(to: Step.self).pointee.handler(raw, step)
    #endif
  }

  /// The instruction behind a step.
  @inline(__always)
  func instruction(of step: UnsafeMutableRawPointer) -> UnsafePointer<Instruction> {
    UnsafePointer(s.pointee.instructions + (step - s.pointee.steps) / MemoryLayout<Step>.stride)
  }

  /// The step in front of an instruction.
  @inline(__always)
  func step(of instruction: UnsafePointer<Instruction>) -> UnsafeMutablePointer<Step> {
    s.pointee.steps.assumingMemoryBound(to: Step.self) + (instruction - UnsafePointer(s.pointee.instructions))
  }

  /// Retired instructions before the one that an ordinary body is executing.
  @inline(__always)
  func retired(before instruction: UnsafePointer<Instruction>) -> Int64 {
    retired &+ Int64(step(of: instruction).pointee.position)
  }

  /// Address of the instruction that an ordinary body is executing.
  @inline(__always)
  func instructionPointer(of instruction: UnsafePointer<Instruction>) -> UInt32 {
    s.pointee.blockEIP &+ UInt32(step(of: instruction).pointee.offset)
  }

  /// Leaves the chain in front of an instruction: EIP and the count are as if it had not begun.
  @inline(__always)
  func leave(before step: UnsafeMutablePointer<Step>, _ reason: Leave) {
    s.pointee.eip = s.pointee.blockEIP &+ UInt32(step.pointee.offset)
    s.pointee.remaining &-= Int64(step.pointee.position)
    s.pointee.leave = reason
  }

  /// Commits the end of an instruction: EIP is the next one's.
  @inline(__always)
  func commit(after step: UnsafeMutablePointer<Step>, _ i: UnsafePointer<Instruction>) {
    let next = s.pointee.blockEIP &+ UInt32(step.pointee.offset) &+ UInt32(i.pointee.length)
    s.pointee.eip = segment(.cs).pointee.isBig ? next : next & 0xffff
    s.pointee.remaining &-= Int64(step.pointee.position) &+ 1
  }
}

/// Executes an instruction that goes on to the next one, unless it faults or something wants attention.
@inline(__always)
func ordinary(
  _ c: UnsafeMutableRawPointer, _ step: UnsafeMutableRawPointer,
  _ body: (CPU, UnsafePointer<Instruction>) throws(GuestFault) -> Void
) {
  let cpu = CPU(c)
  do {
    try body(cpu, cpu.instruction(of: step))
  } catch {
    return leaveFaulting(c, step, error)
  }
  if cpu.s.pointee.attention != 0 { return attend(c, step) }
  dispatch(c, step + MemoryLayout<Step>.stride)
}

/// Executes an instruction that may go anywhere: EIP is that of the next instruction when the body begins, and what
/// the body leaves in it when it ends. The retired count includes the instruction. A fault takes both back.
@inline(__always)
func transfer(
  _ c: UnsafeMutableRawPointer, _ step: UnsafeMutableRawPointer,
  _ body: (CPU, UnsafePointer<Instruction>) throws(GuestFault) -> Void
) {
  let cpu = CPU(c)
  let i = cpu.instruction(of: step)
  cpu.commit(after: step.assumingMemoryBound(to: Step.self), i)
  do {
    try body(cpu, i)
  } catch {
    return leaveFaultingTransfer(c, step, error)
  }
  // A changed context is no reason to leave: the key of the next block has it. But single-stepping needs the run loop
  // between any two instructions.
  if cpu.s.pointee.context & EngineMode.single == 0 { cpu.s.pointee.attention &= ~Attention.contextChanged }
  continueAtEIP(c)
}

/// Enters the block at EIP if it was lately entered there, else leaves the chain to look for it.
@inline(__always)
func continueAtEIP(_ c: UnsafeMutableRawPointer) {
  let cpu = CPU(c)
  let eip = cpu.s.pointee.eip
  let block = cpu.s.pointee.jumpCache[JumpCache.slot(eip)].assumingMemoryBound(to: BlockHeader.self)
  if block.pointee.key == UInt64(eip) | cpu.s.pointee.context, cpu.s.pointee.attention == 0,
    cpu.s.pointee.remaining >= Int64(block.pointee.count)
  {
    cpu.s.pointee.blockEIP = eip
    dispatch(c, UnsafeMutableRawPointer(block + 1))
  } else {
    cpu.s.pointee.leave = .resolve
  }
}

@inline(never)
func leaveFaulting(_ c: UnsafeMutableRawPointer, _ step: UnsafeMutableRawPointer, _ fault: GuestFault) {
  let cpu = CPU(c)
  cpu.s.pointee.pendingFault = fault
  cpu.leave(before: step.assumingMemoryBound(to: Step.self), .fault)
}

@inline(never)
private func leaveFaultingTransfer(
  _ c: UnsafeMutableRawPointer, _ step: UnsafeMutableRawPointer, _ fault: GuestFault
) {
  let cpu = CPU(c)
  cpu.s.pointee.pendingFault = fault
  cpu.s.pointee.eip =
    cpu.s.pointee.blockEIP &+ UInt32(step.assumingMemoryBound(to: Step.self).pointee.offset)
  cpu.s.pointee.remaining &+= 1
  cpu.s.pointee.leave = .fault
}

/// Looks at what an ordinary instruction left to be seen to; goes on in the block if it may.
@inline(never)
func attend(_ c: UnsafeMutableRawPointer, _ step: UnsafeMutableRawPointer) {
  let cpu = CPU(c)
  if cpu.s.pointee.attention & Attention.deviceLog != 0 { cpu.forgetDeviceLog() }
  if cpu.s.pointee.attention == 0 {
    dispatch(c, step + MemoryLayout<Step>.stride)
  } else {
    cpu.commit(after: step.assumingMemoryBound(to: Step.self), cpu.instruction(of: step))
    cpu.s.pointee.leave = .resolve
  }
}

/// Remembers which block each EIP led to last, for returns and indirect jumps.
enum JumpCache {
  static let count = 4096
  @inline(__always) static func slot(_ eip: UInt32) -> Int { Int((eip ^ eip >> 12) & UInt32(count - 1)) }
}
