// A comparison of two traces of events, wherever they come from: files, or runs that have just been recorded. It hands what
// it finds to a report, and keeps the first spans that differ for the page.

import Tracing

/// One of the two traces.
struct DiffSide {
  /// What people call it.
  var name: String
  var source: any EventSource
}

/// Takes what a comparison finds, in order. Both ends of it are called once.
protocol DiffReport: AnyObject {
  func begin(_ names: (String, String))
  func add(_ comparison: SpanComparison)
  func end(_ summary: TraceDiffSummary)
}

/// Which spans are shown.
struct DiffLimits {
  /// The same ones too, and all of them with all rows.
  var showsAll = false
  /// Calls and page faults that differ, and as many pieces between them.
  var spans = 20
  var rowsInSpan = 200

  static let spansOnPage = 200
  static let rowsInSpanOnPage = 1000
}

/// Chooses what is shown.
struct DiffSelection {
  let limits: DiffLimits
  /// Chosen so far.
  private(set) var calls = 0
  private(set) var pieces = 0
  /// Left out although they differ.
  private(set) var omitted = 0

  init(_ limits: DiffLimits) { self.limits = limits }

  mutating func takes(_ comparison: SpanComparison) -> Bool {
    if limits.showsAll { return true }
    if comparison.isSame { return false }
    let isPiece = (comparison.left ?? comparison.right)?.kind == .outside
    guard (isPiece ? pieces : calls) < limits.spans else {
      omitted += 1
      return false
    }
    if isPiece { pieces += 1 } else { calls += 1 }
    return true
  }
}

/// Two traces of events and how to compare them.
struct EventDiff {
  var left: DiffSide
  var right: DiffSide
  var diff = TraceDiff()

  /// What a page is made from.
  struct Result {
    var summary: TraceDiffSummary
    var spansForPage: [SpanComparison] = []
  }

  /// - Parameter pageLimits: nil when there is no page to make.
  func run(_ report: any DiffReport, pageLimits: DiffLimits?) throws(Refusal) -> Result {
    report.begin((left.name, right.name))
    var chosen = pageLimits.map { DiffSelection($0) }
    var spans: [SpanComparison] = []
    do {
      let summary = try diff.compare(left.source, right.source) { comparison in
        report.add(comparison)
        if let limits = chosen?.limits, spans.count < 2 * limits.spans, chosen?.takes(comparison) == true {
          spans.append(comparison.withRows(atMost: limits.rowsInSpan))
        }
      }
      report.end(summary)
      return Result(summary: summary, spansForPage: spans)
    } catch {
      throw Refusal("\(shown(error.side == .left ? left.name : right.name)): \(error.problem.description)")
    }
  }
}

extension SpanComparison {
  /// The rows of spans that are the same, too: `rows` leaves them out.
  var allRows: [ComparisonRow] {
    if rows.isEmpty, let left, let right { return zip(left.events, right.events).map { .both($0, $1) } }
    return rows
  }

  /// Its beginning.
  func withRows(atMost count: Int) -> SpanComparison {
    var result = self
    result.rows = Array(allRows.prefix(count))
    result.left?.events = Array(left?.events.prefix(count) ?? [])
    result.right?.events = Array(right?.events.prefix(count) ?? [])
    return result
  }
}
