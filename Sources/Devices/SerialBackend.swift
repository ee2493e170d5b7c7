// Where a serial line or a debug console leads. The device side never blocks on input and never sees a host error: the
// machine asks a sink for its state when it flushes.

/// How a sink's way out is doing.
public enum SinkState: Equatable, Sendable {
  case open
  /// Nobody reads any more (EPIPE): a quiet end.
  case closedByReader
  /// The host refused a write: its `errno`.
  case failed(errno: Int32)
}

/// Takes bytes that the guest puts out.
public protocol ByteSink: AnyObject {
  /// Takes a byte; it may be buffered until `flush`.
  func write(_ byte: UInt8)
  /// Everything taken so far must leave the process. Call it when the guest idles, and before the process ends.
  func flush()
  var sinkState: SinkState { get }
}

extension ByteSink {
  public func flush() {}
  public var sinkState: SinkState { .open }
}

/// The other end of a serial line: output, and input that is asked for without waiting.
public protocol SerialBackend: ByteSink {
  /// Moves bytes that have arrived into `buffer`, without blocking.
  /// - Returns: how many; 0 when there are none now.
  func poll(into buffer: UnsafeMutableRawBufferPointer) -> Int
  /// No more input will come.
  var inputEnded: Bool { get }
  /// Whether it sends only while the guest asks for it by RTS, as a guest that uses hardware flow control expects.
  var heedsRequestToSend: Bool { get }
}

extension SerialBackend {
  public func poll(into buffer: UnsafeMutableRawBufferPointer) -> Int { 0 }
  public var inputEnded: Bool { true }
  public var heedsRequestToSend: Bool { false }
}

/// A line that leads nowhere.
public final class NullBackend: SerialBackend {
  public init() {}
  public func write(_ byte: UInt8) {}
}

/// A line into memory, for tests and for embedders.
public final class MemoryBackend: SerialBackend {
  /// All that the guest has put out.
  public private(set) var output: [UInt8] = []
  private var input: [UInt8] = []
  private var next = 0
  /// Output beyond this many bytes is dropped, so that a guest can't fill the host's memory.
  private let limit: Int

  public init(input: [UInt8] = [], limit: Int = 64 << 20) {
    self.input = input
    self.limit = limit
  }

  public var text: String { String(decoding: output, as: UTF8.self) }

  /// Adds bytes for the guest to read.
  public func send(_ bytes: some Sequence<UInt8>) { input.append(contentsOf: bytes) }

  public func write(_ byte: UInt8) { if output.count < limit { output.append(byte) } }

  public func poll(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, input.count - next)
    for index in 0..<count { buffer[index] = input[next + index] }
    next += count
    if next == input.count {
      input.removeAll(keepingCapacity: true)
      next = 0
    }
    return count
  }

  public var inputEnded: Bool { next == input.count }
}

/// A line that is nothing but descriptors of the host: another process can be given them, and go on with it.
public protocol DescriptorLine: SerialBackend {
  /// Where bytes come from and go to; nil for a direction that there isn't.
  var descriptors: (input: Int32?, output: Int32?) { get }
}
