// The layouts of page tables as types, so that one walker serves them all: each says how wide its entries are, how many
// levels it has and what its bits mean (SDM 3A, chapter 4; for EPT, SDM 3C, 28.2).
//
//   32-bit entry:  31            12 11  9 8  7  6 5  4   3   2   1   0
//                 +----------------+-----+-+--+-+-+---+---+---+---+---+
//                 | frame          | avl |G|PS|D|A|PCD|PWT|U/S|R/W| P |
//                 +----------------+-----+-+--+-+-+---+---+---+---+---+
//   64-bit entries are the same with the frame up to the physical width, and XD in bit 63.

/// Bits that the guest's formats share.
enum PageEntry {
  static let present: UInt64 = 1
  static let writable: UInt64 = 2
  static let user: UInt64 = 4
  static let accessed: UInt64 = 0x20
  static let dirty: UInt64 = 0x40
  static let large: UInt64 = 0x80
  static let global: UInt64 = 0x100
  static let executeDisable: UInt64 = 1 << 63
}

/// What a translation allows: the rights of all its levels together.
public struct PageRights: OptionSet, Sendable, BitwiseCopyable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }
  public static let read = PageRights(rawValue: 1)
  public static let write = PageRights(rawValue: 2)
  /// Privilege level 3 may use the page.
  public static let user = PageRights(rawValue: 4)
  public static let execute = PageRights(rawValue: 8)
  static let all: PageRights = [.read, .write, .user, .execute]
}

/// What CR0, CR4 and EFER say about paging: all that the meaning of a page table depends on, besides itself.
struct PagingMode: OptionSet, BitwiseCopyable {
  let rawValue: UInt16
  /// CR0.PG
  static let paging = PagingMode(rawValue: 1)
  /// CR4.PAE
  static let wide = PagingMode(rawValue: 2)
  /// CR4.PSE
  static let largePages = PagingMode(rawValue: 4)
  /// EFER.NXE, with PAE: elsewhere it has no effect.
  static let noExecute = PagingMode(rawValue: 8)
  /// CR0.WP
  static let writeProtect = PagingMode(rawValue: 16)
  /// CR4.PGE
  static let globalPages = PagingMode(rawValue: 32)
}

/// A layout of page tables.
protocol PageFormat {
  /// Bytes in an entry: 4 or 8.
  static var entrySize: UInt64 { get }
  /// Levels walked: level `levels - 1` is the first read, level 0 holds the entries of 4 KiB pages.
  static var levels: Int { get }
  /// Bits of the address that index a table.
  static var indexBits: UInt64 { get }
  /// Frame bits of an entry that refers to a table or a 4 KiB page.
  static var frameMask: UInt64 { get }
  /// The bit that a walk through an entry of a level sets; 0 where there is none.
  static func accessed(_ level: Int) -> UInt64
  static var dirty: UInt64 { get }
  static func isPresent(_ entry: UInt64) -> Bool
  /// The entry ends the walk at a level above 0: asked at level 1 only.
  static func isLarge(_ entry: UInt64, _ mode: PagingMode) -> Bool
  /// Bits of a present entry that must be zero.
  static func reserved(level: Int, isLarge: Bool, _ mode: PagingMode) -> UInt64
  /// Entries that no reserved bit condemns, but their combination of rights.
  static func isMisconfigured(_ entry: UInt64) -> Bool
  static func rights(_ entry: UInt64, level: Int) -> PageRights
  /// The 4 KiB page at `address` below a leaf.
  static func page(_ entry: UInt64, _ address: UInt64, isLarge: Bool) -> UInt64
}

extension PageFormat {
  @inline(__always) static func accessed(_ level: Int) -> UInt64 { PageEntry.accessed }
  static var dirty: UInt64 { PageEntry.dirty }
  /// The lowest address bit of a level's index.
  @inline(__always) static func shift(_ level: Int) -> UInt64 { 12 + UInt64(level) * indexBits }
  /// Where a level's entry for an address lies in its table, in bytes.
  @inline(__always) static func offset(_ address: UInt64, _ level: Int) -> UInt64 {
    (address >> shift(level) & (1 << indexBits - 1)) * entrySize
  }
  @inline(__always) static func isPresent(_ entry: UInt64) -> Bool { entry & PageEntry.present != 0 }
  @inline(__always) static func isLarge(_ entry: UInt64, _ mode: PagingMode) -> Bool { entry & PageEntry.large != 0 }
  @inline(__always) static func isMisconfigured(_ entry: UInt64) -> Bool { false }
  @inline(__always) static func rights(_ entry: UInt64, level: Int) -> PageRights { rights(entry) }
  @inline(__always) static func rights(_ entry: UInt64) -> PageRights {
    let bits = UInt8(truncatingIfNeeded: entry) & 6 | 1 | (entry >> 63 == 0 ? 8 : 0)
    return PageRights(rawValue: bits)
  }
  @inline(__always) static func page(_ entry: UInt64, _ address: UInt64, isLarge: Bool) -> UInt64 {
    if !isLarge { return entry & frameMask }
    let offsetMask = UInt64(1) << shift(1) - 1
    return entry & frameMask & ~offsetMask | address & offsetMask & ~0xfff
  }
  /// What the 8-byte formats of the guest reserve.
  @inline(__always) static func wideReserved(isLarge: Bool, _ mode: PagingMode) -> UInt64 {
    var reserved = ~UInt64(0) << CPU.physicalAddressBits & 0x7fff_ffff_ffff_ffff
    if !mode.contains(.noExecute) { reserved |= PageEntry.executeDisable }
    if isLarge { reserved |= 0x1f_e000 }
    return reserved
  }
}

