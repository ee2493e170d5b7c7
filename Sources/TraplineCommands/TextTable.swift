// Columns of text for terminals and files, the last ones broken between words.

/// A table with a heading.
struct TextTable {
  var heading: [String]
  var rows: [[String]] = []
  /// Widths that a column isn't to exceed; words break there.
  var widths: [Int]

  /// Ends with a newline.
  var text: String {
    let all = [heading] + rows
    let columns = heading.indices.map { column in
      min(widths[column], all.map { $0[column].count }.max() ?? 0)
    }
    let rule = columns.map { String(repeating: "-", count: $0) }
    var text = ""
    for row in [heading, rule] + rows {
      let cells = row.enumerated().map { Self.wrap($1, columns[$0]) }
      for line in 0..<(cells.map(\.count).max() ?? 0) {
        var words: [String] = []
        for (column, cell) in cells.enumerated() {
          words.append((line < cell.count ? cell[line] : "").padded(to: columns[column]))
        }
        var joined = words.joined(separator: "  ")
        while joined.last == " " { joined.removeLast() }
        text += joined + "\n"
      }
    }
    return text
  }

  static func wrap(_ text: String, _ width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if line.isEmpty {
        line = String(word)
      } else if line.count + 1 + word.count <= width {
        line += " " + word
      } else {
        lines.append(line)
        line = String(word)
      }
    }
    return lines + [line]
  }
}
