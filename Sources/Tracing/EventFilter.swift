// Which events a recorder keeps: by kind, context, address range and system call number.

/// A conjunction of conditions; an empty one admits everything.
public struct EventFilter: Sendable {
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

  func admits(_ event: Event) -> Bool {
    if let kinds, !kinds.contains(event.kind) { return false }
    if let contexts, !contexts.contains(event.context) { return false }
    if let addresses, !addresses.contains(event.instructionPointer) { return false }
    if let systemCalls {
      switch event.kind {
      case .systemCallEntry: return systemCalls.contains(UInt32(truncatingIfNeeded: event.a))
      case .systemCallReturn: return systemCalls.contains(UInt32(truncatingIfNeeded: event.b))
      default: break
      }
    }
    return true
  }
}
