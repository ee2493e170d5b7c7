// The kinds of text in a chart, and the room that each takes. An SVG viewer brings its own font, so widths are estimates:
// those of DejaVu Sans, the widest of the fonts asked for, rounded up.

/// The letters of one kind of text.
enum TextStyle {
  case title, subtitle, panelTitle, axisTitle, tick, legend, annotation

  static let families = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"

  /// In pixels.
  var size: Double {
    switch self {
    case .title: 18
    case .subtitle, .legend: 12.5
    case .panelTitle: 13.5
    case .axisTitle: 12
    case .tick, .annotation: 11
    }
  }

  var isBold: Bool { self == .title || self == .panelTitle }

  var colour: String {
    switch self {
    case .title, .panelTitle: "#1a1a1a"
    case .legend, .annotation: "#333333"
    case .subtitle, .axisTitle, .tick: "#4d4d4d"
    }
  }

  var lineHeight: Double { (size * 1.35).rounded(.up) }

  /// From the middle of a line down to its baseline.
  var baseline: Double { size * 0.35 }

  func width(of text: some StringProtocol) -> Double {
    let ems = text.reduce(0) { $0 + Self.ems($1) }
    return ems * size * (isBold ? 1.12 : 1)
  }

  private static func ems(_ character: Character) -> Double {
    switch character {
    case "i", "j", "l", "I", "'": 0.3
    case ".", ",", ":", ";", "|", " ", "/": 0.34
    case "f", "t", "r", "(", ")", "[", "]", "-", "!", "⁻", "⁰"..."⁹", "¹", "²", "³": 0.42
    case "c", "k", "s", "v", "x", "y", "z": 0.59
    case "m", "M", "W", "@", "%": 1
    case "C", "D", "G", "H", "N", "O", "Q", "U": 0.79
    case "A"..."Z": 0.7
    case "w": 0.82
    case "a"..."z", "0"..."9": 0.64
    default: character.unicodeScalars.contains { $0.value >= 0x2e80 } ? 1.1 : 0.84
    }
  }

  /// The text broken between words, or within a word that is longer than a line.
  func lines(_ text: String, within width: Double) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(whereSeparator: \.isWhitespace) {
      let longer = line.isEmpty ? String(word) : "\(line) \(word)"
      if self.width(of: longer) <= width {
        line = longer
        continue
      }
      if !line.isEmpty { lines.append(line) }
      line = ""
      for character in word {
        if !line.isEmpty, self.width(of: line) + self.width(of: String(character)) > width {
          lines.append(line)
          line = ""
        }
        line.append(character)
      }
    }
    return line.isEmpty ? lines : lines + [line]
  }

  /// One line, cut short if need be.
  func line(_ text: String, within width: Double) -> String {
    let lines = lines(text, within: width)
    guard lines.count > 1 else { return lines.first ?? "" }
    return (self.lines(text, within: width - self.width(of: "…")).first ?? "") + "…"
  }
}
