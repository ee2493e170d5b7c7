// An initial RAM file system for Linux: a cpio archive in the "newc" form
// (Documentation/driver-api/early-userspace/buffer-format.rst).

struct Initramfs {
  private(set) var bytes: [UInt8] = []
  private var inode: UInt32 = 1

  static let directory: UInt32 = 0o040755
  static let program: UInt32 = 0o100755
  static let file: UInt32 = 0o100644

  mutating func add(
    _ name: String, mode: UInt32, _ content: [UInt8] = [], device: (major: UInt32, minor: UInt32) = (0, 0)
  ) {
    let path = Array(name.utf8) + [0]
    let fields: [UInt32] = [
      inode, mode, 0, 0, 1, 0, UInt32(content.count), 0, 0, device.major, device.minor, UInt32(path.count), 0,
    ]
    inode += 1
    bytes += Array("070701".utf8)
    for value in fields { bytes += Array(hex(value, 8).utf8) }
    bytes += path
    pad()
    bytes += content
    pad()
  }

  private mutating func pad() { while bytes.count % 4 != 0 { bytes.append(0) } }

  /// Ends the archive.
  mutating func finish() { add("TRAILER!!!", mode: 0) }
}
