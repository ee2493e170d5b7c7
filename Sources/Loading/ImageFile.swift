// The one place of this module that touches the host's files. Everything else works on bytes.

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// A file that was read whole.
public struct ImageFile: Sendable {
  /// The path, as it was given.
  public let path: String
  public let bytes: [UInt8]

  /// Reads no file larger than this (1 GiB).
  public static let largest: UInt64 = 1 << 30

  /// Reads a regular file. Directories, devices, pipes and sockets are refused without being read, so nothing waits.
  /// - Parameter beginning: reads no more than so many bytes, of a file of any size.
  public init(path: String, largest: UInt64 = ImageFile.largest, beginning: Int? = nil) throws(LoadingError) {
    self.path = path
    let shown = printable(path)
    func reason() -> String { String(cString: strerror(errno)).lowercased() }
    if path.isEmpty { throw LoadingError("the name of the image file is empty") }
    if path.utf8.contains(0) { throw LoadingError("\(shown): a file name can't hold a NUL character") }
    // Not blocking: opening a FIFO that nobody writes to would wait for ever.
    let file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
    guard file >= 0 else {
      if errno == ENXIO { throw LoadingError("\(shown) is a socket or a device, not a file that can be loaded") }
      throw LoadingError("can't open \(shown): \(reason())")
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw LoadingError("can't examine \(shown): \(reason())") }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw LoadingError("\(shown) is a directory, not a file that can be loaded")
    case S_IFIFO: throw LoadingError("\(shown) is a pipe: store what comes out of it in a file first")
    case S_IFSOCK: throw LoadingError("\(shown) is a socket, not a file that can be loaded")
    default: throw LoadingError("\(shown) is a device, not a file that can be loaded")
    }
    guard status.st_size >= 0, beginning != nil || UInt64(status.st_size) <= largest else {
      throw LoadingError(
        "\(shown) is too large: \(sizeForPeople(UInt64(max(status.st_size, 0)))), and images may have "
          + "\(sizeForPeople(largest))")
    }
    let size = min(Int(status.st_size), beginning ?? .max)
    var failure: Int32 = 0
    bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let got = read(file, buffer.baseAddress! + count, size - count)
        if got < 0, errno == EINTR { continue }
        if got < 0 { failure = errno }
        if got <= 0 { break }
        count += got
      }
    }
    if failure != 0 {
      throw LoadingError("can't read \(shown): \(String(cString: strerror(failure)).lowercased())")
    }
  }
}

/// A name with its control characters replaced: it may end up on a terminal.
func printable(_ text: String) -> String {
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    result.append(scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) ? "?" : scalar)
  }
  return String(result)
}
