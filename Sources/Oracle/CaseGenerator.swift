// Makes cases: a row of the instruction table, prefixes, operands and a state in which the instruction gets somewhere
// or faults in an interesting way. The same seed and index make the same case on every host (but for `lowMemory`).

import ISA

package struct CaseGenerator: Sendable {
  package let seed: UInt64
  /// Whether 16-bit addresses may reach memory. Where they can't (most hosts map nothing below 64 KiB), instructions
  /// with 16-bit addresses only fault or take an address.
  package let lowMemory: Bool
  package let rows: [InstructionTemplate]
  /// What the windows hold before a case writes its operands: made once, so that a case copies instead of drawing.
  private let background: [UInt8]
  private let lowBackground: [UInt8]

  package init(seed: UInt64, classes: Set<InstructionClass>? = nil, lowMemory: Bool) {
    self.seed = seed
    self.lowMemory = lowMemory
    rows = InstructionTable.rows.filter { classes?.contains($0.instructionClass) ?? true }
    var random = SplitMix64(seed: seed)
    background = (0..<OracleMachine.dataBytes).map { _ in UInt8(truncatingIfNeeded: random.next() >> 32) }
    lowBackground =
      lowMemory ? (0..<OracleMachine.lowBytes).map { _ in UInt8(truncatingIfNeeded: random.next() >> 32) } : []
  }

  package func row(at index: Int) -> InstructionTemplate { rows[index % rows.count] }

  /// The case with this index. Successive indices go through the rows in turn.
  package func makeCase(at index: Int) -> OracleCase {
    var builder = CaseBuilder(
      row: row(at: index), random: SplitMix64(seed: seed, index: index), memory: background, low: lowBackground)
    var made = builder.build()
    made.index = index
    return made
  }
}

/// A case in the making.
struct CaseBuilder {
  let row: InstructionTemplate
  var random: SplitMix64
  var made: OracleCase
  let low: [UInt8]
  var operandSize = 4
  var address16 = false
  var locked = false
  var repeated = false
  var modRM: [UInt8] = []
  var immediate: [UInt8] = []
  var plus: UInt8 = 0
  /// ModRM.reg, and ModRM.rm if that is a register.
  var reg = 0
  var rmRegister: Int?
  /// Linear address of the memory operand (before the segment has its say).
  var operand: UInt32?

  init(row: InstructionTemplate, random: SplitMix64, memory: [UInt8], low: [UInt8]) {
    self.row = row
    self.random = random
    self.low = low
    made = OracleCase(bytes: [], memory: memory)
    made.origin = row.name
  }

  mutating func build() -> OracleCase {
    let prefixes = choosePrefixes()
    chooseState()
    if row.hasModRM { chooseModRM() }
    if row.plusRegister { plus = UInt8(random.below(8)) }
    chooseImmediate()
    prepare()
    if let simd = row.simd { prepareSIMD(simd) }
    made.bytes = prefixes + opcodeBytes() + modRM + immediate
    // No instruction is longer than 15 bytes; the table's longest has 12 without prefixes, so this drops a few at most.
    while made.bytes.count > 15 { made.bytes.removeFirst() }
    chooseEnding()
    made.undefined = undefinedResults()
    leaveX87Undefined()
    return made
  }

  private func opcodeBytes() -> [UInt8] {
    var opcode = row.opcode
    if row.plusRegister { opcode[opcode.count - 1] |= plus }
    return opcode
  }

  // MARK: Values

  static let corners: [UInt32] = [
    0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ff80,
    0xffff_8000, 0xffff_fffe, 0xffff_ffff,
  ]

  mutating func value() -> UInt32 {
    switch random.below(8) {
    case 0, 1, 2: random.pick(Self.corners)
    case 3: random.pick(Self.corners) ^ (random.word() & 0xffff_0000)
    default: random.word()
    }
  }

