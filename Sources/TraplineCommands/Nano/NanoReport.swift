// The tables of `trapline nano`, and the same as JSON.

/// Results, side by side.
struct NanoReport {
  static let schema = "trapline.nano"
  static let version: UInt64 = 1

  var results: [NanoResult]
  var techniques: [Technique]
  var processor: String

  init(_ results: [NanoResult], _ techniques: [Technique], processor: String) {
    self.results = results
    self.techniques = techniques
    self.processor = processor
  }

  private var benchmarks: [NanoBenchmark] {
    NanoBenchmark.all.filter { benchmark in results.contains { $0.benchmark.name == benchmark.name } }
  }

  private func result(_ benchmark: NanoBenchmark, _ technique: Technique) -> NanoResult? {
    results.first { $0.benchmark.name == benchmark.name && $0.technique == technique }
  }

  /// Whether the modelled cycles come in the published order; nil when not all of its techniques are there.
  func keepsOrder(_ benchmark: NanoBenchmark) -> Bool? {
    let cycles = benchmark.order.compactMap { result(benchmark, $0)?.cycles }
    guard cycles.count == benchmark.order.count, !cycles.isEmpty else { return nil }
    return zip(cycles, cycles.dropFirst()).allSatisfy { $0 < $1 }
  }

  // MARK: Text

  var text: String {
    var text = "Modelled cycles a turn, by figures for: \(processor). In brackets: published.\n\n"
    var modelled = NumberTable(columns: techniques.map(\.rawValue) + ["published order"])
    for benchmark in benchmarks {
      let order = keepsOrder(benchmark).map { $0 ? "kept" : "not kept" } ?? "-"
      modelled.row(
        benchmark.name,
        techniques.map { technique in
          let cycles = result(benchmark, technique).map { Self.rounded($0.cycles) } ?? "-"
          return benchmark.published[technique].map { "\(cycles) [\($0)]" } ?? cycles
        } + [order])
    }
    text += modelled.text
    if results.contains(where: { $0.nanoseconds != nil }) {
      var measured = NumberTable(columns: techniques.map(\.rawValue))
      for benchmark in benchmarks {
        measured.row(
          benchmark.name, techniques.map { result(benchmark, $0)?.nanoseconds.map { Self.tenths($0) } ?? "-" })
      }
      text += "\nMeasured nanoseconds a turn on this host, with the loop\n\n" + measured.text
    }
    text += "\nCounted a turn\n\n"
    let rows = results.map { [$0.benchmark.name, $0.technique.rawValue, Self.counts($0.count)] }
    return text + TextTable(heading: ["name", "technique", "counts"], rows: rows, widths: [12, 16, 90]).text
  }

  private static func counts(_ count: NanoCount) -> String {
    let lines = sorted(count).map { "\(number($0.value)) \($0.key.text)" }
    return lines.joined(separator: ", ")
  }

  private static func sorted(_ count: NanoCount) -> [(key: NanoCount.Item, value: Double)] {
    count.items.sorted { ($0.key.handling == nil ? 0 : 1, $0.key.text) < ($1.key.handling == nil ? 0 : 1, $1.key.text) }
  }

  private static func rounded(_ value: Double) -> String { "\(Int(clamping: Int64(value.rounded())))" }

  private static func tenths(_ value: Double) -> String { number((value * 10).rounded() / 10) }

  /// Whole where it is whole.
  private static func number(_ value: Double) -> String {
    let thousandths = (value * 1000).rounded() / 1000
    return thousandths == thousandths.rounded() ? rounded(thousandths) : "\(thousandths)"
  }

  // MARK: JSON

  /// Numbers that may be broken are strings.
  var json: JSONText {
    .object([
      ("schema", .string(Self.schema)), ("version", .number(Self.version)), ("processor", .string(processor)),
      ("benchmarks", .array(benchmarks.map(json))),
    ])
  }

  private func json(_ benchmark: NanoBenchmark) -> JSONText {
    .object([
      ("name", .string(benchmark.name)), ("keepsOrder", keepsOrder(benchmark).map { .bool($0) } ?? .null),
      (
        "techniques",
        .array(
          techniques.compactMap { result(benchmark, $0) }.map { result in
            .object([
              ("technique", .string(result.technique.rawValue)), ("cycles", .string(Self.number(result.cycles))),
              ("published", benchmark.published[result.technique].map { .number($0) } ?? .null),
              ("nanoseconds", result.nanoseconds.map { .string(Self.tenths($0)) } ?? .null),
              (
                "counts",
                .object(Self.sorted(result.count).map { ($0.key.text, .string(Self.number($0.value))) })
              ),
              (
                "figures",
                .object(
                  result.count.figures.sorted { $0.key < $1.key }.map { ($0.key, .string(Self.number($0.value))) })
              ),
            ])
          })
      ),
    ])
  }
}
