// The vmkernel's driver of the network adapter, and the switch's port out of the machine.

import Memory

/// Carries frames between the switch and the machine's adapter.
final class Uplink: InterruptReceiver {
  private let controller: NetworkController
  private unowned let network: VirtualSwitch
  private let bus: MachineBus
  private let report: ActivityReport
  private let rings: NetworkRings
  private let buffers: MachineAddress
  private var port = 0
  // Descriptors given to the adapter, and taken back.
  private var transmitProducer: UInt32 = 0
  private var transmitReaped: UInt32 = 0
  private var receiveReaped: UInt32 = 0

  private static let entries: UInt32 = 32
  private static let bufferSize = 2048
  /// Of machine memory: a frame for both rings, and the buffers.
  static let frames = 1 + 2 * Int(entries) * bufferSize / 4096

  /// - Parameter area: `frames` of them.
  init(
    controller: NetworkController, network: VirtualSwitch, bus: MachineBus, report: ActivityReport, area: MachineAddress
  ) {
    self.controller = controller
    self.network = network
    self.bus = bus
    self.report = report
    rings = NetworkRings(
      transmit: area, receive: area.element(Self.entries, size: NetworkDescriptor.size), entries: Self.entries)
    buffers = area.element(1, size: 4096)
    controller.program(rings)
    controller.receiver = self
    for index in 0..<Self.entries { post(index) }
    controller.receiveDoorbell(Self.entries)
  }

  /// Takes a port of the switch, which owns the uplink from here on.
  func connect() {
    guard let port = network.open(PortPolicy(), .uplink { self.send($0) }) else {
      preconditionFailure("a port without an address was refused")
    }
    self.port = port
    network.pollUplink = { self.controller.poll() }
    network.flushUplink = { self.controller.flush() }
  }

  private func send(_ frame: UnsafeRawBufferPointer) -> Bool {
    let slot = transmitProducer & (rings.entries - 1)
    guard transmitProducer &- transmitReaped < rings.entries, frame.count <= Self.bufferSize else { return false }
    let buffer = buffers.element(slot, size: Self.bufferSize)
    bytes(at: buffer, frame.count).copyMemory(from: frame)
    NetworkDescriptor(buffer: buffer, length: UInt32(frame.count), state: .ready).store(transmitEntry(slot))
    transmitProducer &+= 1
    report.service(.networkIssue, a: UInt64(slot), b: 1)
    report.command(.network, ringIndex: slot, descriptors: 1)
    controller.transmitDoorbell(transmitProducer)
    return true
  }

  /// The adapter's interrupt: takes sent frames' slots back, and gives received frames to the switch.
  func interrupt() {
    report.interrupt(.network)
    while transmitReaped != transmitProducer {
      let slot = transmitReaped & (rings.entries - 1)
      let state = NetworkDescriptor(transmitEntry(slot)).state
      if state == NetworkDescriptor.State.ready.rawValue { break }
      transmitReaped &+= 1
      complete(slot, state)
    }
    while true {
      let slot = receiveReaped & (rings.entries - 1)
      let descriptor = NetworkDescriptor(receiveEntry(slot))
      if descriptor.state == NetworkDescriptor.State.ready.rawValue { break }
      receiveReaped &+= 1
      complete(slot, descriptor.state)
      if descriptor.state == NetworkDescriptor.State.done.rawValue {
        let frame = bytes(at: receiveBuffer(slot), min(Int(descriptor.length), Self.bufferSize))
        network.transmit(UnsafeRawBufferPointer(frame), from: port)
      }
      post(slot)
    }
    controller.receiveDoorbell(receiveReaped &+ rings.entries)
  }

  private func complete(_ slot: UInt32, _ state: UInt32) {
    report.service(.networkComplete, a: UInt64(slot), b: state == NetworkDescriptor.State.done.rawValue ? 0 : 1)
  }

  /// Gives the adapter a buffer to receive into.
  private func post(_ slot: UInt32) {
    NetworkDescriptor(buffer: receiveBuffer(slot), length: UInt32(Self.bufferSize), state: .ready)
      .store(receiveEntry(slot))
  }

  private func receiveBuffer(_ slot: UInt32) -> MachineAddress {
    buffers.element(Self.entries + slot, size: Self.bufferSize)
  }

  private func transmitEntry(_ slot: UInt32) -> UnsafeMutableRawBufferPointer {
    bytes(at: rings.transmit.element(slot, size: NetworkDescriptor.size), NetworkDescriptor.size)
  }

  private func receiveEntry(_ slot: UInt32) -> UnsafeMutableRawBufferPointer {
    bytes(at: rings.receive.element(slot, size: NetworkDescriptor.size), NetworkDescriptor.size)
  }

  private func bytes(at address: MachineAddress, _ count: Int) -> UnsafeMutableRawBufferPointer {
    guard let bytes = bus.bytes(at: address, count: count) else {
      preconditionFailure("the driver's area isn't in machine memory")
    }
    return bytes
  }
}
