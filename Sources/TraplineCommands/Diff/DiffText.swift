// A comparison for people: the two paths side by side, as `diff -y` has files.
//
//   read(3) #12: 2 events only in hosted, 1 only in esx
//     hosted                                        esx
//     user    systemCallEntry  int 0x80 read(3)     user    systemCallEntry  int 0x80 read(3)
//     monitor worldSwitch      to=host            <
//                                                 > vmk     vmkernelCall     service=storageRequest
//     modelled cycles: 12,345 in hosted, 8,000 in esx (-4,345)

import Tracing

/// Writes text as the comparison goes on.
final class DiffText: DiffReport {
  private let output: Tracing.ByteSink
  private let paint: Paint
  private let width: Int
  /// Rows that both have, shown around those that differ.
  private let context: Int
  private var selection: DiffSelection
  private var names = ("", "")

  init(_ output: Tracing.ByteSink, _ limits: DiffLimits, paint: Paint, width: Int, context: Int) {
    self.output = output
    self.paint = paint
    self.width = width
    self.context = context
    selection = DiffSelection(limits)
  }

  func begin(_ names: (String, String)) { self.names = (shown(names.0), shown(names.1)) }

  func add(_ comparison: SpanComparison) {
    guard selection.takes(comparison) else { return }
    output.append(paint.strong(heading(comparison)) + "\n")
    if comparison.isSame { return }
    write("  " + cell(names.0) + "   " + names.1, paint.dim)
    let rows = comparison.rows
    let most = selection.limits.showsAll ? rows.count : selection.limits.rowsInSpan
    write(rows: rows.prefix(most))
    if rows.count > most { write("  ... \(rows.count - most) more rows, which --all shows", paint.dim) }
    let omitted = max(comparison.left?.omitted ?? 0, comparison.right?.omitted ?? 0)
    if omitted > 0 {
      write(
        "  ... \(grouped(omitted)) more events, which are \(comparison.omittedDiffer ? "not " : "")the same", paint.dim)
    }
    if comparison.isApproximate {
      write("  (there are too many differences to find the fewest: neighbours were matched)", paint.dim)
    }
    let (left, right) = (comparison.left?.spending.cycles ?? 0, comparison.right?.spending.cycles ?? 0)
    if left | right != 0, comparison.left != nil, comparison.right != nil {
      write(
        "  modelled cycles: \(grouped(left)) in \(names.0), \(grouped(right)) in \(names.1) (\(difference(left, right)))",
        paint.noted)
    }
    output.append("\n")
  }

  // MARK: Spans

  private func heading(_ comparison: SpanComparison) -> String {
    guard let span = comparison.left ?? comparison.right else { return "" }
    var title = span.title
    if let left = comparison.left, let right = comparison.right, left.ordinal != right.ordinal {
      title += " and #\(right.ordinal)"
    }
    title += " of \(hex(span.addressSpace, 8))"
    if comparison.isSame { return title + ": the same" }
    if span.kind != .outside {
      if comparison.left == nil { return title + ": only in \(names.1)" }
      if comparison.right == nil { return title + ": only in \(names.0)" }
    }
    let counts = comparison.counts
    var parts: [String] = []
    func events(_ count: Int) -> String { parts.isEmpty ? (count == 1 ? "1 event" : "\(count) events") : "\(count)" }
    if counts.onlyLeft > 0 { parts.append(events(counts.onlyLeft) + " only in \(names.0)") }
    if counts.onlyRight > 0 { parts.append(events(counts.onlyRight) + " only in \(names.1)") }
    if counts.otherCost > 0 { parts.append(events(counts.otherCost) + " at another cost") }
    if parts.isEmpty { parts.append("the events beyond those held differ") }
    return title + ": " + parts.joined(separator: ", ")
  }

  private func write(rows: some RandomAccessCollection<ComparisonRow>) {
    let rows = Array(rows)
    var shows = [Bool](repeating: false, count: rows.count)
    for (index, row) in rows.enumerated() where row.differs {
      for near in max(0, index - context)...min(rows.count - 1, index + context) { shows[near] = true }
    }
    var hidden = 0
    func tellHidden() {
      if hidden > 0 { write("  ... \(hidden) the same", paint.dim) }
      hidden = 0
    }
    for (row, isShown) in zip(rows, shows) {
      guard isShown else {
        hidden += 1
        continue
      }
      tellHidden()
      switch row {
      case .both(let left, let right):
        write(
          "  \(cell(left)) \(row.differs ? "|" : " ") \(cell(right))", row.differs ? paint.privileged : { $0 })
      case .onlyLeft(let event): write("  \(cell(event)) <", paint.sensitive)
      case .onlyRight(let event): write("  \(cell("")) > \(cell(event))", paint.good)
      }
    }
    tellHidden()
  }

