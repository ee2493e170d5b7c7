// Near transfers in translated code. Direct ones are links between fragments. Computed ones index a table of host
// addresses by the low half of EIP; whatever is found there checks that it is meant, by its key (`makeEntries`).

import ISA
import Translation

extension BlockTranslator {
  /// Emits a transfer; false if it isn't one that is translated, with nothing emitted.
  mutating func emitTransfer(_ i: Instruction) -> Bool {
    guard i.operandSize == 4 else { return false }
    let unexecuted = count - number - 1
    switch i.operation {
    case .jcc where next &+ i.immediate == request.eip:
      // Back to the block's beginning: in place, so that a loop has one taken branch.
      let out = asm.jump(if: i.condition & 15 ^ 1)
      let undefined = undefinedFlags
      settleFlags()
      countHit()
      pay(count - unexecuted)
      asm.jump(to: body)
      asm.setTarget(out, asm.position)
      undefinedFlags = undefined
    case .jcc:
      let end = asm.jump(if: i.condition & 15)
      sideExits.append(
        SideExit(
          branchEnd: end, target: next &+ i.immediate, unexecuted: unexecuted, undefinedFlags: undefinedFlags))
    case .jmp:
      settleFlags()
      goTo(next &+ i.immediate)
    case .call:
      let place = top(below: -4, write: true)
      asm.store(place, immediate: next)
      moveStack(by: -4)
      settleFlags()
      goTo(next &+ i.immediate)
    case .ret:
      let place = top(below: 0, write: false)
      asm.load(HostState.address, place)
      moveStack(by: 4 + (i.form == .imm ? Int32(i.immediate) : 0))
      goToAddress()
    case .jmpIndirect:
      if i.hasMemory, !canReach(i) { return false }
      loadTarget(i)
      goToAddress()
    case .callIndirect:
      if i.hasMemory, !canReach(i) { return false }
      loadTarget(i)
      if isExplicit {
        // The look-up of the stack needs R14.
        asm.store(HostState.field(\.translatedScratch), HostState.address)
        let place = top(below: -4, write: true)
        asm.store(place, immediate: next)
        asm.load(HostState.address, HostState.field(\.translatedScratch))
      } else {
        let place = top(below: -4, write: true)
        asm.store(place, immediate: next)
      }
      moveStack(by: -4)
      goToAddress()
    case .loop:
      if i.address16 { return false }
      asm.loadAddress(.rcx, HostMemory(base: .rcx, displacement: -1))
      let done = asm.jumpIfCounterIsZero(width: .dword)
      settleFlags()
      goTo(next &+ i.immediate)
      asm.setShortTarget(done, asm.position)
      settleFlagsAgain()
      goTo(next)
    case .jcxz:
      if i.address16 { return false }
      let taken = asm.jumpIfCounterIsZero(width: .dword)
      settleFlags()
      goTo(next)
      asm.setShortTarget(taken, asm.position)
      settleFlagsAgain()
      goTo(next &+ i.immediate)
    default: return false
    }
    return true
  }

  /// For the second way out of a fork, where flags are as they were before the first.
  private mutating func settleFlagsAgain() {
    undefinedFlags = HostFlags.eflags(UInt32(records[number].undefinedFlags))
    settleFlags()
  }

  /// R14D = the target.
  private mutating func loadTarget(_ i: Instruction) {
    if i.hasMemory {
      let place = memory(i, size: 4, write: false)
      asm.load(HostState.address, place)
    } else {
      asm.move(HostState.address, HostState.register(i.rm))
    }
  }

  /// To the EIP in R14D.
  private mutating func goToAddress() {
    settleFlags()
    asm.zeroExtend(HostState.addend, .register(HostState.address), width: .word)
    asm.jump(
      through: HostMemory(
        base: HostState.state, index: HostState.addend, scale: 3, displacement: Int32(StateRegion.indirectTargets)))
  }
}
