// Where a comparison gets its events from: files, or runs that are still in memory.

/// Hands out the events of one trace in order.
public protocol EventSource: AnyObject {
  /// The next event; nil at the end.
  func next() throws(EventTraceError) -> Event?
}

/// Events in memory.
public final class EventArraySource: EventSource {
  private let events: [Event]
  private var position = 0

  public init(_ events: [Event]) { self.events = events }

  public func next() -> Event? {
    guard position < events.count else { return nil }
    defer { position += 1 }
    return events[position]
  }
}