  /// The cost stays visible, however long the details.
  private func cell(_ event: Event) -> String {
    let text = "\(event.context.shortText.padded(to: 7)) \(event.kind.name.padded(to: 17)) \(event.detailText)"
    return cell(text, event.cost == 0 ? "" : " cost=\(event.cost)")
  }

  /// As wide as half of the line.
  private func cell(_ text: String, _ end: String = "") -> String {
    let room = max((width - 5) / 2, 8)
    let most = max(room - end.count, 1)
    return ((text.count > most ? text.prefix(most - 1) + "\u{2026}" : text) + end).padded(to: room)
  }

  private func write(_ line: String, _ colour: (String) -> String) {
    var line = line
    while line.last == " " { line.removeLast() }
    output.append(colour(line) + "\n")
  }

  // MARK: Totals

  /// Columns in pairs: the left trace and the right one.
  func end(_ summary: TraceDiffSummary) {
    if selection.omitted > 0 {
      write(
        "\(grouped(UInt64(selection.omitted))) more that differ aren't shown: --all shows them, --syscall chooses among them",
        paint.dim)
      output.append("\n")
    }
    let totals = summary.totals.filter { $0.leftEvents + $0.rightEvents > 0 || $0.leftCycles | $0.rightCycles != 0 }
    if !totals.isEmpty {
      table(
        "context",
        totals.map { total in
          [
            total.context.name, grouped(UInt64(total.leftEvents)), grouped(UInt64(total.rightEvents)),
            grouped(total.leftCycles), grouped(total.rightCycles), difference(total.leftCycles, total.rightCycles),
            grouped(total.leftInstructions), grouped(total.rightInstructions),
          ]
        } + [
          [
            "all", grouped(summary.left.events), grouped(summary.right.events), grouped(summary.left.cycles),
            grouped(summary.right.cycles), difference(summary.left.cycles, summary.right.cycles),
            grouped(summary.left.instructions), grouped(summary.right.instructions),
          ]
        ], ["events", "", "modelled cycles", "", "difference", "instructions", ""])
      let counters = EventCounter.allCases.filter { summary.left[$0] | summary.right[$0] != 0 }
      if !counters.isEmpty {
        output.append("\n")
        table(
          "counted",
          counters.map {
            let (left, right) = (summary.left[$0], summary.right[$0])
            return [$0.name, grouped(left), grouped(right), difference(left, right)]
          }, [names.0, names.1, "difference"])
      }
      output.append("\n")
    }
    output.append(sentence(summary) + "\n")
  }

  /// The columns after the first stand to the right.
  private func table(_ first: String, _ rows: [[String]], _ heading: [String]) {
    let all = [[first] + heading] + rows
    let widths = all[0].indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    for (number, row) in all.enumerated() {
      let cells = row.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + padding : padding + cell
      }
      write(cells.joined(separator: "  "), number == 0 ? paint.strong : { $0 })
    }
  }

  private func sentence(_ summary: TraceDiffSummary) -> String {
    var parts = ["\(grouped(UInt64(summary.same))) the same", "\(grouped(UInt64(summary.different))) differ"]
    if summary.onlyLeft > 0 { parts.append("\(grouped(UInt64(summary.onlyLeft))) only in \(names.0)") }
    if summary.onlyRight > 0 { parts.append("\(grouped(UInt64(summary.onlyRight))) only in \(names.1)") }
    var sentence = "calls and page faults: " + parts.joined(separator: ", ")
    if summary.differentPieces > 0 {
      sentence += "; \(grouped(UInt64(summary.differentPieces))) pieces between calls differ"
    }
    return sentence
  }

  private func difference(_ left: UInt64, _ right: UInt64) -> String {
    right >= left ? "+" + grouped(right - left) : "-" + grouped(left - right)
  }
}

extension ComparisonRow {
  /// Only one side has it, or at another cost.
  var differs: Bool {
    if case .both(let left, let right) = self { return left.cost != right.cost }
    return true
  }
}
