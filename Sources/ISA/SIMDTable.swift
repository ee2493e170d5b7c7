// Every MMX, SSE and SSE2 instruction (SDM volume 1, tables 5-4 to 5-6; volume 2, table A-3): which bytes it has and where
// its operands lie. One line an opcode, in the order of the opcodes; a column for each mandatory prefix. The decoder, the
// interpreter's handlers and the oracle's cases are all made from these lines.

/// One instruction of the SIMD units.
public struct SIMDInstruction: Sendable {
  /// What selects among the instructions of one opcode. F2 and F3 (the last of them) count before 66.
  public enum Prefix: Int, CaseIterable, Sendable {
    case none, operandSize, rep, repne
    public var byte: UInt8? { [nil, 0x66, 0xf3, 0xf2][rawValue] }
  }

  /// Destination and source. `mm` is a 64-bit register, `xmm` a 128-bit one; a number says how much of the source is
  /// read when it is in memory.
  public enum Operands: UInt8, Sendable, BitwiseCopyable {
    // Computed by a function of the host's.
    case xmmFromXmm128, xmmFromXmm64, xmmFromXmm32
    case mmFromMM64, mmFromMM32
    case xmmFromMM64, mmFromXmm64, mmFromXmm128
    case xmmFromR32, r32FromXmm32, r32FromXmm64
    case flagsFromXmm32, flagsFromXmm64
    case r32FromXmm, r32FromMM
    case xmmFromR16, mmFromR16
    /// The destination is `rm`, the count an immediate.
    case xmmCount, mmCount
    // Moves.
    case loadAligned, storeAligned, loadUnaligned, storeUnaligned
    case loadSingle, storeSingle, loadDouble, storeDouble
    /// MOVLPS, and MOVHLPS where the source is a register; MOVHPS and MOVLHPS.
    case loadLow, storeLow, loadHigh, storeHigh
    /// MOVD and MOVQ.
    case xmmFromR32Move, r32FromXmmMove, mmFromR32Move, r32FromMMMove
    case loadQuadword, storeQuadword, loadMM, storeMM, xmmFromMMMove, mmFromXmmMove
    case maskedXmm, maskedMM, storeR32
    // The rest.
    case emptyMM, loadControl, storeControl, fence, flushLine
  }

  /// What `rm` may be.
  public enum RM: Sendable { case any, memory, register }

  public let mnemonic: String
  public let prefix: Prefix
  public let opcode: UInt8
  /// ModRM.reg, where it belongs to the opcode.
  public let digit: UInt8?
  public let operands: Operands
  public let rm: RM
  public let hasImmediate: Bool
  /// Obeys MXCSR, and raises SIMD floating-point exceptions.
  public let isFloatingPoint: Bool
}

extension SIMDInstruction.Operands {
  /// An MMX register is read or written: the x87 unit's state is touched.
  public var usesMM: Bool {
    switch self {
    case .mmFromMM64, .mmFromMM32, .xmmFromMM64, .mmFromXmm64, .mmFromXmm128, .r32FromMM, .mmFromR16, .mmCount,
      .mmFromR32Move, .r32FromMMMove, .loadMM, .storeMM, .xmmFromMMMove, .mmFromXmmMove, .maskedMM, .emptyMM:
      true
    default: false
    }
  }

  /// An XMM register or MXCSR is used: CR4.OSFXSR must be set.
  public var usesXmm: Bool {
    switch self {
    case .mmFromMM64, .mmFromMM32, .r32FromMM, .mmFromR16, .mmCount, .mmFromR32Move, .r32FromMMMove, .loadMM, .storeMM,
      .maskedMM, .emptyMM, .storeR32, .fence, .flushLine:
      false
    default: true
    }
  }

  /// How many bytes a memory operand has; 0 where there can be none.
  public var memoryBytes: Int {
    switch self {
    case .xmmFromXmm128, .mmFromXmm128, .loadAligned, .storeAligned, .loadUnaligned, .storeUnaligned: 16
    case .xmmFromXmm64, .mmFromMM64, .xmmFromMM64, .mmFromXmm64, .r32FromXmm64, .flagsFromXmm64, .loadDouble,
      .storeDouble, .loadLow, .storeLow, .loadHigh, .storeHigh, .loadQuadword, .storeQuadword, .loadMM, .storeMM:
      8
    case .xmmFromXmm32, .mmFromMM32, .xmmFromR32, .r32FromXmm32, .flagsFromXmm32, .loadSingle, .storeSingle,
      .xmmFromR32Move, .r32FromXmmMove, .mmFromR32Move, .r32FromMMMove, .storeR32, .loadControl, .storeControl:
      4
    case .xmmFromR16, .mmFromR16: 2
    case .flushLine: 1
    case .r32FromXmm, .r32FromMM, .xmmCount, .mmCount, .xmmFromMMMove, .mmFromXmmMove, .maskedXmm, .maskedMM, .emptyMM,
      .fence:
      0
    }
  }

