// What translation costs in modelled cycles: one table of figures with their sources, and the one place where counts
// become cycles. Modelled cycles are never mixed with measured time.

import Processor

/// Figures of the cost model, in cycles. The era is Intel's Nehalem, the first with EPT: both pagers on the same hardware.
public struct TranslationCosts: Equatable, Sendable {
  /// One figure: its name on the command line, cycles, and where it is from.
  public struct Figure: Equatable, Sendable {
    public let name: String
    public var cycles: UInt64
    public let source: String
  }

  public private(set) var figures: [Figure] = [
    Figure(name: "reference", cycles: 15, source: "a page-table entry from the second-level cache; our assumption"),
    Figure(name: "exit", cycles: 1009, source: "exit and entry on Nehalem (Agesen et al. 2012)"),
    Figure(
      name: "hidden-fault", cycles: 1000,
      source: "the monitor's walk of the guest's tables and the shadow entry; our assumption"),
    Figure(name: "true-fault", cycles: 700, source: "the same walk, and the fault handed on; our assumption"),
    Figure(
      name: "trace", cycles: 800, source: "decoding and carrying out the guest's write, the shadow entry; our assumption"),
    Figure(name: "resync", cycles: 1500, source: "comparing the 512 entries of a table; our assumption"),
    Figure(name: "root", cycles: 400, source: "finding an address space's shadow at a CR3 load; our assumption"),
    Figure(name: "violation", cycles: 1000, source: "an EPT entry filled in; our assumption"),
  ]

  public init() {}

  /// Replaces a figure.
  /// - Returns: false when there is none of that name.
  public mutating func set(_ name: String, to cycles: UInt64) -> Bool {
    guard let index = figures.firstIndex(where: { $0.name == name }) else { return false }
    figures[index].cycles = cycles
    return true
  }

  private func cycles(_ name: String) -> UInt64 {
    guard let figure = figures.first(where: { $0.name == name }) else { preconditionFailure("no figure \(name)") }
    return figure.cycles
  }

  /// Modelled cycles of one cause.
  public struct Charge: Equatable, Sendable {
    /// What they were spent on.
    public let cause: String
    public let count: UInt64
    public let cycles: UInt64
  }

  /// What a pager's work comes to, cause by cause. Instructions and the guest's own fault handling cost the same
  /// everywhere and aren't in it; accesses to devices exit under either pager and aren't either.
  public func charges(_ counters: PagingCounters, pager: PagerKind) -> [Charge] {
    let exit = cycles("exit")
    func charge(_ cause: String, _ count: UInt64, _ each: UInt64) -> Charge {
      Charge(cause: cause, count: count, cycles: count &* each)
    }
    let walks = charge("page walks", counters.walkReferences, cycles("reference"))
    switch pager {
    case .none: return [walks]
    case .shadow:
      return [
        walks, charge("hidden faults", counters.hiddenFaults, exit + cycles("hidden-fault")),
        charge("true faults", counters.trueFaults, exit + cycles("true-fault")),
        charge("trace hits", counters.traceHits, exit + cycles("trace")),
        charge("resynchronisation", counters.tablesResynced, cycles("resync")),
        charge("CR3 loads", counters.addressSpaceSwitches, exit + cycles("root")),
        charge("INVLPG", counters.pageInvalidations, exit),
      ]
    case .nested:
      return [walks, charge("EPT violations", counters.eptViolations, exit + cycles("violation"))]
    }
  }
}
