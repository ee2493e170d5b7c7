// XML as it is written: elements in lines, indented, every text escaped.

/// What an attribute can have as its value.
protocol AttributeValue {
  /// Not yet escaped.
  var attributeText: String { get }
}

extension String: AttributeValue {
  var attributeText: String { self }
}

extension Double: AttributeValue {
  /// In hundredths of a pixel: finer than a viewer draws, and coarser than one machine's logarithm differs from another's.
  var attributeText: String {
    let hundredths = Int((self * 100).rounded())
    let (whole, part) = hundredths.magnitude.quotientAndRemainder(dividingBy: 100)
    let decimals = part == 0 ? "" : part % 10 == 0 ? ".\(part / 10)" : part < 10 ? ".0\(part)" : ".\(part)"
    return (hundredths < 0 ? "-" : "") + String(whole) + decimals
  }
}

/// Collects the text of a document.
package struct SVGWriter {
  typealias Attributes = KeyValuePairs<String, any AttributeValue>

  private(set) var text = ""
  private var depth = 0

  /// An element with text in it, or with nothing.
  mutating func element(_ name: String, _ attributes: Attributes = [:], content: String? = nil) {
    let start = Self.start(name, attributes)
    line(content.map { "<\(start)>\(Self.escaped($0))</\(name)>" } ?? "<\(start)/>")
  }

  /// An element with those in it that `body` writes; none if it writes none.
  mutating func element(_ name: String, _ attributes: Attributes = [:], _ body: (inout SVGWriter) -> Void) {
    var inner = SVGWriter()
    inner.depth = depth + 1
    body(&inner)
    guard !inner.text.isEmpty else { return }
    line("<\(Self.start(name, attributes))>")
    text += inner.text
    line("</\(name)>")
  }

  enum Anchor: String { case start, middle, end }

  /// A line of text whose middle is at a height of `y`.
  mutating func label(_ text: String, _ style: TextStyle, x: Double, y: Double, _ anchor: Anchor = .start) {
    self.text(text, style, ["x": x, "y": y + style.baseline], anchor)
  }

  /// A line of text that reads upwards, centred about a point.
  mutating func uprightLabel(_ text: String, _ style: TextStyle, x: Double, y: Double) {
    let place = "translate(\((x + style.baseline).attributeText) \(y.attributeText)) rotate(-90)"
    self.text(text, style, ["transform": place], .middle)
  }

  private mutating func text(_ text: String, _ style: TextStyle, _ place: Attributes, _ anchor: Anchor) {
    var attributes = place.map { ($0.key, $0.value.attributeText) }
    attributes += [("font-size", style.size.attributeText), ("fill", style.colour)]
    if style.isBold { attributes.append(("font-weight", "bold")) }
    if anchor != .start { attributes.append(("text-anchor", anchor.rawValue)) }
    line("<\(Self.start("text", attributes))>\(Self.escaped(text))</text>")
  }

  private mutating func line(_ markup: String) {
    text += String(repeating: "  ", count: depth) + markup + "\n"
  }

  private static func start(_ name: String, _ attributes: Attributes) -> String {
    start(name, attributes.map { ($0.key, $0.value.attributeText) })
  }

  private static func start(_ name: String, _ attributes: [(String, String)]) -> String {
    attributes.reduce(name) { "\($0) \($1.0)=\"\(escaped($1.1))\"" }
  }

  /// XML 1.0, 2.2 and 2.4: what would be markup becomes a reference; what no document may have, U+FFFD.
  package static func escaped(_ text: String) -> String {
    var escaped = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
      case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
      case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
      case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
      case "'": escaped.append(contentsOf: "&#39;".unicodeScalars)
      case "\t", "\n", "\r": escaped.append(" ")
      case "\0"..."\u{1f}", "\u{fffe}", "\u{ffff}": escaped.append("\u{fffd}")
      default: escaped.append(scalar)
      }
    }
    return String(escaped)
  }
}
