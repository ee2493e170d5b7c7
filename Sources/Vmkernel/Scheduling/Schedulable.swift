// What the processor's scheduler needs to know of what it runs: nearly nothing.

/// Something that executes instructions when it is let.
public protocol Schedulable: AnyObject {
  /// Executes at most about `instructions`.
  func run(instructions: UInt64) -> ScheduledRun
}

/// How a run ended.
public struct ScheduledRun: Sendable, Equatable {
  /// Instructions that were executed.
  public var used: UInt64
  /// It has nothing to do until somebody wakes it.
  public var isBlocked: Bool

  public init(used: UInt64, isBlocked: Bool) {
    self.used = used
    self.isBlocked = isBlocked
  }
}

/// What a world is to have of the processor.
public struct ProcessorClaim: Sendable, Equatable {
  /// Its weight where several worlds want the processor; at least 1, at most `World.mostShares`.
  public var shares: Int
  /// MHz that it has in each window in which it wants them throughout.
  public var reservation: Int
  /// MHz that it has at most, in each window; nil for all.
  public var limit: Int?

  public init(shares: Int = World.normalShares, reservation: Int = 0, limit: Int? = nil) {
    self.shares = shares
    self.reservation = reservation
    self.limit = limit
  }
}

/// Why a world isn't let in; one sentence for people.
public struct AdmissionError: Error, Equatable, CustomStringConvertible {
  public let description: String
}
