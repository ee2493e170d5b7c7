// The side-by-side table of `trapline mmu`, and the same as JSON (schema trapline.mmu).

import Processor
import Trapline

/// Several runs of one guest.
struct MMUReport {
  var file: String
  var memory: UInt64
  var tlb: TLBOptions
  var results: [PagingResult]
  var costs: TranslationCosts

  static let schema = "trapline.mmu"
  static let version: UInt64 = 1

  /// That the guest could tell the pagers apart, in a sentence; nil when it couldn't, as it must be.
  var disagreement: String? {
    guard let first = results.first, !results.contains(where: { $0.outcome == .timeLimit }) else { return nil }
    for result in results.dropFirst()
    where result.outcome != first.outcome || result.instructions != first.instructions || result.output != first.output {
      return "the guest ran differently under \(first.contender.name) and \(result.contender.name): a bug of ours"
    }
    return nil
  }

  // MARK: Text

  var text: String {
    var table = NumberTable(columns: results.map(\.contender.name))
    table.row("instructions", results.map { grouped($0.instructions) })
    table.section("what the guest did")
    count(&table, "true page faults", \.trueFaults)
    count(&table, "CR3 loads", \.addressSpaceSwitches)
    count(&table, "INVLPG", \.pageInvalidations)
    count(&table, "TLB flushes", \.flushes)
    table.section("what the TLB asked for")
    count(&table, "misses, 4 KiB", \.tlbMissesSmall)
    count(&table, "misses, 2 MiB", \.tlbMisses2M)
    count(&table, "misses, 4 MiB", \.tlbMisses4M)
    count(&table, "walks for a right", \.tlbAssists)
    table.row("references a miss", results.map(Self.referencesPerMiss))
    count(&table, "references in all", \.walkReferences)
    table.section("what the monitor did")
    count(&table, "hidden faults", \.hiddenFaults)
    count(&table, "trace hits", \.traceHits)
    count(&table, "tables resynchronised", \.tablesResynced)
    count(&table, "EPT violations", \.eptViolations)
    table.row("exits for devices", results.map { grouped($0.counters.deviceFaults + $0.counters.eptMisconfigurations) })
    count(&table, "guest entries read", \.monitorReferences)
    count(&table, "tables evicted", \.tablesEvicted)
    table.row("table memory, peak KiB", results.map { grouped($0.counters.tablePagesPeak * 4) })
    table.section("modelled cycles")
    for cause in causes {
      table.row(cause, results.map { result in result.charges.first { $0.cause == cause }.map { grouped($0.cycles) } ?? "-" })
    }
    table.row("in all", results.map { grouped($0.cycles) })
    table.row("per 1,000 instructions", results.map { grouped(Self.perThousand($0.cycles, $0.instructions)) })
    let ends = results.first.map { " (\($0.outcome.name))" } ?? ""
    let size = memory >= 1 << 20 ? "\(memory >> 20) MiB" : "\(memory >> 10) KiB"
    return "\(file), \(size)\(ends); TLB \(Self.describe(tlb))\n\n\(table.text)\n\(verdictText)\n"
  }

  /// Rounded down, and as much as fits where it doesn't.
  private static func perThousand(_ cycles: UInt64, _ instructions: UInt64) -> UInt64 {
    let (high, low) = cycles.multipliedFullWidth(by: 1000)
    if instructions == 0 { return 0 }
    return high < instructions ? instructions.dividingFullWidth((high, low)).quotient : .max
  }

  private func count(_ table: inout NumberTable, _ name: String, _ path: KeyPath<PagingCounters, UInt64>) {
    table.row(name, results.map { grouped($0.counters[keyPath: path]) })
  }

  private static func referencesPerMiss(_ result: PagingResult) -> String {
    guard result.counters.tlbMisses > 0 else { return "-" }
    let hundredths = result.counters.missReferences &* 100 / result.counters.tlbMisses
    return "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10)"
  }

