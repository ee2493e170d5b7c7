// What each guest instruction becomes. Most are themselves: the same opcode with the same operands, a memory operand
// reached as the mode has it, ESP in another register. What isn't here is left to the monitor.

import ISA
import Translation

extension BlockTranslator {
  /// Emits one instruction. Nothing is emitted for a callout.
  mutating func emit(_ i: Instruction) -> TranslationKind {
    if i.hasMemory, i.operation != .lea, !canReach(i) { return .callout }
    switch i.operation {
    case .add, .or, .adc, .sbb, .and, .sub, .xor, .cmp: return emitBinary(i)
    case .test: return emitTest(i)
    case .mov: return emitMove(i)
    case .inc, .dec: return emitUnary(i, 0xfe, i.operation == .inc ? 0 : 1)
    case .not: return emitUnary(i, 0xf6, 2)
    case .neg: return emitUnary(i, 0xf6, 3)
    case .mul: return emitUnary(i, 0xf6, 4, writes: false)
    case .imul: return emitUnary(i, 0xf6, 5, writes: false)
    case .div: return emitUnary(i, 0xf6, 6, writes: false)
    case .idiv: return emitUnary(i, 0xf6, 7, writes: false)
    case .imulTruncating: return emitProduct(i)
    case .rol, .ror, .rcl, .rcr, .shl, .shr, .sar: return emitShift(i)
    case .shld, .shrd: return emitDoubleShift(i)
    case .movzx8, .movsx8, .movzx16, .movsx16: return emitExtension(i)
    case .lea: return emitLoadAddress(i)
    case .xchg: return emitExchange(i)
    case .cmpxchg: return emitReadModifyWrite(i, 0x0fb0)
    case .xadd: return emitReadModifyWrite(i, 0x0fc0)
    case .bt, .bts, .btr, .btc: return emitBitTest(i)
    case .bsf, .bsr:
      return plain(i, i.operation == .bsf ? 0x0fbc : 0x0fbd, reg: i.reg)
    case .cmovcc: return plain(i, 0x0f40 | UInt16(i.condition & 15), reg: i.reg)
    case .setcc: return emitSet(i)
    case .bswap:
      guard i.operandSize == 4 else { return .callout }
      let register = HostState.register(i.rm)
      if register.number >= 8 { asm.byte(0x41) }
      asm.byte(0x0f)
      asm.byte(0xc8 | register.number & 7)
      return .identical
    case .cbw: return short(0x98, i)
    case .cwd: return short(0x99, i)
    case .clc: return short(0xf8)
    case .stc: return short(0xf9)
    case .cmc: return short(0xf5)
    case .lahf: return emitLoadFlags()
    case .sahf: return short(0x9e)
    case .nop: return .identical
    case .push: return emitPush(i)
    case .pop: return emitPop(i)
    case .leave: return emitLeave(i)
    case .jcc, .jmp, .jmpIndirect, .call, .callIndirect, .ret, .loop, .jcxz: return emitTransfer(i) ? .branch : .callout
    case .movs, .stos: return emitString(i)
    case .x87: return emitX87(i)
    case .wait: return emitWait()
    case .simd: return emitVector(i)
    case .cli, .sti, .cld, .std, .pushf, .popf, .clts, .cpuid, .movFromControl,
      .movFromSegment:
      return emitSystem(i)
    default: return .callout
    }
  }

  // MARK: Shapes

  /// An opcode without operands in ModRM.
  private mutating func short(_ opcode: UInt8, _ i: Instruction? = nil) -> TranslationKind {
    if i?.operandSize == 2 { asm.byte(0x66) }
    asm.byte(opcode)
    return .identical
  }

  /// An instruction on words or doublewords that reads r/m.
  private mutating func plain(_ i: Instruction, _ opcode: UInt16, reg: UInt8) -> TranslationKind {
    let rm = operand(i, size: i.operandSize, write: false)
    asm.encode(opcode, reg: HostState.register(reg).number, rm, width: HostWidth(bytes: i.operandSize))
    return kind(rm)
  }

  /// How far an instruction's form is the guest's own.
  func kind(_ rm: HostOperand) -> TranslationKind {
    if case .memory(let place) = rm, !place.isInWindow { return .inline }
    return .identical
  }

