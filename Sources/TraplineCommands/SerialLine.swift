// Where COM1 leads: `--serial stdio|none|FILE|pipe:PATH`.

import Devices

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// The choice of `--serial`.
enum SerialLine: Equatable, Sendable {
  case standard
  case none
  /// Output only; the file is made or emptied.
  case file(String)
  /// Named pipes PATH.in and PATH.out, or PATH for both ways, as QEMU has them.
  case pipe(String)

  init(parsing text: String) throws(QuantityError) {
    switch text {
    case "stdio": self = .standard
    case "none": self = .none
    case "": throw QuantityError(description: "it is empty: write stdio, none, a file's name or pipe:PATH")
    case "pipe:": throw QuantityError(description: "the pipe has no name: write pipe:PATH")
    default: self = text.hasPrefix("pipe:") ? .pipe(String(text.dropFirst(5))) : .file(text)
    }
  }

  var description: String {
    switch self {
    case .standard: "stdio"
    case .none: "none"
    case .file(let path): path
    case .pipe(let path): "pipe:\(path)"
    }
  }

  /// Opens the line.
  func open(on console: Console) throws(Refusal) -> any SerialBackend {
    switch self {
    case .standard: return console.makeSerial(.keys)
    case .none: return NullBackend()
    case .file(let path):
      do {
        return try DescriptorBackend(file: path)
      } catch {
        throw Refusal("--serial: \(error.description.lowercasedTail)")
      }
    case .pipe(let path):
      if let both = try Self.openPipe(path, mayBeMissing: true) {
        return DescriptorBackend(input: both, output: both, closesOutput: true)
      }
      guard let input = try Self.openPipe(path + ".in", mayBeMissing: true),
        let output = try Self.openPipe(path + ".out", mayBeMissing: true)
      else {
        throw Refusal(
          "--serial: there is no pipe \(shown(path)), nor \(shown(path)).in and .out: make them with mkfifo")
      }
      return DescriptorBackend(input: input, output: output, closesOutput: true)
    }
  }

  /// Opens a named pipe both ways, so that neither opening nor writing waits for somebody at its other end.
  private static func openPipe(_ path: String, mayBeMissing: Bool) throws(Refusal) -> Int32? {
    let descriptor = systemOpen(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else {
      if errno == ENOENT, mayBeMissing { return nil }
      throw Refusal("--serial: can't open \(shown(path)): \(hostError(errno))")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFIFO else {
      _ = close(descriptor)
      throw Refusal("--serial: \(shown(path)) is no named pipe")
    }
    return descriptor
  }
}

private func systemOpen(_ path: String, _ flags: Int32) -> Int32 { open(path, flags) }

extension String {
  /// As part of a sentence: what the host's libraries write with a capital letter comes after a colon.
  fileprivate var lowercasedTail: String {
    guard let colon = lastIndex(of: ":") else { return self }
    return self[..<colon] + self[colon...].lowercased()
  }
}
