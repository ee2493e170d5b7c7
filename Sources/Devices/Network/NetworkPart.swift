// What a network is made of, in a form that another process can be given: descriptors and names, the outermost part first.

/// A part of a network.
public enum NetworkPart: Equatable, Sendable {
  case null
  case loop
  /// Frames are written down in this file on their way to the next part.
  case capture(descriptor: Int32)
  case socket(descriptor: Int32, peer: String?)
}

/// A network that can be given away.
public protocol PartedNetwork: NetworkBackend {
  /// Nil when some part of it can't.
  var parts: [NetworkPart]? { get }
}

extension NullNetwork: PartedNetwork {
  public var parts: [NetworkPart]? { [.null] }
}

extension LoopNetwork: PartedNetwork {
  public var parts: [NetworkPart]? { [.loop] }
}

extension CaptureFile: PartedNetwork {
  public var parts: [NetworkPart]? {
    (beyond as? any PartedNetwork)?.parts.map { [.capture(descriptor: descriptor)] + $0 }
  }
}

extension PacketSocket: PartedNetwork {
  public var parts: [NetworkPart]? { [.socket(descriptor: descriptor, peer: peer)] }
}

extension NetworkPart {
  /// Puts a network together again; descriptors are its own from here on.
  /// - Parameter observer: told of the host's calls.
  public static func network(of parts: some Collection<NetworkPart>, observer: (any HostCallObserver)?) -> any NetworkBackend {
    switch parts.first {
    case nil, .null: return NullNetwork()
    case .loop: return LoopNetwork()
    case .capture(let descriptor):
      let file = CaptureFile(adopting: descriptor, beyond: network(of: parts.dropFirst(), observer: observer))
      file.observer = observer
      return file
    case .socket(let descriptor, let peer):
      let socket = PacketSocket(adopting: descriptor, peer: peer)
      socket.observer = observer
      return socket
    }
  }
}
