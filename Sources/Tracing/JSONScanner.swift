// The part of JSON (RFC 8259) that event traces use: flat objects of whole numbers, texts and lists of numbers, each on
// its own line. Nothing is allocated but the list of members.

struct JSONScanner {
  enum Kind { case number, string, array }

  struct Member {
    /// Without the quotes.
    var key: Range<Int>
    var kind: Kind
    /// Without quotes or brackets.
    var value: Range<Int>
    var number: UInt64 = 0
  }

  /// An object has no more members than this.
  static let mostMembers = 40

  let bytes: UnsafeRawBufferPointer
  private var position = 0
  private(set) var line: Int

  /// - Parameter line: the number of the first line, where `bytes` are the middle of a file.
  init(bytes: UnsafeRawBufferPointer, line: Int = 1) {
    self.bytes = bytes
    self.line = line
  }

  var isAtEnd: Bool { position >= bytes.count }
  var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  func error(_ problem: String) -> EventTraceError { EventTraceError(line: line, problem) }

  private mutating func skipSpaces() {
    while let byte = peek, byte == 0x20 || byte == 0x09 { position += 1 }
  }

  private mutating func expect(_ byte: UInt8) throws(EventTraceError) {
    skipSpaces()
    guard let next = peek, next != 0x0a else { throw error("it ends early, as if it were cut") }
    guard next == byte else {
      throw error("'\(Character(UnicodeScalar(byte)))' is missing at column \(column)")
    }
    position += 1
  }

  private var column: Int {
    var start = position
    while start > 0, bytes[start - 1] != 0x0a { start -= 1 }
    return position - start + 1
  }

  /// Goes to the next line; the last may end with the file.
  mutating func endLine() throws(EventTraceError) {
    skipSpaces()
    if peek == 0x0d { position += 1 }
    if isAtEnd { return }
    guard peek == 0x0a else { throw error("something follows the object at column \(column)") }
    position += 1
    line += 1
  }

  mutating func object(_ members: inout [Member]) throws(EventTraceError) {
    members.removeAll(keepingCapacity: true)
    try expect(0x7b)
    skipSpaces()
    if peek == 0x7d {
      position += 1
      return
    }
    while true {
      skipSpaces()
      let key = try string()
      try expect(0x3a)
      skipSpaces()
      guard members.count < Self.mostMembers else { throw error("it has too many fields") }
      switch peek {
      case 0x22: members.append(Member(key: key, kind: .string, value: try string()))
      case 0x5b:
        let start = position + 1
        while let byte = peek, byte != 0x5d, byte != 0x0a { position += 1 }
        let end = position
        try expect(0x5d)
        members.append(Member(key: key, kind: .array, value: start..<end))
      default:
        let start = position
        let value = try number()
        members.append(Member(key: key, kind: .number, value: start..<position, number: value))
      }
      skipSpaces()
      if peek == 0x2c {
        position += 1
        continue
      }
      try expect(0x7d)
      return
    }
  }

  private mutating func string() throws(EventTraceError) -> Range<Int> {
    try expect(0x22)
    let start = position
    while let byte = peek {
      if byte == 0x22 {
        position += 1
        return start..<position - 1
      }
      guard byte >= 0x20 else { break }
      position += byte == 0x5c && position + 1 < bytes.count && bytes[position + 1] != 0x0a ? 2 : 1
    }
    throw error("a text isn't closed: the line is cut or damaged")
  }

  private mutating func number() throws(EventTraceError) -> UInt64 {
    let start = position
    var value: UInt64 = 0
    while let byte = peek, (0x30...0x39).contains(byte) {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(byte - 0x30))
      guard !overflow, !carry else { throw error("the number at column \(column) is too large") }
      value = sum
      position += 1
    }
    let digits = position - start
    guard digits > 0, digits == 1 || bytes[start] != 0x30 else {
      if peek == nil || peek == 0x0a { throw error("it ends early, as if it were cut") }
      throw error("there is no whole number at column \(column)")
    }
    return value
  }

  /// Six 32-bit numbers with commas between them.
  func sixNumbers(_ range: Range<Int>) -> (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)? {
    var inner = JSONScanner(bytes: UnsafeRawBufferPointer(rebasing: bytes[range]))
    var values: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0, 0)
    for index in 0..<6 {
      inner.skipSpaces()
      guard let wide = try? inner.number(), let value = UInt32(exactly: wide) else { return nil }
      switch index {
      case 0: values.0 = value
      case 1: values.1 = value
      case 2: values.2 = value
      case 3: values.3 = value
      case 4: values.4 = value
      default: values.5 = value
      }
      inner.skipSpaces()
      if index < 5 {
        guard inner.peek == 0x2c else { return nil }
        inner.position += 1
      }
    }
    return inner.isAtEnd ? values : nil
  }

  func isText(_ range: Range<Int>, _ text: StaticString) -> Bool {
    guard range.count == text.utf8CodeUnitCount else { return false }
    for index in 0..<range.count where bytes[range.lowerBound + index] != text.utf8Start[index] { return false }
    return true
  }

  func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// A text for a message.
  func shown(_ range: Range<Int>) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text(range).unicodeScalars.prefix(60) {
      result.append(scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) ? "?" : scalar)
    }
    return String(result)
  }

  /// A text with its escapes resolved; nil for a wrong one.
  func unescaped(_ range: Range<Int>) -> String? {
    var result: [UInt8] = []
    var index = range.lowerBound
    while index < range.upperBound {
      let byte = bytes[index]
      index += 1
      guard byte == 0x5c else {
        result.append(byte)
        continue
      }
      guard index < range.upperBound else { return nil }
      let escape = bytes[index]
      index += 1
      switch escape {
      case 0x22, 0x5c, 0x2f: result.append(escape)
      case UInt8(ascii: "b"): result.append(8)
      case UInt8(ascii: "f"): result.append(12)
      case UInt8(ascii: "n"): result.append(10)
      case UInt8(ascii: "r"): result.append(13)
      case UInt8(ascii: "t"): result.append(9)
      case UInt8(ascii: "u"):
        guard index + 4 <= range.upperBound else { return nil }
        var value: UInt32 = 0
        for digit in bytes[index..<index + 4] {
          guard let nibble = Character(UnicodeScalar(digit)).hexDigitValue, digit < 0x80 else { return nil }
          value = value << 4 | UInt32(nibble)
        }
        index += 4
        // Surrogates aren't written here: characters above 16 bits stand for themselves.
        guard let scalar = UnicodeScalar(value) else { return nil }
        result += Array(String(Character(scalar)).utf8)
      default: return nil
      }
    }
    return String(validating: result, as: UTF8.self)
  }
}
