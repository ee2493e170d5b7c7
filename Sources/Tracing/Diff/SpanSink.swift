// Keeps the paths of some system calls out of all that happens: what `trapline trace --syscall` writes.

/// Hands on the events of spans that somebody wants, span by span, in the order of their ends, numbered anew.
public final class SpanSink: EventSink {
  private let next: any EventSink
  private let isWanted: (Span) -> Bool
  private var reader = SpanReader()
  private var written: UInt64 = 0

  public init(_ next: any EventSink, where isWanted: @escaping (Span) -> Bool) {
    self.next = next
    self.isWanted = isWanted
  }

  public func receive(_ events: UnsafeBufferPointer<Event>) {
    for event in events { reader.take(event) }
    pass()
  }

  /// The run is over: spans that are open end here.
  public func flush() {
    reader.finish()
    pass()
    next.flush()
  }

  private func pass() {
    for item in reader.takeFinished() {
      guard let span = item.span, isWanted(span) else { continue }
      var events = span.events
      for index in events.indices {
        events[index].sequence = written
        written += 1
      }
      events.withUnsafeBufferPointer { next.receive($0) }
    }
  }
}