  /// An address for `size` bytes of data: mostly inside, sometimes across an edge or nowhere.
  mutating func dataAddress(_ size: Int) -> UInt32 {
    let data = OracleMachine.data
    // Whether an ARPL that changes nothing needs to be able to write depends on the model (on AMD it doesn't).
    if row.operation == .arpl { return data + (random.oneIn(8) ? 0x3000 : 0x200) + UInt32(random.below(0x1c00)) }
    let across = UInt32(size > 1 ? 1 + random.below(size - 1) : 0)
    let address: UInt32
    switch random.below(32) {
    case 0, 1: address = data + 0x1000 - across  // two pages
    case 2: address = data + 0x2000 - across  // writable to read-only
    case 3: address = data + 0x2000 + UInt32(random.below(0xff0))  // read-only
    case 4: address = data + 0x3000 - across  // off the end
    case 5: address = data - across  // from before the start
    case 6: address = data + 0x3000 + UInt32(random.below(64))
    case 7: address = random.pick([0, 4, 0xfff, 0x1000, 0x7fff_fff0, 0x8000_0000, 0xffff_e000, 0xffff_ff00])
    case 8: address = OracleMachine.code + UInt32(random.below(0xf00))
    case 9: address = data
    default: address = data + 0x200 + UInt32(random.below(0x1c00))
    }
    // A locked access across a cache line is punished by some hosts (split-lock detection), so there is none.
    let mustAlign = locked || row.options.contains(.locksAnyway)
    return mustAlign ? address & ~UInt32(max(size, 1) - 1) : address
  }

  mutating func lowAddress(_ size: Int) -> UInt32 {
    var address = UInt32(random.below(0x1_0000))
    if !low.isEmpty {
      made.lowMemory = low
      let start = OracleMachine.low
      switch random.below(16) {
      case 0: break
      case 1: address = start + UInt32(OracleMachine.lowBytes - random.below(size + 1))
      case 2: address = start - UInt32(random.below(size + 1))
      case 3: address = start + 0x1000 - UInt32(random.below(size + 1))
      default: address = start + UInt32(random.below(OracleMachine.lowBytes - 16))
      }
    }
    let mustAlign = locked || row.options.contains(.locksAnyway)
    return mustAlign ? address & ~UInt32(max(size, 1) - 1) : address
  }

  mutating func stackPointer() -> UInt32 {
    let data = OracleMachine.data
    switch random.below(24) {
    case 0: return data + UInt32(random.below(48))  // pushing runs off the start
    case 1: return data + 0x2000 - UInt32(random.below(24))  // popping runs into the read-only page
    case 2: return data + 0x2000 + UInt32(random.below(48))  // pushing runs into the writable one
    case 3: return data + 0x3000 - UInt32(random.below(48))  // popping runs off the end
    case 4: return data + 0x1000 + UInt32(random.below(32)) - 16
    case 5: return random.pick([0, 0x1000, 0x4000_0000, 0x8000_0000])
    case 6, 7: return data + 0x800 + UInt32(random.below(0x1000))  // unaligned
    default: return data + 0x800 + UInt32(random.below(0x400)) * 4
    }
  }

  /// Somewhere to jump: nothing is mapped there, or HLT stands there.
  mutating func target() -> UInt32 {
    switch random.below(8) {
    case 0: random.pick([0, 0x8000_0000, 0x7fff_fffe, 0x1000_1000, 0xffff_0000])
    case 1: OracleMachine.code + UInt32(random.below(0xe00))
    case 2: OracleMachine.data + UInt32(random.below(0x3000))
    default: 0x4000_0000 + (random.word() & 0x0fff_ffff)
    }
  }

  mutating func selector() -> UInt16 { random.pick(OracleMachine.selectors) }

  // MARK: Prefixes and the state that any instruction gets

  private mutating func choosePrefixes() -> [UInt8] {
    var prefixes: [UInt8] = []
    let sized: Bool =
      switch row.width {
      case .operand: true
      default: false
      }
    if !row.options.contains(.no66), random.oneIn(sized || row.options.contains(.branches) ? 4 : 8) {
      prefixes.append(0x66)
      operandSize = 2
    }
    if random.oneIn(12) {
      prefixes.append(0x67)
      address16 = true
    }
    if random.oneIn(8) { prefixes.append(random.pick(row.operation == .arpl ? [0x26, 0x36, 0x64] : [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65])) }
    if row.options.contains(.rep) || row.options.contains(.repne) {
      if !random.oneIn(4) {
        prefixes.append(random.oneIn(2) ? 0xf2 : 0xf3)
        // F2 on an instruction that has no REPNE acts as REP on every processor, but is documented nowhere.
        if !row.options.contains(.repne) { prefixes[prefixes.count - 1] = 0xf3 }
        repeated = true
      }
    } else if row.options.contains(.lock), random.oneIn(6) {
      prefixes.append(0xf0)
      locked = true
    } else if random.oneIn(64), row.instructionClass != .undefined, !row.options.contains(.neverLock) {
      // Not allowed: #UD.
      prefixes.append(0xf0)
      locked = true
    }
    if random.oneIn(48), let again = prefixes.first { prefixes.append(again) }
    prefixes.shuffle(using: &random)
    return prefixes
  }

