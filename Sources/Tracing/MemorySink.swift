// Keeps events, for tests and for whoever looks at them in the same process.

/// Stores every event it receives.
public final class MemorySink: EventSink {
  public private(set) var events: [Event] = []
  /// How often it was asked to finish.
  public private(set) var flushes = 0

  public init() {}

  public func receive(_ events: UnsafeBufferPointer<Event>) { self.events += events }
  public func flush() { flushes += 1 }
}
