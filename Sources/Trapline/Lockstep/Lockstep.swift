// The translator's promise, held instruction by instruction: a guest on the interpreter and on the translator side by side,
// and the first instruction after which they aren't the same machine any more.

import Loading
import Memory
import Processor

/// A guest to be run on both engines.
package struct Lockstep {
  /// Runs a machine up to a retired count. A test may do more on the way.
  package typealias Advance = (_ machine: VirtualMachine, _ engine: EngineKind, _ count: UInt64) -> RunOutcome

  package var guest: LockstepGuest
  /// Instructions between two comparisons of the processors.
  package var stride: UInt64 = 100_000
  /// Comparisons of the processors for each of everything.
  package var stridesPerPageCheck = 100
  /// Instructions after which it ends; nil for the guest's own end.
  package var limit: UInt64?
  /// Wall-clock time after which it ends.
  package var time: Duration?
  package var advance: Advance = { machine, _, count in
    machine.run(RunLimits(instructions: count, time: Self.patience))
  }

  /// A guest that takes longer for a stride waits for what never comes.
  private static let patience = Duration.seconds(60)

  package init(_ guest: LockstepGuest) { self.guest = guest }

  package enum Failure: Error, CustomStringConvertible {
    case memory(MachineSetupError)
    case loading(LoadingError)
    case stuck(UInt64)

    package var description: String {
      switch self {
      case .memory(let error): error.description
      case .loading(let error): error.description
      case .stuck(let count): "the guest waits for something that doesn't come, after \(count) instructions"
      }
    }
  }

  package enum Result {
    /// No difference in so many instructions, and how the guest ended.
    case same(retired: UInt64, outcome: RunOutcome)
    case differs(LockstepDifference)
  }

  // MARK: Running

  /// Runs both until the guest ends, a limit is reached, or they differ.
  package func run() throws(Failure) -> Result {
    let clock = ContinuousClock()
    let end = time.map { clock.now + $0 }
    let pair = try LockstepPair(guest, advance)
    var equal: UInt64 = 0
    var strides = 0
    while true {
      let target = min((pair.retired / stride + 1) * stride, limit ?? .max)
      try pair.advance(to: target)
      strides += 1
      let isLast = pair.isOver || target == limit || end.map { clock.now >= $0 } == true
      let isDeep = isLast || strides % stridesPerPageCheck == 0
      let differences = isDeep ? pair.differences : pair.processorDifferences
      if !differences.isEmpty { return .differs(try narrow(equal, target, differences)) }
      if isLast { return .same(retired: pair.retired, outcome: pair.outcomes.interpreter) }
      if isDeep { equal = target }
    }
  }

  /// Fresh machines at a count, after the stops that a plain run makes on the way, and those given.
  func pair(at count: UInt64, by stops: [UInt64] = []) throws(Failure) -> LockstepPair {
    let pair = try LockstepPair(guest, advance)
    let first = stops.first ?? count
    var stop = stride
    while stop < first {
      try pair.advance(to: stop)
      stop += stride
    }
    for stop in stops + [count] { try pair.advance(to: stop) }
    return pair
  }

  // MARK: Bisecting

  /// The smallest interval that shows the difference, given that everything was equal at one count and not at another.
  ///
  /// Where a run stops decides what runs as a translated block: a stop in the middle of a wrong one makes the interpreter
  /// do it, rightly. So first the earliest stop that shows a difference is looked for, and then how late the last stop
  /// before it may be without hiding it.
  private func narrow(_ equal: UInt64, _ different: UInt64, _ differences: [String]) throws(Failure)
    -> LockstepDifference
  {
    var low = equal
    var high = different
    var shown = differences
    while high - low > 1 {
      var middle = low + (high - low) / 2
      if high - low > stride { middle = max(middle / stride * stride, low + 1) }
      let found = try pair(at: middle).differences
      if found.isEmpty {
        low = middle
      } else {
        high = middle
        shown = found
      }
    }
    var distance: UInt64 = 1
    while distance < high - equal, try hides(high - distance, high) { distance *= 2 }
    var start = distance < high - equal ? high - distance : equal
    var late = high - distance / 2
    while late > start + 1 {
      let middle = start + (late - start) / 2
      if try hides(middle, high) { late = middle } else { start = middle }
    }
    return LockstepDifference(start: start, end: high, differences: shown, isRepeatable: try !hides(start, high))
  }

  /// Whether a stop makes a difference go away.
  private func hides(_ stop: UInt64, _ end: UInt64) throws(Failure) -> Bool {
    try pair(at: end, by: [stop]).differences.isEmpty
  }
}

/// Where two engines part.
package struct LockstepDifference {
  /// Equal after so many instructions, and not after so many; translated blocks between the two ran whole.
  package var start: UInt64
  package var end: UInt64
  /// The interpreter's value first.
  package var differences: [String]
  /// It comes again with a stop at `start`, so that nothing before it has to do with it.
  package var isRepeatable: Bool
}
