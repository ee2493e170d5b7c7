// Which ESC encodings exist, and what their memory operands are (SDM 2, appendix A.5, tables ). An encoding is
// its opcode's low three bits and ModRM.

import ISA

enum X87Encoding {
  /// For each ESC opcode, the register forms C0 to FF that exist, a bit each. Among them are aliases that no manual has had
  /// since the 287 and all processors execute: FSTP (D9 D8, DF D0, DF D8), FCOM (DC D0), FCOMP (DC D8, DE D0), FXCH
  /// (DD C8, DF C8), FFREEP (DF C0), and FENI, FDISI and FSETPM (DB E0, E1, E4) which do nothing.
  private static let registerForms: InlineArray<8, UInt64> = [
    forms(0x00...0x3f),
    forms(0x00...0x10, 0x18...0x1f, 0x20...0x21, 0x24...0x25, 0x28...0x2e, 0x30...0x3f),
    forms(0x00...0x1f, 0x29...0x29),
    forms(0x00...0x24, 0x28...0x37),
    forms(0x00...0x3f),
    forms(0x00...0x2f),
    forms(0x00...0x17, 0x19...0x19, 0x20...0x3f),
    forms(0x00...0x20, 0x28...0x37),
  ]

  private static func forms(_ ranges: ClosedRange<UInt64>...) -> UInt64 {
    ranges.reduce(0) { all, range in range.reduce(all) { $0 | 1 << $1 } }
  }

  static func hasRegisterForm(_ opcode: UInt8, _ form: UInt8) -> Bool {
    registerForms[Int(opcode)] >> UInt64(form) & 1 != 0
  }

  enum Access: UInt8, BitwiseCopyable { case undefined, load, store, control }

  /// What a memory form does to its operand, and the operand's bytes (0 for control instructions, which see to it
  /// themselves).
  static func memoryForm(_ opcode: UInt8, _ reg: UInt8) -> (access: Access, size: UInt32) {
    switch (opcode, reg) {
    case (0, _), (2, _): (.load, 4)
    case (4, _): (.load, 8)
    case (6, _): (.load, 2)
    case (1, 0), (3, 0): (.load, 4)
    case (1, 2), (1, 3), (3, 2), (3, 3): (.store, 4)
    case (1, 4...7), (5, 4), (5, 6), (5, 7): (.control, 0)
    case (3, 5), (7, 4): (.load, 10)
    case (3, 7), (7, 6): (.store, 10)
    case (5, 0), (7, 5): (.load, 8)
    case (5, 2), (5, 3), (7, 7): (.store, 8)
    case (7, 0): (.load, 2)
    case (7, 2), (7, 3): (.store, 2)
    // D9 /1, DB /4, DB /6, DD /5; and DB, DD, DF /1, which SSE3 made FISTTP.
    default: (.undefined, 0)
    }
  }

  /// FCMOVcc, FCOMI, FCOMIP, FUCOMI and FUCOMIP read or write EFLAGS.
  static func usesFlags(_ opcode: UInt8, _ form: UInt8) -> Bool {
    switch opcode {
    case 2, 3: form < 0x20 || form >= 0x28 && opcode == 3
    case 7: form >= 0x28
    default: false
    }
  }

  /// The register forms that control the unit rather than compute: they leave FIP, FOP and FDP alone.
  static func isControl(_ opcode: UInt8, _ form: UInt8) -> Bool {
    opcode == 3 && 0x20...0x24 ~= form || opcode == 7 && form == 0x20
  }
}