  /// Emits with AL CL DL BL or AH CH DH BH as `reg`, and r/m in memory or another of them. A high byte can't be named
  /// beside REX: the two halves change places around the instruction then, which goes the explicit way, since it must
  /// not fault in between.
  private mutating func byteInstruction(_ i: Instruction, _ opcode: UInt16, write: Bool) -> TranslationKind {
    let width = HostWidth.byte
    guard i.hasMemory else {
      asm.encode(opcode, reg: i.reg, .register(HostRegister(i.rm)), width: width, byteReg: true, byteRM: true)
      return .identical
    }
    if i.reg < 4 || !isExplicit && isFreeOfREX(i) {
      let place = memory(i, size: 1, write: write)
      asm.encode(opcode, reg: i.reg, .memory(place), width: width, byteReg: true)
      return kind(.memory(place))
    }
    let place = memory(i, size: 1, write: write, explicitly: true)
    swapHalves(i.reg)
    asm.encode(opcode, reg: i.reg & 3, .memory(place), width: width, byteReg: true)
    swapHalves(i.reg)
    return .inline
  }

  /// XCHG of AL and AH, or their like.
  private mutating func swapHalves(_ register: UInt8) {
    asm.byte(0x86)
    asm.byte(0xc0 | (register & 3 | 4) << 3 | register & 3)
  }

  // MARK: Arithmetic and logic

  private static func binaryNumber(_ operation: Operation) -> UInt8 {
    switch operation {
    case .add: 0
    case .or: 1
    case .adc: 2
    case .sbb: 3
    case .and: 4
    case .sub: 5
    case .xor: 6
    default: 7
    }
  }

  private mutating func emitBinary(_ i: Instruction) -> TranslationKind {
    let number = Self.binaryNumber(i.operation)
    let writes = i.operation != .cmp
    let width = HostWidth(bytes: i.operandSize)
    switch i.form {
    case .rmReg, .regRM:
      let toRegister = i.form == .regRM
      let opcode = UInt16(number) << 3 | (toRegister ? 2 : 0) | (i.operandSize == 1 ? 0 : 1)
      if i.operandSize == 1 { return byteInstruction(i, opcode, write: writes && !toRegister) }
      let rm = operand(i, size: i.operandSize, write: writes && !toRegister)
      asm.encode(opcode, reg: HostState.register(i.reg).number, rm, width: width)
      return kind(rm)
    case .rmImm:
      let rm = operand(i, size: i.operandSize, write: writes)
      if i.operandSize == 1 {
        asm.encode(0x80, reg: number, rm, width: width, byteRM: true, immediate: i.immediate, immediateBytes: 1)
      } else {
        immediateForm(number, rm, i)
      }
      return kind(rm)
    default: return .callout
    }
  }

  /// 83 with a byte where that will do, else 81.
  private mutating func immediateForm(_ number: UInt8, _ rm: HostOperand, _ i: Instruction) {
    let width = HostWidth(bytes: i.operandSize)
    let value = i.operandSize == 2 ? Int32(Int16(truncatingIfNeeded: i.immediate)) : Int32(bitPattern: i.immediate)
    if value == Int32(Int8(truncatingIfNeeded: value)) {
      asm.encode(0x83, reg: number, rm, width: width, immediate: UInt32(bitPattern: value), immediateBytes: 1)
    } else {
      asm.encode(0x81, reg: number, rm, width: width, immediate: i.immediate, immediateBytes: i.operandSize)
    }
  }

  private mutating func emitTest(_ i: Instruction) -> TranslationKind {
    switch i.form {
    case .rmReg, .regRM:
      if i.operandSize == 1 { return byteInstruction(i, 0x84, write: false) }
      return plain(i, 0x85, reg: i.reg)
    case .rmImm:
      let rm = operand(i, size: i.operandSize, write: false)
      asm.encode(
        i.operandSize == 1 ? 0xf6 : 0xf7, reg: 0, rm, width: HostWidth(bytes: i.operandSize), byteRM: true,
        immediate: i.immediate, immediateBytes: i.operandSize)
      return kind(rm)
    default: return .callout
    }
  }

  private mutating func emitUnary(
    _ i: Instruction, _ opcode: UInt16, _ number: UInt8, writes: Bool = true
  ) -> TranslationKind {
    let rm = operand(i, size: i.operandSize, write: writes)
    asm.encode(
      opcode | (i.operandSize == 1 ? 0 : 1), reg: number, rm, width: HostWidth(bytes: i.operandSize),
      byteRM: i.operandSize == 1)
    return kind(rm)
  }

  private mutating func emitProduct(_ i: Instruction) -> TranslationKind {
    guard i.form == .regRMImm else { return plain(i, 0x0faf, reg: i.reg) }
    let rm = operand(i, size: i.operandSize, write: false)
    let fitsByte =
      i.operandSize == 2
      ? Int16(truncatingIfNeeded: i.immediate) == Int16(Int8(truncatingIfNeeded: i.immediate))
      : Int32(bitPattern: i.immediate) == Int32(Int8(truncatingIfNeeded: i.immediate))
    asm.encode(
      fitsByte ? 0x6b : 0x69, reg: HostState.register(i.reg).number, rm, width: HostWidth(bytes: i.operandSize),
      immediate: i.immediate, immediateBytes: fitsByte ? 1 : i.operandSize)
    return kind(rm)
  }

