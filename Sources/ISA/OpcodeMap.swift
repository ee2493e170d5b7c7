// The opcode maps of the processor that guests see: a P6 (Pentium Pro to Pentium III) in 16- and 32-bit code.
// SDM volume 2, appendix A, tables A-2 (one-byte), A-3 (two-byte) and A-6 (groups by ModRM.reg).
//
// One line an opcode, and the only place that says which encodings this processor has: to implement a further
// extension, give its opcodes their operations here. An opcode without an operation still has its shape (ModRM,
// immediate), because the processor fetches the whole of an instruction before it raises #UD.

/// Where an opcode's operands lie, and so what `Instruction.form` becomes.
package enum OperandEncoding: UInt8, Sendable, BitwiseCopyable {
  // Without ModRM
  case none
  /// Implied accumulator as `rm`, and an immediate.
  case accumulatorImm
  /// The register in the opcode's low three bits, as `rm`.
  case opcodeReg
  case opcodeRegImm
  /// XCHG of the opcode's register (`rm`) with the accumulator (`reg`).
  case opcodeRegAccumulator
  /// The accumulator from, or to, a bare offset.
  case accumulatorOffset, offsetAccumulator
  case imm
  case relative
  case far
  /// Implied memory operand at DS:(E)SI, or none but ES:(E)DI.
  case string
  /// Implied memory operand at DS:(E)BX.
  case xlat
  /// A segment register in bits 3 to 5 of the opcode.
  case opcodeSegment
  // With ModRM
  case rm, rmReg, regRM, rmImm, rmOne, rmCL, regRMImm, rmRegImm, rmRegCL
  /// As `rmReg` and `regRM`, where `reg` is a segment, control or debug register.
  case rmSegment, segmentRM, rmControl, controlRM, rmDebug, debugRM
  /// An ESC opcode: its low three bits go to `Instruction.condition`.
  case x87
  /// ModRM is part of the encoding, but no operand is used.
  case ignoredRM

  var hasModRM: Bool { rawValue >= OperandEncoding.rm.rawValue }
}

/// How large an opcode's operand is.
package enum OperandSizeRule: UInt8, Sendable, BitwiseCopyable {
  case byte, word, doubleword, quadword
  /// The operand-size attribute: 2 or 4.
  case attribute
  /// 2 when `rm` is memory, else the operand-size attribute.
  case wordInMemory
}

/// What follows the ModRM form.
package enum ImmediateRule: UInt8, Sendable, BitwiseCopyable {
  case none
  case byte
  /// A byte, sign-extended to the operand size.
  case signedByte
  case word
  /// 2 or 4 bytes, as the operand-size attribute says.
  case attribute
  /// A word and then a byte (ENTER).
  case wordAndByte
  /// An offset of 2 or 4 bytes and then a selector.
  case farPointer
  /// 2 or 4 bytes, as the *address*-size attribute says.
  case offset
}

/// What the decoder knows of one opcode, or of one ModRM.reg value of a group.
package struct OpcodeEntry: Sendable, BitwiseCopyable {
  package struct Attributes: OptionSet, Sendable, BitwiseCopyable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }
    static let modRM = Attributes(rawValue: 1 << 0)
    /// ModRM.reg chooses among the eight entries of `group`.
    static let group = Attributes(rawValue: 1 << 1)
    /// LOCK is allowed when the destination is memory.
    static let lockable = Attributes(rawValue: 1 << 2)
    /// A register as `rm` is undefined.
    static let memoryOnly = Attributes(rawValue: 1 << 3)
    /// The opcode's low nibble is a condition.
    static let condition = Attributes(rawValue: 1 << 4)
    /// `rm` is a register whatever ModRM.mod says.
    static let modIgnored = Attributes(rawValue: 1 << 5)
    /// A prefix (or the escape 0F), not an opcode.
    static let prefix = Attributes(rawValue: 1 << 6)
    /// Memory as `rm` is undefined.
    static let registerOnly = Attributes(rawValue: 1 << 7)
    /// The mandatory prefix chooses among the four entries of `group`: none, 66, F3, F2.
    static let prefixed = Attributes(rawValue: 1 << 8)
  }

  package var operation: Operation
  package var encoding: OperandEncoding
  package var size: OperandSizeRule
  package var immediate: ImmediateRule
  package var attributes: Attributes
  /// The first entry of the group; for `.simd` the instruction's number in `SIMDTable`.
  package var group: UInt16 = 0

  init(
    _ operation: Operation, _ encoding: OperandEncoding = .none, _ size: OperandSizeRule = .attribute,
    _ immediate: ImmediateRule = .none, _ attributes: Attributes = []
  ) {
    self.operation = operation
    self.encoding = encoding
    self.size = size
    self.immediate = immediate
    self.attributes = attributes
    if encoding.hasModRM { self.attributes.insert(.modRM) }
  }
}

