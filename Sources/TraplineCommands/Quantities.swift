// Sizes, counts, addresses and times as the command line has them. Strict: what isn't understood is refused with a
// sentence, never guessed at.

/// Text that is no quantity of its kind.
package struct QuantityError: Error, CustomStringConvertible, Equatable {
  package let description: String
}

/// A size in bytes: `64M`, `1G`, `65536K`.
package struct ByteSize: Equatable, Sendable {
  package var bytes: UInt64

  package init(bytes: UInt64) { self.bytes = bytes }

  package init(parsing text: String) throws(QuantityError) {
    let form = "write a number and K, M or G, as in 64M"
    let units: [Character: UInt64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
    guard let last = text.last else { throw QuantityError(description: "it is empty: \(form)") }
    guard let unit = units[Character(last.uppercased())] else {
      throw QuantityError(description: digits(text) == nil ? "it is no size: \(form)" : "it has no unit: \(form)")
    }
    guard let number = digits(text.dropLast()) else { throw QuantityError(description: "it is no size: \(form)") }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
    if overflow { throw QuantityError(description: "it is more than any machine has") }
    self.bytes = bytes
  }
}

/// A number of instructions: `1000000`, `1_000_000`, `20M`.
package struct InstructionCount: Equatable, Sendable {
  package var value: UInt64

  package init(value: UInt64) { self.value = value }

  package init(parsing text: String) throws(QuantityError) {
    let units: [Character: UInt64] = ["K": 1000, "M": 1_000_000, "G": 1_000_000_000]
    let plain = text.filter { $0 != "_" }
    let unit = plain.last.flatMap { units[Character($0.uppercased())] }
    guard let number = digits(unit == nil ? plain[...] : plain.dropLast()) else {
      throw QuantityError(
        description: "it is no number of instructions: write digits, and K, M or G for thousands, millions or milliards")
    }
    let (value, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
    if overflow { throw QuantityError(description: "it is more than 64 bits can count") }
    self.value = value
  }
}

/// An address: hexadecimal with `0x`, else decimal.
package struct AddressArgument: Equatable, Sendable {
  package var value: UInt64

  package init(parsing text: String) throws(QuantityError) {
    let isHexadecimal = text.hasPrefix("0x") || text.hasPrefix("0X")
    guard let value = isHexadecimal ? digits(text.dropFirst(2), radix: 16) : digits(text) else {
      throw QuantityError(description: "it is no address: write hexadecimal digits after 0x, or decimal ones")
    }
    guard value < 1 << 32 else {
      throw QuantityError(description: "it is past the 4 GiB that a 32-bit guest can address")
    }
    self.value = value
  }
}

/// A time: `5`, `0.5`, `2.5s`, `300ms`, `2m`.
package struct TimeArgument: Equatable, Sendable {
  package var duration: Duration

  package init(parsing text: String) throws(QuantityError) {
    let (number, unit): (Substring, Double) =
      if text.hasSuffix("ms") { (text.dropLast(2), 0.001) }
      else if text.hasSuffix("s") { (text.dropLast(), 1) }
      else if text.hasSuffix("m") { (text.dropLast(), 60) }
      else { (text[...], 1) }
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.allSatisfy({ digits($0) != nil }), let value = Double(String(number)) else {
      throw QuantityError(description: "it is no time: write seconds, as in 10 or 0.5, or 300ms, or 2m")
    }
    let seconds = value * unit
    guard seconds > 0 else { throw QuantityError(description: "it must be longer than nothing") }
    guard seconds <= 1e9 else { throw QuantityError(description: "it is more than thirty years") }
    duration = .seconds(seconds)
  }
}

/// Digits and nothing else: no sign, no space.
func digits(_ text: some StringProtocol, radix: Int = 10) -> UInt64? {
  guard let first = text.first, first != "+", first != "-" else { return nil }
  return UInt64(text, radix: radix)
}
