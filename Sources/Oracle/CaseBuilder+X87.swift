// States and operands for the x87 unit, rich in what is hard: NaNs, infinities, denormals, unnormals, halfway cases for
// each precision, exponents at the edges of each format, full and empty stacks.

import ISA

extension CaseBuilder {
  mutating func prepareX87(_ kind: X87Operand) {
    made.fx = x87Image(forTranscendental: row.instructionClass == .x87Transcendental)
    guard let operand else { return }
    switch kind {
    case .none, .status: break
    case .float32: made.poke(operand, UInt64(float32()), bytes: 4)
    case .float64: made.poke(operand, float64(), bytes: 8)
    case .integer16, .integer32, .integer64: break
    case .float80: poke80(operand, random.oneIn(2) ? float80() : near64())
    case .decimal: pokeDecimal(operand)
    case .control: made.poke(operand, UInt64(random.oneIn(4) ? UInt16(truncatingIfNeeded: random.word()) : control()), bytes: 2)
    case .environment, .state: pokeEnvironment(operand, withRegisters: kind.size(4) == 108)
    case .extendedState:
      let aligned = random.oneIn(16) ? operand : operand & ~15
      if aligned != operand, let rm = modRM.first.map({ Int($0 & 7) }) {
        // The form's displacement makes up for what the base has: move the one register that counts.
        if modRM.count == 1, rm != 4, rm != 5, !address16 {
          made.registers[rm] = aligned
          self.operand = aligned
        }
      }
      if row.operation == .fxrstor {
        let image = x87Image(forTranscendental: false)
        for n in 0..<288 { made.poke(aligned &+ UInt32(n), UInt64(image[n]), bytes: 1) }
        if random.oneIn(8) { made.poke(aligned &+ 24, UInt64(random.word()), bytes: 4) }
      }
    }
  }

  /// What isn't compared after an x87 instruction: pointers in memory, as `FXUndefined` says; and of an operand larger
  /// than any register, which of its bytes faults first (AMD asks for the last one, and wraps where a limit would be met).
  mutating func leaveX87Undefined() {
    guard case .x87(let kind) = row.setup, let operand else { return }
    let wide = operandSize == 4
    switch kind {
    case .environment, .state, .extendedState: made.undefined.whichFault = true
    default: return
    }
    switch (kind, reg) {
    case (.extendedState, 0): made.undefined.memory = operand &+ 6..<max(operand &+ 6, operand &+ 32)
    case (_, 6):
      let start = operand &+ (wide ? 12 : 6)
      made.undefined.memory = start..<max(start, operand &+ (wide ? 28 : 14))
    default: break
    }
  }

  // MARK: The unit

  mutating func control() -> UInt16 {
    let masks: UInt16 = random.oneIn(4) ? UInt16(truncatingIfNeeded: random.word()) & 0x3f : 0x3f
    return masks | 0x40 | UInt16(random.below(4)) << 8 | UInt16(random.below(4)) << 10 | (random.oneIn(8) ? 0x1000 : 0)
  }

  private mutating func x87Image(forTranscendental: Bool) -> [UInt8] {
    var image = [UInt8](repeating: 0, count: 512)
    func put(_ value: UInt64, _ at: Int, _ count: Int) {
      for n in 0..<count { image[at + n] = UInt8(truncatingIfNeeded: value >> UInt64(8 * n)) }
    }
    let control = control()
    var status = UInt16(truncatingIfNeeded: random.word()) & 0x7f7f
    // Seldom with an exception pending: then nothing else happens.
    if !random.oneIn(16) { status &= control | ~0x3f }
    if status & ~control & 0x3f != 0 { status |= 0x8080 }
    put(UInt64(control), 0, 2)
    put(UInt64(status), 2, 2)
    let occupied: UInt8 = random.oneIn(4) ? UInt8(truncatingIfNeeded: random.word()) : random.oneIn(2) ? 0xff : occupiedStack(status)
    put(UInt64(occupied), 4, 1)
    put(UInt64(random.oneIn(8) ? random.word() & 0xffff : 0x1f80), 24, 4)
    put(0xffff, 28, 4)
    for n in 0..<8 {
      let value = forTranscendental && !random.oneIn(3) ? modest80() : random.oneIn(4) ? near64() : float80()
      put(value.0, 32 + 16 * n, 8)
      put(UInt64(value.1), 40 + 16 * n, 2)
    }
    if random.oneIn(4) {
      // A second operand close to the first: cancellation, equality, and quotients near 1.
      for n in 0..<10 { image[48 + n] = image[32 + n] }
      if random.oneIn(2) { image[57] ^= 0x80 }
      if random.oneIn(2) { image[48] ^= 1 }
    }
    for n in 160..<288 { image[n] = UInt8(truncatingIfNeeded: random.word()) }
    return image
  }

  /// A stack that has room for a push.
  private mutating func occupiedStack(_ status: UInt16) -> UInt8 {
    let top = Int(status >> 11 & 7)
    var occupied: UInt8 = 0
    for n in 0..<random.below(8) { occupied |= 1 << UInt8((top + n) & 7) }
    return occupied
  }

  // MARK: Values

