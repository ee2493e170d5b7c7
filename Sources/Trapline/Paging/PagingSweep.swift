// Where one pager begins to be better than the other: one guest, one of its parameters varied, the cost of each access
// under each contender, and the point at which the curves cross.

import Processor

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// One varied parameter, with the others fixed.
public struct SweepAxis: Sendable {
  /// As on the command line: `working-set`, `updates`, `switches`.
  public var name: String
  public var title: String
  public var unit: String
  /// The guest's own name for it.
  public var parameter: String
  public var values: [UInt64]
  /// The guest's other parameters.
  public var fixed: [(name: String, value: UInt64)]

  /// The three that `mmu-mix` understands.
  public static let all: [SweepAxis] = [
    SweepAxis(
      name: "working-set", title: "Working set", unit: "4 KiB pages", parameter: "pages",
      values: powers(16, 8192), fixed: [("update", 128), ("switch", 0)]),
    SweepAxis(
      name: "updates", title: "Page-table updates", unit: "accesses per update", parameter: "update",
      values: powers(2, 4096), fixed: [("pages", 4096), ("switch", 0)]),
    SweepAxis(
      name: "switches", title: "Address-space switches", unit: "accesses per CR3 load", parameter: "switch",
      values: powers(2, 4096), fixed: [("pages", 256), ("update", 0)]),
  ]

  private static func powers(_ first: UInt64, _ last: UInt64) -> [UInt64] {
    Array(sequence(first: first) { $0 < last ? $0 * 2 : nil })
  }
}

/// A contender's cost of one access at one value.
public struct SweepPoint: Sendable {
  public var value: UInt64
  /// Modelled cycles an access, once everything has been touched that will be.
  public var cycles: Double
}

public struct SweepCurve: Sendable {
  public var contender: String
  public var points: [SweepPoint]
}

/// One axis, measured.
public struct SweepResult: Sendable {
  public var axis: SweepAxis
  public var curves: [SweepCurve]

  /// Where two contenders cost the same: values between which one overtakes the other, on a logarithmic scale.
  public func crossovers(_ first: String, _ second: String) -> [Double] {
    guard let a = curves.first(where: { $0.contender == first }), let b = curves.first(where: { $0.contender == second })
    else { return [] }
    let differences = zip(a.points, b.points).map { (value: Double($0.value), difference: $0.cycles - $1.cycles) }
    var found: [Double] = []
    for (left, right) in zip(differences, differences.dropFirst()) {
      guard left.difference != 0, left.difference < 0 ? right.difference >= 0 : right.difference <= 0 else { continue }
      let share = left.difference / (left.difference - right.difference)
      found.append(left.value * pow(right.value / left.value, share))
    }
    return found
  }
}

extension PagingComparison {
  /// Measures an axis.
  /// - Parameters:
  ///   - steps: accesses that are measured, after as many that aren't.
  ///   - shouldStop: asked before each run; the axis is given up when it says yes.
  public func sweep(
    _ axis: SweepAxis, _ contenders: [PagingContender], steps: UInt64, shouldStop: () -> Bool = { false }
  ) throws(Failure) -> SweepResult? {
    var curves = contenders.map { SweepCurve(contender: $0.name, points: []) }
    var work: Set<[UInt64]> = []
    for value in axis.values {
      let settings = axis.fixed + [(axis.parameter, value)]
      for (index, contender) in contenders.enumerated() {
        if shouldStop() { return nil }
        // What comes first (the guest's own preparation, first touches of each page) is taken off.
        guard let ready = try result(settings, steps: steps, contender),
          let whole = try result(settings, steps: 2 * steps, contender)
        else { return nil }
        guard whole.instructions >= ready.instructions + steps else {
          throw .guest("the guest takes no steps=, pages=, update= and switch= on its command line, as mmu-mix does")
        }
        work.insert([UInt64(index), whole.instructions] + PagingCounters.rows.map { $0.value(in: whole.counters) })
        let spent = whole.cycles > ready.cycles ? whole.cycles - ready.cycles : 0
        curves[index].points.append(SweepPoint(value: value, cycles: Double(spent) / Double(steps)))
      }
    }
    if axis.values.count > 1, work.count == contenders.count {
      throw .guest("the guest does the same whatever \(axis.parameter)= says: it can't be varied over that")
    }
    return SweepResult(axis: axis, curves: curves)
  }

  /// Nil when somebody stopped the run.
  private func result(
    _ settings: [(name: String, value: UInt64)], steps: UInt64, _ contender: PagingContender
  ) throws(Failure) -> PagingResult? {
    var comparison = self
    let words = (settings + [("steps", steps)]).map { "\($0.name)=\($0.value)" }
    comparison.request.append = ([request.append] + words).filter { !$0.isEmpty }.joined(separator: " ")
    let result = try comparison.run(contender)
    if result.outcome == .stopped { return nil }
    // A guest that doesn't know these words would give figures that mean nothing.
    guard result.outcome == .guestExit(status: 1) else {
      throw .guest("the guest ended with \(result.outcome.name), status \(result.outcome.exitStatus), instead of success for '\(words.joined(separator: " "))': run it by itself with --append to see why")
    }
    return result
  }
}
