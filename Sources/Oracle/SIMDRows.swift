// MMX, SSE and SSE2 before the judge: each line of `SIMDTable` is a row of cases.

import ISA

extension InstructionTable {
  static let simd: [InstructionTemplate] = SIMDTable.rows.map { InstructionTemplate(simd: $0) }
}

extension InstructionTemplate {
  init(simd: SIMDInstruction) {
    let prefix = simd.prefix.byte
    let text = ((prefix.map { [$0] } ?? []) + [0x0f, simd.opcode]).map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }
    let modRM = simd.operands == .emptyMM ? "" : simd.digit.map { " /\($0)" } ?? " /r"
    let rm: RM =
      switch simd.rm {
      case .any: .any
      case .memory: .memory
      case .register: .register
      }
    self.init(
      simd.oracleClass, .simd, text.joined(separator: " ") + modRM + (simd.hasImmediate ? " ib" : ""), .none, rm: rm,
      // 66 would select another instruction.
      .no66)
    self.simd = simd
    name = "\(simd.mnemonic) \(name.dropFirst(5))"
  }
}

extension SIMDInstruction {
  /// The class that the instruction is counted under.
  var oracleClass: InstructionClass {
    if mnemonic.hasPrefix("cvt") { return .conversion }
    if operands.usesMM && !operands.usesXmm { return .mmx }
    switch mnemonic.suffix(2) {
    case "ps", "ss", "sr": return .sse
    case "pd", "sd": return .sse2Double
    default: return .sse2Integer
    }
  }

  /// What the elements of the source are.
  var elements: CaseBuilder.Elements {
    switch mnemonic {
    case "cvtps2pd", "cvtss2sd", "cvtps2dq", "cvttps2dq", "cvtps2pi", "cvttps2pi", "cvtss2si", "cvttss2si": .single
    case "cvtpi2ps", "cvtpi2pd", "cvtsi2ss", "cvtsi2sd", "cvtdq2ps", "cvtdq2pd": .integer
    case _ where mnemonic.hasPrefix("cvt"): .double
    default:
      switch oracleClass {
      case .sse: .single
      case .sse2Double: .double
      default: .integer
      }
    }
  }
}

extension CaseBuilder {
  package enum Elements { case single, double, integer }

  // MARK: Values

  private static let singles: [UInt32] = [
    0, 0, 1, 2, 0x000f_ffff, 0x007f_ffff, 0x0080_0000, 0x0080_0001, 0x0100_0000, 0x1f80_0000, 0x1fff_ffff, 0x2000_0000,
    0x3380_0000, 0x3400_0000, 0x3effffff, 0x3f00_0000, 0x3f7f_ffff, 0x3f80_0000, 0x3f80_0001, 0x3fc0_0000, 0x4000_0000,
    0x4020_0000, 0x4060_0000, 0x4b00_0000, 0x4b00_0001, 0x4b7f_ffff, 0x4b80_0001, 0x4eff_ffff, 0x4f00_0000, 0x4f00_0001,
    0x5f00_0000, 0x7e80_0000, 0x7f00_0000, 0x7f7f_ffff, 0x7f80_0000, 0x7f80_0000, 0x7f80_0001, 0x7fa1_2345, 0x7fbf_ffff,
    0x7fc0_0000, 0x7fc0_0001, 0x7fff_ffff,
  ]

  private static let doubles: [UInt64] = [
    0, 0, 1, 2, 0x0000_ffff_ffff_ffff, 0x000f_ffff_ffff_ffff, 0x0010_0000_0000_0000, 0x0010_0000_0000_0001,
    0x1ff0_0000_0000_0000, 0x2000_0000_0000_0000, 0x3690_0000_0000_0000, 0x3690_0000_0000_0001, 0x36a0_0000_0000_0000,
    0x380f_ffff_ffff_ffff, 0x380f_ffff_e000_0000, 0x380f_ffff_f000_0000, 0x3810_0000_0000_0000, 0x3810_0000_0000_0001,
    0x3ca0_0000_0000_0000, 0x3fdf_ffff_ffff_ffff, 0x3fe0_0000_0000_0000, 0x3fef_ffff_ffff_ffff, 0x3ff0_0000_0000_0000,
    0x3ff0_0000_0000_0001, 0x3ff0_0000_1000_0000, 0x3ff0_0000_3000_0000, 0x3ff0_0000_1000_0001, 0x3ff8_0000_0000_0000,
    0x4000_0000_0000_0000, 0x4004_0000_0000_0000, 0x400c_0000_0000_0000, 0x41df_ffff_ffc0_0000, 0x41df_ffff_ffe0_0000,
    0x41df_ffff_fff0_0000, 0x41e0_0000_0000_0000, 0x41e0_0000_0010_0000, 0x41e0_0000_0020_0000, 0x4330_0000_0000_0000,
    0x4330_0000_0000_0001, 0x43e0_0000_0000_0000, 0x47ef_ffff_e000_0000, 0x47ef_ffff_efff_ffff, 0x47ef_ffff_f000_0000,
    0x47f0_0000_0000_0000, 0x7fe0_0000_0000_0000, 0x7fef_ffff_ffff_ffff, 0x7ff0_0000_0000_0000, 0x7ff0_0000_0000_0000,
    0x7ff0_0000_0000_0001, 0x7ff4_1234_5678_9abc, 0x7ff7_ffff_ffff_ffff, 0x7ff8_0000_0000_0000, 0x7ff8_0000_0000_0001,
    0x7fff_ffff_ffff_ffff,
  ]