  // MARK: Shifts

  private static func shiftNumber(_ operation: Operation) -> UInt8 {
    switch operation {
    case .rol: 0
    case .ror: 1
    case .rcl: 2
    case .rcr: 3
    case .shl: 4
    case .shr: 5
    default: 7
    }
  }

  private mutating func emitShift(_ i: Instruction) -> TranslationKind {
    let number = Self.shiftNumber(i.operation)
    let isByte = i.operandSize == 1
    if i.form == .rmCL {
      // What the flags are depends on the count: only where nobody looks at them.
      guard !i.hasMemory, flagsAreDead(), i.operation != .rcl, i.operation != .rcr else { return .callout }
      asm.encode(
        isByte ? 0xd2 : 0xd3, reg: number, .register(isByte ? HostRegister(i.rm) : HostState.register(i.rm)),
        width: HostWidth(bytes: i.operandSize), byteRM: isByte)
      return .identical
    }
    let count = i.immediate & 31
    // Counts that reach beyond narrow operands leave CF undefined.
    if i.operandSize < 4, count >= UInt32(i.operandSize) * 8 { return .callout }
    if count == 0 {
      // Only the check for writing is left of it.
      return i.hasMemory ? .callout : .identical
    }
    let rm = operand(i, size: i.operandSize, write: true)
    if count == 1 {
      asm.encode(isByte ? 0xd0 : 0xd1, reg: number, rm, width: HostWidth(bytes: i.operandSize), byteRM: isByte)
    } else {
      asm.encode(
        isByte ? 0xc0 : 0xc1, reg: number, rm, width: HostWidth(bytes: i.operandSize), byteRM: isByte,
        immediate: count, immediateBytes: 1)
    }
    return kind(rm)
  }

  private mutating func emitDoubleShift(_ i: Instruction) -> TranslationKind {
    guard i.form == .rmRegImm, i.operandSize == 4, i.immediate & 31 != 0 else { return .callout }
    let rm = operand(i, size: 4, write: true)
    asm.encode(
      i.operation == .shld ? 0x0fa4 : 0x0fac, reg: HostState.register(i.reg).number, rm, width: .dword,
      immediate: i.immediate & 31, immediateBytes: 1)
    return kind(rm)
  }

  // MARK: Bits

  private mutating func emitBitTest(_ i: Instruction) -> TranslationKind {
    let number: UInt16 =
      switch i.operation {
      case .bt: 4
      case .bts: 5
      case .btr: 6
      default: 7
      }
    let width = HostWidth(bytes: i.operandSize)
    if i.form == .rmImm {
      let rm = operand(i, size: i.operandSize, write: i.operation != .bt)
      asm.encode(
        0x0fba, reg: UInt8(number), rm, width: width, immediate: i.immediate & (UInt32(i.operandSize) * 8 - 1),
        immediateBytes: 1)
      return kind(rm)
    }
    // With a register the bit may lie anywhere in memory.
    if i.hasMemory { return .callout }
    asm.encode(
      0x0f83 | number << 3, reg: HostState.register(i.reg).number, .register(HostState.register(i.rm)), width: width)
    return .identical
  }

  private mutating func emitSet(_ i: Instruction) -> TranslationKind {
    let rm = operand(i, size: 1, write: true)
    asm.encode(0x0f90 | UInt16(i.condition & 15), reg: 0, rm, width: .byte, byteRM: true)
    return kind(rm)
  }

  /// LAHF: bits 3 and 5 of AH read as 0, bit 1 as 1, on every processor.
  private mutating func emitLoadFlags() -> TranslationKind { short(0x9f) }

  // MARK: Moves

  private mutating func emitMove(_ i: Instruction) -> TranslationKind {
    let width = HostWidth(bytes: i.operandSize)
    switch i.form {
    case .rmReg:
      if i.operandSize == 1 { return byteInstruction(i, 0x88, write: true) }
      let rm = operand(i, size: i.operandSize, write: true)
      asm.encode(0x89, reg: HostState.register(i.reg).number, rm, width: width)
      return kind(rm)
    case .regRM:
      if i.operandSize == 1 { return byteInstruction(i, 0x8a, write: false) }
      return plain(i, 0x8b, reg: i.reg)
    case .rmImm:
      if !i.hasMemory, i.operandSize == 4 {
        asm.move(HostState.register(i.rm), immediate: i.immediate)
        return .identical
      }
      let rm = operand(i, size: i.operandSize, write: true)
      asm.encode(
        i.operandSize == 1 ? 0xc6 : 0xc7, reg: 0, rm, width: width, byteRM: true, immediate: i.immediate,
        immediateBytes: i.operandSize)
      return kind(rm)
    default: return .callout
    }
  }

