// The machine's serial controller: sends what a driver put into machine memory. The wrapped back end is its wire.

import Devices
import Memory

/// A serial line that takes its output by DMA.
final class SerialController: HostCallObserver {
  private let wire: any SerialBackend
  private let bus: MachineBus
  private let report: ActivityReport

  init(wire: any SerialBackend, bus: MachineBus, report: ActivityReport) {
    self.wire = wire
    self.bus = bus
    self.report = report
    (wire as? DescriptorBackend)?.observer = self
  }

  /// Sends bytes of memory; nothing where they aren't all memory.
  func transmit(at address: MachineAddress, count: Int) {
    guard let bytes = bus.bytes(at: address, count: count) else { return }
    report.transfer(.fromMemory, at: address.value, bytes: count)
    for byte in bytes { wire.write(byte) }
  }

  func called(
    _ number: UInt32, _ arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32), result: Int64, nanoseconds: UInt32
  ) {
    report.hostCall(number, arguments, result: result, nanoseconds: nanoseconds)
  }
}
