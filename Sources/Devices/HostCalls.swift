// The host's system calls that back ends make on behalf of a guest, told one by one to whoever wants to know: this is
// where "the real work" of a request can be seen, and compared with strace.

/// Learns of each system call that a back end has made.
public protocol HostCallObserver: AnyObject {
  /// - Parameters:
  ///   - number: as on x86-64 Linux (`HostSystemCalls`).
  ///   - arguments: without addresses of buffers, each cut to 32 bits.
  ///   - result: what the call returned; -errno for a failure.
  ///   - nanoseconds: how long it took.
  func called(
    _ number: UInt32, _ arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32), result: Int64, nanoseconds: UInt32)
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Numbers of the calls that back ends make.
enum HostCall: UInt32 {
  case read = 0
  case write = 1
  case poll = 7
  case pread = 17
  case pwrite = 18
  case send = 44
  case receive = 45
  case dataSync = 75
}

extension Optional where Wrapped == any HostCallObserver {
  /// Makes a call that returns -1 and errno for a failure, and tells of it.
  @inline(__always)
  func tell(_ call: HostCall, _ first: Int32, _ second: UInt32 = 0, _ third: UInt32 = 0, _ body: () -> Int) -> Int {
    guard let self else { return body() }
    let clock = ContinuousClock()
    let began = clock.now
    let result = body()
    let error = errno
    let (seconds, attoseconds) = (clock.now - began).components
    self.called(
      call.rawValue, (UInt32(bitPattern: first), second, third, 0, 0, 0), result: result < 0 ? -Int64(error) : Int64(result),
      nanoseconds: UInt32(clamping: seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000))
    errno = error
    return result
  }
}
