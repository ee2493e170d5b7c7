// How two processes wake each other: a byte each way over a pair of sockets. When one of them dies, the other's read ends:
// nobody waits for the dead.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One end of the pair.
struct Doorbell {
  let descriptor: Int32

  /// Both ends; nil when the host has no descriptor left.
  static func pair() -> (Doorbell, Doorbell)? {
    var ends: (Int32, Int32) = (-1, -1)
    let made = withUnsafeMutableBytes(of: &ends) {
      socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0, $0.assumingMemoryBound(to: Int32.self).baseAddress)
    }
    return made == 0 ? (Doorbell(descriptor: ends.0), Doorbell(descriptor: ends.1)) : nil
  }

  /// Wakes the other side: one system call.
  /// - Returns: false when it is gone.
  func ring() -> Bool {
    var byte: UInt8 = 1
    while true {
      let count = write(descriptor, &byte, 1)
      if count == 1 { return true }
      if count < 0, errno != EINTR { return false }
    }
  }

  /// Sleeps until the other side rings: one system call.
  /// - Returns: false when it is gone.
  func wait() -> Bool {
    var byte: UInt8 = 0
    while true {
      let count = read(descriptor, &byte, 1)
      if count == 1 { return true }
      if count == 0 || errno != EINTR { return false }
    }
  }

  func close() { _ = systemClose(descriptor) }
}

private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
