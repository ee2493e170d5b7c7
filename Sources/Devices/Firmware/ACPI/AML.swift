// ACPI Machine Language as bytes, for the few terms that our tables have (ACPI 6.5, chapter 20). Each function gives the
// encoding of one term.

enum AML {
  /// A name or a path: segments of up to four characters with dots between, and `\` in front for the root.
  static func name(_ path: String) -> [UInt8] {
    let isRooted = path.hasPrefix("\\")
    let segments = path.drop { $0 == "\\" }.split(separator: ".").map { segment in
      Array((segment + String(repeating: "_", count: 4 - segment.count)).utf8)
    }
    let prefix: [UInt8] =
      switch segments.count {
      case 0: [0x00]
      case 1: []
      case 2: [0x2e]
      default: [0x2f, UInt8(segments.count)]
      }
    return (isRooted ? [0x5c] : []) + prefix + segments.flatMap { $0 }
  }

  static func integer(_ value: UInt32) -> [UInt8] {
    switch value {
    case 0: [0x00]
    case 1: [0x01]
    case 2...0xff: [0x0a, UInt8(value)]
    case 0x100...0xffff: [0x0b] + little(UInt16(value))
    default: [0x0c] + little(value)
    }
  }

  /// A compressed ID: three letters and four hexadecimal digits, as in PNP0A03.
  static func eisaID(_ text: String) -> [UInt8] {
    let letters = text.utf8.prefix(3).reduce(UInt32(0)) { $0 << 5 | UInt32($1 - 0x40) }
    let number = letters << 16 | (UInt32(text.dropFirst(3), radix: 16) ?? 0)
    return [0x0c] + little(number.byteSwapped)
  }

  static func little<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
    (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// PkgLength, which counts itself, and what it is the length of:
  ///
  /// ```
  ///     7 6        5 4 3  ...  0
  ///   | count - 1 | length, low |  then count - 1 bytes of the rest; alone, the length has all of bits 5-0
  /// ```
  static func package(_ body: [UInt8]) -> [UInt8] {
    for extra in 0...3 {
      let length = body.count + 1 + extra
      guard length < (extra == 0 ? 1 << 6 : 1 << (4 + 8 * extra)) else { continue }
      if extra == 0 { return [UInt8(length)] + body }
      let rest = (0..<extra).map { UInt8(truncatingIfNeeded: length >> (4 + 8 * $0)) }
      return [UInt8(extra << 6 | length & 0x0f)] + rest + body
    }
    preconditionFailure("an AML package of \(body.count) bytes")
  }

  // MARK: Terms

  static func scope(_ path: String, _ terms: [[UInt8]]) -> [UInt8] { [0x10] + package(name(path) + terms.joined()) }
  static func device(_ path: String, _ terms: [[UInt8]]) -> [UInt8] {
    [0x5b, 0x82] + package(name(path) + terms.joined())
  }
  static func define(_ path: String, _ object: [UInt8]) -> [UInt8] { [0x08] + name(path) + object }
  static func method(_ path: String, arguments: UInt8 = 0, _ terms: [[UInt8]]) -> [UInt8] {
    [0x14] + package(name(path) + [arguments] + terms.joined())
  }
  static func list(_ elements: [[UInt8]]) -> [UInt8] {
    precondition(elements.count < 256)
    return [0x12] + package([UInt8(elements.count)] + elements.joined())
  }
  static func when(_ condition: [UInt8], _ terms: [[UInt8]]) -> [UInt8] { [0xa0] + package(condition + terms.joined()) }
  static func give(_ value: [UInt8]) -> [UInt8] { [0xa4] + value }
  static func store(_ value: [UInt8], in target: [UInt8]) -> [UInt8] { [0x70] + value + target }
  static let argument0: [UInt8] = [0x68]

  // MARK: Resources (ACPI 6.5, 6.4)

  static func resources(_ descriptors: [[UInt8]]) -> [UInt8] {
    // The end tag's checksum of 0 means that there is none.
    let bytes = descriptors.joined() + [0x79, 0x00]
    return [0x11] + package(integer(UInt32(bytes.count)) + bytes)
  }

  static func ports(_ first: UInt16, count: UInt8) -> [UInt8] {
    [0x47, 0x01] + little(first) + little(first) + [0x01, count]
  }
  static func irq(_ number: UInt8) -> [UInt8] { [0x22] + little(UInt16(1) << UInt16(number)) }
  static func dma(_ channel: UInt8) -> [UInt8] { [0x2a, 1 << channel, 0x00] }

  enum RangeKind: UInt8 { case memory = 0, ports = 1, buses = 2 }

  /// A range that a bridge passes on: fixed at both ends, decoded by what is behind it.
  static func range(_ kind: RangeKind, _ first: UInt16, _ last: UInt16) -> [UInt8] {
    // Ports: both ISA and other addresses.
    let specific: UInt8 = kind == .ports ? 0x03 : 0x00
    return [0x88, 0x0d, 0x00, kind.rawValue, 0x0c, specific] + little(UInt16(0)) + little(first) + little(last)
      + little(UInt16(0)) + little(last &- first &+ 1)
  }

  /// Memory that a bridge passes on; it can be read and written.
  static func memory(_ first: UInt32, _ last: UInt32, isCacheable: Bool) -> [UInt8] {
    [0x87, 0x17, 0x00, RangeKind.memory.rawValue, 0x0c, isCacheable ? 0x03 : 0x01] + little(UInt32(0)) + little(first)
      + little(last) + little(UInt32(0)) + little(last &- first &+ 1)
  }
}
