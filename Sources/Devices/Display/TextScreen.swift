// What a text-mode screen shows, as people and tests want it: lines of Unicode, and the same with ANSI colours.
//
//     7      6    5    4    3    2    1    0
//   | blink | background R G B | fg intensity R G B |     an attribute byte (blink may be a bright background instead)

/// A picture of the text screen.
public struct TextScreen: Equatable, Sendable {
  /// A character and its colours.
  public struct Cell: Equatable, Sendable {
    public var code: UInt8
    public var attribute: UInt8

    public var character: Character { CodePage437.character(code) }
  }

  public let columns: Int
  public let rows: Int
  /// Row by row.
  public let cells: [Cell]
  /// Nil when it isn't shown.
  public let cursor: (row: Int, column: Int)?
  /// Attribute bit 7 makes the character blink; otherwise it brightens the background.
  public let blinks: Bool

  init(columns: Int, rows: Int, cells: [Cell], cursor: (row: Int, column: Int)?, blinks: Bool) {
    precondition(cells.count == columns * rows)
    self.columns = columns
    self.rows = rows
    self.cells = cells
    self.cursor = cursor
    self.blinks = blinks
  }

  public static func == (a: TextScreen, b: TextScreen) -> Bool {
    a.columns == b.columns && a.rows == b.rows && a.blinks == b.blinks && a.cells == b.cells
      && a.cursor?.row == b.cursor?.row && a.cursor?.column == b.cursor?.column
  }

  public func row(_ row: Int) -> ArraySlice<Cell> { cells[row * columns..<(row + 1) * columns] }

  /// The rows as text, without the blanks at their ends.
  public var lines: [String] {
    (0..<rows).map { row in
      var text = Array(self.row(row))
      while let last = text.last, last.code == 0x20 || last.code == 0 || last.code == 0xff { text.removeLast() }
      return String(text.map(\.character))
    }
  }

  /// The rows up to the last that isn't empty, each with its line feed.
  public var text: String {
    let lines = lines
    let used = lines.lastIndex { !$0.isEmpty }.map { $0 + 1 } ?? 0
    return lines.prefix(used).map { $0 + "\n" }.joined()
  }

  /// One row with SGR sequences, which ends in the default colours.
  public func coloured(row: Int) -> String {
    var text = ""
    var attribute: UInt8?
    for cell in self.row(row) {
      if cell.attribute != attribute { text += sgr(cell.attribute) }
      attribute = cell.attribute
      text.append(cell.character)
    }
    return text + "\u{1b}[0m"
  }

  /// What turns the terminal that shows `earlier` into one that shows this: only the rows that differ, then the cursor.
  /// Nil paints everything.
  public func painting(over earlier: TextScreen?) -> String {
    if self == earlier { return "" }
    var text = ""
    var base = earlier
    if base?.columns != columns || base?.rows != rows || base?.blinks != blinks {
      base = nil
      text += "\u{1b}[0m\u{1b}[2J"
    }
    for row in 0..<rows where base.map({ $0.row(row) != self.row(row) }) ?? true {
      text += "\u{1b}[\(row + 1);1H" + coloured(row: row)
    }
    guard let cursor else { return text + "\u{1b}[?25l" }
    return text + "\u{1b}[\(cursor.row + 1);\(cursor.column + 1)H\u{1b}[?25h"
  }

  /// The PC's colours have blue in bit 0, ANSI's have red there.
  private static let ansi: [Int] = [0, 4, 2, 6, 1, 5, 3, 7]

  private func sgr(_ attribute: UInt8) -> String {
    let foreground = Self.ansi[Int(attribute & 7)] + (attribute & 8 != 0 ? 90 : 30)
    let isHigh = attribute & 0x80 != 0
    let background = Self.ansi[Int(attribute >> 4 & 7)] + (isHigh && !blinks ? 100 : 40)
    return "\u{1b}[0;\(foreground);\(background)\(isHigh && blinks ? ";5" : "")m"
  }
}
