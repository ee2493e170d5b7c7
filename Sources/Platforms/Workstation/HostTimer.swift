// The host's clock interrupt. It strikes while the guest runs, and the monitor must give the processor back so that the
// host can serve it: a forced world switch (Sugerman et al. 2001, section 2.2). It comes in virtual time, so that a run
// repeats; the rate is that of the paper's host, Linux 2.2.

import Devices

/// Forces a world switch every so often.
final class HostTimer: Device {
  let name = "host timer"
  private let period: UInt64
  private let clock: VirtualClock
  private var next: UInt64
  private let strike: () -> Void

  /// - Parameter hertz: interrupts in a virtual second.
  init(clock: VirtualClock, hertz: UInt64, strike: @escaping () -> Void) {
    self.clock = clock
    self.strike = strike
    period = 1_000_000_000 / max(hertz, 1)
    next = clock.now + period
  }

  var nextDeadline: UInt64? { next }

  func advance(to now: UInt64) {
    guard now >= next else { return }
    // Periods that went by while the guest idled are one: the host had its processor.
    next = now + period - (now - next) % period
    clock.deadlinesChanged()
    strike()
  }

  func read(_ offset: UInt32, size: AccessSize) -> UInt32 { size.mask }
  func write(_ offset: UInt32, size: AccessSize, value: UInt32) {}
  func reset() {}
  /// The host's, not the machine's: no part of its state.
  func transferState(_ archive: inout StateArchive) {}
}

/// Stands on the monitor's bus for the devices of the VMX: when one of them has something to do, the world is switched.
final class VMXDeadline: Device {
  let name = "vmx"
  private let clock: VirtualClock
  private let reached: (UInt64) -> Void
  private var deadline: UInt64 = .max

  init(clock: VirtualClock, reached: @escaping (UInt64) -> Void) {
    self.clock = clock
    self.reached = reached
  }

  /// What the last answer said.
  func set(_ deadline: UInt64) {
    guard deadline != self.deadline else { return }
    self.deadline = deadline
    clock.deadlinesChanged()
  }

  var nextDeadline: UInt64? { deadline == .max ? nil : deadline }
  func advance(to now: UInt64) { reached(now) }
  func read(_ offset: UInt32, size: AccessSize) -> UInt32 { size.mask }
  func write(_ offset: UInt32, size: AccessSize, value: UInt32) {}
  func reset() {}
  func transferState(_ archive: inout StateArchive) {}
}
