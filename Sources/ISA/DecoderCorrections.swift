// Where Capstone and the processor disagree. Each row was found by feeding both the same bytes: Capstone 4.0.2, and a
// CPU in 32-bit mode which executed them from the end of a page, one byte more at a time, until it had enough.
//
// Rows that the processor executes are asked at run time, when Capstone's answer and the opcode map's differ; without
// a row, Capstone is believed. Rows where the processor raises #UD need no asking, because the opcode map
// (segment and control register numbers, LOCK) has them already: they stand here so that the tests can hold
// all three parties to them. Encodings that are merely newer than the guests' processor are no corrections.

/// One family of encodings on which Capstone and the processor disagree.
public struct DecoderCorrection: Sendable {
  /// What Capstone makes of the bytes.
  public enum CapstoneAnswer: Sendable, Equatable {
    case refuses
    case accepts
    /// Accepts, and takes so many bytes too many (or, negative, too few).
    case wrongLength(by: Int)
  }

  /// What the processor does with them.
  public enum ProcessorAnswer: Sendable {
    /// Executes them (or raises what executing them raises).
    case executes
    /// #UD.
    case invalidOpcode
    /// #GP(0).
    case generalProtection
  }

  /// Which ModRM bytes a row means.
  public enum RMKind: Sendable {
    case any, register, memory
    /// The opcode has no ModRM.
    case absent
  }

  /// The encodings, in a form for people, as in `0F 18 /0-3, register`.
  public var encodings: String
  public var capstone: CapstoneAnswer
  public var processor: ProcessorAnswer
  /// Why the processor is right, and where the manual says it.
  public var reason: String
  /// Encodings that the row covers, in 32-bit code, for tests and for the host CPU to be asked.
  public var samples: [[UInt8]]

  /// Makers of processors differ here: what `processor` says is what Intel's do.
  public var dependsOnMaker: Bool

  // The pattern. For rows that `executes`, these decide at run time.
  var isTwoByte: Bool
  var opcodes: ClosedRange<UInt8>
  var rm: RMKind
  /// A bit for each value of ModRM.reg.
  var regs: UInt8
  /// An operand-size prefix and REP or REPNE must both be there.
  var needsSizeAndRepeat: Bool
  /// An operand-size and an address-size prefix must both be there.
  var needsBothSizes: Bool
  var needsLock: Bool
}

