// What particular instructions need in registers and memory to do more than fault, and the ways of faulting that are
// theirs alone. Registers that the memory operand's address depends on are left as they are.

import ISA

extension CaseBuilder {
  mutating func prepare() {
    let size = row.width.bytes(operandSize)
    switch row.setup {
    case .plain, .push, .pop, .farPointerImmediate: break
    case .string: prepareString(size)
    case .division: prepareDivision(size)
    case .bitString:
      if !addressUses(reg), !random.oneIn(4) {
        made.registers[reg] = UInt32(bitPattern: Int32(random.below(4096) - 2048))
      }
    case .shiftCL:
      if !addressUses(1) { made.registers[1] = made.registers[1] & ~0xff | shiftCount() }
    case .shiftImmediate: immediate[0] = UInt8(shiftCount())
    case .xlat:
      let target = address16 ? lowAddress(1) : dataAddress(1)
      let base = target &- (made.registers[0] & 0xff)
      made.registers[3] = address16 ? made.registers[3] & 0xffff_0000 | base & 0xffff : base
    case .selectorOperand: prepareSelectors()
    case .farPointerOperand:
      guard let operand else { break }
      made.poke(operand, UInt64(target()), bytes: operandSize)
      made.poke(operand &+ UInt32(operandSize), UInt64(selector()), bytes: 2)
    case .popSegment:
      made.poke(made.registers[4], UInt64(value() & 0xffff_0000 | UInt32(selector())), bytes: operandSize)
    case .popFlags: made.poke(made.registers[4], UInt64(poppedFlags()), bytes: operandSize)
    case .enter, .leave: made.registers[5] = random.oneIn(8) ? value() & 0x7fff_fffc : stackPointer()
    case .bound: prepareBound()
    case .indirect:
      if let rm = rmRegister, rm == 4, random.oneIn(2) { break }
      setOperand(target(), size: operandSize)
    case .loop:
      made.registers[1] =
        random.oneIn(2) ? random.pick([0, 1, 2, 0x1_0000, 0x1_0001, 0xffff_0000, 0xffff_0001]) : value()
    case .ret: made.poke(made.registers[4], UInt64(target()), bytes: operandSize)
    case .retFar: pokeFarReturn()
    case .iret:
      pokeFarReturn()
      made.poke(made.registers[4] &+ UInt32(2 * operandSize), UInt64(poppedFlags()), bytes: operandSize)
    case .compareExchange: prepareCompareExchange(size)
    case .compareExchange8: prepareCompareExchange8()
    case .asciiBase:
      if random.oneIn(2) { immediate[0] = 10 } else if random.oneIn(4) { immediate[0] = 0 }
    case .x87(let kind): prepareX87(kind)
    case .interrupt:
      if random.oneIn(4) { immediate[0] = random.pick(OracleMachine.userVectors) }
      if immediate[0] == 0x80 { immediate[0] = 0x81 }
    }
  }

  private mutating func shiftCount() -> UInt32 {
    random.oneIn(2)
      ? random.pick([0, 1, 2, 7, 8, 9, 15, 16, 17, 18, 24, 31, 32, 33, 63, 64, 0x80, 0xff]) : random.word() & 0xff
  }

  /// TF would trap after the next instruction, which isn't ours.
  private mutating func poppedFlags() -> UInt32 { random.word() & ~EFlags.tf.rawValue }

  private mutating func pokeFarReturn() {
    made.poke(made.registers[4], UInt64(target()), bytes: operandSize)
    let upper = value() & 0xffff_0000
    made.poke(made.registers[4] &+ UInt32(operandSize), UInt64(upper | UInt32(selector())), bytes: operandSize)
  }

  private mutating func prepareSelectors() {
    setOperand(value() & 0xffff_0000 | UInt32(selector()), size: rmRegister == nil ? 2 : 4)
    let comparesRegisters = row.operation == .arpl
    if comparesRegisters && !addressUses(reg) && reg != rmRegister {
      made.registers[reg] = value() & 0xffff_0000 | UInt32(selector())
    }
  }

