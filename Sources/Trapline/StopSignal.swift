// The one thing that other threads and signal handlers may do to a running machine: ask it to stop.

import Synchronization

/// A flag that ends a run within a few milliseconds. Raising it is safe in a signal handler.
public final class StopSignal: Sendable {
  private let raised = Atomic<Bool>(false)

  public init() {}

  public func raise() { raised.store(true, ordering: .relaxed) }
  public var isRaised: Bool { raised.load(ordering: .relaxed) }
}
