// A file of frames that tcpdump and Wireshark read (pcap, draft-ietf-opsawg-pcap; link type 1, Ethernet). Each frame is
// written by a system call of its own, at its virtual time.
//
//   file    | A1B2C3D4 (a time is seconds, microseconds) | 2.4 | 0 | 0 | longest frame | link type |
//   frame   | seconds | microseconds | bytes kept | bytes sent | frame ... |

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Writes down what the guest sends and what another network sends to it.
public final class CaptureFile: NetworkBackend {
  public private(set) var sinkState = SinkState.open
  /// Told of each call of the host.
  public weak var observer: (any HostCallObserver)?
  let descriptor: Int32
  let beyond: any NetworkBackend
  private var clock: VirtualClock?
  private var record: [UInt8] = []

  private static let longest: UInt32 = 65_535
  private static let ethernet: UInt32 = 1

  /// - Parameters:
  ///   - path: a file that is made or emptied.
  ///   - beyond: the network that the frames go to and come from.
  public init(path: String, beyond: any NetworkBackend = NullNetwork()) throws(BackendError) {
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    self.beyond = beyond
    guard descriptor >= 0 else {
      throw BackendError(description: "can't write \(path): \(String(cString: strerror(errno)))")
    }
    append(0xa1b2_c3d4)
    append(4 << 16 | 2)
    append(0)
    append(0)
    append(Self.longest)
    append(Self.ethernet)
    writeRecord()
  }

  /// A file that another process has made and begun; the descriptor is this object's from here on.
  init(adopting descriptor: Int32, beyond: any NetworkBackend) {
    self.descriptor = descriptor
    self.beyond = beyond
  }

  deinit { if descriptor >= 0 { _ = close(descriptor) } }

  public var isLive: Bool { beyond.isLive }
  public func flush() { beyond.flush() }

  public func attach(to clock: VirtualClock) {
    self.clock = clock
    beyond.attach(to: clock)
  }

  public func send(_ frame: UnsafeRawBufferPointer) {
    capture(frame)
    beyond.send(frame)
  }

  public func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = beyond.receive(into: buffer)
    if count > 0 { capture(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
    return count
  }

  private func capture(_ frame: UnsafeRawBufferPointer) {
    let microseconds = (clock?.now ?? 0) / 1000
    append(UInt32(truncatingIfNeeded: microseconds / 1_000_000))
    append(UInt32(truncatingIfNeeded: microseconds % 1_000_000))
    append(UInt32(clamping: frame.count))
    append(UInt32(clamping: frame.count))
    record.append(contentsOf: frame)
    writeRecord()
  }

  private func append(_ value: UInt32) {
    for index in 0..<4 { record.append(UInt8(truncatingIfNeeded: value >> (8 * UInt32(index)))) }
  }

  /// After a failure nothing more is written: half a record would make the rest unreadable.
  private func writeRecord() {
    record.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count, sinkState == .open {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
        let count = observer.tell(.write, descriptor, UInt32(clamping: rest.count)) {
          write(descriptor, rest.baseAddress, rest.count)
        }
        if count >= 0 { done += count } else if errno != EINTR { sinkState = .failed(errno: errno) }
      }
    }
    record.removeAll(keepingCapacity: true)
  }
}
