// The two files of a comparison: opened, and known by their first line.

import Tracing

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// A file, or a pipe, that is compared.
final class DiffInput {
  enum Kind: Equatable { case events, instructions }

  let path: String
  let kind: Kind
  let descriptor: Int32
  /// What was read to know the kind.
  let beginning: [UInt8]

  init(path: String) throws(Refusal) {
    self.path = path
    if path.isEmpty { throw Refusal("the name of a trace is empty") }
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Refusal("can't read \(shown(path)): \(hostError(errno))") }
    do {
      beginning = try Self.firstBytes(of: descriptor, path)
      kind = try Self.kind(of: beginning, path)
    } catch {
      _ = close(descriptor)
      throw error
    }
  }

  deinit { _ = close(descriptor) }

  /// Enough to know a trace by.
  private static func firstBytes(of descriptor: Int32, _ path: String) throws(Refusal) -> [UInt8] {
    var result = [UInt8](repeating: 0, count: 64)
    var filled = 0
    while filled < result.count {
      let count = result.withUnsafeMutableBytes { bytes in
        bytes.baseAddress.map { read(descriptor, $0 + filled, bytes.count - filled) } ?? 0
      }
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw Refusal("can't read \(shown(path)): \(hostError(errno))") }
      if count == 0 { break }
      filled += count
    }
    return Array(result[..<filled])
  }

  private static func kind(of beginning: [UInt8], _ path: String) throws(Refusal) -> Kind {
    if beginning.isEmpty { throw Refusal("\(shown(path)) is empty, and a trace has a first line at least") }
    if beginning.starts(with: Array(InstructionTracer.heading.utf8)) { return .instructions }
    if beginning.starts(with: "#    event ".utf8) {
      throw Refusal("\(shown(path)) is an event trace as text: record it with --trace-format jsonl")
    }
    // What is wrong with its header, the reader says better.
    if beginning.first == 0x7b { return .events }
    throw Refusal(
      "\(shown(path)) is neither an event trace (run --trace) nor an instruction trace (run --trace-instructions-to)")
  }
}
