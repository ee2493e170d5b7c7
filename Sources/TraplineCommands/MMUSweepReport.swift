// What a sweep found: tables, break-even points, JSON (schema trapline.mmu) and a picture.

import Charts
import Processor
import Trapline

struct MMUSweepReport {
  var file: String
  var steps: UInt64
  var results: [SweepResult]

  /// The pairs whose break-even points are looked for.
  private static let rivals = [("shadow", "nested"), ("shadow, lazy", "nested")]

  // MARK: Text

  var text: String {
    "\(file): modelled cycles of translation an access, over \(grouped(steps)) accesses\n\n"
      + results.map(text).joined(separator: "\n")
  }

  private func text(_ result: SweepResult) -> String {
    let axis = result.axis
    var table = NumberTable(columns: result.curves.map(\.contender))
    table.section(axis.unit)
    for index in axis.values.indices {
      table.row(grouped(axis.values[index]), result.curves.map { Self.oneDecimal($0.points[index].cycles) })
    }
    return "\(axis.title.lowercased()) (\(Self.fixed(result)))\n\(table.text)" + Self.rivals.map { sentence(result, $0, $1) }.joined()
  }

  private func sentence(_ result: SweepResult, _ shadow: String, _ nested: String) -> String {
    let points = result.crossovers(shadow, nested).map { grouped(UInt64($0.rounded())) }
    if points.isEmpty {
      guard let shadows = result.curves.first(where: { $0.contender == shadow })?.points.map(\.cycles),
        let nesteds = result.curves.first(where: { $0.contender == nested })?.points.map(\.cycles),
        let a = shadows.last, let b = nesteds.last
      else { return "" }
      if shadows == nesteds { return "  \(shadow) and \(nested) cost the same everywhere here\n" }
      return "  \(a <= b ? shadow : nested) is cheaper than \(a <= b ? nested : shadow) everywhere here\n"
    }
    return "  \(shadow) and \(nested) break even at \(points.joined(separator: " and ")) \(result.axis.unit)\n"
  }

  /// The parameters that aren't varied, but for those that are off.
  private static func fixed(_ result: SweepResult) -> String {
    result.axis.fixed.filter { $0.value > 0 }.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
  }

  static func oneDecimal(_ value: Double) -> String {
    let tenths = UInt64((min(max(value, 0), 1e15) * 10).rounded())
    return "\(grouped(tenths / 10)).\(tenths % 10)"
  }

  // MARK: JSON

  var json: JSONText {
    .object([
      ("schema", .string(MMUReport.schema)), ("version", .number(MMUReport.version)), ("kind", .string("sweep")),
      ("guest", .string(file)), ("steps", .number(steps)),
      (
        "axes",
        .array(
          results.map { result in
            .object([
              ("name", .string(result.axis.name)), ("unit", .string(result.axis.unit)),
              ("parameter", .string(result.axis.parameter)),
              ("fixed", .object(result.axis.fixed.map { ($0.name, .number($0.value)) })),
              ("curves", .array(result.curves.map(Self.json))),
              ("breakEven", .array(Self.rivals.map { Self.json(result, $0, $1) })),
            ])
          })
      ),
    ])
  }

  /// Thousandths of a cycle, since all numbers of ours are integers.
  private static func json(_ curve: SweepCurve) -> JSONText {
    .object([
      ("name", .string(curve.contender)),
      (
        "points",
        .array(
          curve.points.map {
            .object([("value", .number($0.value)), ("millicycles", .number(UInt64(($0.cycles * 1000).rounded())))])
          })
      ),
    ])
  }

  private static func json(_ result: SweepResult, _ first: String, _ second: String) -> JSONText {
    .object([
      ("between", .array([.string(first), .string(second)])),
      ("values", .array(result.crossovers(first, second).map { .number(UInt64($0.rounded())) })),
    ])
  }

  // MARK: Picture

  var chart: Chart {
    Chart(
      title: "Shadow page tables and nested paging", subtitle: "modelled cycles of translation an access; \(file)",
      panels: results.map { result in
        Panel(
          title: "\(result.axis.title) (\(Self.fixed(result)))",
          x: Axis(title: result.axis.unit, scale: .logarithmic(base: .two)),
          y: Axis(title: "translation", unit: "cycles an access", scale: .logarithmic(base: .ten)),
          series: result.curves.map { curve in
            Series(name: curve.contender, points: curve.points.map { (Double($0.value), $0.cycles) })
          },
          markers: result.crossovers("shadow", "nested").map {
            VerticalMarker(x: $0, label: "even at \(grouped(UInt64($0.rounded())))")
          })
      })
  }
}
