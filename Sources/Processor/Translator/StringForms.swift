// REP MOVS and REP STOS through the window: the host's own instruction on host addresses, at the host's speed. Every
// iteration counts as an instruction and can fault; what was done by then is in the registers, as on the processor. So
// this takes only what surely ends within the budget, forwards, and a fault in the middle is put right by
// `Translator.settleString` before anything else looks at the state.

import ISA
import Translation

extension BlockTranslator {
  /// Emits a repeated move or fill; nothing is emitted for a callout.
  mutating func emitString(_ i: Instruction) -> TranslationKind {
    guard i.isRepeated, !i.address16, !isExplicit, i.operation == .stos || Self.isFlat(i.segment) else { return .callout }
    typealias H = HostState
    // Nothing to do: too far away for a short branch.
    let none = asm.jumpIfCounterIsZero(width: .dword)
    let some = asm.jump()
    asm.setShortTarget(none, asm.position)
    let end = asm.jump()
    asm.setTarget(some, asm.position)
    // DF must be clear.
    asm.move(H.saved, .rcx, width: .qword)
    asm.load(H.value, H.field(\.systemFlags))
    asm.move(H.addend, immediate: Self.directionFlag)
    asm.extract(.rcx, H.value, mask: H.addend)
    leaveUnlessZero()
    // The budget, of which one instruction is paid: R13 = budget - (count - 1), which must not be negative.
    asm.move(H.addend, .rcx, width: .qword)
    asm.complement(H.addend, width: .qword)
    asm.loadAddress(H.addend, HostMemory(base: H.budget, index: H.addend, displacement: 2), width: .qword)
    asm.move(H.saved, .rcx, width: .qword)
    asm.shift(.arithmeticRight, .rcx, H.addend, by: H.counts, width: .qword)
    leaveUnlessZero(width: .qword)
    asm.store(H.field(\.stringCount), .rcx, width: .qword)
    asm.store(H.field(\.stringBudget), H.addend, width: .qword)
    asm.load(H.value, H.field(\.windowBase), width: .qword)
    if i.operation == .movs { asm.loadAddress(.rsi, HostMemory(base: .rsi, index: H.value), width: .qword) }
    asm.loadAddress(.rdi, HostMemory(base: .rdi, index: H.value), width: .qword)
    if i.operandSize == 2 { asm.byte(0x66) }
    asm.byte(0xf3)
    asm.byte((i.operation == .movs ? 0xa4 : 0xaa) | (i.operandSize == 1 ? 0 : 1))
    asm.complement(H.value, width: .qword)
    // 32-bit sums: an address that has reached 4 GiB is 0.
    if i.operation == .movs { asm.loadAddress(.rsi, HostMemory(base: .rsi, index: H.value, displacement: 1)) }
    asm.loadAddress(.rdi, HostMemory(base: .rdi, index: H.value, displacement: 1))
    asm.load(H.budget, H.field(\.stringBudget), width: .qword)
    asm.setTarget(end, asm.position)
    return .inline
  }

  private static func isFlat(_ segment: SegmentRegister) -> Bool {
    switch segment {
    case .ds, .es, .ss: true
    case .cs, .fs, .gs: false
    }
  }
}
