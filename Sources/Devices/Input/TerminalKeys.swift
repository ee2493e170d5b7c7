// From the bytes that a terminal sends (ECMA-48 and xterm's function keys) to the keys of a US keyboard that make the
// same character.

struct TerminalKeys {
  /// Press and release of every key that makes up the text; what no key makes is left out.
  func events(for bytes: [UInt8]) -> [KeyEvent] {
    var events: [KeyEvent] = []
    var at = 0
    while at < bytes.count {
      if bytes[at] == 0x1b, let (stroke, count) = Self.sequence(bytes[at...]) {
        if let stroke { events += stroke.events }
        at += count
        continue
      }
      if let stroke = Self.stroke(for: bytes[at]) { events += stroke.events }
      at += 1
    }
    return events
  }

  private struct Stroke {
    var key: Key
    var modifiers: [Key] = []

    var events: [KeyEvent] {
      modifiers.map { KeyEvent($0, isPress: true) } + [KeyEvent(key, isPress: true), KeyEvent(key, isPress: false)]
        + modifiers.reversed().map { KeyEvent($0, isPress: false) }
    }
  }

  private static func stroke(for byte: UInt8) -> Stroke? {
    switch byte {
    case 0x08, 0x7f: return Stroke(key: .backspace)
    case 0x09: return Stroke(key: .tab)
    case 0x0a, 0x0d: return Stroke(key: .enter)
    case 0x1b: return Stroke(key: .escape)
    case 0x00: return Stroke(key: .space, modifiers: [.leftControl])
    // Letters in lower case: Control alone, without Shift.
    case 0x01...0x1a: return character(byte | 0x60).map { Stroke(key: $0.key, modifiers: [.leftControl]) }
    case 0x1c...0x1f:
      return character(byte | 0x40).map { Stroke(key: $0.key, modifiers: [.leftControl] + $0.modifiers) }
    default: return character(byte)
    }
  }

  /// ASCII from the space on.
  private static func character(_ byte: UInt8) -> Stroke? {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"): return Stroke(key: letters[Int(byte - UInt8(ascii: "a"))])
    case UInt8(ascii: "A")...UInt8(ascii: "Z"):
      return Stroke(key: letters[Int(byte - UInt8(ascii: "A"))], modifiers: [.leftShift])
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return Stroke(key: digits[Int(byte - UInt8(ascii: "0"))])
    default:
      if let key = plain[byte] { return Stroke(key: key) }
      return shifted[byte].map { Stroke(key: $0, modifiers: [.leftShift]) }
    }
  }

  /// ESC [ ..., ESC O x, and ESC x for Alt. Nil when it is none of them: then the ESC stands for itself. A sequence
  /// that is one, but no key's, has no stroke.
  private static func sequence(_ bytes: ArraySlice<UInt8>) -> (Stroke?, count: Int)? {
    let rest = bytes.dropFirst()
    guard let second = rest.first else { return nil }
    if second == UInt8(ascii: "["), let body = rest.dropFirst().firstIndex(where: { (0x40...0x7e).contains($0) }) {
      let parameters = String(decoding: rest.dropFirst().prefix(upTo: body), as: UTF8.self)
      let key = bytes[body] == UInt8(ascii: "~") ? tildes[parameters] : finals[bytes[body]]
      return (key.map { Stroke(key: $0) }, body - bytes.startIndex + 1)
    }
    if second == UInt8(ascii: "O"), let third = rest.dropFirst().first {
      return (finals[third].map { Stroke(key: $0) }, 3)
    }
    guard (0x20...0x7e).contains(second), let stroke = character(second) else { return nil }
    return (Stroke(key: stroke.key, modifiers: [.leftAlt] + stroke.modifiers), 2)
  }

  private static let letters: [Key] = [
    .a, .b, .c, .d, .e, .f, .g, .h, .i, .j, .k, .l, .m, .n, .o, .p, .q, .r, .s, .t, .u, .v, .w, .x, .y, .z,
  ]
  private static let digits: [Key] = [
    .digit0, .digit1, .digit2, .digit3, .digit4, .digit5, .digit6, .digit7, .digit8, .digit9,
  ]

  private static func map(_ pairs: [(Unicode.Scalar, Key)]) -> [UInt8: Key] {
    Dictionary(uniqueKeysWithValues: pairs.map { (UInt8(ascii: $0.0), $0.1) })
  }

  private static let plain = map([
    (" ", .space), ("`", .grave), ("-", .minus), ("=", .equals), ("\\", .backslash), ("[", .leftBracket),
    ("]", .rightBracket), (";", .semicolon), ("'", .apostrophe), (",", .comma), (".", .period), ("/", .slash),
  ])
  private static let shifted = map([
    ("~", .grave), ("_", .minus), ("+", .equals), ("|", .backslash), ("{", .leftBracket), ("}", .rightBracket),
    (":", .semicolon), ("\"", .apostrophe), ("<", .comma), (">", .period), ("?", .slash), ("!", .digit1),
    ("@", .digit2), ("#", .digit3), ("$", .digit4), ("%", .digit5), ("^", .digit6), ("&", .digit7), ("*", .digit8),
    ("(", .digit9), (")", .digit0),
  ])
  private static let finals = map([
    ("A", .up), ("B", .down), ("C", .right), ("D", .left), ("H", .home), ("F", .end), ("P", .f1), ("Q", .f2),
    ("R", .f3), ("S", .f4),
  ])
  private static let tildes: [String: Key] = [
    "1": .home, "2": .insert, "3": .delete, "4": .end, "5": .pageUp, "6": .pageDown, "7": .home, "8": .end,
    "11": .f1, "12": .f2, "13": .f3, "14": .f4, "15": .f5, "17": .f6, "18": .f7, "19": .f8, "20": .f9, "21": .f10,
    "23": .f11, "24": .f12,
  ]
}
