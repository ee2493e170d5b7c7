// The virtual switch: an Ethernet between the worlds of one machine, and through an uplink with the world outside. A
// frame is copied once for each port that it goes to, and waits there until its world takes it.

import Devices

/// What a port may do.
public struct PortPolicy: Sendable {
  /// The station that the port is for; nil where the switch is to learn it.
  public var address: EthernetAddress?
  /// It sees every frame, not only its own.
  public var isPromiscuous = false
  /// Frames with another source than `address` may go; without effect where there is none.
  public var allowsForgedTransmits = false
  /// Frames that wait for its world at most; more are dropped.
  public var queueLimit = 256

  public init(address: EthernetAddress? = nil) { self.address = address }
}

/// What a port has seen.
public struct PortCounters: Sendable, Equatable {
  /// Frames that the world sent, and that the switch took.
  public var sent = 0
  /// Frames that came to the port.
  public var delivered = 0
  /// Frames for the port that found no room.
  public var dropped = 0
  /// Frames of the world that the switch refused: too short, too long, forged, from a group.
  public var refused = 0
}

/// A switch with learning ports.
public final class VirtualSwitch {
  /// Where frames for a port go.
  enum Destination {
    case queue
    /// Out of the machine; false when it couldn't go.
    case uplink((UnsafeRawBufferPointer) -> Bool)
  }

  private final class Port {
    let policy: PortPolicy
    let destination: Destination
    var counters = PortCounters()
    var queue = FrameQueue()

    init(_ policy: PortPolicy, _ destination: Destination) {
      self.policy = policy
      self.destination = destination
    }
  }

  private var ports: [Port?] = []
  private var table = AddressTable()
  private let report: ActivityReport
  /// Brings in what waits outside the machine. The switch owns its uplink by these.
  var pollUplink: (() -> Void)?
  var flushUplink: (() -> Void)?

  init(report: ActivityReport) { self.report = report }

  // MARK: Ports

  /// A new port's number; nil when its address is another's.
  func open(_ policy: PortPolicy, _ destination: Destination = .queue) -> Int? {
    let number = ports.firstIndex { $0 == nil } ?? ports.count
    if let address = policy.address, !table.fix(address, at: number) { return nil }
    let port = Port(policy, destination)
    if number == ports.count { ports.append(port) } else { ports[number] = port }
    return number
  }

  func close(_ number: Int) {
    guard ports.indices.contains(number) else { return }
    ports[number] = nil
    table.forget(number)
  }

  /// What a port has seen; nil where there is none.
  public func counters(ofPort number: Int) -> PortCounters? { port(number)?.counters }

  private func port(_ number: Int) -> Port? { ports.indices.contains(number) ? ports[number] : nil }

  // MARK: Frames

  /// A port's world, or the uplink, sends.
  func transmit(_ frame: UnsafeRawBufferPointer, from number: Int) {
    guard let port = port(number) else { return }
    report.service(.networkTransmit, a: UInt64(frame.count), b: UInt64(number))
    guard isAcceptable(frame, port.policy) else {
      port.counters.refused += 1
      report.dropped(bytes: frame.count)
      return
    }
    port.counters.sent += 1
    table.learn(EthernetAddress(frame, at: 6), at: number)
    let destination = EthernetAddress(frame, at: 0)
    let station = destination.isGroup ? nil : table.port(of: destination)
    for other in ports.indices where other != number {
      guard let candidate = ports[other] else { continue }
      if station == nil || station == other || candidate.policy.isPromiscuous { deliver(frame, to: other, candidate) }
    }
  }

  private func isAcceptable(_ frame: UnsafeRawBufferPointer, _ policy: PortPolicy) -> Bool {
    guard (EthernetFrame.header...EthernetFrame.mostBytes).contains(frame.count) else { return false }
    let source = EthernetAddress(frame, at: 6)
    if source.isGroup { return false }
    guard let address = policy.address else { return true }
    return source == address || policy.allowsForgedTransmits
  }

  private func deliver(_ frame: UnsafeRawBufferPointer, to number: Int, _ port: Port) {
    report.service(.networkForward, a: UInt64(number), b: UInt64(frame.count))
    let hasRoom: Bool
    switch port.destination {
    case .uplink(let send): hasRoom = send(frame)
    case .queue:
      hasRoom = port.queue.count < port.policy.queueLimit
      if hasRoom { port.queue.append(Array(frame)) }
    }
    if hasRoom {
      port.counters.delivered += 1
    } else {
      port.counters.dropped += 1
      report.dropped(bytes: frame.count)
    }
  }

  /// The next frame for a port's world; one that doesn't fit is dropped.
  /// - Returns: its length; 0 when none waits.
  func receive(into buffer: UnsafeMutableRawBufferPointer, at number: Int) -> Int {
    pollUplink?()
    guard let port = port(number) else { return 0 }
    while let frame = port.queue.removeFirst() {
      guard frame.count <= buffer.count else {
        port.counters.dropped += 1
        report.dropped(bytes: frame.count)
        continue
      }
      buffer.copyBytes(from: frame)
      report.service(.networkReceive, a: UInt64(frame.count), b: UInt64(number))
      return frame.count
    }
    return 0
  }
}

/// Frames in order; taking one costs the same however many wait.
private struct FrameQueue {
  private var frames: [[UInt8]] = []
  private var head = 0

  var count: Int { frames.count - head }

  mutating func append(_ frame: [UInt8]) { frames.append(frame) }

  mutating func removeFirst() -> [UInt8]? {
    guard head < frames.count else { return nil }
    let frame = frames[head]
    frames[head] = []
    head += 1
    if head == frames.count || head >= 256 {
      frames.removeFirst(head)
      head = 0
    }
    return frame
  }
}