  static let exponents80: [UInt16] = [
    0, 1, 2, 0x3fff, 0x3ffe, 0x4000, 0x3ffd, 0x3fbf, 0x3fbe, 0x3fc0, 0x403d, 0x403e, 0x403f, 0x4040, 0x401d, 0x401e,
    0x400d, 0x400e, 0x400f, 0x7ffe, 0x7ffd, 0x7fff, 0x3c01, 0x3c00, 0x3bff, 0x3bcd, 0x3bcc, 0x3bcb, 0x43fe, 0x43ff, 0x43fd,
    0x3f81, 0x3f80, 0x3f6a, 0x3f69, 0x3f68, 0x407e, 0x407f, 0x403a, 0x4039, 0x403b,
  ]
  static let significands80: [UInt64] = [
    0, 1, 1 << 63, 1 << 63 | 1, ~0, ~0 - 1, 3 << 62, 3 << 62 | 1, 1 << 62, 1 << 62 | 1, ~0 >> 1, 1 << 63 | 0x400,
    1 << 63 | 0xc00, 1 << 63 | 0x401, 1 << 63 | 0x3ff, 1 << 63 | 0x80_0000_0000, 1 << 63 | 0x180_0000_0000,
    1 << 63 | 0x7f_ffff_ffff, ~0 << 11, ~0 << 10, ~0 << 40, ~0 << 39, 0xc90f_daa2_2168_c235, 0xde0b_6b3a_763f_ffff,
    0xde0b_6b3a_7640_0000,
  ]

  mutating func float80() -> (UInt64, UInt16) {
    let sign: UInt16 = random.oneIn(2) ? 0x8000 : 0
    let exponent: UInt16 =
      random.oneIn(4) ? UInt16(truncatingIfNeeded: random.word()) & 0x7fff
      : random.oneIn(4) ? UInt16(0x3fff - 70 + random.below(140)) : random.pick(Self.exponents80)
    var significand =
      random.oneIn(3) ? random.next() | 1 << 63 : random.oneIn(16) ? random.next() : random.pick(Self.significands80)
    if random.oneIn(8) { significand = significand & ~0 << 12 | 0x400 << UInt64(random.below(3)) }
    if exponent != 0, !random.oneIn(12) { significand |= 1 << 63 }
    if random.oneIn(24) { return (0, sign) }
    if random.oneIn(24) { return (1 << 63, sign | 0x7fff) }
    return (significand, sign | exponent)
  }

  /// Something that a double or a float can hold, or nearly.
  mutating func near64() -> (UInt64, UInt16) {
    var (significand, rest) = modest80()
    significand &= ~0 << UInt64(random.pick([10, 11, 39, 40]))
    if random.oneIn(4) { rest = rest & 0x8000 | random.pick([0x3c01, 0x43fe, 0x3f81, 0x407e]) }
    return (significand, rest)
  }

  /// Of moderate size.
  mutating func modest80() -> (UInt64, UInt16) {
    let sign: UInt16 = random.oneIn(2) ? 0x8000 : 0
    return (random.next() | 1 << 63, sign | UInt16(0x3fff - 12 + random.below(random.oneIn(4) ? 80 : 16)))
  }

  mutating func float64() -> UInt64 {
    let exponents: [UInt64] = [0, 1, 0x3fe, 0x3ff, 0x400, 0x433, 0x434, 0x7fe, 0x7ff]
    let fractions: [UInt64] = [0, 1, 1 << 51, 1 << 51 | 1, (1 << 52) - 1, 1 << 50]
    let exponent = random.oneIn(2) ? random.pick(exponents) : random.next() & 0x7ff
    let fraction = random.oneIn(2) ? random.pick(fractions) : random.next() & ((1 << 52) - 1)
    return (random.oneIn(2) ? 1 << 63 : 0) | exponent << 52 | fraction
  }

  mutating func float32() -> UInt32 {
    let exponents: [UInt32] = [0, 1, 0x7e, 0x7f, 0x80, 0x96, 0xfe, 0xff]
    let fractions: [UInt32] = [0, 1, 1 << 22, 1 << 22 | 1, (1 << 23) - 1, 1 << 21]
    let exponent = random.oneIn(2) ? random.pick(exponents) : random.word() & 0xff
    let fraction = random.oneIn(2) ? random.pick(fractions) : random.word() & ((1 << 23) - 1)
    return (random.oneIn(2) ? 1 << 31 : 0) | exponent << 23 | fraction
  }

  private mutating func poke80(_ address: UInt32, _ value: (UInt64, UInt16)) {
    made.poke(address, value.0, bytes: 8)
    made.poke(address &+ 8, UInt64(value.1), bytes: 2)
  }

  /// Eighteen digits and a sign. A digit beyond 9 has no defined result.
  private mutating func pokeDecimal(_ address: UInt32) {
    for n in 0..<9 as Range<UInt32> {
      let digits = random.oneIn(4) ? 0x99 : UInt64(random.below(10)) << 4 | UInt64(random.below(10))
      made.poke(address &+ n, digits, bytes: 1)
    }
    made.poke(address &+ 9, random.oneIn(2) ? 0x80 : 0, bytes: 1)
  }

  private mutating func pokeEnvironment(_ address: UInt32, withRegisters: Bool) {
    let word = UInt32(operandSize == 2 ? 2 : 4)
    for n in 0..<7 { made.poke(address &+ UInt32(n) &* word, UInt64(random.word()), bytes: Int(word)) }
    let control = control()
    made.poke(address, UInt64(control) | UInt64(random.word()) << 16, bytes: Int(word))
    if !random.oneIn(4) {
      let status = UInt16(truncatingIfNeeded: random.word()) & (control | ~0x3f)
      made.poke(address &+ word, UInt64(status), bytes: Int(word))
    }
    if withRegisters {
      for n in 0..<8 { poke80(address &+ 7 &* word &+ UInt32(n) &* 10, float80()) }
    }
  }
}
