// A file that a command writes, opened when everything else has been found in order.

import Tracing

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// A file to write to, closed when it is let go.
final class OutputFile {
  let path: String
  let sink: Tracing.ByteSink
  private let descriptor: Int32?

  /// - Parameters:
  ///   - path: made or emptied; `-` is standard error.
  ///   - keepsOld: what was in it stays until `replaceOld`.
  init(path: String, on console: Console?, keepsOld: Bool = false) throws(Refusal) {
    self.path = path
    if path == "-", let console {
      descriptor = nil
      sink = console.errors
      return
    }
    if path.isEmpty { throw Refusal("the name of the output file is empty") }
    let descriptor = open(path, O_WRONLY | O_CREAT | (keepsOld ? 0 : O_TRUNC) | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Refusal("can't write \(shown(path)): \(hostError(errno))") }
    self.descriptor = descriptor
    sink = Tracing.ByteSink(fileDescriptor: descriptor)
  }

  /// What is written from now on takes the place of what was there. (A terminal or a pipe has nothing to lose.)
  func replaceOld() {
    if let descriptor { _ = ftruncate(descriptor, 0) }
  }

  deinit { if let descriptor { _ = close(descriptor) } }

  /// Writes out what is buffered; nil when all is well or the reader has gone.
  func finish() -> String? {
    sink.flush()
    guard let error = sink.error, !error.isClosedPipe else { return nil }
    return "can't write \(shown(path)): \(hostError(error.code))"
  }
}
