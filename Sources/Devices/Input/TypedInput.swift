// Text typed on a terminal becomes keys. The keys go one by one, each when the guest has read the one before and some
// virtual time has passed: firmware has room for fifteen, and nothing that was typed gets lost. Nor while firmware or a
// kernel sets the keyboard up and throws away what comes: keys wait until the guest has asked the keyboard for them, or
// has left it alone for a while (a guest without firmware need never ask).

/// Somebody at the guest's keyboard. It has no ports: attach it to the bus.
public final class TypedInput: Device {
  public let name = "typed input"
  /// Virtual nanoseconds between two keys at least.
  public static let interval: UInt64 = 5_000_000
  /// How long a guest that hasn't asked for keys must leave the keyboard alone before it gets any.
  public static let patience: UInt64 = 1_000_000_000
  /// Key events that can wait; what is typed beyond that is dropped.
  public static let capacity = 1 << 16

  private let clock: VirtualClock
  private let keyboard: KeyboardController
  private var waiting: [KeyEvent] = []
  private var first = 0
  private var earliest: UInt64 = 0
  private var decoder = TerminalKeys()

  public init(clock: VirtualClock, keyboard: KeyboardController) {
    self.clock = clock
    self.keyboard = keyboard
    keyboard.typist = self
    earliest = clock.now &+ Self.patience
  }

  /// Bytes as a terminal sends them: ASCII, control characters, and the usual escape sequences. A sequence must be in
  /// one call as a whole: an ESC at the end is the Escape key.
  public func type(_ bytes: [UInt8]) { send(decoder.events(for: bytes)) }

  /// Keys, in their order.
  public func send(_ events: [KeyEvent]) {
    waiting += events.prefix(Self.capacity - min(waiting.count - first, Self.capacity))
    schedule()
  }

  /// Events that the guest hasn't been given yet.
  public var pendingCount: Int { waiting.count - first }

  func keyboardWasRead() { if pendingCount > 0 { schedule() } }

  func keyboardWasWritten() {
    earliest = clock.now &+ (keyboard.wasAskedForKeys ? Self.interval : Self.patience)
    schedule()
  }

  // MARK: Device

  /// Nil as long as the guest doesn't read: a machine that nobody will wake again may end.
  public private(set) var nextDeadline: UInt64?

  private func schedule() {
    if pendingCount == 0 || !keyboard.isReadyForKey {
      if nextDeadline == nil { return }
      nextDeadline = nil
    } else {
      let due = max(earliest, clock.now &+ 1)
      if let deadline = nextDeadline, deadline >= earliest, deadline <= due { return }
      nextDeadline = due
    }
    clock.deadlinesChanged()
  }

  public func advance(to now: UInt64) {
    guard let deadline = nextDeadline, now >= deadline else { return }
    nextDeadline = nil
    if pendingCount > 0, keyboard.isReadyForKey {
      let event = waiting[first]
      first += 1
      if first == waiting.count {
        waiting.removeAll(keepingCapacity: true)
        first = 0
      }
      earliest = now &+ Self.interval
      keyboard.send(event)
    }
    schedule()
    clock.deadlinesChanged()
  }

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 { size.mask }
  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {}
  public func reset() {}

  public func transferState(_ archive: inout StateArchive) {
    var bytes: [UInt8] = []
    for event in waiting[first...] {
      bytes += [UInt8(event.key.rawValue & 0xff), UInt8(event.key.rawValue >> 8), event.isPress ? 1 : 0]
    }
    archive.field(&bytes, limit: 3 * Self.capacity)
    archive.field(&earliest)
    archive.field(&nextDeadline)
    guard archive.isRestoring else { return }
    first = 0
    waiting = stride(from: 0, to: bytes.count - bytes.count % 3, by: 3).compactMap { at in
      Key(rawValue: UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8).map { KeyEvent($0, isPress: bytes[at + 2] != 0) }
    }
    clock.deadlinesChanged()
  }
}
