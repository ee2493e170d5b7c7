// The machine's network adapter: sends and receives by DMA, and interrupts. Its wire is any back end. It believes
// nothing that it finds in memory.

import Devices
import Memory

/// An Ethernet adapter.
final class NetworkController: HostCallObserver {
  static let mostEntries: UInt32 = 1024

  weak var receiver: (any InterruptReceiver)?
  /// The driver wrote nonsense into a register; the controller does nothing until it is programmed again.
  private(set) var isFaulted = false

  private let wire: any NetworkBackend
  private let bus: MachineBus
  private let report: ActivityReport
  private var rings: NetworkRings?
  // The indices run freely; an entry is an index modulo the ring's size.
  private var transmitProducer: UInt32 = 0
  private var transmitConsumer: UInt32 = 0
  private var receiveProducer: UInt32 = 0
  private var receiveConsumer: UInt32 = 0
  /// A frame on its way from the wire.
  private var arrival = [UInt8](repeating: 0, count: EthernetFrame.mostBytes)

  init(wire: any NetworkBackend, bus: MachineBus, report: ActivityReport) {
    self.wire = wire
    self.bus = bus
    self.report = report
  }

  // MARK: Registers

  /// Programs the rings, and forgets all that was before. Rings that aren't in memory are a fault.
  func program(_ rings: NetworkRings) {
    (transmitProducer, transmitConsumer, receiveProducer, receiveConsumer) = (0, 0, 0, 0)
    let entries = rings.entries
    let bytes = Int(min(entries, Self.mostEntries)) * NetworkDescriptor.size
    let isPossible =
      (1...Self.mostEntries).contains(entries) && entries & (entries - 1) == 0
      && bus.bytes(at: rings.transmit, count: bytes) != nil && bus.bytes(at: rings.receive, count: bytes) != nil
    isFaulted = !isPossible
    self.rings = isPossible ? rings : nil
  }

  /// Frames up to this index are in the transmit ring: they go.
  func transmitDoorbell(_ index: UInt32) {
    guard let rings, !isFaulted, index &- transmitConsumer <= rings.entries else {
      isFaulted = true
      return
    }
    transmitProducer = index
    guard transmitConsumer != transmitProducer else { return }
    while transmitConsumer != transmitProducer {
      transmit(rings.transmit.element(transmitConsumer & (rings.entries - 1), size: NetworkDescriptor.size))
      transmitConsumer &+= 1
    }
    receiver?.interrupt()
  }

  /// Buffers up to this index are in the receive ring.
  func receiveDoorbell(_ index: UInt32) {
    guard let rings, index &- receiveConsumer <= rings.entries else {
      isFaulted = true
      return
    }
    receiveProducer = index
  }

  // MARK: Work

  private func transmit(_ entry: MachineAddress) {
    guard var descriptor = fetch(entry) else { return }
    if descriptor.state == NetworkDescriptor.State.ready.rawValue,
      (EthernetFrame.header...EthernetFrame.mostBytes).contains(Int(descriptor.length)),
      let frame = bus.bytes(at: descriptor.buffer, count: Int(descriptor.length))
    {
      report.transfer(.fromMemory, at: descriptor.buffer.value, bytes: frame.count)
      wire.send(UnsafeRawBufferPointer(frame))
      descriptor.state = NetworkDescriptor.State.done.rawValue
    } else {
      descriptor.state = NetworkDescriptor.State.failed.rawValue
    }
    writeBack(descriptor, entry)
  }

  /// Takes what has arrived on the wire, as long as there are buffers; the rest waits on the wire.
  func poll() {
    guard !isFaulted, let rings else { return }
    var arrived = false
    while receiveConsumer != receiveProducer {
      let count = arrival.withUnsafeMutableBytes { wire.receive(into: $0) }
      guard count > 0 else { break }
      receive(count, rings.receive.element(receiveConsumer & (rings.entries - 1), size: NetworkDescriptor.size))
      receiveConsumer &+= 1
      arrived = true
    }
    if arrived { receiver?.interrupt() }
  }

  /// Puts the frame that has arrived into a buffer; one that is longer than a frame can be is a failure.
  private func receive(_ count: Int, _ entry: MachineAddress) {
    guard var descriptor = fetch(entry) else { return }
    if descriptor.state == NetworkDescriptor.State.ready.rawValue, count <= min(Int(descriptor.length), arrival.count),
      let buffer = bus.bytes(at: descriptor.buffer, count: count)
    {
      buffer.copyBytes(from: arrival[..<count])
      report.transfer(.toMemory, at: descriptor.buffer.value, bytes: count)
      descriptor.length = UInt32(count)
      descriptor.state = NetworkDescriptor.State.done.rawValue
    } else {
      descriptor.length = 0
      descriptor.state = NetworkDescriptor.State.failed.rawValue
    }
    writeBack(descriptor, entry)
  }

  private func fetch(_ entry: MachineAddress) -> NetworkDescriptor? {
    guard let bytes = bus.bytes(at: entry, count: NetworkDescriptor.size) else { return nil }
    report.transfer(.fromMemory, at: entry.value, bytes: NetworkDescriptor.size)
    return NetworkDescriptor(bytes)
  }

  private func writeBack(_ descriptor: NetworkDescriptor, _ entry: MachineAddress) {
    guard let bytes = bus.bytes(at: entry, count: NetworkDescriptor.size) else { return }
    descriptor.store(bytes)
    report.transfer(.toMemory, at: entry.value, bytes: NetworkDescriptor.size)
  }

  func flush() { wire.flush() }

  func called(
    _ number: UInt32, _ arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32), result: Int64, nanoseconds: UInt32
  ) {
    report.hostCall(number, arguments, result: result, nanoseconds: nanoseconds)
  }
}
