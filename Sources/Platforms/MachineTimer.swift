// The machine's own clock interrupt. It strikes while the guest runs: a hosted monitor must give the processor back so that
// the host can serve it, a forced world switch (Sugerman et al. 2001, section 2.2); a vmkernel serves it itself. It comes in
// virtual time, so that a run repeats; the usual rate is that of the paper's host, Linux 2.2. While the guest idles nobody
// is interrupted: the host, or the vmkernel, has its processor anyway.

import Devices

/// Interrupts whoever runs every so often.
final class MachineTimer: Device {
  let name = "machine timer"
  private let period: UInt64
  private let clock: VirtualClock
  private var next: UInt64
  private let strike: () -> Void
  /// The guest idles.
  var isPaused = false {
    didSet {
      guard isPaused != oldValue else { return }
      if !isPaused { next = clock.now + period }
      clock.deadlinesChanged()
    }
  }

  /// - Parameter hertz: interrupts in a virtual second.
  init(clock: VirtualClock, hertz: UInt64, strike: @escaping () -> Void) {
    self.clock = clock
    self.strike = strike
    period = 1_000_000_000 / max(hertz, 1)
    next = clock.now + period
  }

  var nextDeadline: UInt64? { isPaused ? nil : next }

  func advance(to now: UInt64) {
    guard now >= next, !isPaused else { return }
    next = now + period - (now - next) % period
    clock.deadlinesChanged()
    strike()
  }

  func read(_ offset: UInt32, size: AccessSize) -> UInt32 { size.mask }
  func write(_ offset: UInt32, size: AccessSize, value: UInt32) {}
  func reset() {}
  /// No guest sees it: no part of the machine's state.
  func transferState(_ archive: inout StateArchive) {}
}