  private mutating func single() -> UInt32 {
    let sign: UInt32 = random.oneIn(2) ? 0x8000_0000 : 0
    switch random.below(8) {
    case 0, 1, 2: return random.pick(Self.singles) | sign
    case 3: return Float(random.below(64)).bitPattern | sign
    case 4: return (random.pick(Self.singles) &+ UInt32(random.below(5)) &- 2) ^ sign
    // Near 1, so that sums and products meet.
    case 5: return 0x3f00_0000 &+ random.word() & 0x01ff_ffff | sign
    // Extreme exponents.
    case 6: return (random.oneIn(2) ? random.word() & 0x0fff_ffff : 0x7000_0000 | random.word() & 0x0fff_ffff) | sign
    default: return random.word()
    }
  }

  private mutating func double() -> UInt64 {
    let sign: UInt64 = random.oneIn(2) ? 1 << 63 : 0
    switch random.below(8) {
    case 0, 1, 2: return random.pick(Self.doubles) | sign
    case 3: return Double(random.below(64)).bitPattern | sign
    case 4: return (random.pick(Self.doubles) &+ UInt64(random.below(5)) &- 2) ^ sign
    case 5: return 0x3fe0_0000_0000_0000 | random.next() & 0x001f_ffff_ffff_ffff | sign
    case 6:
      let bits = random.next() & 0x00ff_ffff_ffff_ffff
      return (random.oneIn(2) ? bits : 0x7f00_0000_0000_0000 | bits) | sign
    default: return random.next()
    }
  }

  private mutating func quadword(_ elements: Elements) -> UInt64 {
    if random.oneIn(16) { return random.next() }
    switch elements {
    case .single: return UInt64(single()) | UInt64(single()) << 32
    case .double: return double()
    case .integer:
      if random.oneIn(4) { return random.next() }
      if random.oneIn(4) { return UInt64(random.below(80)) }
      return UInt64(value()) << 32 | UInt64(value())
    }
  }

  // MARK: State

  /// Registers, control words and the memory operand of a SIMD case.
  mutating func prepareSIMD(_ simd: SIMDInstruction) {
    let elements = simd.elements
    var image = [UInt8](repeating: 0, count: 512)
    func put(_ value: UInt64, _ offset: Int, _ count: Int) {
      for n in 0..<count { image[offset + n] = UInt8(truncatingIfNeeded: value >> UInt64(8 * n)) }
    }
    // x87: now and then an exception is pending.
    let control: UInt16 = random.oneIn(4) ? UInt16(truncatingIfNeeded: random.word()) & 0xf3f | 0x40 : 0x37f
    var status = UInt16(truncatingIfNeeded: random.word()) & 0x7f3f
    if !random.oneIn(8) { status &= ~0x3f | control & 0x3f }
    if status & ~control & 0x3f != 0 { status |= 0x8080 }
    put(UInt64(control), 0, 2)
    put(UInt64(status), 2, 2)
    put(UInt64(random.word()), 4, 1)
    put(UInt64(controlAndStatus()), 24, 4)
    put(0xffff, 28, 4)
    for n in 0..<8 {
      put(simd.operands.usesMM ? quadword(elements == .single ? .single : .integer) : random.next(), 32 + 16 * n, 8)
      put(UInt64(random.word()), 40 + 16 * n, 2)
      put(quadword(elements), 160 + 16 * n, 8)
      put(quadword(elements), 168 + 16 * n, 8)
    }
    made.fx = image

    if simd.operands == .maskedMM || simd.operands == .maskedXmm {
      let target = address16 ? lowAddress(16) : dataAddress(16)
      made.registers[7] = address16 ? made.registers[7] & 0xffff_0000 | target : target
    }
    guard let operand else { return }
    if simd.operands == .loadControl {
      // Bit 17 is AMD's misaligned mode.
      let reserved: UInt32 = random.oneIn(4) ? random.pick([1 << 16, 1 << 18, 1 << 31]) : 0
      made.poke(operand, UInt64(controlAndStatus() | reserved), bytes: 4)
    } else if !random.oneIn(16) || simd.isFloatingPoint {
      made.poke(operand, quadword(elements), bytes: 8)
      made.poke(operand &+ 8, quadword(elements), bytes: 8)
    }
  }

  /// An MXCSR: half of them as compiled code has it, but for the rounding.
  private mutating func controlAndStatus() -> UInt32 {
    var value: UInt32 = random.oneIn(2) ? 0x1f80 : random.word() & 0x1f80
    value |= UInt32(random.below(4)) << 13
    if random.oneIn(2) { value |= random.word() & 0x3f }
    if random.oneIn(3) { value |= 0x8000 }
    if random.oneIn(3) { value |= 0x0040 }
    return value
  }
}
