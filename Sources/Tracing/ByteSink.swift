// Where formatted bytes go: a file descriptor behind a buffer, or memory. Errors are kept, not thrown: the writer is in
// the middle of a guest's run and can do nothing about them.

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// Why output could not be written.
public struct OutputError: Error, CustomStringConvertible, Equatable, Sendable {
  /// errno.
  public let code: Int32
  /// The reader has gone (EPIPE): a quiet end, not a failure.
  public var isClosedPipe: Bool { code == EPIPE }
  public var description: String {
    "can't write the output: \(String(cString: strerror(code)).lowercased())"
  }
}

/// A buffered stream of bytes. Not for several threads at once.
///
/// A closed pipe is noticed only by programs that ignore SIGPIPE; others end by it.
public final class ByteSink {
  /// The first error. Once there is one, bytes are counted in `lost` and thrown away.
  public private(set) var error: OutputError?
  /// Bytes that didn't get where they should.
  public private(set) var lost: UInt64 = 0

  /// -1: keep everything in memory.
  private let fileDescriptor: Int32
  private var buffer: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  private var used = 0

  /// Writes to a descriptor, which stays the caller's to close.
  public init(fileDescriptor: Int32, capacity: Int = 1 << 16) {
    precondition(fileDescriptor >= 0)
    self.fileDescriptor = fileDescriptor
    self.capacity = max(capacity, 16)
    buffer = .allocate(capacity: self.capacity)
  }

  /// Keeps what is written, for `contents`.
  public init() {
    fileDescriptor = -1
    capacity = 4096
    buffer = .allocate(capacity: capacity)
  }

  deinit { buffer.deallocate() }

  /// What is in the buffer: everything when there is no file.
  public var contents: [UInt8] { Array(UnsafeBufferPointer(start: buffer, count: used)) }

  public func append(_ text: String) {
    var text = text
    text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  public func append(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while rest.count > 0 {
      reserve(min(rest.count, capacity))
      let count = min(rest.count, capacity - used)
      UnsafeMutableRawPointer(buffer + used).copyMemory(from: rest.baseAddress!, byteCount: count)
      used += count
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Has `body` write at most `count` bytes.
  @inline(__always)
  func withCursor(_ count: Int, _ body: (inout ByteCursor) -> Void) {
    reserve(count)
    var cursor = ByteCursor(position: buffer + used)
    body(&cursor)
    used = cursor.position - buffer
    assert(used <= capacity)
  }

  /// Hands everything to the descriptor. Look at `error` afterwards.
  public func flush() {
    if fileDescriptor >= 0 { drain() }
  }

  @inline(__always)
  private func reserve(_ count: Int) {
    if capacity - used < count { makeRoom(count) }
  }

  @inline(never)
  private func makeRoom(_ count: Int) {
    if fileDescriptor >= 0 { drain() }
    guard capacity - used < count else { return }
    capacity = max(capacity * 2, used + count)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    larger.update(from: buffer, count: used)
    buffer.deallocate()
    buffer = larger
  }

  private func drain() {
    var done = 0
    while done < used, error == nil {
      let written = write(fileDescriptor, buffer + done, used - done)
      if written >= 0 {
        done += written
        continue
      }
      switch errno {
      case EINTR: continue
      case EAGAIN:
        // Standard output that somebody made non-blocking: wait for it.
        var request = pollfd(fd: fileDescriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&request, 1, -1)
      default: error = OutputError(code: errno)
      }
    }
    lost += UInt64(used - done)
    used = 0
  }
}

/// Writes bytes forward, unchecked: `ByteSink.withCursor` has made room.
struct ByteCursor {
  var position: UnsafeMutablePointer<UInt8>

  @inline(__always)
  mutating func put(_ byte: UInt8) {
    position.pointee = byte
    position += 1
  }

  @inline(__always)
  mutating func put(_ text: StaticString) {
    let count = text.utf8CodeUnitCount
    position.update(from: text.utf8Start, count: count)
    position += count
  }

  @inline(__always)
  mutating func pad(from start: UnsafeMutablePointer<UInt8>, to width: Int) {
    while position - start < width { put(0x20) }
  }

  mutating func decimal(_ value: UInt64, width: Int = 0) {
    var digits = 1
    var limit: UInt64 = 10
    while value >= limit, digits < 20 {
      digits += 1
      limit = digits == 20 ? .max : limit &* 10
    }
    var spaces = width - digits
    while spaces > 0 {
      put(0x20)
      spaces -= 1
    }
    var rest = value
    var index = digits
    while index > 0 {
      index -= 1
      let quotient = rest / 10
      position[index] = 0x30 + UInt8(truncatingIfNeeded: rest &- quotient &* 10)
      rest = quotient
    }
    position += digits
  }

  /// Hexadecimal digits, at least `digits` of them.
  mutating func hex(_ value: UInt64, digits: Int = 1) {
    let needed = max((64 - value.leadingZeroBitCount + 3) / 4, digits)
    var shift = UInt64(needed * 4)
    while shift > 0 {
      shift -= 4
      let digit = UInt8(truncatingIfNeeded: value >> shift & 15)
      put(digit < 10 ? 0x30 + digit : 0x57 + digit)
    }
  }

  /// A detail in text: one digit as it is, more in hexadecimal with `0x`.
  mutating func number(_ value: UInt64) {
    if value < 10 { return put(0x30 + UInt8(truncatingIfNeeded: value)) }
    put("0x")
    hex(value)
  }
}