/// The table of corrections.
public enum DecoderCorrections {
  /// Every row, in the order of its opcodes.
  public static let rows: [DecoderCorrection] = [
    row(
      "LOCK before an ALU operation whose destination is a register, source memory", twoByte: false, 0x02...0x33,
      .memory, needsLock: true, .accepts, .invalidOpcode,
      "LOCK needs a memory destination (SDM volume 2, LOCK); Capstone looks only at whether there is memory.",
      samples: [
        [0xf0, 0x02, 0x00], [0xf0, 0x03, 0x00], [0xf0, 0x0a, 0x00], [0xf0, 0x0b, 0x00], [0xf0, 0x12, 0x00],
        [0xf0, 0x13, 0x00], [0xf0, 0x22, 0x00], [0xf0, 0x23, 0x00], [0xf0, 0x2a, 0x00], [0xf0, 0x2b, 0x00],
        [0xf0, 0x32, 0x00], [0xf0, 0x33, 0x00],
      ]),
    row(
      "8E /1 (MOV CS)", twoByte: false, 0x8e...0x8e, .any, regs: 0b0000_0010, .accepts, .invalidOpcode,
      "CS is loaded by far transfers only (SDM volume 2, MOV).",
      samples: [[0x8e, 0xc8], [0x8e, 0x08]]),
    row(
      "66 with F2 or F3 after it, before A0-A3 (MOV with a bare offset)", twoByte: false, 0xa0...0xa3, .absent,
      needsSizeAndRepeat: true, .refuses, .executes,
      "REP has no meaning here and is ignored, and the operand size is 2.",
      samples: [
        [0x66, 0xf2, 0xa0, 0, 0, 0, 0], [0x66, 0xf3, 0xa1, 0, 0, 0, 0], [0x66, 0xf2, 0xa2, 0, 0, 0, 0],
        [0x66, 0xf3, 0xa3, 0, 0, 0, 0],
      ]),
    row(
      "66 with F2 or F3 after it, before E8 (CALL rel16)", twoByte: false, 0xe8...0xe8, .absent,
      needsSizeAndRepeat: true, .wrongLength(by: 2), .executes,
      "The operand size is 2, and so is the displacement's; Capstone forgets 66 for the F2 or F3 behind it.",
      samples: [[0x66, 0xf2, 0xe8, 0, 0], [0x66, 0xf3, 0xe8, 0, 0]]),
    row(
      "0F 0D /0, /2-7, memory (prefetch hints)", twoByte: true, 0x0d...0x0d, .memory, regs: 0b1111_1101, .refuses,
      .executes, "The whole opcode is reserved for hints and executes as a NOP; Capstone knows only /1.",
      samples: [[0x0f, 0x0d, 0x00], [0x0f, 0x0d, 0x10], [0x0f, 0x0d, 0x38]]),
    row(
      "0F 0D, register", twoByte: true, 0x0d...0x0d, .register, dependsOnMaker: true, .refuses, .executes,
      "A NOP on Intel's processors, which the guests' is one of; AMD's raise #UD.",
      samples: [[0x0f, 0x0d, 0xc0], [0x0f, 0x0d, 0xc8]]),
    row(
      "0F 18 /0-3, register", twoByte: true, 0x18...0x18, .register, regs: 0b0000_1111, .refuses, .executes,
      "A reserved NOP (SDM volume 2, table A-3, group 16).",
      samples: [[0x0f, 0x18, 0xc0], [0x0f, 0x18, 0xc9], [0x0f, 0x18, 0xd2], [0x0f, 0x18, 0xdb]]),
    row(
      "0F 1A-1F, register", twoByte: true, 0x1a...0x1f, .register, .refuses, .executes,
      "Reserved NOPs; Capstone takes ENDBR32 and ENDBR64 only.",
      samples: [
        [0x0f, 0x1a, 0xc0], [0x0f, 0x1b, 0xc1], [0x0f, 0x1c, 0xc2], [0x0f, 0x1d, 0xc3], [0x0f, 0x1e, 0xc4],
        [0x0f, 0x1f, 0xc5], [0xf3, 0x0f, 0x1e, 0xc8],
      ]),
    row(
      "LOCK 0F 1F, memory", twoByte: true, 0x1f...0x1f, .memory, needsLock: true, .accepts, .invalidOpcode,
      "NOP isn't among the instructions that LOCK may stand before.",
      samples: [[0xf0, 0x0f, 0x1f, 0x00]]),
    row(
      "0F 20, 0F 22 with CR1, CR5, CR6, CR7", twoByte: true, 0x20...0x22, .any, regs: 0b1110_0010, .accepts,
      .invalidOpcode, "These control registers don't exist (SDM volume 2, MOV to and from control registers).",
      samples: [
        [0x0f, 0x20, 0xc8], [0x0f, 0x20, 0xe8], [0x0f, 0x20, 0xf0], [0x0f, 0x20, 0xf8], [0x0f, 0x22, 0xc8],
        [0x0f, 0x22, 0xe8], [0x0f, 0x22, 0xf0], [0x0f, 0x22, 0xf8],
      ]),
    row(
      "66 with 67 behind it, before 0F 6C, 6D", twoByte: true, 0x6c...0x6d, .any, needsBothSizes: true,
      .refuses, .executes, forgottenSize,
      samples: [[0x66, 0x67, 0x0f, 0x6c, 0x00], [0x66, 0x67, 0x0f, 0x6c, 0xc1], [0x66, 0x67, 0x0f, 0x6d, 0xc1]]),
    row(
      "66 with 67 behind it, before 0F 73 /3, /7", twoByte: true, 0x73...0x73, .register, regs: 0b1000_1000,
      needsBothSizes: true, .refuses, .executes, forgottenSize,
      samples: [[0x66, 0x67, 0x0f, 0x73, 0xd8, 1], [0x66, 0x67, 0x0f, 0x73, 0xf8, 1]]),
    row(
      "0F AE /5, /6, /7, register, with ModRM.rm other than 0", twoByte: true, 0xae...0xae, .register,
      regs: 0b1110_0000, .refuses, .executes, "ModRM.rm of LFENCE, MFENCE and SFENCE isn't looked at.",
      samples: [[0x0f, 0xae, 0xe9], [0x0f, 0xae, 0xf5], [0x0f, 0xae, 0xff]]),
    row(
      "66 with 67 behind it, before 0F D6", twoByte: true, 0xd6...0xd6, .any, needsBothSizes: true, .refuses,
      .executes, forgottenSize,
      samples: [[0x66, 0x67, 0x0f, 0xd6, 0x00], [0x66, 0x67, 0x0f, 0xd6, 0xc1]]),
    row(
      "66 with 67 behind it, before 0F E6", twoByte: true, 0xe6...0xe6, .any, needsBothSizes: true, .refuses,
      .executes, forgottenSize,
      samples: [[0x66, 0x67, 0x0f, 0xe6, 0x00], [0x66, 0x67, 0x0f, 0xe6, 0xc1]]),
    row(
      "sixteen bytes and more", twoByte: false, 0x90...0x90, .absent, .refuses, .generalProtection,
      "Instructions longer than 15 bytes raise #GP(0), not #UD (SDM volume 3, section 6.15).",
      samples: [Array(repeating: 0x66, count: 15) + [0x90]]),
  ]

