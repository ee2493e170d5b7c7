// A network through a Unix datagram socket: a datagram is a frame, as with QEMU's -netdev dgram and with vde-like
// switches. One send() or recv() a frame, and no waiting: a frame that the other side has no room for is lost, as on a
// wire.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An Ethernet between processes of this host.
public final class PacketSocket: NetworkBackend {
  public private(set) var sinkState = SinkState.open
  /// Told of each call of the host.
  public weak var observer: (any HostCallObserver)?
  /// Frames that the host did not take.
  public private(set) var lost: UInt64 = 0
  let descriptor: Int32
  /// Nil where the name is another process's to remove.
  private let path: String?
  let peer: String?
  /// Somebody is there to send to.
  private var isConnected = false

  #if canImport(Glibc)
    private static let datagram = Int32(SOCK_DGRAM.rawValue)
  #else
    private static let datagram = SOCK_DGRAM
  #endif

  /// - Parameters:
  ///   - path: our end, made here and removed at the end; a socket that nobody has bound any more is replaced.
  ///   - peer: the other end, which may appear later; nil to receive only.
  public init(path: String, peer: String? = nil) throws(BackendError) {
    descriptor = try Self.open(path, peer: peer)
    self.path = path
    self.peer = peer
  }

  /// A socket that another process has opened.
  init(adopting descriptor: Int32, peer: String?) {
    self.descriptor = descriptor
    self.peer = peer
    path = nil
  }

  deinit {
    _ = close(descriptor)
    if let path { _ = unlink(path) }
  }

  public var isLive: Bool { true }

  public func send(_ frame: UnsafeRawBufferPointer) {
    guard frame.count > 0, sinkState == .open else { return }
    connectPeer()
    guard isConnected else {
      lost &+= 1
      return
    }
    let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
    let count = observer.tell(.send, descriptor, UInt32(clamping: frame.count), UInt32(bitPattern: flags)) {
      systemSend(descriptor, frame, flags)
    }
    guard count < 0 else { return }
    lost &+= 1
    // The other end has gone; it may come back.
    if errno == ECONNREFUSED || errno == ENOTCONN || errno == EPIPE || errno == ECONNRESET { isConnected = false }
  }

  public func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let flags = Int32(MSG_DONTWAIT) | Int32(MSG_TRUNC)
    // Datagrams that are no frames are passed over, a few at a time.
    for _ in 0..<16 {
      let count = observer.tell(.receive, descriptor, UInt32(clamping: buffer.count), UInt32(bitPattern: flags)) {
        recv(descriptor, buffer.baseAddress, buffer.count, flags)
      }
      if count < 0 { return 0 }
      if count > 0 && count <= buffer.count { return count }
    }
    return 0
  }

  private func connectPeer() {
    guard !isConnected, let peer, let address = Self.address(peer) else { return }
    isConnected = Self.withAddress(address) { connect(descriptor, $0, $1) } == 0
  }

  /// An object that isn't whole yet must own nothing, so this comes first.
  private static func open(_ path: String, peer: String?) throws(BackendError) -> Int32 {
    guard let address = address(path), peer == nil || peer.flatMap(Self.address) != nil else {
      throw BackendError(description: "a socket's name has 1 to \(longestPath) bytes")
    }
    let descriptor = socket(AF_UNIX, datagram, 0)
    guard descriptor >= 0 else { throw failure("can't make a socket for \(path)") }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    var information = stat()
    if lstat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFSOCK && !isBound(address) {
      _ = unlink(path)
    }
    guard withAddress(address, { bind(descriptor, $0, $1) }) == 0 else {
      let failure = failure("can't listen at \(path)")
      _ = close(descriptor)
      throw failure
    }
    return descriptor
  }

  private static func failure(_ what: String) -> BackendError {
    BackendError(description: "\(what): \(String(cString: strerror(errno)))")
  }

  // MARK: Addresses

  private static let longestPath = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  private static func address(_ path: String) -> sockaddr_un? {
    let bytes = Array(path.utf8)
    guard !bytes.isEmpty, bytes.count <= longestPath, !bytes.contains(0) else { return nil }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return address
  }

  private static func withAddress(
    _ address: sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }

  /// Whether a process still has the socket.
  private static func isBound(_ address: sockaddr_un) -> Bool {
    let probe = socket(AF_UNIX, datagram, 0)
    guard probe >= 0 else { return true }
    defer { _ = close(probe) }
    return withAddress(address) { connect(probe, $0, $1) } == 0 || errno != ECONNREFUSED
  }
}

// The method above hides the function of the same name.
private func systemSend(_ descriptor: Int32, _ frame: UnsafeRawBufferPointer, _ flags: Int32) -> Int {
  send(descriptor, frame.baseAddress, frame.count, flags)
}