  /// A memory operand that isn't at a multiple of 16 is #GP(0).
  public var mustAlign: Bool {
    switch self {
    case .xmmFromXmm128, .mmFromXmm128, .loadAligned, .storeAligned: true
    default: false
    }
  }
}

/// The table. An instruction's place in it is its number, which `Instruction.selector` holds.
public enum SIMDTable {
  public static let rows: [SIMDInstruction] =
    (rows10to2F + rows50to5F + rows60toAE + rowsC2toFE).flatMap(\.self)

  // MARK: Ways to write a line

  private typealias Row = SIMDInstruction

  private static func one(
    _ opcode: UInt8, _ prefix: Row.Prefix = .none, _ mnemonic: String, _ operands: Row.Operands, _ rm: Row.RM = .any,
    digit: UInt8? = nil, immediate: Bool = false, float: Bool = false
  ) -> [Row] {
    [
      Row(
        mnemonic: mnemonic, prefix: prefix, opcode: opcode, digit: digit, operands: operands, rm: rm,
        hasImmediate: immediate, isFloatingPoint: float)
    ]
  }

  /// Packed single, packed double, scalar single, scalar double: the stem with PS, PD, SS, SD.
  private static func four(_ opcode: UInt8, _ stem: String, immediate: Bool = false) -> [Row] {
    one(opcode, .none, stem + "ps", .xmmFromXmm128, immediate: immediate, float: true)
      + one(opcode, .operandSize, stem + "pd", .xmmFromXmm128, immediate: immediate, float: true)
      + one(opcode, .rep, stem + "ss", .xmmFromXmm32, immediate: immediate, float: true)
      + one(opcode, .repne, stem + "sd", .xmmFromXmm64, immediate: immediate, float: true)
  }

  /// Packed single and packed double, bit by bit.
  private static func two(_ opcode: UInt8, _ stem: String, immediate: Bool = false) -> [Row] {
    one(opcode, .none, stem + "ps", .xmmFromXmm128, immediate: immediate)
      + one(opcode, .operandSize, stem + "pd", .xmmFromXmm128, immediate: immediate)
  }

  /// The same in MMX and in XMM registers.
  private static func both(_ opcode: UInt8, _ mnemonic: String, mm: Row.Operands = .mmFromMM64) -> [Row] {
    one(opcode, .none, mnemonic, mm) + one(opcode, .operandSize, mnemonic, .xmmFromXmm128)
  }

  private static func shift(_ opcode: UInt8, _ digit: UInt8, _ mnemonic: String) -> [Row] {
    one(opcode, .none, mnemonic, .mmCount, .register, digit: digit, immediate: true)
      + one(opcode, .operandSize, mnemonic, .xmmCount, .register, digit: digit, immediate: true)
  }

  // MARK: The lines

  private static let rows10to2F: [[Row]] = [
    one(0x10, .none, "movups", .loadUnaligned), one(0x10, .operandSize, "movupd", .loadUnaligned),
    one(0x10, .rep, "movss", .loadSingle), one(0x10, .repne, "movsd", .loadDouble),
    one(0x11, .none, "movups", .storeUnaligned), one(0x11, .operandSize, "movupd", .storeUnaligned),
    one(0x11, .rep, "movss", .storeSingle), one(0x11, .repne, "movsd", .storeDouble),
    one(0x12, .none, "movlps", .loadLow), one(0x12, .operandSize, "movlpd", .loadLow, .memory),
    one(0x13, .none, "movlps", .storeLow, .memory), one(0x13, .operandSize, "movlpd", .storeLow, .memory),
    two(0x14, "unpckl"),
    two(0x15, "unpckh"),
    one(0x16, .none, "movhps", .loadHigh), one(0x16, .operandSize, "movhpd", .loadHigh, .memory),
    one(0x17, .none, "movhps", .storeHigh, .memory), one(0x17, .operandSize, "movhpd", .storeHigh, .memory),
    one(0x28, .none, "movaps", .loadAligned), one(0x28, .operandSize, "movapd", .loadAligned),
    one(0x29, .none, "movaps", .storeAligned), one(0x29, .operandSize, "movapd", .storeAligned),
    one(0x2a, .none, "cvtpi2ps", .xmmFromMM64, float: true), one(0x2a, .operandSize, "cvtpi2pd", .xmmFromMM64),
    one(0x2a, .rep, "cvtsi2ss", .xmmFromR32, float: true), one(0x2a, .repne, "cvtsi2sd", .xmmFromR32),
    one(0x2b, .none, "movntps", .storeAligned, .memory), one(0x2b, .operandSize, "movntpd", .storeAligned, .memory),
    one(0x2c, .none, "cvttps2pi", .mmFromXmm64, float: true),
    one(0x2c, .operandSize, "cvttpd2pi", .mmFromXmm128, float: true),
    one(0x2c, .rep, "cvttss2si", .r32FromXmm32, float: true),
    one(0x2c, .repne, "cvttsd2si", .r32FromXmm64, float: true),
    one(0x2d, .none, "cvtps2pi", .mmFromXmm64, float: true),
    one(0x2d, .operandSize, "cvtpd2pi", .mmFromXmm128, float: true),
    one(0x2d, .rep, "cvtss2si", .r32FromXmm32, float: true), one(0x2d, .repne, "cvtsd2si", .r32FromXmm64, float: true),
    one(0x2e, .none, "ucomiss", .flagsFromXmm32, float: true),
    one(0x2e, .operandSize, "ucomisd", .flagsFromXmm64, float: true),
    one(0x2f, .none, "comiss", .flagsFromXmm32, float: true),
    one(0x2f, .operandSize, "comisd", .flagsFromXmm64, float: true),
  ]

