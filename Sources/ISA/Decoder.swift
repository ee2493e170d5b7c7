// Bytes in, `Instruction` out. Capstone judges what is an instruction and how long it is; the opcode map says what it
// means, because Capstone's ids, operand sizes and prefix list can't be trusted for semantics (`66 F3 A5` comes back
// as a doubleword move, stacked prefixes are forgotten, ...). The two must agree on the length; where they
// don't, `DecoderCorrections` has a row that says who is right. SDM volume 2, chapter 2.

import CCapstone

/// Decodes instructions of 16- and 32-bit code.
///
/// A decoder owns its Capstone handles and its copy of the opcode map: it isn't shared between threads. It allocates
/// nothing after `init`. Capstone takes some 0.4 µs for an answer, mostly to print text that nobody reads here, so each
/// shape of encoding (code size, 66, 67, opcode, ModRM) is put to it once, and its consent remembered: neither SIB,
/// displacement, immediate nor a segment override changes the answer. Encodings with LOCK, REP or many prefixes are
/// put to it each time. So a shape costs 0.4 µs once and some 50 ns from then on.
public final class Decoder {
  private let map: UnsafeMutablePointer<OpcodeEntry>
  private let handle16: csh
  private let handle32: csh
  private let scratch: UnsafeMutablePointer<cs_insn>
  /// A bit for each shape: Capstone and the opcode map agree on it.
  private let agreed: UnsafeMutablePointer<UInt64>
  private static let shapes = 1 << 20

  /// The longest instruction that the processor takes.
  public static let maximumLength = 15

  public init() {
    let entries = OpcodeMap.p6.entries
    map = .allocate(capacity: entries.count)
    map.initialize(from: entries, count: entries.count)
    handle16 = Decoder.open(CS_MODE_16)
    handle32 = Decoder.open(CS_MODE_32)
    scratch = cs_malloc(handle32)
    agreed = .allocate(capacity: Decoder.shapes / 64)
    agreed.initialize(repeating: 0, count: Decoder.shapes / 64)
  }

  /// The version of Capstone that is linked in.
  public static var capstoneVersion: (major: Int, minor: Int) {
    var major: Int32 = 0
    var minor: Int32 = 0
    _ = cs_version(&major, &minor)
    return (Int(major), Int(minor))
  }

  deinit {
    cs_free(scratch, 1)
    var handle = handle16
    cs_close(&handle)
    handle = handle32
    cs_close(&handle)
    map.deallocate()
    agreed.deallocate()
  }

  static func open(_ mode: cs_mode) -> csh {
    var handle = csh()
    let status = cs_open(CS_ARCH_X86, mode, &handle)
    guard status == CS_ERR_OK else {
      fatalError("this Capstone can't decode x86: \(String(cString: cs_strerror(status)))")
    }
    return handle
  }

  /// Decodes the instruction at `bytes`.
  ///
  /// - Parameters:
  ///   - bytes: the first byte of the instruction.
  ///   - count: how many bytes can be fetched there; nothing beyond is read. More than 15 make no difference.
  ///   - size: the D bit of the code segment.
  /// - Returns: the instruction; or `.truncated` when it needs more bytes than `count` and `count` is less than 15,
  ///   `.tooLong` when 15 bytes don't hold it, `.undefined` when the processor raises #UD, whose `length` is
  ///   then that of the bytes which were needed to know.
  public func decode(_ bytes: UnsafeRawPointer, count: Int, size: CodeSize) -> Instruction {
    var shape = Decoder.noShape
    var result = decodeByMap(bytes, count: count, size: size, shape: &shape)
    guard result.operation.isInstruction else { return result }
    if shape != Decoder.noShape {
      if agreed[shape >> 6] >> UInt64(shape & 63) & 1 != 0 { return result }
    }
    if result.operation == .simd, size == .bits16 {
      // In 16-bit code Capstone takes a mandatory 66 for an operand-size prefix; SIMDTable alone decides there.
      return result
    }
    if capstoneLength(bytes, min(count, Decoder.maximumLength), size) == Int(result.length) {
      if shape != Decoder.noShape { agreed[shape >> 6] |= 1 << UInt64(shape & 63) }
    } else if !DecoderCorrections.processorExecutes(bytes, length: Int(result.length)) {
      result.operation = .undefined
    }
    return result
  }

  private static let noShape = -1

  /// Decodes by the opcode map alone, without asking Capstone. For tests.
  package func decodeByMap(_ bytes: UnsafeRawPointer, count: Int, size: CodeSize) -> Instruction {
    var shape = Decoder.noShape
    return decodeByMap(bytes, count: count, size: size, shape: &shape)
  }

