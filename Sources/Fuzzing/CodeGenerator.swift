// Random guest code from a grammar: instructions that mostly mean something, with operands that mostly point at
// something, in mixtures that no program has. Plain random bytes rarely get past their first fault.

import ISA

/// Writes random instructions into a buffer.
struct CodeGenerator {
  let bytes: UnsafeMutablePointer<UInt8>
  var at: Int
  let end: Int
  /// The code runs with 32-bit operands and addresses by default.
  let is32: Bool
  /// Added to physical addresses for operands: where the data segment begins.
  let dataBase: UInt32

  mutating func fill(_ random: inout RandomSource) {
    while at < end - 40 { instruction(&random) }
  }

  private mutating func put(_ value: UInt8) {
    if at < end {
      bytes[at] = value
      at += 1
    }
  }
  private mutating func put(_ values: UInt8...) { for value in values { put(value) } }
  private mutating func put16(_ value: UInt32) {
    put(UInt8(truncatingIfNeeded: value))
    put(UInt8(truncatingIfNeeded: value >> 8))
  }
  private mutating func put32(_ value: UInt32) {
    put16(value)
    put16(value >> 16)
  }
  /// An immediate of the operand size.
  private mutating func putWord(_ value: UInt32) { if is32 { put32(value) } else { put16(value) } }

  /// A physical address that is worth a visit.
  static func address(_ random: inout RandomSource) -> UInt32 {
    let page: UInt32
    switch random.below(16) {
    case 0...5: page = CaseLayout.data + UInt32(random.below(16)) << 12
    case 6, 7: page = CaseLayout.code + UInt32(random.below(2)) << 12
    case 8: page = CaseLayout.gdt
    case 9: page = CaseLayout.tasks
    case 10: page = CaseLayout.pointerTable + UInt32(random.below(8)) << 12
    case 11: page = 0xa_0000 + UInt32(random.below(4)) << 12
    case 12: page = CaseLayout.rom + UInt32(random.below(16)) << 12
    case 13: page = UInt32(random.below(0x110)) << 12
    case 14: page = random.word() & ~0xfff
    default: page = 0
    }
    switch random.below(4) {
    case 0: return page &+ 0x1000 &- UInt32(random.below(9))
    default: return page &+ UInt32(random.below(0x1000))
    }
  }

  /// A value that is worth computing with.
  static func value(_ random: inout RandomSource) -> UInt32 {
    switch random.below(10) {
    case 0: return 0
    case 1: return ~0
    case 2: return 0x8000_0000 &+ UInt32(random.below(3)) &- 1
    case 3, 4: return UInt32(random.below(256))
    case 5: return UInt32(random.below(0x1_0000))
    case 6, 7: return address(&random)
    default: return random.word()
    }
  }

  static func selector(_ random: inout RandomSource) -> UInt16 {
    if random.chance(5) { return UInt16(truncatingIfNeeded: random.word()) }
    let index = random.chance(85) ? random.below(CaseDescriptor.known) : random.below(CaseLayout.gdtEntries + 2)
    return UInt16(index << 3) | UInt16(random.chance(10) ? 4 : 0) | UInt16(random.pick([0, 0, 0, 3, 3, 1, 2]))
  }

  private func operandAddress(_ random: inout RandomSource) -> UInt32 { Self.address(&random) &- dataBase }

  /// ModRM of a register operand.
  private mutating func registers(_ reg: Int, _ random: inout RandomSource) { put(UInt8(0xc0 | reg << 3 | random.below(8))) }

  /// ModRM and what follows for a memory operand.
  private mutating func memory(_ reg: Int, _ random: inout RandomSource) {
    let reg = UInt8(reg << 3)
    if is32 {
      switch random.below(8) {
      case 0...3:
        put(reg | 5)
        put32(operandAddress(&random))
      case 4, 5: put(0x40 | reg | UInt8(random.pick([0, 1, 2, 3, 5, 6, 7])), random.byte())
      case 6:
        put(0x04 | reg, random.byte() & 0xf8 | 5)
        put32(operandAddress(&random))
      default:
        put(0x44 | reg, 0x24, random.byte() & 0x7c)
      }
    } else {
      switch random.below(4) {
      case 0, 1:
        put(reg | 6)
        put16(operandAddress(&random))
      case 2: put(0x40 | reg | UInt8(random.below(8)), random.byte())
      default: put(reg | UInt8(random.pick([0, 1, 2, 3, 4, 5, 7])))
      }
    }
  }

  private mutating func modRM(_ reg: Int, _ random: inout RandomSource) {
    if random.chance(50) { registers(reg, &random) } else { memory(reg, &random) }
  }

