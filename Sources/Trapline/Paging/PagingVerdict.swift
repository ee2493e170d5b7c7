// Which of two pagers a guest is better off with, and why: read off the counts.

import Processor

/// The comparison of two results by modelled cycles.
public struct PagingVerdict: Sendable {
  public var winner: PagingResult
  public var loser: PagingResult

  /// - Parameters: two runs of the same guest; the cheaper one wins, the first if they cost the same.
  public init(_ first: PagingResult, _ second: PagingResult) {
    (winner, loser) = first.cycles <= second.cycles ? (first, second) : (second, first)
  }

  /// How much the loser costs, the winner being 1; nil when the winner costs nothing.
  public var ratio: Double? {
    winner.cycles == 0 ? nil : Double(loser.cycles) / Double(winner.cycles)
  }

  /// What the loser spends most on beyond the winner, largest first, a tenth of the difference at least.
  public var reasons: [TranslationCosts.Charge] {
    let difference = loser.cycles - winner.cycles
    let excess = loser.charges.compactMap { charge -> TranslationCosts.Charge? in
      let winners = winner.charges.first { Self.isAlike($0.cause, charge.cause) }?.cycles ?? 0
      guard charge.cycles > winners, charge.cycles - winners >= max(difference / 10, 1) else { return nil }
      return TranslationCosts.Charge(cause: charge.cause, count: charge.count, cycles: charge.cycles - winners)
    }
    return excess.sorted { $0.cycles > $1.cycles }
  }

  /// First touches are hidden faults to one pager and EPT violations to the other.
  private static func isAlike(_ a: String, _ b: String) -> Bool {
    let firstTouches = ["hidden faults", "EPT violations"]
    return a == b || firstTouches.contains(a) && firstTouches.contains(b)
  }
}
