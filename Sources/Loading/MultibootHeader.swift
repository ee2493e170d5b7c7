// Finds and checks the header that makes a file a multiboot kernel (Multiboot Specification 0.6.96, section 3.1).
//
//    0 magic 1BADB002 | 4 flags | 8 checksum       always; the three words add up to 0
//   12 header_addr | 16 load_addr | 20 load_end_addr | 24 bss_end_addr | 28 entry_addr     when flag 16 is set

/// A multiboot 1 header.
struct MultibootHeader {
  static let magic: UInt32 = 0x1bad_b002
  /// In EAX when the kernel starts.
  static let bootMagic: UInt32 = 0x2bad_b002
  /// The header must lie in this many bytes.
  static let searchLimit: UInt64 = 8192

  struct Flags: OptionSet {
    let rawValue: UInt32
    /// Modules must start on page boundaries.
    static let pageAlign = Flags(rawValue: 1 << 0)
    /// The kernel wants mem_lower and mem_upper.
    static let memoryInfo = Flags(rawValue: 1 << 1)
    static let videoMode = Flags(rawValue: 1 << 2)
    /// The header says where to load, instead of an ELF header.
    static let addresses = Flags(rawValue: 1 << 16)
    /// Flags that a loader must understand or refuse.
    static let mandatory = Flags(rawValue: 0xffff)
  }

  /// Where an image goes that isn't ELF ("a.out kludge").
  struct Addresses {
    var header: UInt64
    var load: UInt64
    var loadEnd: UInt64
    var bssEnd: UInt64
    var entry: UInt32
  }

  /// Offset in the file.
  let offset: UInt64
  let flags: Flags
  let addresses: Addresses?

  enum Search {
    case found(MultibootHeader)
    /// Something with the magic number and a wrong checksum.
    case badChecksum(at: UInt64)
    case none
  }

  /// Looks through the first 8 KiB, at each multiple of 4.
  static func search(_ view: ByteView) throws(LoadingError) -> Search {
    var bad: UInt64?
    var offset: UInt64 = 0
    while offset + 12 <= min(searchLimit, view.count) {
      defer { offset += 4 }
      guard view.u32(offset) == magic, let flags = view.u32(offset + 4), let checksum = view.u32(offset + 8) else {
        continue
      }
      guard magic &+ flags &+ checksum == 0 else {
        bad = bad ?? offset
        continue
      }
      return .found(try MultibootHeader(view, offset: offset, flags: Flags(rawValue: flags)))
    }
    return bad.map { .badChecksum(at: $0) } ?? .none
  }

  private init(_ view: ByteView, offset: UInt64, flags: Flags) throws(LoadingError) {
    self.offset = offset
    self.flags = flags
    if flags.contains(.videoMode) {
      throw LoadingError(
        "the multiboot header at \(offset.hex) demands a video mode (flag 2), and there is no display: "
          + "build the kernel for a text or serial console")
    }
    let unknown = flags.intersection(.mandatory).subtracting([.pageAlign, .memoryInfo])
    if let bit = (0..<16).first(where: { unknown.rawValue >> $0 & 1 != 0 }) {
      throw LoadingError("the multiboot header at \(offset.hex) demands feature \(bit), which version 1 doesn't define")
    }
    guard flags.contains(.addresses) else {
      addresses = nil
      return
    }
    guard let header = view.u32(offset + 12), let load = view.u32(offset + 16), let loadEnd = view.u32(offset + 20),
      let bssEnd = view.u32(offset + 24), let entry = view.u32(offset + 28), offset + 32 <= Self.searchLimit
    else {
      throw LoadingError("the multiboot header at \(offset.hex) is cut short: its load addresses (flag 16) are missing")
    }
    addresses = Addresses(
      header: UInt64(header), load: UInt64(load), loadEnd: UInt64(loadEnd), bssEnd: UInt64(bssEnd), entry: entry)
  }
}
