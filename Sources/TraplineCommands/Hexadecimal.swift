// Numbers as a monitor writes them.

/// Hexadecimal digits, at least so many.
func hex(_ value: some FixedWidthInteger & UnsignedInteger, _ digits: Int = 1) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}

/// A decimal number with its thousands apart: `1,234,567`.
func grouped(_ value: UInt64) -> String {
  var result: [Character] = []
  for (index, digit) in String(value).reversed().enumerated() {
    if index > 0, index % 3 == 0 { result.append(",") }
    result.append(digit)
  }
  return String(result.reversed())
}

extension String {
  /// Filled up with spaces on the right.
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(0, width - count))
  }
}
