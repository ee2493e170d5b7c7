// The x87 unit's encodings: SDM volume 2, appendix A, tables, with the aliases that no manual has and every
// processor executes, and some encodings that don't exist. FISTTP is not here: it came with SSE3.

import ISA

/// A memory operand of an x87 instruction; `none` for register forms.
package enum X87Operand: Sendable {
  case none
  case float32, float64, float80, integer16, integer32, integer64, decimal
  case control, status
  /// FLDENV's, FNSTENV's; FRSTOR's, FNSAVE's; FXRSTOR's, FXSAVE's.
  case environment, state, extendedState

  func size(_ operandSize: Int) -> Int {
    switch self {
    case .none: 1
    case .integer16, .control, .status: 2
    case .float32, .integer32: 4
    case .float64, .integer64: 8
    case .float80, .decimal: 10
    case .environment: operandSize == 2 ? 14 : 28
    case .state: operandSize == 2 ? 94 : 108
    case .extendedState: 512
    }
  }
}

extension InstructionTable {
  static let x87: [Row] = x87LoadStore + x87Arithmetic + x87Compare + x87Transcendental + x87Control

  private typealias Class = Oracle.InstructionClass

  private static func memory(_ group: Class, _ encoding: String, _ operand: X87Operand) -> Row {
    Row(group, .x87, encoding, .none, rm: .memory, reg: nil, [], .x87(operand))
  }

  /// Any ST(i).
  private static func stack(_ group: Class, _ encoding: String) -> Row {
    Row(group, .x87, encoding, .none, rm: .register, reg: nil, [], .x87(.none))
  }

  /// Both bytes given.
  private static func fixed(_ group: Class, _ encoding: String) -> Row {
    Row(group, .x87, encoding, .none, rm: .any, reg: nil, [], .x87(.none))
  }

  private static let x87LoadStore: [Row] =
    [
      ("d9 /0", X87Operand.float32), ("dd /0", .float64), ("db /5", .float80), ("d9 /2", .float32), ("d9 /3", .float32),
      ("dd /2", .float64), ("dd /3", .float64), ("db /7", .float80), ("df /0", .integer16), ("db /0", .integer32),
      ("df /5", .integer64), ("df /2", .integer16), ("df /3", .integer16), ("db /2", .integer32), ("db /3", .integer32),
      ("df /7", .integer64), ("df /4", .decimal), ("df /6", .decimal),
    ].map { memory(.x87LoadStore, $0.0, $0.1) }
    + ["d9 /0", "d9 /1", "dd /1", "df /1", "dd /2", "dd /3", "d9 /3", "df /2", "df /3"].map {
      stack(.x87LoadStore, $0)
    }
    + (0..<4).flatMap { [stack(.x87LoadStore, "da /\($0)"), stack(.x87LoadStore, "db /\($0)")] }
    + (0xe8...0xee).map { fixed(.x87LoadStore, "d9 \(String($0, radix: 16))") }

  private static let x87Arithmetic: [Row] =
    [0, 1, 4, 5, 6, 7].flatMap { digit in
      [
        memory(.x87Arithmetic, "d8 /\(digit)", .float32), memory(.x87Arithmetic, "dc /\(digit)", .float64),
        memory(.x87Arithmetic, "da /\(digit)", .integer32), memory(.x87Arithmetic, "de /\(digit)", .integer16),
        stack(.x87Arithmetic, "d8 /\(digit)"), stack(.x87Arithmetic, "dc /\(digit)"),
        stack(.x87Arithmetic, "de /\(digit)"),
      ]
    }
    // FCHS FABS FXTRACT FPREM1 FPREM FSQRT FRNDINT FSCALE
    + ["e0", "e1", "f4", "f5", "f8", "fa", "fc", "fd"].map { fixed(.x87Arithmetic, "d9 \($0)") }

  private static let x87Compare: [Row] =
    [2, 3].flatMap { digit in
      [
        memory(.x87Compare, "d8 /\(digit)", .float32), memory(.x87Compare, "dc /\(digit)", .float64),
        memory(.x87Compare, "da /\(digit)", .integer32), memory(.x87Compare, "de /\(digit)", .integer16),
        stack(.x87Compare, "d8 /\(digit)"), stack(.x87Compare, "dc /\(digit)"),
      ]
    }
    + ["de /2", "dd /4", "dd /5", "db /5", "db /6", "df /5", "df /6"].map { stack(.x87Compare, $0) }
    + ["de d9", "da e9", "d9 e4", "d9 e5"].map { fixed(.x87Compare, $0) }

  /// F2XM1 FYL2X FPTAN FPATAN FYL2XP1 FSINCOS FSIN FCOS
  private static let x87Transcendental: [Row] = ["f0", "f1", "f2", "f3", "f9", "fb", "fe", "ff"].map {
    fixed(.x87Transcendental, "d9 \($0)")
  }

  private static let x87Control: [Row] =
    [
      ("d9 /5", X87Operand.control), ("d9 /7", .status), ("dd /7", .status), ("d9 /4", .environment),
      ("d9 /6", .environment), ("dd /4", .state), ("dd /6", .state),
    ].map { Row(.x87Control, .x87, $0.0, .operand, rm: .memory, reg: nil, [], .x87($0.1)) }
    + [
      Row(.x87Control, .fxsave, "0f ae /0", .none, rm: .memory, reg: nil, .no66, .x87(.extendedState)),
      Row(.x87Control, .fxrstor, "0f ae /1", .none, rm: .memory, reg: nil, .no66, .x87(.extendedState)),
      Row(.x87Control, .wait, "9b", .none, rm: .any, reg: nil, .no66, .x87(.none)),
    ]
    // FNENI FNDISI FNCLEX FNINIT FNSETPM FNSTSW FNOP FDECSTP FINCSTP
    + ["db e0", "db e1", "db e2", "db e3", "db e4", "df e0", "d9 d0", "d9 f6", "d9 f7"].map { fixed(.x87Control, $0) }
    // FFREE FFREEP
    + ["dd /0", "df /0"].map { stack(.x87Control, $0) }
    // Nothing.
    + [
      "d9 d1", "d9 d7", "d9 e2", "d9 e3", "d9 e6", "d9 e7", "d9 ef", "da e0", "da e8", "da ea", "da ff", "db e5", "db e6",
      "db e7", "db f8", "db ff", "dd f0", "dd ff", "de d8", "de da", "de df", "df e1", "df e7", "df f8", "df ff",
    ].map { fixed(.x87Control, $0) }
    + [("d9 /1", X87Operand.float32), ("db /4", .float32), ("db /6", .float32), ("dd /5", .float64)].map {
      memory(.x87Control, $0.0, $0.1)
    }
}

/// What of an FXSAVE image the host's processor doesn't answer for.
enum FXUndefined {
  static let ranges: [(bytes: Range<Int>, why: String)] = [
    (6..<24, "FOP, FIP, FCS, FDP, FDS: AMD saves and restores them only with an exception pending, P6 always"),
    (28..<32, "MXCSR_MASK is the model's"),
  ]

  /// The image with those bytes cleared.
  static func masked(_ image: [UInt8]) -> [UInt8] {
    var image = image
    for range in ranges { for n in range.bytes { image[n] = 0 } }
    return image
  }
}
