// Operands of a case: a ModRM form first, then register values that make it point where the case wants it to.
// SDM volume 2, tables 2-1 to 2-3.

extension CaseBuilder {
  mutating func chooseModRM() {
    switch row.reg {
    case .none, .any: reg = random.below(8)
    case .digit(let digit): reg = Int(digit)
    case .choices(let choices): reg = Int(random.pick(choices))
    }
    let register: Bool =
      switch row.rm {
      case .any: random.oneIn(2)
      case .register: true
      case .memory: false
      }
    if register {
      rmRegister = random.below(8)
      modRM = [UInt8(0xc0 | reg << 3 | rmRegister!)]
      return
    }
    let size = memoryOperandSize
    if address16 {
      operand = aligned(lowAddress(size))
      chooseForm16(operand!)
    } else {
      operand = aligned(dataAddress(size))
      chooseForm32(operand!)
    }
    if random.oneIn(2) { made.poke(operand!, UInt64(value()) | UInt64(value()) << 32, bytes: size) }
  }

  /// At a multiple of 16, mostly, where it must be.
  private mutating func aligned(_ address: UInt32) -> UInt32 {
    row.simd?.operands.mustAlign == true && !random.oneIn(12) ? address & ~15 : address
  }

  private mutating func displacementBytes(_ mod: Int, wide: Int) -> (value: UInt32, bytes: [UInt8]) {
    switch mod {
    case 0: return (0, [])
    case 1:
      let byte = UInt8(truncatingIfNeeded: random.oneIn(4) ? random.pick([0, 1, 0x7f, 0x80, 0xff]) : random.word())
      return (UInt32(bitPattern: Int32(Int8(bitPattern: byte))), [byte])
    default:
      let value = random.oneIn(4) ? self.value() : random.word()
      return (value, (0..<wide).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) })
    }
  }

  private mutating func chooseForm32(_ target: UInt32) {
    func little(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) } }
    let mod = random.below(3)
    let rm = random.below(8)
    let first = UInt8(mod << 6 | reg << 3 | rm)
    if rm == 5 && mod == 0 {
      modRM = [first] + little(target)
      return
    }
    guard rm == 4 else {
      let displacement = displacementBytes(mod, wide: 4)
      made.registers[rm] = target &- displacement.value
      modRM = [first] + displacement.bytes
      return
    }
    let scale = random.below(4)
    let base = random.below(8)
    var index = random.below(8)
    let noBase = base == 5 && mod == 0
    if !noBase && index == base { index = index == 4 ? 4 : (index + 1) % 8 }
    let sib = UInt8(scale << 6 | index << 3 | base)
    // Index 4 is none. ESP as a base alone would move the stack along with the operand; that is a case like any other.
    let scaled = index == 4 ? 0 : made.registers[index] << UInt32(scale)
    if noBase {
      modRM = [first, sib] + little(target &- scaled)
      return
    }
    let displacement = displacementBytes(mod, wide: 4)
    if base == 4 && index != 4 && scale == 0 && random.oneIn(2) {
      made.registers[index] = target &- displacement.value &- made.registers[4]
    } else {
      made.registers[base] = target &- displacement.value &- scaled
    }
    modRM = [first, sib] + displacement.bytes
  }

  private mutating func chooseForm16(_ target: UInt32) {
    let mod = random.below(3)
    let rm = random.below(8)
    let first = UInt8(mod << 6 | reg << 3 | rm)
    if rm == 6 && mod == 0 {
      modRM = [first, UInt8(truncatingIfNeeded: target), UInt8(truncatingIfNeeded: target >> 8)]
      return
    }
    let displacement = displacementBytes(mod, wide: 2)
    // BX+SI BX+DI BP+SI BP+DI SI DI BP BX. Upper halves stay random: they must not count.
    let solved = [3, 3, 5, 5, 6, 7, 5, 3][rm]
    let other: UInt32 = rm < 4 ? made.registers[rm & 1 == 0 ? 6 : 7] : 0
    let low = (target &- displacement.value &- other) & 0xffff
    made.registers[solved] = made.registers[solved] & 0xffff_0000 | low
    modRM = [first] + displacement.bytes
  }

  /// Writes the operand that the r/m field names: a register's low bytes or memory.
  mutating func setOperand(_ value: UInt32, size: Int) {
    if let rm = rmRegister {
      setRegister(rm, value, size: size)
    } else if let operand {
      made.poke(operand, UInt64(value), bytes: size)
    }
  }

  mutating func setRegister(_ number: Int, _ value: UInt32, size: Int) {
    switch size {
    case 1 where number < 4: made.registers[number] = made.registers[number] & ~0xff | value & 0xff
    case 1: made.registers[number - 4] = made.registers[number - 4] & ~0xff00 | (value & 0xff) << 8
    case 2: made.registers[number] = made.registers[number] & ~0xffff | value & 0xffff
    default: made.registers[number] = value
    }
  }

  /// Whether the memory operand's address depends on a register: then preparing it would move the operand.
  func addressUses(_ register: Int) -> Bool {
    guard operand != nil, let first = modRM.first else { return false }
    let mod = Int(first >> 6)
    let rm = Int(first & 7)
    if address16 {
      if rm == 6 && mod == 0 { return false }
      let used = [[3, 6], [3, 7], [5, 6], [5, 7], [6], [7], [5], [3]][rm]
      return used.contains(register)
    }
    if rm == 5 && mod == 0 { return false }
    guard rm == 4 else { return rm == register }
    let base = Int(modRM[1] & 7)
    let index = Int(modRM[1] >> 3 & 7)
    return (index != 4 && index == register) || (base == register && !(base == 5 && mod == 0))
  }
}
