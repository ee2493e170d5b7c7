// Unpacks what a bzImage carries, with the host's library, so that the guest's processor need not (Debian packs with xz).

import CLZMA

/// A packed kernel.
enum PackedPayload {
  enum Format: String {
    case xz

    /// By the first bytes; nil for a format that the guest must unpack itself.
    init?(_ bytes: UnsafeRawBufferPointer) {
      guard bytes.starts(with: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]) else { return nil }
      self = .xz
    }
  }

  /// No kernel is larger than this (256 MiB): a small file must not fill the host's memory.
  private static let largest = 256 << 20
  /// Memory that the library may take.
  private static let libraryMemory: UInt64 = 256 << 20

  /// - Parameter bytes: the payload; what follows the packed stream (its size, in four bytes) is not looked at.
  static func unpack(_ bytes: UnsafeRawBufferPointer, _ format: Format) throws(LoadingError) -> [UInt8] {
    var stream = lzma_stream()
    guard lzma_stream_decoder(&stream, libraryMemory, 0) == LZMA_OK else {
      throw LoadingError("the host has no memory to unpack the kernel")
    }
    defer { lzma_end(&stream) }
    stream.next_in = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.avail_in = bytes.count
    var result: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let capacity = chunk.count
      let (status, rest) = chunk.withUnsafeMutableBufferPointer { buffer in
        stream.next_out = buffer.baseAddress
        stream.avail_out = capacity
        return (lzma_code(&stream, LZMA_RUN), stream.avail_out)
      }
      result.append(contentsOf: chunk[..<(capacity - rest)])
      guard result.count <= largest else { throw LoadingError("the packed kernel is larger than \(largest >> 20) MiB") }
      if status == LZMA_STREAM_END { return result }
      guard status == LZMA_OK, stream.avail_in > 0 || rest == 0 else {
        throw LoadingError("the packed kernel is damaged: it can't be unpacked")
      }
    }
  }
}