  private mutating func prefixes(_ random: inout RandomSource) {
    if random.chance(88) { return }
    repeat {
      put(random.pick([0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65, 0x66, 0x67]))
    } while random.chance(30)
  }

  /// MOV register, value.
  private mutating func load(_ register: Int, _ value: UInt32) {
    put(UInt8(0xb8 | register))
    putWord(value)
  }

  private mutating func instruction(_ random: inout RandomSource) {
    switch random.below(100) {
    case 0..<30: arithmetic(&random)
    case 30..<48: movement(&random)
    case 48..<60: branch(&random)
    case 60..<67: string(&random)
    case 67..<72: for _ in 0..<1 + random.below(8) { put(random.byte()) }
    case 72..<78: selfModification(&random)
    case 78..<85: farTransfer(&random)
    case 85..<93: system(&random)
    default: twoByte(&random)
    }
  }

  private mutating func arithmetic(_ random: inout RandomSource) {
    prefixes(&random)
    switch random.below(12) {
    case 0...3:
      put(UInt8(random.below(8) << 3 | random.below(4)))
      modRM(random.below(8), &random)
    case 4:
      put(UInt8(random.below(8) << 3 | 4), random.byte())
    case 5:
      put(0x83)
      modRM(random.below(8), &random)
      put(random.byte())
    case 6:
      put(0x81)
      modRM(random.below(8), &random)
      putWord(Self.value(&random))
    case 7: put(UInt8(0x40 | random.below(16)))
    case 8:
      let opcode: UInt8 = random.pick([0xc0, 0xc1])
      put(opcode)
      modRM(random.below(8), &random)
      put(random.byte())
    case 9:
      put(random.pick([0xd0, 0xd1, 0xd2, 0xd3]))
      modRM(random.below(8), &random)
    case 10:
      let wide = random.chance(60)
      put(wide ? 0xf7 : 0xf6)
      let operation = random.below(8)
      modRM(operation, &random)
      if operation < 2 { if wide { putWord(Self.value(&random)) } else { put(random.byte()) } }
    default:
      switch random.below(6) {
      case 0: put(random.pick([0x27, 0x2f, 0x37, 0x3f, 0x98, 0x99, 0x9e, 0x9f]))
      case 1: put(random.pick([0xd4, 0xd5]), random.byte())
      case 2: put(random.pick([0xf5, 0xf8, 0xf9, 0xfc, 0xfd, 0xd6, 0xd7]))
      case 3:
        put(0x69)
        modRM(random.below(8), &random)
        putWord(Self.value(&random))
      case 4:
        put(random.pick([0xfe, 0xff]))
        modRM(random.below(2), &random)
      default:
        put(random.pick([0x84, 0x85, 0x86, 0x87]))
        modRM(random.below(8), &random)
      }
    }
  }

  private mutating func movement(_ random: inout RandomSource) {
    prefixes(&random)
    switch random.below(12) {
    case 0...2:
      put(random.pick([0x88, 0x89, 0x8a, 0x8b]))
      modRM(random.below(8), &random)
    case 3: load(random.pick([0, 1, 2, 3, 5, 6, 7]), Self.value(&random))
    case 4:
      put(0xc7)
      modRM(0, &random)
      putWord(Self.value(&random))
    case 5: put(UInt8(0x50 | random.below(8)))
    case 6: put(UInt8(0x58 | random.pick([0, 1, 2, 3, 5, 6, 7])))
    case 7:
      put(0x8d)
      memory(random.below(8), &random)
    case 8:
      put(0x68)
      putWord(Self.value(&random))
    case 9:
      put(random.pick([0xa0, 0xa1, 0xa2, 0xa3]))
      putWord(operandAddress(&random))
    case 10:
      switch random.below(5) {
      case 0: put(random.pick([0x60, 0x61, 0x9c, 0x9d]))
      case 1: put(0xc8, random.byte(), random.byte() & 1, random.byte() & (random.chance(50) ? 0x1f : 3))
      case 2: put(0xc9)
      case 3:
        put(0x8f)
        modRM(0, &random)
      default:
        put(0xff)
        modRM(6, &random)
      }
    default: load(4, CaseLayout.data &+ UInt32(random.below(0x8000)) &- dataBase)
    }
  }