  private static let forgottenSize = "66 selects the instruction wherever it stands; Capstone forgets it for a 67."

  private static func row(
    _ encodings: String, twoByte: Bool, _ opcodes: ClosedRange<UInt8>, _ rm: DecoderCorrection.RMKind,
    regs: UInt8 = 0xff, needsSizeAndRepeat: Bool = false, needsBothSizes: Bool = false, needsLock: Bool = false, dependsOnMaker: Bool = false,
    _ capstone: DecoderCorrection.CapstoneAnswer, _ processor: DecoderCorrection.ProcessorAnswer, _ reason: String,
    samples: [[UInt8]]
  ) -> DecoderCorrection {
    DecoderCorrection(
      encodings: encodings, capstone: capstone, processor: processor, reason: reason, samples: samples,
      dependsOnMaker: dependsOnMaker, isTwoByte: twoByte, opcodes: opcodes, rm: rm, regs: regs,
      needsSizeAndRepeat: needsSizeAndRepeat, needsBothSizes: needsBothSizes,
      needsLock: needsLock)
  }

  /// The row that covers an encoding, or nil.
  ///
  /// - Parameter length: how many bytes may be read; the whole instruction, by the opcode map.
  static func row(matching bytes: UnsafeRawPointer, length: Int) -> DecoderCorrection? {
    var position = 0
    var hasSize = false
    var hasAddress = false
    var hasRepeat = false
    var hasLock = false
    var opcode: UInt8 = 0
    scan: while position < length {
      opcode = bytes.load(fromByteOffset: position, as: UInt8.self)
      position += 1
      switch opcode {
      case 0x66: hasSize = true
      case 0xf2, 0xf3: hasRepeat = true
      case 0xf0: hasLock = true
      case 0x67: hasAddress = true
      case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65: break
      default: break scan
      }
    }
    let isTwoByte = opcode == 0x0f
    if isTwoByte && position < length {
      opcode = bytes.load(fromByteOffset: position, as: UInt8.self)
      position += 1
    }
    let modRM = position < length ? bytes.load(fromByteOffset: position, as: UInt8.self) : 0
    for row in rows {
      guard row.isTwoByte == isTwoByte, row.opcodes.contains(opcode) else { continue }
      if row.needsBothSizes && !(hasSize && hasAddress) { continue }
      if row.needsSizeAndRepeat && !(hasSize && hasRepeat) || row.needsLock && !hasLock { continue }
      if row.rm != .absent && row.regs >> ((modRM >> 3) & 7) & 1 == 0 { continue }
      switch row.rm {
      case .any, .absent: return row
      case .register: if modRM >= 0xc0 { return row }
      case .memory: if modRM < 0xc0 { return row }
      }
    }
    return nil
  }

  /// A row overrides Capstone's refusal, or its other length, of an encoding that the opcode map has.
  static func processorExecutes(_ bytes: UnsafeRawPointer, length: Int) -> Bool {
    row(matching: bytes, length: length)?.processor == .executes
  }
}
