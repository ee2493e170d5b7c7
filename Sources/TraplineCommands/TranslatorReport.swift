// What the translator did in a run: for people (`run --statistics`), and as a part of the summary.

import ISA
import Processor

struct TranslatorReport {
  private let statistics: TranslatorStatistics
  private let instructions: UInt64
  /// Nanoseconds.
  private let wallTime: UInt64

  /// - Parameters:
  ///   - instructions: those that the run retired.
  ///   - wallTime: what it took, in nanoseconds.
  init(_ statistics: TranslatorStatistics, instructions: UInt64, wallTime: UInt64) {
    self.statistics = statistics
    self.instructions = instructions
    self.wallTime = wallTime
  }

  /// Operations by how often translated code left them to the interpreter.
  private var callouts: [(name: String, count: UInt64)] {
    Operation.allCases.map { ($0.mnemonic, statistics.callouts[Int($0.rawValue)]) }.filter { $0.1 > 0 }
      .sorted { ($1.1, $0.0) < ($0.1, $1.0) }
  }

  private func kind(_ kind: TranslationKind) -> UInt64 { statistics.kinds[Int(kind.rawValue)] }

  var json: JSONText {
    .object(
      TranslatorStatistics.rows.map { ($0.name, .number($0.value(in: statistics))) } + [
        ("kinds", .object(TranslationKind.allCases.map { ($0.title.lowercased(), .number(kind($0))) })),
        ("callouts", .object(callouts.map { ($0.name, .number($0.count)) })),
      ])
  }

  // MARK: For people

  private static let mostCallouts = 8

  /// Ends with a newline.
  var text: String {
    let s = statistics
    var rows: [(String, String)] = []
    func add(_ name: String, _ value: UInt64, _ more: String = "") {
      rows.append((name, grouped(value) + (more.isEmpty ? "" : "  (\(more))")))
    }
    add("translated blocks", s.fragments)
    add("guest instructions", s.instructions, "\(grouped(s.guestBytes)) bytes")
    add("host bytes", s.hostBytes, "expansion \(TranslationTotals.ratio(s.hostBytes, s.guestBytes))")
    for kind in TranslationKind.allCases {
      add(kind.title, self.kind(kind), "\(share(self.kind(kind), of: s.instructions)): \(kind.meaning)")
    }
    add("callouts", s.calloutCount, "\(perThousand(s.calloutCount)) in 1,000 instructions")
    for callout in callouts.prefix(Self.mostCallouts) {
      add("  \(callout.name)", callout.count, share(callout.count, of: s.calloutCount))
    }
    add("  for what they accessed", s.accessCallouts)
    add("links made", s.linksMade)
    add("computed targets missed", s.indirectMisses)
    add("software TLB misses", s.misses)
    add(
      "window faults", s.windowFaults,
      "\(grouped(s.windowPages)) pages brought in, \(grouped(s.windowRefusals)) refused")
    add("window drops", s.windowDrops)
    add("budget faults", s.budgetsUsedUp)
    add("divide faults", s.divideCallouts)
    add("invalidations", s.invalidations)
    add("retranslations", s.retranslations)
    add("generations", s.generations)
    add("path changes", s.pathChanges)
    rows += times
    return "translator\n" + rows.map { "  " + $0.padded(to: 28) + $1 + "\n" }.joined()
  }

  /// Only translation is measured; the rest of the time is what is left.
  private var times: [(String, String)] {
    let spent = statistics.translationNanoseconds
    var rows = [
      ("time translating", "\(milliseconds(spent))  (\(share(spent, of: wallTime)) of \(milliseconds(wallTime)))")
    ]
    rows.append(("time in all else", milliseconds(wallTime - min(wallTime, spent))))
    if statistics.instructions > 0, spent > 0 {
      let each = Double(spent) / Double(statistics.instructions)
      rows.append(
        ("translation", "\(TranslationTotals.tenths(each)) ns an instruction, \(grouped(UInt64(1e9 / each))) a second"))
      rows.append(
        (
          "cold code",
          "\(TranslationTotals.tenths(Double(spent) / Double(max(instructions, 1)) * 1000)) ps of translation for each instruction retired"
        ))
    }
    return rows
  }

  private func milliseconds(_ nanoseconds: UInt64) -> String {
    "\(TranslationTotals.tenths(Double(nanoseconds) / 1e6)) ms"
  }

  private func share(_ part: UInt64, of whole: UInt64) -> String {
    TranslationTotals.percent(whole == 0 ? 0 : Double(part) / Double(whole))
  }

  private func perThousand(_ count: UInt64) -> String {
    TranslationTotals.tenths(instructions == 0 ? 0 : Double(count) / Double(instructions) * 1000)
  }
}
