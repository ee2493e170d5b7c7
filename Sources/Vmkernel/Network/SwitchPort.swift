// What a world's network adapter gets for its network.

import Devices

/// A port of the virtual switch; closed when it goes.
public final class SwitchPort: NetworkBackend {
  /// In events and counters.
  public let number: Int
  public let world: World
  private let network: VirtualSwitch

  init(number: Int, world: World, network: VirtualSwitch) {
    self.number = number
    self.world = world
    self.network = network
  }

  deinit { network.close(number) }

  public var counters: PortCounters { network.counters(ofPort: number) ?? PortCounters() }

  public func send(_ frame: UnsafeRawBufferPointer) { network.transmit(frame, from: number) }

  public func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int { network.receive(into: buffer, at: number) }

  public func flush() { network.flushUplink?() }
}
