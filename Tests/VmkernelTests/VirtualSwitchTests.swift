import Devices
import Memory
import Testing
import Tracing

@testable import Vmkernel

/// A frame with a payload of 46 bytes or more.
func frame(to destination: UInt64, from source: UInt64, _ payload: [UInt8] = [], length: Int = 60) -> [UInt8] {
  var bytes: [UInt8] = []
  for address in [destination, source] {
    bytes += (0..<6).map { UInt8(truncatingIfNeeded: address >> (40 - 8 * UInt64($0))) }
  }
  bytes += [0x88, 0xb5] + payload
  return bytes + [UInt8](repeating: 0, count: max(0, length - bytes.count))
}

extension NetworkBackend {
  func put(_ bytes: [UInt8]) { bytes.withUnsafeBytes { send($0) } }

  func take(room: Int = 2048) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: room)
    let count = bytes.withUnsafeMutableBytes { receive(into: $0) }
    return count == 0 ? nil : Array(bytes[..<count])
  }
}

/// A wire with a test at its other end.
final class Wire: NetworkBackend {
  var sent: [[UInt8]] = []
  var waiting: [[UInt8]] = []
  weak var observer: (any HostCallObserver)?
  func send(_ frame: UnsafeRawBufferPointer) {
    sent.append(Array(frame))
    observer?.called(44, (3, UInt32(frame.count), 0, 0, 0, 0), result: Int64(frame.count), nanoseconds: 0)
  }
  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard !waiting.isEmpty else { return 0 }
    let frame = waiting.removeFirst()
    buffer.copyBytes(from: frame.prefix(buffer.count))
    return frame.count
  }
}

private let broadcast: UInt64 = 0xffff_ffff_ffff
private let a: UInt64 = 0x0200_0000_000a
private let b: UInt64 = 0x0200_0000_000b
private let c: UInt64 = 0x0200_0000_000c

@Suite struct VirtualSwitchTests {
  private func ports(_ count: Int, _ kernel: Vmkernel) -> [SwitchPort] {
    (0..<count).compactMap { kernel.port(world: kernel.world(named: "guest \($0)")) as? SwitchPort }
  }

  @Test func `a frame for an unknown station floods, one for a station that has spoken goes to it alone`() throws {
    let kernel = try makeVmkernel()
    let ports = ports(3, kernel)
    ports[0].put(frame(to: b, from: a))
    #expect(ports[0].take() == nil && ports[1].take() == frame(to: b, from: a) && ports[2].take() != nil)
    ports[1].put(frame(to: a, from: b))
    #expect(ports[0].take() == frame(to: a, from: b) && ports[1].take() == nil && ports[2].take() == nil)
    ports[2].put(frame(to: broadcast, from: c))
    #expect(ports[0].take() != nil && ports[1].take() != nil && ports[2].take() == nil)
    ports[0].put(frame(to: a, from: a))
    #expect(ports.allSatisfy { $0.take() == nil })
  }

  @Test func `a station that moves is followed, and a closed port is forgotten`() throws {
    let kernel = try makeVmkernel()
    var ports = ports(3, kernel)
    ports[0].put(frame(to: broadcast, from: a))
    ports[1].put(frame(to: broadcast, from: a))
    for port in ports { while port.take() != nil {} }
    ports[2].put(frame(to: a, from: c))
    #expect(ports[0].take() == nil && ports[1].take() != nil)
    let number = ports.remove(at: 1).number
    ports[1].put(frame(to: a, from: c))
    #expect(ports[0].take() != nil)
    #expect(kernel.network.counters(ofPort: number) == nil)
    #expect((kernel.port(world: kernel.world(named: "next")) as? SwitchPort)?.number == number)
  }

  @Test func `a station that has moved stays known when its old port closes`() throws {
    let kernel = try makeVmkernel()
    var ports = ports(3, kernel)
    ports[0].put(frame(to: broadcast, from: a))
    ports[1].put(frame(to: broadcast, from: a))
    ports.removeFirst()
    for port in ports { while port.take() != nil {} }
    let other = try #require(kernel.port(world: kernel.world(named: "other")) as? SwitchPort)
    ports[1].put(frame(to: a, from: c))
    #expect(ports[0].take() != nil && other.take() == nil)
  }

  @Test func `a guest that makes up stations pushes out only its own`() throws {
    let kernel = try makeVmkernel()
    let ports = ports(3, kernel)
    ports[0].put(frame(to: broadcast, from: a))
    for number in 0..<10_000 as Range<UInt64> { ports[1].put(frame(to: a, from: 0x0600_0000_0000 + number)) }
    while ports[0].take() != nil {}
    while ports[2].take() != nil {}
    ports[1].put(frame(to: a, from: b))
    #expect(ports[0].take() != nil && ports[2].take() == nil)
    ports[2].put(frame(to: 0x0600_0000_0000, from: c))
    #expect(ports[0].take() != nil, "forgotten, so it floods")
  }

