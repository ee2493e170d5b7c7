// How parts below the machine (devices, a vmkernel, the hosted monitor's other half) tell what they do. They know what and
// where; when, at which instruction and at what cost is the machine's to add.

/// Takes events that have no time yet.
public protocol EventReporter: AnyObject {
  /// Whether anybody wants events of this kind: test before building one.
  func wants(_ kind: EventKind) -> Bool
  /// - Parameter measured: nanoseconds that the real work took; recorded where they were asked for.
  func report(
    _ kind: EventKind, in context: EventContext, code: UInt32, a: UInt64, b: UInt64,
    arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32), measured: UInt32)
}

extension EventReporter {
  public func report(
    _ kind: EventKind, in context: EventContext, code: UInt32 = 0, a: UInt64 = 0, b: UInt64 = 0,
    arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0, 0), measured: UInt32 = 0
  ) {
    report(kind, in: context, code: code, a: a, b: b, arguments: arguments, measured: measured)
  }
}
