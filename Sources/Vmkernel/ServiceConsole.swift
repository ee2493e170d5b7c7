// A guest's serial line on the vmkernel: its output is gathered a line at a time, goes through a buffer in machine
// memory and leaves by the machine's serial controller.

import Devices
import Memory

/// A world's way to the machine's serial line.
final class ServiceConsole: SerialBackend {
  private let wire: any SerialBackend
  private let controller: SerialController
  private let world: World
  private let bus: MachineBus
  private let report: ActivityReport
  private let buffer: MachineAddress
  private var line: [UInt8] = []

  /// Bytes that go at once, at most; the buffer has as many.
  static let capacity = 4096

  init(
    _ wire: any SerialBackend, world: World, bus: MachineBus, report: ActivityReport, buffer: MachineAddress
  ) {
    self.wire = wire
    self.world = world
    self.bus = bus
    self.report = report
    self.buffer = buffer
    controller = SerialController(wire: wire, bus: bus, report: report)
  }

  deinit { flush() }

  func write(_ byte: UInt8) {
    line.append(byte)
    if byte == UInt8(ascii: "\n") || line.count == Self.capacity { transmit() }
  }

  func flush() {
    transmit()
    wire.flush()
  }

  private func transmit() {
    guard !line.isEmpty, let place = bus.bytes(at: buffer, count: line.count) else { return }
    report.service(.console, a: UInt64(world.identifier), b: UInt64(line.count))
    place.copyBytes(from: line)
    report.command(.serial, ringIndex: 0, descriptors: 1)
    controller.transmit(at: buffer, count: line.count)
    line.removeAll(keepingCapacity: true)
  }

  func poll(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = wire.poll(into: buffer)
    if count > 0 {
      report.interrupt(.terminal)
      report.service(.console, a: UInt64(world.identifier), b: UInt64(count))
    }
    return count
  }

  var sinkState: SinkState { wire.sinkState }
  var inputEnded: Bool { wire.inputEnded }
  var heedsRequestToSend: Bool { wire.heedsRequestToSend }
}
