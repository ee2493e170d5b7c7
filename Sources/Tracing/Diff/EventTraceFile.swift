// Reads a JSON Lines trace from a descriptor, some lines at a time, so that traces may be longer than memory. As strict as
// `EventTraceReader`, whose lines these are.

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// A trace in a file or a pipe.
public final class EventTraceFile: EventSource {
  /// What ran.
  public private(set) var guest = ""

  private let fileDescriptor: Int32
  private let buffer: UnsafeMutableRawBufferPointer
  /// Bytes in the buffer.
  private var filled = 0
  private var isAtEnd = false
  /// Over the whole lines at the buffer's start.
  private var scanner: JSONScanner
  private var scanned = 0
  private var members: [JSONScanner.Member] = []
  private var lastSequence: UInt64?

  /// Reads the header.
  /// - Parameters:
  ///   - fileDescriptor: stays the caller's to close.
  ///   - beginning: what was read of it already.
  ///   - capacity: the longest line, in bytes.
  public init(
    fileDescriptor: Int32, beginning: [UInt8] = [], capacity: Int = 1 << 20
  ) throws(EventTraceError) {
    self.fileDescriptor = fileDescriptor
    buffer = .allocate(byteCount: max(capacity, beginning.count, 16), alignment: 16)
    buffer.copyBytes(from: beginning)
    filled = beginning.count
    scanner = JSONScanner(bytes: UnsafeRawBufferPointer(start: nil, count: 0))
    try fill()
    guard !scanner.isAtEnd else { throw EventTraceError(line: 1, "the trace is empty: its header is missing") }
    guest = try EventTraceReader.header(&scanner)
  }

  deinit { buffer.deallocate() }

  public func next() throws(EventTraceError) -> Event? {
    if scanner.isAtEnd {
      try fill()
      if scanner.isAtEnd { return nil }
    }
    try scanner.object(&members)
    let event = try EventTraceReader.event(members, scanner)
    if let lastSequence, event.sequence <= lastSequence {
      throw scanner.error("sequence \(event.sequence) follows \(lastSequence), but must be greater")
    }
    lastSequence = event.sequence
    try scanner.endLine()
    return event
  }

  /// Brings the next whole lines to the buffer's start; at the end of the file, what is left.
  private func fill() throws(EventTraceError) {
    let line = scanner.line
    let rest = filled - scanned
    if rest > 0, scanned > 0, let base = buffer.baseAddress {
      base.copyMemory(from: base + scanned, byteCount: rest)
    }
    filled = rest
    scanned = 0
    if let newline = buffer[0..<filled].lastIndex(of: 0x0a) { scanned = newline + 1 }
    while !isAtEnd, scanned == 0 {
      let searched = filled
      guard filled < buffer.count, let base = buffer.baseAddress else {
        throw EventTraceError(line: line, "it has more than \(buffer.count) bytes, and no event has")
      }
      let count = read(fileDescriptor, base + filled, buffer.count - filled)
      if count < 0 {
        if errno == EINTR { continue }
        throw EventTraceError(line: line, "can't read on: \(String(cString: strerror(errno)).lowercased())")
      }
      if count == 0 {
        isAtEnd = true
        break
      }
      filled += count
      if let newline = buffer[searched..<filled].lastIndex(of: 0x0a) {
        scanned = newline + 1
      }
    }
    if isAtEnd, scanned == 0 { scanned = filled }
    scanner = JSONScanner(bytes: UnsafeRawBufferPointer(rebasing: buffer[0..<scanned]), line: line)
  }
}
