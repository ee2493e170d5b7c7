// Reads numbers out of a file that may say anything: every access is checked, and no offset can overflow.

/// A file's bytes, read little-endian by 64-bit offset; nil where the file has ended.
struct ByteView {
  let bytes: UnsafeRawBufferPointer

  var count: UInt64 { UInt64(bytes.count) }

  func holds(_ offset: UInt64, _ length: UInt64) -> Bool {
    offset <= count && length <= count - offset
  }

  func u8(_ offset: UInt64) -> UInt8? {
    holds(offset, 1) ? bytes[Int(offset)] : nil
  }

  func u16(_ offset: UInt64) -> UInt16? {
    guard holds(offset, 2) else { return nil }
    return UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: Int(offset), as: UInt16.self))
  }

  func u32(_ offset: UInt64) -> UInt32? {
    guard holds(offset, 4) else { return nil }
    return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: Int(offset), as: UInt32.self))
  }

  /// A part of the file; nil when it reaches past the end.
  func slice(_ offset: UInt64, _ length: UInt64) -> UnsafeRawBufferPointer? {
    guard holds(offset, length) else { return nil }
    return UnsafeRawBufferPointer(rebasing: bytes[Int(offset)..<Int(offset + length)])
  }
}