  private mutating func branch(_ random: inout RandomSource) {
    let near = Int8(truncatingIfNeeded: random.below(random.chance(80) ? 40 : 256))
    let short = UInt8(bitPattern: random.chance(75) ? near : -(near / 2))
    switch random.below(10) {
    case 0...3: put(UInt8(0x70 | random.below(16)), short)
    case 4: put(0xeb, short & 0x3f)
    case 5: put(UInt8(0xe0 | random.below(4)), short)
    case 6:
      put(random.pick([0xe8, 0xe9]))
      putWord(UInt32(bitPattern: Int32(random.below(0x800) - min(at, 0x400))))
    case 7:
      put(0x0f, UInt8(0x80 | random.below(16)))
      putWord(UInt32(bitPattern: Int32(random.below(0x400) - 0x200)))
    case 8: put(random.pick([0xc3, 0xc3, 0xc2]), 4, 0)
    default:
      load(0, CaseLayout.code &+ UInt32(random.below(CaseLayout.codeSize)) &- dataBase)
      put(0xff)
      put(random.pick([0xd0, 0xe0]))
    }
  }

  private mutating func string(_ random: inout RandomSource) {
    if random.chance(60) {
      load(1, random.chance(85) ? UInt32(random.below(40)) : Self.value(&random))
      if random.chance(50) { load(6, operandAddress(&random)) }
      if random.chance(70) { load(7, operandAddress(&random)) }
    }
    if random.chance(15) { put(random.pick([0xfc, 0xfd])) }
    prefixes(&random)
    if random.chance(70) { put(random.pick([0xf3, 0xf3, 0xf2])) }
    put(random.pick([0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xa4, 0xa5, 0x6c, 0x6d, 0x6e, 0x6f]))
  }

  /// A store into code near here, the same instruction included.
  private mutating func selfModification(_ random: inout RandomSource) {
    let target = CaseLayout.code &+ UInt32(at + random.below(40)) &- 4 &- dataBase
    switch random.below(3) {
    case 0:
      put(0xc6, is32 ? 5 : 6)
      putWord(target)
      put(random.pick([0x90, 0x40, 0x74, 0xeb, 0xf4, random.byte()]))
    case 1:
      put(0xc7, is32 ? 5 : 6)
      putWord(target)
      putWord(random.pick([0x9090_9090, random.word()]))
    default:
      load(7, target)
      load(1, UInt32(random.below(12)))
      put(0xf3, random.pick([0xaa, 0xab]))
    }
  }

  private mutating func farTransfer(_ random: inout RandomSource) {
    let selector = UInt32(Self.selector(&random))
    let target = random.chance(70)
      ? CaseLayout.code &+ UInt32(random.below(CaseLayout.codeSize)) : Self.value(&random)
    switch random.below(12) {
    case 0, 1:
      put(random.pick([0x9a, 0xea]))
      putWord(target)
      put16(selector)
    case 2:
      put(0xcd)
      put(random.pick([3, 4, 0x20, 0x80, random.byte(), UInt8(random.below(32))]))
    case 3: put(random.pick([0xcc, 0xce, 0xf1]))
    case 4:
      put(0x68)
      putWord(selector)
      put(0x68)
      putWord(target)
      put(random.pick([0xcb, 0xca]), 4, 0)
    case 5, 6, 7:
      // A frame for IRET, often with an outer stack.
      if random.chance(20) { for _ in 0..<4 { push(UInt32(Self.selector(&random))) } }
      if random.chance(60) {
        push(UInt32(Self.selector(&random)))
        push(CaseLayout.data &+ UInt32(random.below(0x8000)) &- dataBase)
      }
      push(flags(&random))
      push(selector)
      push(target)
      put(0xcf)
    case 8:
      put(0xff)
      memory(random.pick([3, 5]), &random)
    case 9:
      put(0x0f, random.pick([0x34, 0x35]))
    case 10:
      put(random.pick([0xc4, 0xc5]))
      memory(random.below(8), &random)
    default:
      put(0x66, 0xb8)
      put16(selector)
      put(0x8e, UInt8(0xc0 | random.below(8) << 3))
    }
  }

  private mutating func push(_ value: UInt32) {
    put(0x68)
    putWord(value)
  }

  private func flags(_ random: inout RandomSource) -> UInt32 {
    var flags = random.word() & 0x8d5 | 2
    if random.chance(60) { flags |= 0x200 }
    if random.chance(8) { flags |= 0x100 }
    if random.chance(15) { flags |= 0x400 }
    if random.chance(8) { flags |= 0x4000 }
    if random.chance(10) { flags |= 0x1_0000 }
    if random.chance(12) { flags |= 0x2_0000 }
    if random.chance(10) { flags |= 0x4_0000 }
    if random.chance(40) { flags |= random.word() & 0x3000 }
    return flags
  }