  private mutating func emitExtension(_ i: Instruction) -> TranslationKind {
    let fromByte = i.operation == .movzx8 || i.operation == .movsx8
    let isSigned = i.operation == .movsx8 || i.operation == .movsx16
    let destination = HostState.register(i.reg)
    if fromByte, !i.hasMemory, i.rm >= 4, destination.number >= 8 { return .callout }
    let rm = operand(i, size: fromByte ? 1 : 2, write: false)
    asm.encode(
      (isSigned ? 0x0fbe : 0x0fb6) | (fromByte ? 0 : 1), reg: destination.number, rm,
      width: HostWidth(bytes: i.operandSize), byteRM: fromByte)
    return kind(rm)
  }

  private mutating func emitLoadAddress(_ i: Instruction) -> TranslationKind {
    if i.address16 { return .callout }
    let place = effectiveAddress(i)
    let destination = HostState.register(i.reg)
    if place.base == nil, place.index == nil {
      if i.operandSize != 4 { return .callout }
      asm.move(destination, immediate: UInt32(bitPattern: place.displacement))
    } else {
      asm.loadAddress(destination, place, width: HostWidth(bytes: i.operandSize))
    }
    return .identical
  }

  /// XCHG. What the TLB has found writable takes a load and a store and no lock: nobody else is there. In the window it is
  /// the host's own: its fault is a write's, as it must be, and a load would not say that.
  private mutating func emitExchange(_ i: Instruction) -> TranslationKind {
    let width = HostWidth(bytes: i.operandSize)
    guard i.hasMemory else {
      if i.operandSize == 1 {
        asm.encode(0x86, reg: i.reg, .register(HostRegister(i.rm)), width: width, byteReg: true, byteRM: true)
      } else {
        asm.encode(0x87, reg: HostState.register(i.reg).number, .register(HostState.register(i.rm)), width: width)
      }
      return .identical
    }
    guard i.operandSize == 4, isExplicit else { return emitReadModifyWrite(i, 0x86) }
    let place = memory(i, size: 4, write: true)
    let register = HostState.register(i.reg)
    // SAVED is free: the look-up is over.
    asm.load(HostState.saved, place)
    asm.store(place, register)
    asm.move(register, HostState.saved)
    return .inline
  }

  /// An instruction that the host executes on memory as it is, without LOCK.
  private mutating func emitReadModifyWrite(_ i: Instruction, _ opcode: UInt16) -> TranslationKind {
    let isByte = i.operandSize == 1
    // The host needs REX for the explicit path.
    if isByte, i.reg >= 4, i.hasMemory { return .callout }
    let rm = operand(i, size: i.operandSize, write: true)
    asm.encode(
      opcode | (isByte ? 0 : 1), reg: isByte ? i.reg : HostState.register(i.reg).number, rm,
      width: HostWidth(bytes: i.operandSize), byteReg: isByte, byteRM: isByte)
    return kind(rm)
  }

  // MARK: The stack

  private mutating func emitPush(_ i: Instruction) -> TranslationKind {
    guard i.operandSize == 4 else { return .callout }
    switch i.form {
    case .rm where i.hasMemory:
      let source = memory(i, size: 4, write: false)
      asm.load(HostState.value, source)
      if isExplicit {
        asm.store(HostState.field(\.translatedScratch), HostState.value)
        let place = top(below: -4, write: true)
        asm.load(HostState.value, HostState.field(\.translatedScratch))
        asm.store(place, HostState.value)
      } else {
        asm.store(top(below: -4, write: true), HostState.value)
      }
    case .rm:
      let place = top(below: -4, write: true)
      asm.store(place, HostState.register(i.rm))
    default:
      let place = top(below: -4, write: true)
      asm.store(place, immediate: i.immediate)
    }
    moveStack(by: -4)
    return .inline
  }

  private mutating func emitPop(_ i: Instruction) -> TranslationKind {
    guard i.operandSize == 4, !i.hasMemory else { return .callout }
    let place = top(below: 0, write: false)
    asm.load(HostState.register(i.rm), place)
    if i.rm != 4 { moveStack(by: 4) }
    return .inline
  }

  private mutating func emitLeave(_ i: Instruction) -> TranslationKind {
    guard i.operandSize == 4 else { return .callout }
    let place = memory(HostMemory(base: .rbp), size: 4, write: false)
    asm.load(HostState.value, place)
    asm.loadAddress(.r12, HostMemory(base: .rbp, displacement: 4))
    asm.move(.rbp, HostState.value)
    return .inline
  }
}
