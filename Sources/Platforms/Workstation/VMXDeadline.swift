// When the devices of the VMX process have something to do, as the monitor knows from their last answer.

import Devices

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
