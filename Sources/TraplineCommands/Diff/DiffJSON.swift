// A comparison for programs: schema `trapline.diff`, which Documentation/Diff.md describes. Written span by span, so that it
// may be long.

import Tracing

/// Writes JSON as the comparison goes on.
final class DiffJSON: DiffReport {
  static let schema = "trapline.diff"
  static let version: UInt64 = 1

  private let output: Tracing.ByteSink
  private var selection: DiffSelection
  private var isFirst = true

  init(_ output: Tracing.ByteSink, _ limits: DiffLimits) {
    self.output = output
    selection = DiffSelection(limits)
  }

  /// The members that each form of the schema begins with, up to and with the comma.
  static func beginning(_ kind: String, _ names: (String, String)) -> String {
    "{\"schema\":\"\(schema)\",\"version\":\(version),\"kind\":\"\(kind)\",\"left\":\(JSONLinesSink.quoted(names.0)),"
      + "\"right\":\(JSONLinesSink.quoted(names.1)),"
  }

  func begin(_ names: (String, String)) { output.append(Self.beginning("events", names) + "\"spans\":[") }

  func add(_ comparison: SpanComparison) {
    guard selection.takes(comparison), let span = comparison.left ?? comparison.right else { return }
    output.append(isFirst ? "\n" : ",\n")
    isFirst = false
    let counts = comparison.counts
    let kind =
      switch span.kind {
      case .call: "call"
      case .pageFault: "pageFault"
      case .outside: "outside"
      }
    let name = span.number.flatMap { LinuxSystemCalls.name(of: UInt64($0)) }
    let members: [(String, JSONText)] = [
      ("kind", .string(kind)), ("number", span.number.map { .number(UInt64($0)) } ?? .null),
      ("name", name.map { .string($0.description) } ?? .null), ("same", .bool(comparison.isSame)),
      ("approximate", .bool(comparison.isApproximate)), ("onlyLeft", .number(UInt64(counts.onlyLeft))),
      ("onlyRight", .number(UInt64(counts.onlyRight))), ("otherCost", .number(UInt64(counts.otherCost))),
      ("omittedDiffer", .bool(comparison.omittedDiffer)), ("left", side(comparison.left)),
      ("right", side(comparison.right)),
    ]
    // The rows hold events as the event trace has them, which are JSON already.
    output.append(JSONText.object(members).text.dropLast() + ",\"rows\":[")
    let most = selection.limits.showsAll ? comparison.rows.count : selection.limits.rowsInSpan
    for (index, row) in comparison.rows.prefix(most).enumerated() {
      if index > 0 { output.append(",") }
      switch row {
      case .both(let left, let right):
        output.append("{\"in\":\"both\",\"left\":\(left.jsonText),\"right\":\(right.jsonText)}")
      case .onlyLeft(let event): output.append("{\"in\":\"left\",\"left\":\(event.jsonText)}")
      case .onlyRight(let event): output.append("{\"in\":\"right\",\"right\":\(event.jsonText)}")
      }
    }
    output.append("],\"rowsLeftOut\":\(max(0, comparison.rows.count - most))}")
  }

  private func side(_ span: Span?) -> JSONText {
    guard let span else { return .null }
    let arguments = span.arguments
    let values = [arguments.0, arguments.1, arguments.2, arguments.3, arguments.4, arguments.5]
    return .object([
      ("addressSpace", .number(UInt64(span.addressSpace))), ("ordinal", .number(UInt64(span.ordinal))),
      ("arguments", .array(values.map { .number(UInt64($0)) })),
      ("result", span.result.map { .number(UInt64($0)) } ?? .null), ("events", .number(span.spending.events)),
      ("omitted", .number(span.omitted)), ("cycles", .number(span.spending.cycles)),
      ("instructions", .number(span.spending.instructions)),
    ])
  }

  func end(_ summary: TraceDiffSummary) {
    let totals = summary.totals.map { total in
      JSONText.object([
        ("context", .string(total.context.name)), ("leftEvents", .number(UInt64(total.leftEvents))),
        ("rightEvents", .number(UInt64(total.rightEvents))), ("leftCycles", .number(total.leftCycles)),
        ("rightCycles", .number(total.rightCycles)), ("leftInstructions", .number(total.leftInstructions)),
        ("rightInstructions", .number(total.rightInstructions)),
      ])
    }
    let counters = EventCounter.allCases.map {
      JSONText.object([
        ("name", .string($0.name)), ("left", .number(summary.left[$0])), ("right", .number(summary.right[$0])),
      ])
    }
    let outcome = JSONText.object([
      ("same", .number(UInt64(summary.same))), ("different", .number(UInt64(summary.different))),
      ("onlyLeft", .number(UInt64(summary.onlyLeft))), ("onlyRight", .number(UInt64(summary.onlyRight))),
      ("differentPieces", .number(UInt64(summary.differentPieces))),
      ("notShown", .number(UInt64(selection.omitted))), ("isSame", .bool(summary.isSame)),
    ])
    output.append(
      "\n],\"totals\":\(JSONText.array(totals).text),\"counters\":\(JSONText.array(counters).text),"
        + "\"summary\":\(outcome.text)}\n")
  }
}