/// 2 levels of 1,024 four-byte entries, with 4 MiB pages when CR4.PSE is set (SDM 3A, 4.3).
enum TwoLevelFormat: PageFormat {
  static let entrySize: UInt64 = 4
  static let levels = 2
  static let indexBits: UInt64 = 10
  static let frameMask: UInt64 = 0xffff_f000

  @inline(__always) static func isLarge(_ entry: UInt64, _ mode: PagingMode) -> Bool {
    entry & PageEntry.large != 0 && mode.contains(.largePages)
  }
  /// 4 MiB pages: bits 13-20 hold frame bits 32-39 (PSE-36); those above the physical width, and bit 21, are reserved.
  @inline(__always) static func reserved(level: Int, isLarge: Bool, _ mode: PagingMode) -> UInt64 {
    isLarge ? 0x3f_e000 & ~((1 << (CPU.physicalAddressBits - 32) - 1) << 13) : 0
  }
  @inline(__always) static func page(_ entry: UInt64, _ address: UInt64, isLarge: Bool) -> UInt64 {
    if !isLarge { return entry & frameMask }
    return entry & 0xffc0_0000 | (entry >> 13 & 0xff) << 32 | address & 0x3f_f000
  }
}

/// 2 levels of 512 eight-byte entries below the four PDPTEs, with 2 MiB pages (SDM 3A, 4.4). The PDPTEs are registers:
/// each is the root of a walk.
enum PAEFormat: PageFormat {
  static let entrySize: UInt64 = 8
  static let levels = 2
  static let indexBits: UInt64 = 9
  static let frameMask: UInt64 = (1 << CPU.physicalAddressBits - 1) & ~0xfff

  @inline(__always) static func reserved(level: Int, isLarge: Bool, _ mode: PagingMode) -> UInt64 {
    wideReserved(isLarge: isLarge, mode)
  }
}

/// PAE as a walk of three levels from CR3, as a processor walks that keeps no PDPTEs (SDM 3A, 4.4.1 lets it).
enum PAEFromMemoryFormat: PageFormat {
  static let entrySize: UInt64 = 8
  static let levels = 3
  static let indexBits: UInt64 = 9
  static let frameMask = PAEFormat.frameMask

  @inline(__always) static func reserved(level: Int, isLarge: Bool, _ mode: PagingMode) -> UInt64 {
    // A PDPTE has no rights: bits 1, 2 and 5 to 8 are reserved too (figure 4-7).
    level == 2 ? ~UInt64(0) << CPU.physicalAddressBits | 0x1e6 : wideReserved(isLarge: isLarge, mode)
  }
  static func rights(_ entry: UInt64, level: Int) -> PageRights {
    level == 2 ? .all : rights(entry)
  }
  static func accessed(_ level: Int) -> UInt64 { level == 2 ? 0 : PageEntry.accessed }
}

/// 4 levels of 512 entries, with 2 MiB pages (SDM 3A, 4.5); 1 GiB pages, which a processor need not have, are reserved.
enum LongModeFormat: PageFormat {
  static let entrySize: UInt64 = 8
  static let levels = 4
  static let indexBits: UInt64 = 9
  static let frameMask = PAEFormat.frameMask

  @inline(__always) static func reserved(level: Int, isLarge: Bool, _ mode: PagingMode) -> UInt64 {
    wideReserved(isLarge: isLarge, mode) | (level > 1 ? PageEntry.large : 0)
  }
}

extension CPU {
  /// Width of guest-physical addresses: what CPUID leaf 0x80000008 says, and what reserved bits are checked against.
  static let physicalAddressBits: UInt64 = 36

  static let pagingEnabled: UInt32 = 1 << 31
  static let writeProtect: UInt32 = 1 << 16
  static let physicalAddressExtension: UInt32 = 1 << 5
  static let pageGlobalEnable: UInt32 = 1 << 7
  static let noExecuteEnable: UInt64 = 1 << 11

  /// Paging as it is set now.
  @inline(__always) var pagingMode: PagingMode {
    let cr0 = s.pointee.cr0, cr4 = s.pointee.cr4
    var bits = UInt16(truncatingIfNeeded: cr0 >> 31) | UInt16(truncatingIfNeeded: cr0 >> 12) & 16
    bits |= UInt16(truncatingIfNeeded: cr4 >> 4 & 2) | UInt16(truncatingIfNeeded: cr4 >> 2 & 4)
    bits |= UInt16(truncatingIfNeeded: cr4 >> 2 & 32)
    if cr4 & Self.physicalAddressExtension != 0, s.pointee.efer & Self.noExecuteEnable != 0 { bits |= 8 }
    return PagingMode(rawValue: bits)
  }
}