  private mutating func prepareDivision(_ size: Int) {
    let bits = UInt32(8 * size)
    let signed = row.operation == .idiv
    if random.oneIn(16) { setOperand(0, size: size) } else if random.oneIn(2) { setOperand(value(), size: size) }
    // The upper half of the dividend: the sign, or something small, so that most quotients fit.
    let lower = (made.registers[0] << (32 - bits)) >> (32 - bits)
    var upper: UInt32
    switch random.below(4) {
    case 0: upper = value()
    case 1: upper = UInt32(random.below(4))
    default: upper = signed && (lower >> (bits - 1)) & 1 == 1 ? ~0 : 0
    }
    if random.oneIn(16) && signed {
      // The most negative by -1: the quotient doesn't fit.
      upper = ~0
      if !addressUses(0) { setRegister(0, 1 << (bits - 1), size: size) }
      setOperand(~0, size: size)
    }
    if size == 1 {
      if !addressUses(0) && rmRegister != 4 { setRegister(4, upper, size: 1) }
    } else if !addressUses(2) && rmRegister != 2 {
      setRegister(2, upper, size: size)
    }
  }

  private mutating func prepareBound() {
    guard let operand else { return }
    let index = Int64(Int32(bitPattern: made.registers[reg]))
    let below = Int64(random.below(1000)) * (random.oneIn(4) ? -1 : 1)
    let above = Int64(random.below(1000)) * (random.oneIn(4) ? -1 : 1)
    made.poke(operand, UInt64(bitPattern: index - below), bytes: operandSize)
    made.poke(operand &+ UInt32(operandSize), UInt64(bitPattern: index + above), bytes: operandSize)
  }

  private mutating func prepareCompareExchange(_ size: Int) {
    guard random.oneIn(2), !addressUses(0) else { return }
    if let rm = rmRegister {
      let value = rm < 4 || size != 1 ? made.registers[rm] : made.registers[rm - 4] >> 8
      setRegister(0, value, size: size)
    } else {
      setOperand(made.registers[0], size: size)
    }
  }

  private mutating func prepareCompareExchange8() {
    guard let operand, random.oneIn(2) else { return }
    made.poke(operand, UInt64(made.registers[2]) << 32 | UInt64(made.registers[0]), bytes: 8)
  }

  private mutating func prepareString(_ size: Int) {
    let count = random.oneIn(8) ? value() : UInt32(random.below(random.oneIn(4) ? 3000 : 40))
    made.registers[1] = address16 ? value() & 0xffff_0000 | count & 0xffff : count
    // What vendors check first, the count or the port's permission, isn't documented.
    if row.instructionClass == .privileged && made.registers[1] & 0xffff == 0 { made.registers[1] |= 1 }
    let source = address16 ? lowAddress(size) : dataAddress(size)
    var destination = address16 ? lowAddress(size) : dataAddress(size)
    if random.oneIn(16) { destination = source &+ UInt32(random.below(9)) &- 4 }
    if address16 {
      made.registers[6] = made.registers[6] & 0xffff_0000 | source
      // `NativeLimits` says why a repeated move has no upper half here.
      let upper = row.operation == .movs && repeated ? 0 : made.registers[7] & 0xffff_0000
      made.registers[7] = upper | destination & 0xffff
    } else {
      made.registers[6] = source
      made.registers[7] = destination
    }
    guard repeated, !random.oneIn(4) else { return }
    // Something for REPE to find equal, or REPNE to find at last.
    let down = made.eflags & EFlags.df.rawValue != 0
    let length = random.below(24)
    let step: UInt32 = down ? 0 &- UInt32(size) : UInt32(size)
    let repeatEqual = random.oneIn(2)
    for i in 0..<length where repeatEqual || i == length - 1 {
      let offset = step &* UInt32(i)
      switch row.operation {
      case .cmps:
        for byte in 0..<UInt32(size) {
          let value = made.peek(source &+ offset &+ byte) ?? 0
          made.poke(destination &+ offset &+ byte, UInt64(value), bytes: 1)
        }
      case .scas: made.poke(destination &+ offset, UInt64(made.registers[0]), bytes: size)
      default: return
      }
    }
  }
}

extension InstructionTemplate.Width {
  func bytes(_ operandSize: Int) -> Int {
    switch self {
    case .byte: 1
    case .word: 2
    case .operand, .none: operandSize
    }
  }
}
