// What a comparison of two event traces found: spans side by side, event by event. The text, the JSON and the page are made
// from this alone.

/// A system call from the trap of the guest's user mode to its return, with all that happened on the way.
public struct Span: Sendable {
  /// Which of the calls with this number in its address space it is, from 0.
  public var ordinal: Int
  /// EAX at the entry; nil for what happened outside of all calls.
  public var number: UInt32?
  public var arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
  public var result: UInt32?
  /// From the entry to the return, both included.
  public var events: [Event]
}

/// A line of two paths side by side.
public enum ComparisonRow: Sendable {
  case both(Event, Event)
  case onlyLeft(Event)
  case onlyRight(Event)
}

/// Two spans that stand for the same call of the guest, or one that has no other.
public struct SpanComparison: Sendable {
  public var left: Span?
  public var right: Span?
  public var rows: [ComparisonRow]
}

/// What a context spent.
public struct ContextTotal: Sendable, Equatable {
  public var context: EventContext
  public var leftEvents: Int = 0
  public var rightEvents: Int = 0
  /// Modelled cycles.
  public var leftCycles: UInt64 = 0
  public var rightCycles: UInt64 = 0

  public init(context: EventContext) { self.context = context }
}
