// Where a network adapter leads. Frames pass whole, from the destination's address to the last byte of data, without
// preamble and frame check sequence. The adapter never waits for a back end and never sees an error of the host.

/// The network that an adapter is plugged into.
public protocol NetworkBackend: AnyObject {
  /// Takes a frame that the guest sends.
  func send(_ frame: UnsafeRawBufferPointer)
  /// Moves the next frame for the guest into `buffer`, without blocking; what doesn't fit is no frame and is passed over.
  /// - Returns: its bytes; 0 when there is none now.
  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int
  /// All frames taken so far must leave the process.
  func flush()
  var sinkState: SinkState { get }
  /// Frames come from outside the machine, at times that only the host knows. The adapter asks when the machine takes in
  /// input; else it asks at fixed virtual times after it has sent, so that runs repeat.
  var isLive: Bool { get }
  /// The adapter's time, for those that write it down; given before the first frame.
  func attach(to clock: VirtualClock)
}

extension NetworkBackend {
  public func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int { 0 }
  public func flush() {}
  public var sinkState: SinkState { .open }
  public var isLive: Bool { false }
  public func attach(to clock: VirtualClock) {}
}

/// A network with nobody else on it.
public final class NullNetwork: NetworkBackend {
  public init() {}
  public func send(_ frame: UnsafeRawBufferPointer) {}
}

/// What a machine has for a network.
public struct NetworkConfiguration {
  public var backend: any NetworkBackend
  public var address: MACAddress

  public init(backend: any NetworkBackend = NullNetwork(), address: MACAddress = .usual) {
    self.backend = backend
    self.address = address
  }
}

/// Sizes of Ethernet frames without their check sequence.
enum FrameSize {
  static let header = 14
  /// What shorter data is padded to on the wire.
  static let least = 60
  /// 1500 bytes of data, and a VLAN tag.
  static let most = 1518
}
