// The 8254 programmable interval timer. Counter 0 drives IRQ 0, counter 1 was once memory refresh, counter 2 is gated
// and read through port 0x61.
//
//   registers  0-2  counters
//              3    control word
//
//        7    6     5     4     3    2    1     0
//   | SC1 | SC0 | RW1 | RW0 | M2 | M1 | M0 | BCD |    SC 3: read-back; RW 0: latch the count
//   |  1  |  1  |/COUNT|/STAT|CNT2|CNT1|CNT0| 0  |    read-back

/// The interval timer.
public final class IntervalTimer: Device {
  public let name = "pit"
  /// Ticks a second of its input clock.
  public static let frequency: UInt64 = 1_193_182

  private let clock: VirtualClock
  private let line: InterruptLine
  private let rate = TickRate(hertz: IntervalTimer.frequency)
  private var channels = (TimerChannel(gate: true), TimerChannel(gate: true), TimerChannel(gate: false))
  /// The tick up to which the IRQ line has followed counter 0.
  private var syncedTick: UInt64 = 0
  public private(set) var nextDeadline: UInt64?

  public init(clock: VirtualClock, line: InterruptLine) {
    self.clock = clock
    self.line = line
  }

  private var tick: UInt64 { rate.ticks(at: clock.now) }

  /// Level of a counter's OUT pin now.
  public func output(_ channel: Int) -> Bool {
    let tick = tick
    return withChannel(channel) {
      $0.settle(at: tick)
      return $0.output(at: tick)
    }
  }

  /// Counter 2's gate, which port 0x61 drives.
  public var gate2: Bool {
    get { channels.2.gate }
    set { channels.2.setGate(newValue, at: tick) }
  }

  /// The refresh request toggles every 18 ticks, some 15 microseconds; port 0x61 shows it.
  var refreshToggle: Bool { tick / 18 & 1 != 0 }

  private func withChannel<R>(_ index: Int, _ body: (inout TimerChannel) -> R) -> R {
    switch index {
    case 0: body(&channels.0)
    case 1: body(&channels.1)
    default: body(&channels.2)
    }
  }

  /// Lets IRQ 0 follow counter 0 up to the present, and finds the next time it will change.
  private func follow(at tick: UInt64) {
    // Of many periods gone by at once the controller can only have noticed that there was an edge: two steps suffice.
    var steps = 0
    while steps < 2, let edge = channels.0.nextEdge(after: syncedTick), edge <= tick {
      channels.0.settle(at: edge)
      line.set(channels.0.output(at: edge))
      syncedTick = edge
      steps += 1
    }
    channels.0.settle(at: tick)
    line.set(channels.0.output(at: tick))
    syncedTick = tick
    schedule()
  }

  private func schedule() {
    let deadline = channels.0.nextEdge(after: syncedTick).map { rate.time(of: $0) }
    if deadline != nextDeadline {
      nextDeadline = deadline
      clock.deadlinesChanged()
    }
  }

  // MARK: Device

  public func advance(to now: UInt64) { follow(at: rate.ticks(at: now)) }

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    guard offset < 3 else { return 0xff }
    let tick = tick
    return UInt32(withChannel(Int(offset)) { $0.read(at: tick) })
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    let tick = tick
    follow(at: tick)
    if offset < 3 {
      withChannel(Int(offset)) { $0.write(byte, at: tick) }
    } else if byte >> 6 == 3 {
      for index in 0..<3 where byte & 2 << UInt8(index) != 0 {
        withChannel(index) {
          if byte & 0x20 == 0 { $0.latchCount(at: tick) }
          if byte & 0x10 == 0 { $0.latchStatus(at: tick) }
        }
      }
    } else {
      withChannel(Int(byte >> 6)) {
        if byte & 0x30 == 0 { $0.latchCount(at: tick) } else { $0.control(byte, at: tick) }
      }
    }
    follow(at: tick)
  }

  public func reset() {
    channels = (TimerChannel(gate: true), TimerChannel(gate: true), TimerChannel(gate: false))
    follow(at: tick)
  }

  public func transferState(_ archive: inout StateArchive) {
    channels.0.transferState(&archive)
    channels.1.transferState(&archive)
    channels.2.transferState(&archive)
    archive.field(&syncedTick)
    if archive.isRestoring {
      syncedTick = min(syncedTick, tick)
      schedule()
    }
  }
}