  private mutating func system(_ random: inout RandomSource) {
    switch random.below(20) {
    case 0:
      var cr0: UInt32 = 0x11 | (random.chance(50) ? 0x8000_0000 : 0)
      if random.chance(30) { cr0 ^= random.word() & 0xe005_003e }
      if random.chance(10) { cr0 &= ~1 }
      load(0, cr0)
      put(0x0f, 0x22, 0xc0)
    case 1:
      load(0, random.pick([CaseLayout.directory, CaseLayout.pointerTable, CaseLayout.directory, Self.value(&random)]))
      put(0x0f, 0x22, 0xd8)
    case 2:
      load(0, random.word() & (random.chance(80) ? 0xbc : 0x7ff))
      put(0x0f, 0x22, 0xe0)
    case 3: put(0x0f, random.pick([0x20, 0x21, 0x23]), UInt8(0xc0 | random.below(64)))
    case 4:
      let msrs: [UInt32] = [0x10, 0x174, 0x175, 0x176, 0xc000_0080, 0x1b, 0x8b, 0x17, Self.value(&random)]
      load(1, random.pick(msrs))
      load(0, random.pick([0x8, 0x800, CaseLayout.code, CaseLayout.data &+ 0x4000, Self.value(&random)]))
      load(2, random.chance(80) ? 0 : random.word())
      put(0x0f, random.pick([0x30, 0x30, 0x32]))
    case 5:
      put(0x0f, 1, UInt8((random.chance(50) ? 2 : 3) << 3 | (is32 ? 5 : 6)))
      putWord(CaseLayout.pseudoDescriptors &+ UInt32(random.below(8)) &* 8 &- dataBase)
    case 6:
      put(0x0f, 1)
      memory(random.pick([0, 1, 2, 3, 4, 6, 7, 7, 7]), &random)
    case 7:
      load(0, UInt32(Self.selector(&random)))
      put(0x0f, 0, UInt8(0xc0 | random.below(8) << 3))
    case 8:
      put(0x0f, 0)
      memory(random.below(8), &random)
    case 9: put(0x0f, random.pick([0x31, 0xa2, 0x06, 0x08, 0x09, 0x33, 0x0b, 0x30, 0x32]))
    case 10, 11: put(random.pick([0xfa, 0xfb, 0xfb, 0xfb, 0xf4, 0x9b]))
    case 12: put(random.pick([0xe4, 0xe5, 0xe6, 0xe7]), random.byte())
    case 13: put(random.pick([0xec, 0xed, 0xee, 0xef]))
    case 14:
      load(0, Self.address(&random))
      put(0x0f, 0x23, UInt8(0xc0 | random.below(4) << 3))
      load(0, random.chance(50) ? random.word() : random.word() & 0x3ff)
      put(0x0f, 0x23, 0xf8)
    case 15: push(flags(&random)); put(0x9d)
    case 16: put(random.pick([0x06, 0x0e, 0x16, 0x1e, 0x07, 0x17, 0x1f]))
    case 17:
      put(0x8c)
      modRM(random.below(8), &random)
    case 18:
      put(0x8e)
      modRM(random.below(8), &random)
    default:
      put(UInt8(0xd8 | random.below(8)))
      modRM(random.below(8), &random)
    }
  }

  private mutating func twoByte(_ random: inout RandomSource) {
    prefixes(&random)
    switch random.below(12) {
    case 0:
      put(0x0f, UInt8(0x90 | random.below(16)))
      modRM(0, &random)
    case 1:
      put(0x0f, UInt8(0x40 | random.below(16)))
      modRM(random.below(8), &random)
    case 2:
      put(0x0f, random.pick([0xb6, 0xb7, 0xbe, 0xbf]))
      modRM(random.below(8), &random)
    case 3:
      put(0x0f, random.pick([0xa3, 0xab, 0xb3, 0xbb, 0xbc, 0xbd]))
      modRM(random.below(8), &random)
    case 4:
      put(0x0f, 0xba)
      modRM(random.below(8), &random)
      put(random.byte())
    case 5:
      put(0x0f, random.pick([0xa4, 0xac]))
      modRM(random.below(8), &random)
      put(random.byte())
    case 6:
      put(0x0f, random.pick([0xa5, 0xad, 0xaf]))
      modRM(random.below(8), &random)
    case 7:
      put(0x0f, random.pick([0xb0, 0xb1, 0xc0, 0xc1]))
      modRM(random.below(8), &random)
    case 8:
      put(0x0f, 0xc7)
      modRM(random.pick([1, 1, 1, random.below(8)]), &random)
    case 9: put(0x0f, UInt8(0xc8 | random.below(8)))
    case 10:
      put(0x0f, random.pick([0x02, 0x03, 0xb2, 0xb4, 0xb5]))
      modRM(random.below(8), &random)
    default:
      switch random.below(3) {
      case 0:
        put(0x62)
        memory(random.below(8), &random)
      case 1:
        put(0x63)
        modRM(random.below(8), &random)
      default:
        put(0x0f, random.byte())
        modRM(random.below(8), &random)
      }
    }
  }
}