  /// Causes of cost, in the order of the first run that has each.
  private var causes: [String] {
    var names: [String] = []
    for charge in results.flatMap(\.charges) where !names.contains(charge.cause) { names.append(charge.cause) }
    return names
  }

  static func describe(_ tlb: TLBOptions) -> String {
    func shape(_ name: String, _ geometry: TLBGeometry) -> String {
      geometry.entries == 0 ? "\(name)=0" : "\(name)=\(geometry.entries)x\(geometry.ways)"
    }
    return [
      shape("4k", tlb.small), shape("2m", tlb.large2M), shape("4m", tlb.large4M),
      "global=\(tlb.keepsGlobal ? "on" : "off")", "tags=\(tlb.tags.rawValue)",
    ].joined(separator: ",")
  }

  // MARK: The verdict

  /// The cheaper of the two ways of shadowing against nested paging.
  private var verdict: PagingVerdict? {
    let shadows = results.filter { $0.contender.configuration.pager == .shadow }
    guard let shadow = shadows.min(by: { $0.cycles < $1.cycles }),
      let nested = results.first(where: { $0.contender.configuration.pager == .nested })
    else { return nil }
    return PagingVerdict(shadow, nested)
  }

  private var verdictText: String {
    guard let verdict else { return "" }
    let winner = verdict.winner.contender.name, loser = verdict.loser.contender.name
    guard verdict.loser.cycles > verdict.winner.cycles else { return "verdict: \(winner) and \(loser) cost the same" }
    let reasons = verdict.reasons.map { "\(grouped($0.cycles)) cycles more for \($0.cause) (\(grouped($0.count)))" }
    let price =
      if let ratio = verdict.ratio {
        "costs \(Self.times(ratio)) times as much"
      } else {
        "costs \(grouped(verdict.loser.cycles)) cycles, and \(winner) none"
      }
    return "verdict: \(winner) costs least; \(loser) \(price)"
      + (reasons.isEmpty ? "" : ": " + reasons.joined(separator: ", "))
  }

  /// Two decimals where one would hide the difference.
  private static func times(_ ratio: Double) -> String {
    if ratio >= 1.1 { return MMUSweepReport.oneDecimal(min(ratio, 1e9)) }
    let hundredths = UInt64((ratio * 100).rounded(.up))
    return "1.\(hundredths % 100 / 10)\(hundredths % 10)"
  }

  // MARK: JSON

  var json: JSONText {
    .object([
      ("schema", .string(Self.schema)), ("version", .number(Self.version)), ("kind", .string("comparison")),
      ("guest", .string(file)), ("memory", .number(memory)), ("tlb", .string(Self.describe(tlb))),
      (
        "costs",
        .array(
          costs.figures.map {
            .object([("name", .string($0.name)), ("cycles", .number($0.cycles)), ("source", .string($0.source))])
          })
      ),
      ("runs", .array(results.map(Self.json))),
      (
        "verdict",
        verdict.map { verdict in
          .object([
            ("winner", .string(verdict.winner.contender.name)), ("loser", .string(verdict.loser.contender.name)),
            ("winnerCycles", .number(verdict.winner.cycles)), ("loserCycles", .number(verdict.loser.cycles)),
            ("reasons", .array(verdict.reasons.map(Self.json))),
          ])
        } ?? .null
      ),
    ])
  }

  private static func json(_ result: PagingResult) -> JSONText {
    let counters = PagingCounters.rows.map { ($0.name, JSONText.number($0.value(in: result.counters))) }
    return .object([
      ("name", .string(result.contender.name)),
      ("pager", .string(result.contender.configuration.pager.rawValue)), ("outcome", .string(result.outcome.name)),
      ("instructions", .number(result.instructions)), ("counters", .object(counters)),
      ("charges", .array(result.charges.map(Self.json))), ("cycles", .number(result.cycles)),
    ])
  }

  private static func json(_ charge: TranslationCosts.Charge) -> JSONText {
    .object([("cause", .string(charge.cause)), ("count", .number(charge.count)), ("cycles", .number(charge.cycles))])
  }
}
