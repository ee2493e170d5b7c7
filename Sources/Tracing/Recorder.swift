// Takes events from the hot path. `wants` is the one-mask test: nothing is built for a kind that nobody asked for.

/// Receives events in order. Conformers format, filter or store them; they are called off the hot path, in batches.
public protocol EventSink: AnyObject {
  func receive(_ events: UnsafeBufferPointer<Event>)
  /// Everything received so far must reach its destination.
  func flush()
}

/// Collects events for a sink, one virtual processor's worth of order.
public final class Recorder {
  /// Bit k is set when events of kind k are recorded.
  public let mask: UInt64
  private let buffer: UnsafeMutablePointer<Event>
  private let capacity: Int
  private var used = 0
  private var next: UInt64 = 0
  private let filter: CompiledEventFilter
  private let sink: any EventSink
  /// Dates events by modelled time; nil leaves `cycles` and `cost` at 0.
  private let costs: EventCosts?
  /// Modelled cycles of all events so far, dropped ones among them.
  private var overhead: UInt64 = 0
  /// Whether `measured` is kept. Traces that have it are never the same twice.
  public let keepsMeasurements: Bool

  /// - Parameters:
  ///   - capacity: events that one call of the sink may bring; with 1 the sink hears of each event when it happens, and
  ///     can look at the guest's memory.
  ///   - costs: with them, every kind is recorded, if only to be counted: time goes by for dropped events too.
  public init(
    sink: any EventSink, filter: EventFilter = EventFilter(), capacity: Int = 4096, costs: EventCosts? = nil,
    keepsMeasurements: Bool = false
  ) {
    self.sink = sink
    self.filter = CompiledEventFilter(filter)
    self.costs = costs
    self.keepsMeasurements = keepsMeasurements
    self.mask = costs == nil ? filter.kindMask : ~0
    self.capacity = max(capacity, 1)
    buffer = .allocate(capacity: self.capacity)
  }

  /// What wasn't flushed is lost.
  deinit { buffer.deallocate() }

  /// Whether events of this kind are recorded at all: test before building one.
  @inlinable public func wants(_ kind: EventKind) -> Bool { mask >> UInt64(kind.rawValue) & 1 != 0 }

  /// Events recorded so far.
  public var count: UInt64 { next }

  /// Appends an event, unless the filter drops it. Its `sequence` is given here. Costs a few nanoseconds, and every
  /// `capacity` events a call of the sink.
  public func record(_ event: Event) {
    var event = event
    if let costs {
      event.cost = costs.cost(of: event)
      event.cycles = event.retired &* costs.instruction &+ overhead
      overhead &+= UInt64(event.cost)
    }
    if !keepsMeasurements { event.measured = 0 }
    guard filter.admits(event) else { return }
    (buffer + used).initialize(to: event)
    buffer[used].sequence = next
    next += 1
    used += 1
    if used == capacity { drain() }
  }

  /// Hands what is buffered to the sink and lets the sink finish.
  public func flush() {
    drain()
    sink.flush()
  }

  private func drain() {
    if used > 0 { sink.receive(UnsafeBufferPointer(start: buffer, count: used)) }
    used = 0
  }
}