  private static let rows50to5F: [[Row]] = [
    one(0x50, .none, "movmskps", .r32FromXmm, .register), one(0x50, .operandSize, "movmskpd", .r32FromXmm, .register),
    four(0x51, "sqrt"),
    one(0x52, .none, "rsqrtps", .xmmFromXmm128), one(0x52, .rep, "rsqrtss", .xmmFromXmm32),
    one(0x53, .none, "rcpps", .xmmFromXmm128), one(0x53, .rep, "rcpss", .xmmFromXmm32),
    two(0x54, "and"),
    two(0x55, "andn"),
    two(0x56, "or"),
    two(0x57, "xor"),
    four(0x58, "add"),
    four(0x59, "mul"),
    one(0x5a, .none, "cvtps2pd", .xmmFromXmm64, float: true),
    one(0x5a, .operandSize, "cvtpd2ps", .xmmFromXmm128, float: true),
    one(0x5a, .rep, "cvtss2sd", .xmmFromXmm32, float: true), one(0x5a, .repne, "cvtsd2ss", .xmmFromXmm64, float: true),
    one(0x5b, .none, "cvtdq2ps", .xmmFromXmm128, float: true),
    one(0x5b, .operandSize, "cvtps2dq", .xmmFromXmm128, float: true),
    one(0x5b, .rep, "cvttps2dq", .xmmFromXmm128, float: true),
    four(0x5c, "sub"),
    four(0x5d, "min"),
    four(0x5e, "div"),
    four(0x5f, "max"),
  ]

  private static let rows60toAE: [[Row]] = [
    both(0x60, "punpcklbw", mm: .mmFromMM32),
    both(0x61, "punpcklwd", mm: .mmFromMM32),
    both(0x62, "punpckldq", mm: .mmFromMM32),
    both(0x63, "packsswb"),
    both(0x64, "pcmpgtb"),
    both(0x65, "pcmpgtw"),
    both(0x66, "pcmpgtd"),
    both(0x67, "packuswb"),
    both(0x68, "punpckhbw"),
    both(0x69, "punpckhwd"),
    both(0x6a, "punpckhdq"),
    both(0x6b, "packssdw"),
    one(0x6c, .operandSize, "punpcklqdq", .xmmFromXmm128),
    one(0x6d, .operandSize, "punpckhqdq", .xmmFromXmm128),
    one(0x6e, .none, "movd", .mmFromR32Move), one(0x6e, .operandSize, "movd", .xmmFromR32Move),
    one(0x6f, .none, "movq", .loadMM), one(0x6f, .operandSize, "movdqa", .loadAligned),
    one(0x6f, .rep, "movdqu", .loadUnaligned),
    one(0x70, .none, "pshufw", .mmFromMM64, immediate: true),
    one(0x70, .operandSize, "pshufd", .xmmFromXmm128, immediate: true),
    one(0x70, .rep, "pshufhw", .xmmFromXmm128, immediate: true),
    one(0x70, .repne, "pshuflw", .xmmFromXmm128, immediate: true),
    shift(0x71, 2, "psrlw"), shift(0x71, 4, "psraw"), shift(0x71, 6, "psllw"),
    shift(0x72, 2, "psrld"), shift(0x72, 4, "psrad"), shift(0x72, 6, "pslld"),
    shift(0x73, 2, "psrlq"), shift(0x73, 6, "psllq"),
    one(0x73, .operandSize, "psrldq", .xmmCount, .register, digit: 3, immediate: true),
    one(0x73, .operandSize, "pslldq", .xmmCount, .register, digit: 7, immediate: true),
    both(0x74, "pcmpeqb"),
    both(0x75, "pcmpeqw"),
    both(0x76, "pcmpeqd"),
    one(0x77, .none, "emms", .emptyMM),
    one(0x7e, .none, "movd", .r32FromMMMove), one(0x7e, .operandSize, "movd", .r32FromXmmMove),
    one(0x7e, .rep, "movq", .loadQuadword),
    one(0x7f, .none, "movq", .storeMM), one(0x7f, .operandSize, "movdqa", .storeAligned),
    one(0x7f, .rep, "movdqu", .storeUnaligned),
    // 0F AE /0 and /1, FXSAVE and FXRSTOR, are the x87 unit's.
    one(0xae, .none, "ldmxcsr", .loadControl, .memory, digit: 2),
    one(0xae, .none, "stmxcsr", .storeControl, .memory, digit: 3),
    one(0xae, .none, "lfence", .fence, .register, digit: 5),
    one(0xae, .none, "mfence", .fence, .register, digit: 6),
    // With a register SFENCE, with memory CLFLUSH.
    one(0xae, .none, "clflush", .flushLine, digit: 7),
  ]