  @Test func `a full port drops, counts, and keeps what it has`() throws {
    let kernel = try makeVmkernel()
    let listener = Listener()
    kernel.reporter = listener
    var policy = PortPolicy()
    policy.queueLimit = 3
    let slow = try kernel.port(policy, world: kernel.world(named: "slow"))
    let fast = ports(1, kernel)[0]
    for number in 0..<5 as Range<UInt8> { fast.put(frame(to: broadcast, from: a, [number])) }
    #expect((0..<3).map { _ in slow.take()?[14] } == [0, 1, 2])
    #expect(slow.take() == nil)
    #expect(slow.counters.dropped == 2 && slow.counters.delivered == 3 && fast.counters.sent == 5)
    #expect(listener.lines.filter { $0.kind == .packet }.count == 2)
  }

  @Test func `frames of a wrong length or from a group are refused, and too small a buffer loses one`() throws {
    let kernel = try makeVmkernel()
    let ports = ports(2, kernel)
    let bad = [[], [1, 2, 3], frame(to: b, from: a, length: 1519), frame(to: b, from: broadcast)]
    for bytes in bad { ports[0].put(bytes) }
    #expect(ports[1].take() == nil && ports[0].counters.refused == 4)
    ports[0].put(frame(to: b, from: a, length: 1518))
    ports[0].put(frame(to: b, from: a, [7]))
    #expect(ports[1].take(room: 100)?[14] == 7)
    #expect(ports[1].counters.dropped == 1)
  }

  @Test func `a port with a station neither forges nor is forged`() throws {
    let kernel = try makeVmkernel()
    let mine = try kernel.port(PortPolicy(address: EthernetAddress(a)), world: kernel.world(named: "a"))
    let other = ports(1, kernel)[0]
    mine.put(frame(to: broadcast, from: b))
    #expect(other.take() == nil && mine.counters.refused == 1)
    other.put(frame(to: c, from: a))
    other.put(frame(to: a, from: b))
    #expect(mine.take() != nil && mine.take() != nil, "the station stays where it was put")
    #expect(throws: VmkernelError.self) {
      try kernel.port(PortPolicy(address: EthernetAddress(a)), world: kernel.world(named: "twin"))
    }
    var policy = PortPolicy(address: EthernetAddress(c))
    policy.allowsForgedTransmits = true
    let free = try kernel.port(policy, world: kernel.world(named: "free"))
    free.put(frame(to: b, from: 0x0200_0000_00ff))
    #expect(other.take() != nil)
  }

  @Test func `only a promiscuous port sees others' frames`() throws {
    let kernel = try makeVmkernel()
    let ports = ports(3, kernel)
    var policy = PortPolicy()
    policy.isPromiscuous = true
    let ear = try kernel.port(policy, world: kernel.world(named: "ear"))
    ports[0].put(frame(to: broadcast, from: a))
    ports[1].put(frame(to: a, from: b))
    #expect(ear.take() != nil && ear.take() == frame(to: a, from: b))
    #expect(ports[2].take() != nil && ports[2].take() == nil)
  }

  @Test func `the uplink's frames go through rings and interrupts both ways`() throws {
    let kernel = try Vmkernel(memory: MachineMemory(size: Vmkernel.memorySize + Vmkernel.uplinkMemorySize))
    let wire = Wire()
    wire.observer = try kernel.connectUplink(wire)
    #expect(throws: VmkernelError.self) { try kernel.connectUplink(wire) }
    let port = ports(1, kernel)[0]
    let listener = Listener()
    kernel.reporter = listener
    port.put(frame(to: b, from: a))
    #expect(wire.sent == [frame(to: b, from: a)])
    #expect(
      listener.names == [
        "networkTransmit", "networkForward", "networkIssue", "controllerCommand", "dma out 16", "dma out 60",
        "hostSystemCall", "dma in 16", "hostInterrupt", "networkComplete",
      ])
    listener.clear()
    wire.waiting = [frame(to: a, from: b, [1])]
    #expect(port.take() == frame(to: a, from: b, [1]))
    #expect(
      listener.names == [
        "dma out 16", "dma in 60", "dma in 16", "hostInterrupt", "networkComplete", "networkTransmit",
        "networkForward", "networkReceive",
      ])
    for number in 0..<200 as Range<UInt8> {
      wire.waiting.append(frame(to: a, from: b, [number]))
      port.put(frame(to: b, from: a, [number]))
    }
    for number in 0..<200 as Range<UInt8> { #expect(port.take()?[14] == number) }
    #expect(wire.sent.count == 201 && port.take() == nil)
    // What the wire makes up: a frame of no size that a frame has.
    wire.waiting = [frame(to: a, from: b, length: 5000), [1], frame(to: a, from: b, [9])]
    #expect(port.take(room: 8192)?[14] == 9)
    #expect(port.take() == nil)
  }
}
