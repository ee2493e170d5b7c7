// Which events a recorder keeps: by kind, context, address range and system call number.

/// A conjunction of conditions; an empty one admits everything.
public struct EventFilter: Sendable, Equatable {
  public var kinds: Set<EventKind>?
  public var contexts: Set<EventContext>?
  /// Range of the instruction pointer.
  public var addresses: ClosedRange<UInt32>?
  /// System call numbers; events that aren't system calls are not affected.
  public var systemCalls: Set<UInt32>?

  public init(
    kinds: Set<EventKind>? = nil, contexts: Set<EventContext>? = nil, addresses: ClosedRange<UInt32>? = nil,
    systemCalls: Set<UInt32>? = nil
  ) {
    self.kinds = kinds
    self.contexts = contexts
    self.addresses = addresses
    self.systemCalls = systemCalls
  }

  var kindMask: UInt64 {
    guard let kinds else { return ~0 }
    return kinds.reduce(0) { $0 | 1 << UInt64($1.rawValue) }
  }

  /// Whether an event passes; `Recorder` has a faster form.
  public func admits(_ event: Event) -> Bool { CompiledEventFilter(self).admits(event) }
}

/// A filter as masks and bounds: the recorder asks it about every event.
struct CompiledEventFilter {
  private let kinds: UInt64
  private let contexts: UInt64
  private let low: UInt32
  private let high: UInt32
  private let systemCalls: Set<UInt32>?

  init(_ filter: EventFilter) {
    kinds = filter.kindMask
    contexts = filter.contexts?.reduce(0) { $0 | 1 << UInt64($1.rawValue) } ?? ~0
    low = filter.addresses?.lowerBound ?? 0
    high = filter.addresses?.upperBound ?? .max
    systemCalls = filter.systemCalls
  }

  @inline(__always)
  func admits(_ event: Event) -> Bool {
    guard kinds >> UInt64(event.kind.rawValue) & 1 != 0, contexts >> UInt64(event.context.rawValue) & 1 != 0,
      event.instructionPointer >= low, event.instructionPointer <= high
    else { return false }
    return systemCalls == nil || admitsSystemCall(event)
  }

  @inline(never)
  private func admitsSystemCall(_ event: Event) -> Bool {
    guard let systemCalls else { return true }
    switch event.kind {
    case .systemCallEntry: return systemCalls.contains(UInt32(truncatingIfNeeded: event.a))
    case .systemCallReturn: return systemCalls.contains(UInt32(truncatingIfNeeded: event.b))
    default: return true
    }
  }
}
