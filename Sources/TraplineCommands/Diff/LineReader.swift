// Lines of a file that may be longer than memory.

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// Reads a descriptor line by line.
struct LineReader {
  /// No line of a trace comes near it.
  static let longestLine = 1 << 16

  private let descriptor: Int32
  private var buffer: [UInt8]
  private var position = 0
  private var filled: Int
  private var isAtEnd = false
  /// The number of the last line, from 1.
  private(set) var number = 0

  struct Failure: Error { let sentence: String }

  /// - Parameter beginning: what was read of it already.
  init(descriptor: Int32, beginning: [UInt8]) {
    self.descriptor = descriptor
    buffer = beginning + [UInt8](repeating: 0, count: 4 * Self.longestLine)
    filled = beginning.count
  }

  /// Without its newline; nil at the end.
  mutating func next() throws(Failure) -> ArraySlice<UInt8>? {
    var searched = position
    while true {
      if let newline = buffer[searched..<filled].firstIndex(of: 0x0a) {
        defer { position = newline + 1 }
        number += 1
        return buffer[position..<newline]
      }
      if isAtEnd {
        guard position < filled else { return nil }
        defer { position = filled }
        number += 1
        return buffer[position..<filled]
      }
      searched = filled
      if filled - position > Self.longestLine { throw Failure(sentence: "line \(number + 1) is too long for a trace") }
      if filled == buffer.count {
        buffer.replaceSubrange(0..<filled - position, with: buffer[position..<filled])
        filled -= position
        searched -= position
        position = 0
      }
      let start = filled
      let count = buffer.withUnsafeMutableBytes { bytes in
        bytes.baseAddress.map { read(descriptor, $0 + start, bytes.count - start) } ?? 0
      }
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw Failure(sentence: "line \(number + 1) can't be read: \(hostError(errno))") }
      if count == 0 { isAtEnd = true } else { filled += count }
    }
  }
}
