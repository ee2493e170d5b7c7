// Numbers as they stand beside ticks: short, exact (made from integers and exponents, never from a rounded value), and
// written alike along one axis.

enum TickLabels {
  private static let letters = ["", "K", "M", "G", "T", "P", "E"]

  /// The numbers `multiple * 10^exponent`, all with as many decimals and the same letter: `0`, `0.5M`, `1.0M`.
  static func linear(_ multiples: [Int], exponent: Int) -> [String] {
    let digits = multiples.map { String($0.magnitude).count }.max() ?? 1
    // Of the largest number, as in 10^order.
    let order = digits - 1 + exponent
    let isPlain = order < 18 && exponent > -6
    // Four digits are still easy to read.
    let thousands = isPlain && order >= 4 ? order / 3 : 0
    let suffix = isPlain ? letters[thousands] : "×10" + superscript(order)
    let shift = isPlain ? thousands * 3 : order
    return multiples.map { $0 == 0 ? "0" : decimal($0, exponent: exponent - shift) + suffix }
  }

  /// The numbers `base^exponent`, each with its own letter: `16`, `1K`, `1M`.
  static func powers(of base: LogarithmBase, _ exponents: [Int]) -> [String] {
    switch base {
    case .ten: return multiples(exponents.map { (1, $0) })
    case .two:
      guard exponents.allSatisfy((-4..<70).contains) else { return exponents.map { "2" + superscript($0) } }
      return exponents.map { exponent in
        // 2^-n is 5^n * 10^-n.
        if exponent < 0 { return decimal([5, 25, 125, 625][-exponent - 1], exponent: exponent) }
        return String(1 << (exponent % 10)) + letters[exponent / 10]
      }
    }
  }

  /// The numbers `digit * 10^exponent`, each with its own letter: `0.2`, `50`, `1K`.
  static func multiples(_ numbers: [(digit: Int, exponent: Int)]) -> [String] {
    guard numbers.allSatisfy({ (-4..<18).contains($0.exponent) }) else {
      return numbers.map { ($0.digit == 1 ? "" : "\($0.digit)×") + "10" + superscript($0.exponent) }
    }
    return numbers.map { number in
      let thousands = max(0, number.exponent / 3)
      return decimal(number.digit, exponent: number.exponent - thousands * 3) + letters[thousands]
    }
  }

  /// `digits * 10^exponent` without letters: `-0.05`, `1200`.
  static func decimal(_ digits: Int, exponent: Int) -> String {
    let sign = digits < 0 ? "\u{2212}" : ""
    var text = String(digits.magnitude)
    if exponent >= 0 { return sign + text + String(repeating: "0", count: exponent) }
    if text.count <= -exponent { text = String(repeating: "0", count: 1 - exponent - text.count) + text }
    return sign + text.dropLast(-exponent) + "." + text.suffix(-exponent)
  }

  static func superscript(_ number: Int) -> String {
    let digits: [Character] = ["⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"]
    return (number < 0 ? "⁻" : "") + String(String(number.magnitude).compactMap(\.wholeNumberValue).map { digits[$0] })
  }
}
