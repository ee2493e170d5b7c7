// Between the monitor's world and the host's (Sugerman et al. 2001, section 2.2): the whole processor state is saved on one
// side and restored on the other, so that neither has to know of the other's. The monitor's world is the guest's engine and
// what the monitor serves by itself; in the host's world the driver waits for the VMX process.

import CHost

/// The switch, with its count and its time.
final class WorldSwitch {
  private(set) var toHost: UInt64 = 0
  private(set) var toMonitor: UInt64 = 0
  /// What the switches themselves took, both ways, in nanoseconds of the host's clock.
  private(set) var nanoseconds: UInt64 = 0
  /// How long the last switch each way took.
  private(set) var last: (toHost: UInt32, toMonitor: UInt32) = (0, 0)

  private var world: OpaquePointer?
  private let clock = ContinuousClock()
  private var left: ContinuousClock.Instant
  private let hostWork: () -> Void

  /// Bytes of processor state that a switch saves, and as many that it restores.
  static var stateSize: Int { chost_world_state_size() }

  /// - Parameter hostWork: what the host's world does each time it is entered; it runs on a stack of its own, of 1 MiB.
  init(hostWork: @escaping () -> Void) throws(PlatformError) {
    self.hostWork = hostWork
    left = clock.now
    world = chost_world_create(
      { Unmanaged<WorldSwitch>.fromOpaque($0)._withUnsafeGuaranteedRef { $0.hostWorld() } },
      Unmanaged.passUnretained(self).toOpaque())
    if world == nil { throw PlatformError("the host has no memory for the stack of its world") }
  }

  deinit { if let world { chost_world_destroy(world) } }

  /// Gives the processor to the host's world, and comes back when that has done its work.
  func enterHost() {
    guard let world else { return }
    left = clock.now
    toHost += 1
    chost_world_to_host(world)
    last.toMonitor = arrived()
    toMonitor += 1
  }

  private func arrived() -> UInt32 {
    let (seconds, attoseconds) = (clock.now - left).components
    let time = UInt64(clamping: seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000)
    nanoseconds &+= time
    return UInt32(clamping: time)
  }

  /// The host's world, from its first entry on. It never returns.
  private func hostWorld() {
    while true {
      last.toHost = arrived()
      hostWork()
      left = clock.now
      if let world { chost_world_to_monitor(world) }
    }
  }
}
