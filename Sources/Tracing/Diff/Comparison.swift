// What a comparison of two event traces found: spans side by side, event by event. The text, the JSON and the page are made
// from this alone.

/// What a span is a span of.
public enum SpanKind: UInt8, Sendable, CaseIterable {
  /// A system call, from the trap to the return.
  case call
  /// A page fault of user mode, up to the next sign of user mode.
  case pageFault
  /// What happened in an address space between its calls: user mode itself, interrupts, boot, idling.
  case outside
}

/// A system call from the trap of the guest's user mode to its return, with all that happened on the way; or a page fault,
/// or a piece of what lies between.
public struct Span: Sendable {
  public var kind: SpanKind
  /// CR3 at the entry.
  public var addressSpace: UInt32
  /// Which of the calls with this number in its address space it is, from 0; of the faults, of the pieces outside.
  public var ordinal: Int
  /// EAX at the entry; nil for what isn't a call.
  public var number: UInt32?
  /// A call's arguments; a page fault's CR2, error code and EIP.
  public var arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
  /// nil when the trace ended before the return.
  public var result: UInt32?
  /// From the entry to the return, both included; no more than the reader was asked to hold.
  public var events: [Event]
  /// Events after those in `events`, which were counted and not held.
  public var omitted: UInt64 = 0
  /// Of the omitted events: equal for equal ones in equal order.
  public var omittedDigest: UInt64 = 0
  /// Of all its events, the omitted ones among them, and of the time between them.
  public var spending = SpanSpending()

  public init(
    kind: SpanKind = .call, addressSpace: UInt32 = 0, ordinal: Int, number: UInt32?,
    arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0, 0), result: UInt32? = nil,
    events: [Event] = []
  ) {
    self.kind = kind
    self.addressSpace = addressSpace
    self.ordinal = ordinal
    self.number = number
    self.arguments = arguments
    self.result = result
    self.events = events
  }
}

/// What is counted for each span and for whole traces, beside the contexts.
public enum EventCounter: Int, CaseIterable, Sendable {
  case worldSwitches, hostSystemCalls, vmkernelCalls, exceptions, interrupts, portAccesses, callouts

  public init?(_ kind: EventKind) {
    switch kind {
    case .worldSwitch: self = .worldSwitches
    case .hostSystemCall: self = .hostSystemCalls
    case .vmkernelCall: self = .vmkernelCalls
    case .exception: self = .exceptions
    case .interruptInjected: self = .interrupts
    case .portRead, .portWrite: self = .portAccesses
    case .callout: self = .callouts
    default: return nil
    }
  }

  /// As in JSON.
  public var name: String {
    switch self {
    case .worldSwitches: "worldSwitches"
    case .hostSystemCalls: "hostSystemCalls"
    case .vmkernelCalls: "vmkernelCalls"
    case .exceptions: "exceptions"
    case .interrupts: "interrupts"
    case .portAccesses: "portAccesses"
    case .callouts: "callouts"
    }
  }
}

/// Where the time went. Modelled cycles between two events are the guest's own and go to the mode it was in; an event's cost
/// goes to the event's context.
public struct SpanSpending: Sendable {
  public struct Context: Sendable, Equatable {
    public var events: UInt64 = 0
    public var cycles: UInt64 = 0
    /// Retired guest instructions.
    public var instructions: UInt64 = 0
  }

  private var contexts = InlineArray<8, Context>(repeating: Context())
  private var counts = InlineArray<8, UInt64>(repeating: 0)

  public init() {}

  public subscript(context: EventContext) -> Context {
    get { contexts[Int(context.rawValue)] }
    set { contexts[Int(context.rawValue)] = newValue }
  }

  public subscript(counter: EventCounter) -> UInt64 {
    get { counts[counter.rawValue] }
    set { counts[counter.rawValue] = newValue }
  }

  public var cycles: UInt64 { EventContext.allCases.reduce(0) { $0 &+ self[$1].cycles } }
  public var events: UInt64 { EventContext.allCases.reduce(0) { $0 &+ self[$1].events } }
  public var instructions: UInt64 { EventContext.allCases.reduce(0) { $0 &+ self[$1].instructions } }

  @inline(__always)
  mutating func count(_ event: Event) {
    let index = Int(event.context.rawValue)
    contexts[index].events &+= 1
    contexts[index].cycles &+= UInt64(event.cost)
    if let counter = EventCounter(event.kind) { counts[counter.rawValue] &+= 1 }
  }

  @inline(__always)
  mutating func pass(_ cycles: UInt64, _ instructions: UInt64, in context: EventContext) {
    let index = Int(context.rawValue)
    contexts[index].cycles &+= cycles
    contexts[index].instructions &+= instructions
  }

  public mutating func add(_ other: SpanSpending) {
    for index in 0..<8 {
      contexts[index].events &+= other.contexts[index].events
      contexts[index].cycles &+= other.contexts[index].cycles
      contexts[index].instructions &+= other.contexts[index].instructions
      counts[index] &+= other.counts[index]
    }
  }
}

/// A line of two paths side by side.
public enum ComparisonRow: Sendable {
  /// The same but for time; the costs may differ.
  case both(Event, Event)
  case onlyLeft(Event)
  case onlyRight(Event)
}

/// Two spans that stand for the same call of the guest, or one that has no other.
public struct SpanComparison: Sendable {
  public var left: Span?
  public var right: Span?
  /// In order. Empty where both are the same in everything.
  public var rows: [ComparisonRow]
  /// The spans were too different for the shortest list of differences: events were matched with near ones, so that some of
  /// the rows for one side may have had a partner.
  public var isApproximate = false

  public init(left: Span?, right: Span?, rows: [ComparisonRow], isApproximate: Bool = false) {
    self.left = left
    self.right = right
    self.rows = rows
    self.isApproximate = isApproximate
  }

  /// What only one side did, and what both did at different modelled cost.
  public var counts: (onlyLeft: Int, onlyRight: Int, otherCost: Int) {
    var result = (onlyLeft: 0, onlyRight: 0, otherCost: 0)
    for row in rows {
      switch row {
      case .both(let left, let right): if left.cost != right.cost { result.otherCost += 1 }
      case .onlyLeft: result.onlyLeft += 1
      case .onlyRight: result.onlyRight += 1
      }
    }
    return result
  }

  /// Whether the events that were too many to hold differ.
  public var omittedDiffer: Bool {
    (left?.omitted ?? 0) != (right?.omitted ?? 0) || (left?.omittedDigest ?? 0) != (right?.omittedDigest ?? 0)
  }

  /// No event differs, in its cost or otherwise. A span whose partner is missing differs; a piece between calls only by its
  /// events.
  public var isSame: Bool {
    if omittedDiffer { return false }
    if (left == nil || right == nil) && (left ?? right)?.kind != .outside { return false }
    let counts = counts
    return counts.onlyLeft == 0 && counts.onlyRight == 0 && counts.otherCost == 0
  }
}

/// What a context spent.
public struct ContextTotal: Sendable, Equatable {
  public var context: EventContext
  public var leftEvents: Int = 0
  public var rightEvents: Int = 0
  /// Modelled cycles.
  public var leftCycles: UInt64 = 0
  public var rightCycles: UInt64 = 0
  /// Retired guest instructions.
  public var leftInstructions: UInt64 = 0
  public var rightInstructions: UInt64 = 0

  public init(context: EventContext) { self.context = context }
}