/// The maps laid out one after another: one-byte opcodes at 0, two-byte at 256, groups from 512.
package struct OpcodeMap: Sendable {
  package private(set) var entries: [OpcodeEntry]

  static let twoByte = 256

  package static let p6 = OpcodeMap()

  private init() {
    entries = Array(repeating: OpcodeEntry(.undefined), count: 512)
    fillOneByte()
    fillTwoByte()
    fillSIMD()
  }

  private mutating func set(_ opcode: Int, _ entry: OpcodeEntry) { entries[opcode] = entry }

  private mutating func setGroup(_ opcode: Int, _ members: [OpcodeEntry]) {
    precondition(members.count == 8)
    var entry = OpcodeEntry(.undefined, .ignoredRM, .attribute, .none, [.group, .modRM])
    entry.group = UInt16(entries.count)
    entries[opcode] = entry
    entries += members
  }

  // MARK: One byte

  private mutating func fillOneByte() {
    // 00-3F: eight operations in six forms each, and between them the segment registers and decimal adjustments.
    let alu: [Operation] = [.add, .or, .adc, .sbb, .and, .sub, .xor, .cmp]
    for (row, operation) in alu.enumerated() {
      let lock: OpcodeEntry.Attributes = operation == .cmp ? [] : .lockable
      let first = row << 3
      set(first + 0, .init(operation, .rmReg, .byte, .none, lock))
      set(first + 1, .init(operation, .rmReg, .attribute, .none, lock))
      set(first + 2, .init(operation, .regRM, .byte))
      set(first + 3, .init(operation, .regRM))
      set(first + 4, .init(operation, .accumulatorImm, .byte, .byte))
      set(first + 5, .init(operation, .accumulatorImm, .attribute, .attribute))
    }
    for opcode in [0x06, 0x0e, 0x16, 0x1e] { set(opcode, .init(.pushSegment, .opcodeSegment)) }
    for opcode in [0x07, 0x17, 0x1f] { set(opcode, .init(.popSegment, .opcodeSegment)) }
    set(0x27, .init(.daa, .none, .byte))
    set(0x2f, .init(.das, .none, .byte))
    set(0x37, .init(.aaa, .none, .byte))
    set(0x3f, .init(.aas, .none, .byte))
    for prefix in [0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3] {
      set(prefix, .init(.undefined, .none, .attribute, .none, .prefix))
    }

    for register in 0..<8 {
      set(0x40 + register, .init(.inc, .opcodeReg))
      set(0x48 + register, .init(.dec, .opcodeReg))
      set(0x50 + register, .init(.push, .opcodeReg))
      set(0x58 + register, .init(.pop, .opcodeReg))
      set(0x90 + register, .init(.xchg, .opcodeRegAccumulator))
      set(0xb0 + register, .init(.mov, .opcodeRegImm, .byte, .byte))
      set(0xb8 + register, .init(.mov, .opcodeRegImm, .attribute, .attribute))
      set(0xd8 + register, .init(.x87, .x87))
    }

    set(0x60, .init(.pusha))
    set(0x61, .init(.popa))
    set(0x62, .init(.bound, .regRM, .attribute, .none, .memoryOnly))
    set(0x63, .init(.arpl, .rmReg, .word))
    set(0x68, .init(.push, .imm, .attribute, .attribute))
    set(0x69, .init(.imulTruncating, .regRMImm, .attribute, .attribute))
    set(0x6a, .init(.push, .imm, .attribute, .signedByte))
    set(0x6b, .init(.imulTruncating, .regRMImm, .attribute, .signedByte))
    set(0x6c, .init(.ins, .string, .byte))
    set(0x6d, .init(.ins, .string))
    set(0x6e, .init(.outs, .string, .byte))
    set(0x6f, .init(.outs, .string))
    for condition in 0..<16 { set(0x70 + condition, .init(.jcc, .relative, .attribute, .signedByte, .condition)) }

    let byteALU = alu.map { OpcodeEntry($0, .rmImm, .byte, .byte, $0 == .cmp ? [] : .lockable) }
    setGroup(0x80, byteALU)
    setGroup(0x81, alu.map { OpcodeEntry($0, .rmImm, .attribute, .attribute, $0 == .cmp ? [] : .lockable) })
    setGroup(0x82, byteALU)
    setGroup(0x83, alu.map { OpcodeEntry($0, .rmImm, .attribute, .signedByte, $0 == .cmp ? [] : .lockable) })
    set(0x84, .init(.test, .rmReg, .byte))
    set(0x85, .init(.test, .rmReg))
    set(0x86, .init(.xchg, .rmReg, .byte, .none, .lockable))
    set(0x87, .init(.xchg, .rmReg, .attribute, .none, .lockable))
    set(0x88, .init(.mov, .rmReg, .byte))
    set(0x89, .init(.mov, .rmReg))
    set(0x8a, .init(.mov, .regRM, .byte))
    set(0x8b, .init(.mov, .regRM))
    set(0x8c, .init(.movFromSegment, .rmSegment, .wordInMemory))
    set(0x8d, .init(.lea, .regRM, .attribute, .none, .memoryOnly))
    set(0x8e, .init(.movToSegment, .segmentRM, .word))
    setGroup(0x8f, [.init(.pop, .rm)] + undefined(7))

    set(0x90, .init(.nop))
    set(0x98, .init(.cbw))
    set(0x99, .init(.cwd))
    set(0x9a, .init(.callFar, .far, .attribute, .farPointer))
    set(0x9b, .init(.wait))
    set(0x9c, .init(.pushf))
    set(0x9d, .init(.popf))
    set(0x9e, .init(.sahf, .none, .byte))
    set(0x9f, .init(.lahf, .none, .byte))
    set(0xa0, .init(.mov, .accumulatorOffset, .byte, .offset))
    set(0xa1, .init(.mov, .accumulatorOffset, .attribute, .offset))
    set(0xa2, .init(.mov, .offsetAccumulator, .byte, .offset))
    set(0xa3, .init(.mov, .offsetAccumulator, .attribute, .offset))
    set(0xa8, .init(.test, .accumulatorImm, .byte, .byte))
    set(0xa9, .init(.test, .accumulatorImm, .attribute, .attribute))
    let strings: [(Int, Operation)] = [
      (0xa4, .movs), (0xa6, .cmps), (0xaa, .stos), (0xac, .lods), (0xae, .scas),
    ]
    for (opcode, operation) in strings {
      set(opcode, .init(operation, .string, .byte))
      set(opcode + 1, .init(operation, .string))
    }

    // /6 is the other name of /4 (SAL).
    let shifts: [Operation] = [.rol, .ror, .rcl, .rcr, .shl, .shr, .shl, .sar]
    setGroup(0xc0, shifts.map { OpcodeEntry($0, .rmImm, .byte, .byte) })
    setGroup(0xc1, shifts.map { OpcodeEntry($0, .rmImm, .attribute, .byte) })
    setGroup(0xd0, shifts.map { OpcodeEntry($0, .rmOne, .byte) })
    setGroup(0xd1, shifts.map { OpcodeEntry($0, .rmOne) })
    setGroup(0xd2, shifts.map { OpcodeEntry($0, .rmCL, .byte) })
    setGroup(0xd3, shifts.map { OpcodeEntry($0, .rmCL) })

    set(0xc2, .init(.ret, .imm, .attribute, .word))
    set(0xc3, .init(.ret))
    set(0xc4, .init(.les, .regRM, .attribute, .none, .memoryOnly))
    set(0xc5, .init(.lds, .regRM, .attribute, .none, .memoryOnly))
    setGroup(0xc6, [.init(.mov, .rmImm, .byte, .byte)] + undefined(7, .byte))
    setGroup(0xc7, [.init(.mov, .rmImm, .attribute, .attribute)] + undefined(7, .attribute))
    set(0xc8, .init(.enter, .imm, .attribute, .wordAndByte))
    set(0xc9, .init(.leave))
    set(0xca, .init(.retFar, .imm, .attribute, .word))
    set(0xcb, .init(.retFar))
    set(0xcc, .init(.int3))
    set(0xcd, .init(.int, .imm, .attribute, .byte))
    set(0xce, .init(.into))
    set(0xcf, .init(.iret))
    set(0xd4, .init(.aam, .imm, .byte, .byte))
    set(0xd5, .init(.aad, .imm, .byte, .byte))
    set(0xd6, .init(.salc, .none, .byte))
    set(0xd7, .init(.xlat, .xlat, .byte))

    set(0xe0, .init(.loopne, .relative, .attribute, .signedByte))
    set(0xe1, .init(.loope, .relative, .attribute, .signedByte))
    set(0xe2, .init(.loop, .relative, .attribute, .signedByte))
    set(0xe3, .init(.jcxz, .relative, .attribute, .signedByte))
    set(0xe4, .init(.in, .imm, .byte, .byte))
    set(0xe5, .init(.in, .imm, .attribute, .byte))
    set(0xe6, .init(.out, .imm, .byte, .byte))
    set(0xe7, .init(.out, .imm, .attribute, .byte))
    set(0xe8, .init(.call, .relative, .attribute, .attribute))
    set(0xe9, .init(.jmp, .relative, .attribute, .attribute))
    set(0xea, .init(.jmpFar, .far, .attribute, .farPointer))
    set(0xeb, .init(.jmp, .relative, .attribute, .signedByte))
    set(0xec, .init(.in, .none, .byte))
    set(0xed, .init(.in))
    set(0xee, .init(.out, .none, .byte))
    set(0xef, .init(.out))
    set(0xf1, .init(.icebp))
    set(0xf4, .init(.hlt))
    set(0xf5, .init(.cmc))
    setGroup(0xf6, unary(.byte))
    setGroup(0xf7, unary(.attribute))
    set(0xf8, .init(.clc))
    set(0xf9, .init(.stc))
    set(0xfa, .init(.cli))
    set(0xfb, .init(.sti))
    set(0xfc, .init(.cld))
    set(0xfd, .init(.std))
    setGroup(
      0xfe, [.init(.inc, .rm, .byte, .none, .lockable), .init(.dec, .rm, .byte, .none, .lockable)] + undefined(6))
    setGroup(
      0xff,
      [
        .init(.inc, .rm, .attribute, .none, .lockable), .init(.dec, .rm, .attribute, .none, .lockable),
        .init(.callIndirect, .rm), .init(.callFarIndirect, .rm, .attribute, .none, .memoryOnly),
        .init(.jmpIndirect, .rm), .init(.jmpFarIndirect, .rm, .attribute, .none, .memoryOnly),
        .init(.push, .rm),
      ] + undefined(1))
  }

  private func unary(_ size: OperandSizeRule) -> [OpcodeEntry] {
    let test = OpcodeEntry(.test, .rmImm, size, size == .byte ? .byte : .attribute)
    return [
      test, test,  // /1 is the other name of /0.
      .init(.not, .rm, size, .none, .lockable), .init(.neg, .rm, size, .none, .lockable),
      .init(.mul, .rm, size), .init(.imul, .rm, size), .init(.div, .rm, size), .init(.idiv, .rm, size),
    ]
  }

  private func undefined(_ count: Int, _ immediate: ImmediateRule = .none) -> [OpcodeEntry] {
    Array(repeating: .init(.undefined, .ignoredRM, .attribute, immediate), count: count)
  }

  // MARK: Two bytes

  private mutating func fillTwoByte() {
    let base = OpcodeMap.twoByte
    // What later processors put here keeps its shape: most have ModRM, some an immediate byte.
    let shaped: [ClosedRange<Int>] = [
      0x10...0x17, 0x28...0x2f, 0x38...0x38, 0x50...0x76, 0x78...0x79, 0x7c...0x7f, 0xae...0xae, 0xb8...0xb8,
      0xc2...0xc7, 0xd0...0xfe,
    ]
    // UD2, UD1 (B9) and UD0 (FF) are two bytes here: the CPU that was asked (an AMD) raises #UD without a look at
    // the ModRM byte that today's manuals give UD1 and UD0.
    for range in shaped { for opcode in range { set(base + opcode, .init(.undefined, .ignoredRM)) } }
    for opcode in [0x0f, 0x3a, 0x70, 0x71, 0x72, 0x73, 0xc2, 0xc4, 0xc5, 0xc6] {
      set(base + opcode, .init(.undefined, .ignoredRM, .attribute, .byte))
    }

    setGroup(
      base + 0xae,
      [
        .init(.fxsave, .rm, .attribute, .none, .memoryOnly), .init(.fxrstor, .rm, .attribute, .none, .memoryOnly),
      ] + undefined(6))
    setGroup(
      base + 0x00,
      [
        .init(.sldt, .rm, .wordInMemory), .init(.str, .rm, .wordInMemory), .init(.lldt, .rm, .word),
        .init(.ltr, .rm, .word), .init(.verr, .rm, .word), .init(.verw, .rm, .word),
      ] + undefined(2))
    setGroup(
      base + 0x01,
      [
        .init(.sgdt, .rm, .attribute, .none, .memoryOnly), .init(.sidt, .rm, .attribute, .none, .memoryOnly),
        .init(.lgdt, .rm, .attribute, .none, .memoryOnly), .init(.lidt, .rm, .attribute, .none, .memoryOnly),
        .init(.smsw, .rm, .wordInMemory), undefined(1)[0], .init(.lmsw, .rm, .word),
        .init(.invlpg, .rm, .byte, .none, .memoryOnly),
      ])
    set(base + 0x02, .init(.lar, .regRM))
    set(base + 0x03, .init(.lsl, .regRM))
    set(base + 0x06, .init(.clts))
    set(base + 0x08, .init(.invd))
    set(base + 0x09, .init(.wbinvd))
    set(base + 0x0b, .init(.undefined))
    set(base + 0x0d, .init(.nop, .ignoredRM))
    for opcode in 0x18...0x1f { set(base + opcode, .init(.nop, .ignoredRM)) }

    set(base + 0x20, .init(.movFromControl, .rmControl, .doubleword, .none, .modIgnored))
    set(base + 0x21, .init(.movFromDebug, .rmDebug, .doubleword, .none, .modIgnored))
    set(base + 0x22, .init(.movToControl, .controlRM, .doubleword, .none, .modIgnored))
    set(base + 0x23, .init(.movToDebug, .debugRM, .doubleword, .none, .modIgnored))
    set(base + 0x30, .init(.wrmsr))
    set(base + 0x31, .init(.rdtsc))
    set(base + 0x32, .init(.rdmsr))
    set(base + 0x33, .init(.rdpmc))
    set(base + 0x34, .init(.sysenter))
    set(base + 0x35, .init(.sysexit))
    for condition in 0..<16 {
      set(base + 0x40 + condition, .init(.cmovcc, .regRM, .attribute, .none, .condition))
      set(base + 0x80 + condition, .init(.jcc, .relative, .attribute, .attribute, .condition))
      set(base + 0x90 + condition, .init(.setcc, .rm, .byte, .none, .condition))
    }
    for opcode in [0xa0, 0xa8] { set(base + opcode, .init(.pushSegment, .opcodeSegment)) }
    for opcode in [0xa1, 0xa9] { set(base + opcode, .init(.popSegment, .opcodeSegment)) }
    set(base + 0xa2, .init(.cpuid))
    set(base + 0xa3, .init(.bt, .rmReg))
    set(base + 0xa4, .init(.shld, .rmRegImm, .attribute, .byte))
    set(base + 0xa5, .init(.shld, .rmRegCL))
    set(base + 0xab, .init(.bts, .rmReg, .attribute, .none, .lockable))
    set(base + 0xac, .init(.shrd, .rmRegImm, .attribute, .byte))
    set(base + 0xad, .init(.shrd, .rmRegCL))
    set(base + 0xaf, .init(.imulTruncating, .regRM))
    set(base + 0xb0, .init(.cmpxchg, .rmReg, .byte, .none, .lockable))
    set(base + 0xb1, .init(.cmpxchg, .rmReg, .attribute, .none, .lockable))
    set(base + 0xb2, .init(.lss, .regRM, .attribute, .none, .memoryOnly))
    set(base + 0xb3, .init(.btr, .rmReg, .attribute, .none, .lockable))
    set(base + 0xb4, .init(.lfs, .regRM, .attribute, .none, .memoryOnly))
    set(base + 0xb5, .init(.lgs, .regRM, .attribute, .none, .memoryOnly))
    set(base + 0xb6, .init(.movzx8, .regRM))
    set(base + 0xb7, .init(.movzx16, .regRM))
    setGroup(
      base + 0xba,
      undefined(4, .byte) + [
        .init(.bt, .rmImm, .attribute, .byte), .init(.bts, .rmImm, .attribute, .byte, .lockable),
        .init(.btr, .rmImm, .attribute, .byte, .lockable), .init(.btc, .rmImm, .attribute, .byte, .lockable),
      ])
    set(base + 0xbb, .init(.btc, .rmReg, .attribute, .none, .lockable))
    set(base + 0xbc, .init(.bsf, .regRM))
    set(base + 0xbd, .init(.bsr, .regRM))
    set(base + 0xbe, .init(.movsx8, .regRM))
    set(base + 0xbf, .init(.movsx16, .regRM))
    set(base + 0xc0, .init(.xadd, .rmReg, .byte, .none, .lockable))
    set(base + 0xc1, .init(.xadd, .rmReg, .attribute, .none, .lockable))
    setGroup(
      base + 0xc7,
      undefined(1) + [.init(.cmpxchg8b, .rm, .quadword, .none, [.lockable, .memoryOnly])] + undefined(6))
    for register in 0..<8 { set(base + 0xc8 + register, .init(.bswap, .opcodeReg)) }
  }
  // MARK: MMX, SSE, SSE2

  /// `SIMDTable`'s lines. What stands beside them under the same opcode stays undefined, with its shape.
  private mutating func fillSIMD() {
    for (number, row) in SIMDTable.rows.enumerated() {
      var place = OpcodeMap.twoByte + Int(row.opcode)
      if let digit = row.digit {
        if !entries[place].attributes.contains(.group) { setGroup(place, undefined(8, row.hasImmediate ? .byte : .none)) }
        place = Int(entries[place].group) + Int(digit)
      }
      if !entries[place].attributes.contains(.prefixed) { setPrefixed(place, entries[place]) }
      var entry = OpcodeEntry(
        .simd, row.operands == .emptyMM ? .none : .regRM, .doubleword, row.hasImmediate ? .byte : .none,
        row.rm == .memory ? .memoryOnly : row.rm == .register ? .registerOnly : [])
      entry.group = UInt16(number)
      entries[Int(entries[place].group) + row.prefix.rawValue] = entry
    }
    // FXSAVE and FXRSTOR stand among them, and have no mandatory prefix either.
    for digit in 0..<2 {
      let place = Int(entries[OpcodeMap.twoByte + 0xae].group) + digit
      let entry = entries[place]
      setPrefixed(place, undefined(1)[0])
      entries[Int(entries[place].group)] = entry
    }
  }

  /// Lets the mandatory prefix choose among four entries, which all are `blank` at first.
  private mutating func setPrefixed(_ place: Int, _ blank: OpcodeEntry) {
    entries[place].attributes.insert(.prefixed)
    entries[place].group = UInt16(entries.count)
    entries += Array(repeating: blank, count: 4)
  }
}
