// A table of numbers: names at the left, a column for each run, digits under digits.

struct NumberTable {
  private let columns: [String]
  private enum Row {
    case section(String)
    case values(String, [String])
  }
  private var rows: [Row] = []

  init(columns: [String]) { self.columns = columns }

  mutating func section(_ title: String) { rows.append(.section(title)) }

  /// - Parameter values: one for each column.
  mutating func row(_ name: String, _ values: [String]) { rows.append(.values(name, values)) }

  /// Ends with a newline.
  var text: String {
    var first = 0
    var widths = columns.map(\.count)
    for case .values(let name, let values) in rows {
      first = max(first, name.count + 2)
      for (column, value) in values.enumerated() { widths[column] = max(widths[column], value.count) }
    }
    func line(_ name: String, _ values: [String]) -> String {
      let cells = values.enumerated().map { String(repeating: " ", count: widths[$0] - $1.count) + $1 }
      return ([name.padded(to: first)] + cells).joined(separator: "  ") + "\n"
    }
    var text = line("", columns)
    for row in rows {
      switch row {
      case .section(let title): text += title + "\n"
      case .values(let name, let values): text += line("  " + name, values)
      }
    }
    return text
  }
}