  private static let rowsC2toFE: [[Row]] = [
    four(0xc2, "cmp", immediate: true),
    one(0xc3, .none, "movnti", .storeR32, .memory),
    one(0xc4, .none, "pinsrw", .mmFromR16, immediate: true),
    one(0xc4, .operandSize, "pinsrw", .xmmFromR16, immediate: true),
    one(0xc5, .none, "pextrw", .r32FromMM, .register, immediate: true),
    one(0xc5, .operandSize, "pextrw", .r32FromXmm, .register, immediate: true),
    two(0xc6, "shuf", immediate: true),
    both(0xd1, "psrlw"),
    both(0xd2, "psrld"),
    both(0xd3, "psrlq"),
    both(0xd4, "paddq"),
    both(0xd5, "pmullw"),
    one(0xd6, .operandSize, "movq", .storeQuadword), one(0xd6, .rep, "movq2dq", .xmmFromMMMove, .register),
    one(0xd6, .repne, "movdq2q", .mmFromXmmMove, .register),
    one(0xd7, .none, "pmovmskb", .r32FromMM, .register), one(0xd7, .operandSize, "pmovmskb", .r32FromXmm, .register),
    both(0xd8, "psubusb"),
    both(0xd9, "psubusw"),
    both(0xda, "pminub"),
    both(0xdb, "pand"),
    both(0xdc, "paddusb"),
    both(0xdd, "paddusw"),
    both(0xde, "pmaxub"),
    both(0xdf, "pandn"),
    both(0xe0, "pavgb"),
    both(0xe1, "psraw"),
    both(0xe2, "psrad"),
    both(0xe3, "pavgw"),
    both(0xe4, "pmulhuw"),
    both(0xe5, "pmulhw"),
    one(0xe6, .operandSize, "cvttpd2dq", .xmmFromXmm128, float: true), one(0xe6, .rep, "cvtdq2pd", .xmmFromXmm64),
    one(0xe6, .repne, "cvtpd2dq", .xmmFromXmm128, float: true),
    one(0xe7, .none, "movntq", .storeMM, .memory), one(0xe7, .operandSize, "movntdq", .storeAligned, .memory),
    both(0xe8, "psubsb"),
    both(0xe9, "psubsw"),
    both(0xea, "pminsw"),
    both(0xeb, "por"),
    both(0xec, "paddsb"),
    both(0xed, "paddsw"),
    both(0xee, "pmaxsw"),
    both(0xef, "pxor"),
    both(0xf1, "psllw"),
    both(0xf2, "pslld"),
    both(0xf3, "psllq"),
    both(0xf4, "pmuludq"),
    both(0xf5, "pmaddwd"),
    both(0xf6, "psadbw"),
    one(0xf7, .none, "maskmovq", .maskedMM, .register),
    one(0xf7, .operandSize, "maskmovdqu", .maskedXmm, .register),
    both(0xf8, "psubb"),
    both(0xf9, "psubw"),
    both(0xfa, "psubd"),
    both(0xfb, "psubq"),
    both(0xfc, "paddb"),
    both(0xfd, "paddw"),
    both(0xfe, "paddd"),
  ]
}

extension Instruction {
  /// The line of `SIMDTable` that this is, or nil if it is another instruction.
  public var simd: SIMDInstruction? { operation == .simd ? SIMDTable.rows[Int(selector)] : nil }
}