  private mutating func chooseState() {
    for i in 0..<8 { made.registers[i] = value() }
    made.registers[4] = stackPointer()
    // Whether all 32 bits of a selector's slot are accessed depends on the model; aligned, it makes no difference.
    if row.operation == .pushSegment || row.operation == .popSegment { made.registers[4] &= ~3 }
    if random.oneIn(2) { made.registers[5] = OracleMachine.data + 0x400 + UInt32(random.below(0x1800)) }
    let flags = EFlags.status.rawValue | EFlags.df.rawValue | EFlags.id.rawValue
    made.eflags = 0x202 | (random.word() & flags)
    if random.oneIn(16) { made.selectors.ds = 0 }
    if random.oneIn(16) { made.selectors.es = 0 }
    if random.oneIn(2) { made.selectors.fs = OracleMachine.dataSelector }
    if random.oneIn(2) { made.selectors.gs = OracleMachine.dataSelector }
  }

  /// Bytes of memory that the r/m operand covers.
  var memoryOperandSize: Int {
    if let simd = row.simd { return max(simd.operands.memoryBytes, 1) }
    return integerOperandSize
  }

  private var integerOperandSize: Int {
    switch row.setup {
    case .farPointerOperand: operandSize + 2
    case .bound: operandSize * 2
    case .compareExchange8: 8
    case .x87(let operand): operand.size(operandSize)
    default:
      switch row.width {
      case .byte: 1
      case .word: 2
      case .operand: operandSize
      case .none: 4
      }
    }
  }

  private mutating func chooseImmediate() {
    func bytes(_ value: UInt32, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
    }
    switch row.immediate {
    case .none: break
    case .byte: immediate = bytes(value(), 1)
    case .word: immediate = bytes(random.oneIn(2) ? UInt32(random.below(16)) * 4 : value(), 2)
    case .iz: immediate = bytes(value(), operandSize)
    case .enter:
      let frame = random.oneIn(8) ? value() : UInt32(random.below(32)) * 4
      immediate = bytes(frame, 2) + [UInt8(random.oneIn(8) ? random.below(256) : random.below(4))]
    case .relative8: immediate = bytes(random.word(), 1)
    case .relative:
      immediate = bytes(random.oneIn(8) ? UInt32(bitPattern: Int32(random.below(64) - 32)) : target(), operandSize)
    case .pointer: immediate = bytes(target(), operandSize) + bytes(UInt32(selector()), 2)
    case .offset:
      operand = address16 ? lowAddress(memoryOperandSize) : dataAddress(memoryOperandSize)
      immediate = bytes(operand!, address16 ? 2 : 4)
      if random.oneIn(2) { made.poke(operand!, UInt64(value()), bytes: memoryOperandSize) }
    }
  }

  private mutating func chooseEnding() {
    guard row.options.contains(.branches) else { return }
    made.ending = .unmapped
    // A relative branch into its own bytes would run them as something else: step instead.
    let size: Int
    switch row.immediate {
    case .relative8: size = 1
    case .relative: size = operandSize
    default: return
    }
    let raw = made.bytes.suffix(size).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    let shift = UInt32(32 - 8 * size)
    let displacement = UInt32(bitPattern: Int32(bitPattern: raw << shift) >> shift)
    let next = made.address &+ UInt32(made.bytes.count)
    let target = next &+ displacement
    if target &- made.address < UInt32(made.bytes.count) { made.ending = .step }
  }

  private func undefinedResults() -> UndefinedResults {
    var count = 0
    switch row.setup {
    case .shiftCL: count = Int(made.registers[1] & 31)
    case .shiftImmediate: count = Int(immediate[0] & 31)
    default: count = row.instructionClass == .shiftRotate ? 1 : 0
    }
    let toReg: Bool =
      switch row.operation {
      case .bsf, .bsr, .lar: true
      default: false
      }
    let destination = toReg ? reg : row.plusRegister ? Int(plus) : rmRegister
    let size: Int =
      switch row.width {
      case .byte: 1
      default: operandSize
      }
    return UndefinedFlags.results(
      of: row.operation, size: size, count: count, repeated: repeated, destination: destination, operand: operand,
      stack: made.registers[4])
  }
}