  /// Decodes by the opcode map alone.
  ///
  /// - Parameter shape: set to the number of the encoding's shape, when it is one that Capstone's answer is kept for.
  private func decodeByMap(
    _ bytes: UnsafeRawPointer, count: Int, size: CodeSize, shape: inout Int
  ) -> Instruction {
    let limit = min(count, Decoder.maximumLength)
    var position = 0
    var operandSizePrefix = false
    var addressSizePrefix = false
    var flags: Instruction.Flags = []
    var override: SegmentRegister?
    var opcode: UInt8 = 0

    // Prefixes, in any order and number: of each group, the last counts.
    prefixes: while true {
      guard position < limit else { return incomplete(count) }
      opcode = bytes.load(fromByteOffset: position, as: UInt8.self)
      position &+= 1
      guard map[Int(opcode)].attributes.contains(.prefix) else { break }
      switch opcode {
      case 0x26: override = .es
      case 0x2e: override = .cs
      case 0x36: override = .ss
      case 0x3e: override = .ds
      case 0x64: override = .fs
      case 0x65: override = .gs
      case 0x66: operandSizePrefix = true
      case 0x67: addressSizePrefix = true
      case 0xf0: flags.insert(.lock)
      case 0xf2:
        flags.remove(.rep)
        flags.insert(.repne)
      case 0xf3:
        flags.remove(.repne)
        flags.insert(.rep)
      default: break prefixes  // 0F
      }
    }

    let prefixes = position &- 1
    var entry = map[Int(opcode)]
    var modRM: UInt8 = 0
    let isTwoByte = opcode == 0x0f
    if isTwoByte {
      guard position < limit else { return incomplete(count) }
      opcode = bytes.load(fromByteOffset: position, as: UInt8.self)
      position &+= 1
      entry = chosen(map[OpcodeMap.twoByte &+ Int(opcode)], operandSizePrefix, flags)
      if opcode == 0x38 || opcode == 0x3a {
        // The three-byte maps, of which a P6 has nothing: one more opcode byte, then ModRM.
        guard position < limit else { return incomplete(count) }
        position &+= 1
      }
    }

    let attribute: UInt8 = (size == .bits32) != operandSizePrefix ? 4 : 2
    if (size == .bits16) != addressSizePrefix { flags.insert(.address16) }
    var result = Instruction(operation: .undefined)

    // ModRM, SIB, displacement.
    var isRegister = true
    if entry.attributes.contains(.modRM) {
      guard position < limit else { return incomplete(count) }
      modRM = bytes.load(fromByteOffset: position, as: UInt8.self)
      position &+= 1
      result.reg = (modRM >> 3) & 7
      if entry.attributes.contains(.group) {
        entry = chosen(map[Int(entry.group) &+ Int(result.reg)], operandSizePrefix, flags)
      }
      if modRM >= 0xc0 || entry.attributes.contains(.modIgnored) {
        result.rm = modRM & 7
      } else {
        isRegister = false
        guard memoryForm(modRM, bytes, &position, limit, flags.contains(.address16), &result) else {
          return incomplete(count)
        }
      }
    }

    switch entry.size {
    case .byte: result.operandSize = 1
    case .word: result.operandSize = 2
    case .doubleword: result.operandSize = 4
    case .quadword: result.operandSize = 8
    case .attribute: result.operandSize = attribute
    case .wordInMemory: result.operandSize = isRegister ? attribute : 2
    }

    // What follows.
    switch entry.immediate {
    case .none: break
    case .byte:
      guard position < limit else { return incomplete(count) }
      result.immediate = UInt32(bytes.load(fromByteOffset: position, as: UInt8.self))
      position &+= 1
    case .signedByte:
      guard position < limit else { return incomplete(count) }
      let value = UInt32(truncatingIfNeeded: Int32(bytes.load(fromByteOffset: position, as: Int8.self)))
      result.immediate = result.operandSize == 2 && entry.encoding != .relative ? value & 0xffff : value
      position &+= 1
    case .word:
      guard position &+ 2 <= limit else { return incomplete(count) }
      result.immediate = UInt32(bytes.loadUnaligned(fromByteOffset: position, as: UInt16.self))
      position &+= 2
    case .attribute:
      guard position &+ Int(attribute) <= limit else { return incomplete(count) }
      if attribute == 4 {
        result.immediate = bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)
      } else if entry.encoding == .relative {
        let value = bytes.loadUnaligned(fromByteOffset: position, as: Int16.self)
        result.immediate = UInt32(truncatingIfNeeded: Int32(value))
      } else {
        result.immediate = UInt32(bytes.loadUnaligned(fromByteOffset: position, as: UInt16.self))
      }
      position &+= Int(attribute)
    case .wordAndByte:
      guard position &+ 3 <= limit else { return incomplete(count) }
      result.immediate = UInt32(bytes.loadUnaligned(fromByteOffset: position, as: UInt16.self))
      result.selector = UInt16(bytes.load(fromByteOffset: position &+ 2, as: UInt8.self))
      position &+= 3
    case .farPointer:
      guard position &+ Int(attribute) &+ 2 <= limit else { return incomplete(count) }
      result.immediate =
        attribute == 4
        ? bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)
        : UInt32(bytes.loadUnaligned(fromByteOffset: position, as: UInt16.self))
      position &+= Int(attribute)
      result.selector = bytes.loadUnaligned(fromByteOffset: position, as: UInt16.self)
      position &+= 2
    case .offset:
      let width = flags.contains(.address16) ? 2 : 4
      guard position &+ width <= limit else { return incomplete(count) }
      result.displacement =
        width == 4
        ? bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)
        : UInt32(truncatingIfNeeded: Int32(bytes.loadUnaligned(fromByteOffset: position, as: Int16.self)))
      position &+= width
    }

    // Which operands these bytes are.
    var usesMemory = !isRegister
    switch entry.encoding {
    case .none: break
    case .ignoredRM:
      usesMemory = false
      result.base = Instruction.noRegister
      result.index = Instruction.noRegister
      result.scale = 0
      result.displacement = 0
      result.reg = 0
      result.rm = 0
    case .accumulatorImm: result.form = .rmImm
    case .opcodeReg:
      result.form = .rm
      result.rm = opcode & 7
    case .opcodeRegImm:
      result.form = .rmImm
      result.rm = opcode & 7
    case .opcodeRegAccumulator:
      result.form = .rmReg
      result.rm = opcode & 7
    case .accumulatorOffset:
      result.form = .regRM
      usesMemory = true
    case .offsetAccumulator:
      result.form = .rmReg
      usesMemory = true
    case .imm: result.form = .imm
    case .relative: result.form = .relative
    case .far: result.form = .far
    case .string: usesMemory = true
    case .xlat:
      usesMemory = true
      result.base = GeneralRegister.ebx.rawValue
    case .opcodeSegment: result.reg = (opcode >> 3) & 7
    case .rm: result.form = .rm
    case .rmReg: result.form = .rmReg
    case .regRM: result.form = .regRM
    case .rmImm: result.form = .rmImm
    case .rmOne:
      result.form = .rmImm
      result.immediate = 1
    case .rmCL: result.form = .rmCL
    case .regRMImm: result.form = .regRMImm
    case .rmRegImm: result.form = .rmRegImm
    case .rmRegCL: result.form = .rmRegCL
    case .rmSegment:
      result.form = .rmReg
      if result.reg > SegmentRegister.gs.rawValue { entry.operation = .undefined }
    case .segmentRM:
      result.form = .regRM
      // CS can't be loaded so.
      if result.reg > SegmentRegister.gs.rawValue || result.reg == SegmentRegister.cs.rawValue {
        entry.operation = .undefined
      }
    case .rmControl, .controlRM:
      result.form = entry.encoding == .rmControl ? .rmReg : .regRM
      // CR0, CR2, CR3, CR4.
      if UInt8(0b0001_1101) >> result.reg & 1 == 0 { entry.operation = .undefined }
    case .rmDebug: result.form = .rmReg
    case .debugRM: result.form = .regRM
    case .x87:
      result.form = .rm
      result.condition = opcode & 7
      result.immediate = UInt32(modRM)
    }
    if entry.attributes.contains(.condition) { result.condition = opcode & 15 }
    if usesMemory {
      flags.insert(.memory)
      // The stack's registers as a base mean the stack's segment.
      let isStackBase = result.base & 0xe == GeneralRegister.esp.rawValue
      result.flags = flags
      result.segment = override ?? (isStackBase ? .ss : .ds)
    } else {
      result.flags = flags
      result.segment = override ?? .ds
    }
    result.length = UInt8(truncatingIfNeeded: position)
    result.operation = entry.operation
    if entry.operation == .simd { result.selector = entry.group }

    if prefixes <= 2 && flags.isDisjoint(with: [.lock, .rep, .repne]) {
      // +--------+----------+--+--+--------+--------+
      // | 16-bit | two-byte |66|67| opcode | ModRM  |
      // +--------+----------+--+--+--------+--------+
      shape = (size == .bits16 ? 1 << 19 : 0) | (isTwoByte ? 1 << 18 : 0)
      shape |= (operandSizePrefix ? 1 << 17 : 0) | (addressSizePrefix ? 1 << 16 : 0)
      shape |= Int(opcode) << 8 | Int(modRM)
    }
    if entry.attributes.contains(isRegister ? .memoryOnly : .registerOnly) { result.operation = .undefined }
    if flags.contains(.lock) && (isRegister || !entry.attributes.contains(.lockable)) {
      result.operation = .undefined
    }
    return result
  }

  /// The entry that a mandatory prefix chooses. REP and REPNE count before an operand-size prefix.
  @inline(__always)
  private func chosen(_ entry: OpcodeEntry, _ operandSizePrefix: Bool, _ flags: Instruction.Flags) -> OpcodeEntry {
    guard entry.attributes.contains(.prefixed) else { return entry }
    let prefix: SIMDInstruction.Prefix =
      flags.contains(.rep) ? .rep : flags.contains(.repne) ? .repne : operandSizePrefix ? .operandSize : .none
    return map[Int(entry.group) &+ prefix.rawValue]
  }

  /// What to say when the bytes ran out before the instruction did.
  private func incomplete(_ count: Int) -> Instruction {
    count >= Decoder.maximumLength
      ? Instruction(operation: .tooLong, length: UInt8(Decoder.maximumLength))
      : Instruction(operation: .truncated, length: UInt8(max(0, count)))
  }

  /// Reads SIB and displacement of a ModRM byte that means memory.
  ///
  /// - Returns: false when the bytes run out.
  @inline(__always)
  private func memoryForm(
    _ modRM: UInt8, _ bytes: UnsafeRawPointer, _ position: inout Int, _ limit: Int, _ address16: Bool,
    _ result: inout Instruction
  ) -> Bool {
    let rm = modRM & 7
    var width = 0
    switch modRM >> 6 {
    case 1: width = 1
    case 2: width = address16 ? 2 : 4
    default: break
    }
    if address16 {
      // BX+SI, BX+DI, BP+SI, BP+DI, SI, DI, BP, BX: a nibble each.
      result.base = UInt8(truncatingIfNeeded: UInt32(0x3576_5533) >> UInt32(rm &* 4)) & 0xf
      if rm < 4 { result.index = 6 &+ (rm & 1) }
      if modRM & 0xc7 == 0x06 {
        result.base = Instruction.noRegister
        width = 2
      }
    } else if rm == 4 {
      guard position < limit else { return false }
      let sib = bytes.load(fromByteOffset: position, as: UInt8.self)
      position &+= 1
      result.base = sib & 7
      let index = (sib >> 3) & 7
      if index != 4 {
        result.index = index
        result.scale = sib >> 6
      }
      if sib & 7 == 5 && modRM < 0x40 {
        result.base = Instruction.noRegister
        width = 4
      }
    } else {
      result.base = rm
      if modRM & 0xc7 == 0x05 {
        result.base = Instruction.noRegister
        width = 4
      }
    }
    guard position &+ width <= limit else { return false }
    switch width {
    case 1:
      result.displacement = UInt32(truncatingIfNeeded: Int32(bytes.load(fromByteOffset: position, as: Int8.self)))
    case 2:
      let value = bytes.loadUnaligned(fromByteOffset: position, as: Int16.self)
      result.displacement = UInt32(truncatingIfNeeded: Int32(value))
    case 4: result.displacement = bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)
    default: break
    }
    position &+= width
    return true
  }

  /// The length that Capstone finds, or 0 when it refuses the bytes.
  @inline(__always)
  private func capstoneLength(_ bytes: UnsafeRawPointer, _ count: Int, _ size: CodeSize) -> Int {
    var code: UnsafePointer<UInt8>? = bytes.assumingMemoryBound(to: UInt8.self)
    var remaining = count
    var address: UInt64 = 0
    return cs_disasm_iter(size == .bits32 ? handle32 : handle16, &code, &remaining, &address, scratch)
      ? Int(scratch.pointee.size) : 0
  }

  /// What Capstone alone says of these bytes: its length, or nil when it refuses them. For tests and for
  /// `DecoderCorrections`.
  package func capstoneAnswer(_ bytes: UnsafeRawPointer, count: Int, size: CodeSize) -> Int? {
    let length = capstoneLength(bytes, min(count, Decoder.maximumLength), size)
    return length == 0 ? nil : length
  }
}
