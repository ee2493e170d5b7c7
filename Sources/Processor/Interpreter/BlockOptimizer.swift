// What can be done better when a whole block is in view: flags that nobody sees are not computed, and comparisons are
// fused with the branches behind them. Neither changes what any instruction boundary shows to the outside: a step that
// can fault, leave the block or be interrupted is a boundary, and everything is in place when it begins.

import ISA

extension HandlerTable {
  /// What an instruction in a fast block means for the flags before it.
  private enum FlagUse {
    /// Overwrites all of them without looking, and can't leave the block before it has.
    case overwrites
    /// Neither reads nor writes them, and can't leave the block.
    case passes
    /// May look at them, or show them to somebody.
    case needs
  }

  private func flagUse(_ i: Instruction) -> FlagUse {
    if i.hasMemory && i.operation != .lea { return .needs }
    switch i.operation {
    case .add, .or, .and, .sub, .xor, .cmp, .test, .neg: return i.operandSize == 2 ? .needs : .overwrites
    case .shl, .shr, .sar: return i.form == .rmImm && i.immediate & 31 != 0 && i.operandSize == 4 ? .overwrites : .needs
    case .imulTruncating: return i.operandSize == 4 ? .overwrites : .needs
    case .mov: return i.operandSize == 2 ? .needs : .passes
    case .movzx8, .movzx16, .movsx8, .movsx16, .not, .cwd: return i.operandSize == 4 ? .passes : .needs
    case .lea: return i.operandSize == 4 && !i.address16 ? .passes : .needs
    case .nop: return .passes
    default: return .needs
    }
  }

  /// Improves the steps of a flat block.
  func optimize(_ steps: UnsafeMutablePointer<Step>, _ instructions: UnsafePointer<Instruction>, count: Int) {
    var flagsAreSeen = true
    for n in stride(from: count - 1, through: 0, by: -1) {
      let i = instructions[n]
      if !flagsAreSeen, let handler = handlerWithoutFlags(i) {
        steps[n].handler = handler
      } else if n + 1 < count, instructions[n + 1].operation == .jcc, instructions[n + 1].operandSize == 4,
        let handler = fusedHandler(i, condition: instructions[n + 1].condition & 15)
      {
        steps[n].handler = handler
      }
      switch flagUse(i) {
      case .overwrites: flagsAreSeen = false
      case .passes: break
      case .needs: flagsAreSeen = true
      }
    }
  }

  private func handlerWithoutFlags(_ i: Instruction) -> Handler? {
    guard !i.hasMemory, i.operandSize == 4 else { return nil }
    if let handlers = fast.withoutFlags[i.operation] {
      return i.form == .rmImm ? handlers.immediate : handlers.register
    }
    if let handler = fast.shiftWithoutFlags[i.operation] {
      return i.form == .rmImm && i.immediate & 31 != 0 ? handler : nil
    }
    return fast.unaryWithoutFlags[i.operation]
  }

  private func fusedHandler(_ i: Instruction, condition: UInt8) -> Handler? {
    if i.hasMemory {
      guard !i.address16, i.segment == .ds || i.segment == .ss || i.segment == .es else { return nil }
    }
    switch (i.operation, i.form, i.hasMemory, i.operandSize) {
    case (.cmp, .rmReg, false, 4), (.cmp, .regRM, false, 4): return fused.compareRegisters32[condition]
    case (.cmp, .rmImm, false, 4): return fused.compareImmediate32[condition]
    case (.cmp, .regRM, true, 4): return fused.compareRegisterMemory32[condition]
    case (.cmp, .rmReg, true, 4): return fused.compareMemoryRegister32[condition]
    case (.cmp, .rmImm, true, 4): return fused.compareMemoryImmediate32[condition]
    case (.cmp, .rmReg, false, 1), (.cmp, .regRM, false, 1): return fused.compareRegisters8[condition]
    case (.cmp, .rmImm, false, 1): return fused.compareImmediate8[condition]
    case (.cmp, .rmImm, true, 1): return fused.compareMemoryImmediate8[condition]
    case (.test, .rmReg, false, 4): return fused.testRegisters32[condition]
    case (.test, .rmReg, false, 1): return fused.testRegisters8[condition]
    case (.test, .rmImm, false, 4): return fused.testImmediate32[condition]
    case (.test, .rmImm, false, 1): return fused.testImmediate8[condition]
    case (.test, .rmImm, true, 1): return fused.testMemoryImmediate8[condition]
    case (.sub, .rmReg, false, 4), (.sub, .regRM, false, 4): return fused.subtractRegisters32[condition]
    case (.sub, .rmImm, false, 4): return fused.subtractImmediate32[condition]
    case (.add, .rmImm, false, 4): return fused.addImmediate32[condition]
    case (.and, .rmImm, false, 4): return fused.andImmediate32[condition]
    case (.inc, .rm, false, 4): return fused.increment32[condition]
    case (.dec, .rm, false, 4): return fused.decrement32[condition]
    default: return nil
    }
  }
}
