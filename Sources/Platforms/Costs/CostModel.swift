// The cost model: one text of figures with their sources, which anybody can replace. Modelled cycles say which design does
// more of what is dear; they are printed as modelled, and never mixed with what is measured.

import Tracing

/// A cost model can't be read; one sentence with the line.
public struct CostModelError: Error, Equatable, Sendable, CustomStringConvertible {
  public let line: Int
  public let description: String

  init(line: Int, _ problem: String) {
    self.line = line
    description = "line \(line) of the cost model: \(problem)"
  }
}

/// What events cost.
public struct CostModel: Sendable, Equatable {
  /// A figure.
  public struct Entry: Sendable, Equatable {
    public var name: String
    /// What it prices, as the text has it; nil for a primitive that is priced by its name.
    public var event: String?
    public var cycles: UInt64
    public var unit: EventCosts.Rule.Unit?
    public var cyclesPerUnit: Double
    public var meaning: String
    public var source: String

    var kind: EventKind?
    var code: UInt32?
    /// Only without, or only with, a monitor; nil for both.
    var hasMonitor: Bool?
  }

  /// What most figures were measured on.
  public var processor: String
  public var entries: [Entry]
  /// As it was read.
  public let text: String

  /// The figures that come with Trapline.
  public static let standard: CostModel = {
    do throws(CostModelError) {
      return try CostModel(parsing: String(decoding: PackageResources.costs_txt, as: UTF8.self))
    } catch {
      preconditionFailure("the cost model that is built in: \(error.description)")
    }
  }()

  public static let schema = "trapline.costs"
  public static let version: UInt64 = 1

  /// Reads a model: lines of columns between bars; `#` begins a remark.
  public init(parsing text: String) throws(CostModelError) {
    self.text = text
    processor = ""
    entries = []
    var lines = 0
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      lines += 1
      if line.first == "#" || line.allSatisfy({ $0 == " " }) { continue }
      let columns = line.split(separator: "|", omittingEmptySubsequences: false).map(Self.trimmed)
      if columns[0] == "processor", columns.count == 2 {
        processor = columns[1]
        continue
      }
      let entry = try Self.entry(columns, line: lines)
      if entries.contains(where: { $0.name == entry.name }) {
        throw CostModelError(line: lines, "'\(entry.name)' is there twice")
      }
      entries.append(entry)
    }
    guard entries.contains(where: { $0.name == Self.instruction }) else {
      throw CostModelError(line: max(lines, 1), "the figure 'instruction' is missing")
    }
  }

  private static let instruction = "instruction"
  private static let largest: UInt64 = 1_000_000_000

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return String(text)
  }

  private static func entry(_ columns: [String], line: Int) throws(CostModelError) -> Entry {
    guard columns.count == 6 else {
      throw CostModelError(
        line: line, "there are \(columns.count) columns; name, event, cycles, unit, meaning and source are wanted")
    }
    for (index, name) in ["name", "event", "cycles", "unit", "meaning", "source"].enumerated() where columns[index].isEmpty {
      throw CostModelError(line: line, "the \(name) is empty")
    }
    guard let cycles = UInt64(columns[2]), cycles <= largest else {
      throw CostModelError(line: line, "the cycles must be a number from 0 to \(largest)")
    }
    var entry = Entry(
      name: columns[0], event: columns[1] == "-" ? nil : columns[1], cycles: cycles, unit: nil, cyclesPerUnit: 0,
      meaning: columns[4], source: columns[5])
    if columns[3] != "-" {
      let sides = columns[3].split(separator: "/").map(String.init)
      guard sides.count == 2, let each = Double(sides[0]), each >= 0, each <= 1e9,
        let unit = EventCosts.Rule.Unit(rawValue: sides[1])
      else { throw CostModelError(line: line, "the unit must be like 0.25/a: cycles, and the detail code, a or b") }
      (entry.unit, entry.cyclesPerUnit) = (unit, each)
    }
    if let event = entry.event { try read(event, into: &entry, line: line) }
    return entry
  }

  /// `KIND`, `KIND=CODE`, and ` on bare` or ` on monitor` behind it.
  private static func read(_ event: String, into entry: inout Entry, line: Int) throws(CostModelError) {
    var words = event.split(separator: " ").map(String.init)
    if words.count == 3, words[1] == "on", words[2] == "bare" || words[2] == "monitor" {
      entry.hasMonitor = words[2] == "monitor"
      words.removeLast(2)
    }
    guard words.count == 1 else {
      throw CostModelError(line: line, "the event must be like callout=port, or portRead on bare")
    }
    let sides = words[0].split(separator: "=", maxSplits: 1).map(String.init)
    guard let kind = EventKind(name: sides[0]) else {
      throw CostModelError(line: line, "there is no event '\(sides[0])'")
    }
    entry.kind = kind
    guard sides.count == 2 else { return }
    guard let code = UInt32(sides[1]) ?? kind.code(named: sides[1]) else {
      throw CostModelError(line: line, "'\(sides[0])' has no '\(sides[1])'")
    }
    entry.code = code
  }

  /// Cycles of the figure with a name, what it adds for units left out; nil when the model has none.
  public func cycles(_ name: String) -> UInt64? { entries.first { $0.name == name }?.cycles }

  /// The model as a recorder takes it.
  /// - Parameter hasMonitor: whether somebody stands between the guest and the machine.
  public func eventCosts(hasMonitor: Bool) -> EventCosts {
    var costs = EventCosts()
    for entry in entries {
      guard let kind = entry.kind else {
        if entry.name == Self.instruction { costs.instruction = entry.cycles }
        continue
      }
      if let only = entry.hasMonitor, only != hasMonitor { continue }
      costs.add(
        EventCosts.Rule(
          kind: kind, code: entry.code, cycles: entry.cycles, unit: entry.unit, cyclesPerUnit: entry.cyclesPerUnit))
    }
    return costs
  }
}
