// A serial line over the host's file descriptors: standard input and output, pipes, files. Output is gathered and
// written in as few calls as the reader allows: at each newline for terminals and pipes, else when the buffer is full
// or somebody asks.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A host file could not be opened; one sentence for people.
public struct BackendError: Error, CustomStringConvertible {
  public let description: String
}

/// Bytes to and from host file descriptors.
public final class DescriptorBackend: DescriptorLine {
  private let input: Int32?
  private let output: Int32?
  private let closesOutput: Bool
  private let flushesAtNewline: Bool
  private let buffer: UnsafeMutablePointer<UInt8>
  private var used = 0
  public private(set) var sinkState = SinkState.open
  public private(set) var inputEnded: Bool
  /// Told of each call of the host.
  public weak var observer: (any HostCallObserver)?

  private static let capacity = 8192

  /// - Parameters:
  ///   - input: read without blocking (its mode isn't changed); nil for a line that only sends.
  ///   - output: written with blocking writes; nil throws output away.
  ///   - closesOutput: close `output` at the end.
  ///
  /// A closed pipe must be an error and not a signal, so SIGPIPE is ignored from here on if nobody handles it.
  public init(input: Int32?, output: Int32?, closesOutput: Bool = false) {
    self.input = input
    self.output = output
    self.closesOutput = closesOutput
    inputEnded = input == nil
    flushesAtNewline = output.map { !Self.isRegularFile($0) } ?? false
    buffer = .allocate(capacity: Self.capacity)
    Self.ignoreBrokenPipeSignal()
  }

  /// A file that the output goes to; made or emptied.
  public convenience init(file path: String) throws(BackendError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw BackendError(description: "can't write \(path): \(String(cString: strerror(errno)))")
    }
    self.init(input: nil, output: descriptor, closesOutput: true)
  }

  deinit {
    flush()
    if closesOutput, let output { _ = close(output) }
    buffer.deallocate()
  }

  private static func isRegularFile(_ descriptor: Int32) -> Bool {
    var information = stat()
    return fstat(descriptor, &information) == 0 && information.st_mode & S_IFMT == S_IFREG
  }

  private static func ignoreBrokenPipeSignal() {
    var current = sigaction()
    guard sigaction(SIGPIPE, nil, &current) == 0 else { return }
    #if canImport(Darwin)
      let isDefault = current.__sigaction_u.__sa_handler == nil
    #elseif canImport(Musl)
      let isDefault = current.__sa_handler.sa_handler == nil
    #else
      let isDefault = current.__sigaction_handler.sa_handler == nil
    #endif
    if isDefault { _ = signal(SIGPIPE, SIG_IGN) }
  }

  public var descriptors: (input: Int32?, output: Int32?) { (input, output) }

  // MARK: Output

  public func write(_ byte: UInt8) {
    guard output != nil, sinkState == .open else { return }
    buffer[used] = byte
    used += 1
    if used == Self.capacity || (flushesAtNewline && byte == 0x0a) { flush() }
  }

  public func flush() {
    guard let output, used > 0 else { return }
    var done = 0
    while done < used && sinkState == .open { done += writeSome(to: output, from: done) }
    used = 0
  }

  private func writeSome(to output: Int32, from done: Int) -> Int {
    let count = observer.tell(.write, output, UInt32(used - done)) { systemWrite(output, buffer + done, used - done) }
    if count >= 0 { return count }
    switch errno {
    case EINTR: break
    case EAGAIN, EWOULDBLOCK:
      // Somebody made the descriptor non-blocking; wait until it takes more.
      var request = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
      _ = systemPoll(&request, 1, -1)
    case EPIPE: sinkState = .closedByReader
    default: sinkState = .failed(errno: errno)
    }
    return 0
  }

  // MARK: Input

  public func poll(into target: UnsafeMutableRawBufferPointer) -> Int {
    guard let input, !inputEnded, target.count > 0 else { return 0 }
    var request = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
    guard observer.tell(.poll, 1, 0, 0, { Int(systemPoll(&request, 1, 0)) }) > 0 else { return 0 }
    let count = observer.tell(.read, input, UInt32(clamping: target.count)) { read(input, target.baseAddress, target.count) }
    if count > 0 { return count }
    if count == 0 || (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) { inputEnded = true }
    return 0
  }
}

// The methods above hide the functions of the same names.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}

private func systemPoll(_ requests: UnsafeMutablePointer<pollfd>, _ count: UInt, _ timeout: Int32) -> Int32 {
  poll(requests, nfds_t(count), timeout)
}
