// The page-table formats of IA-32 as types, so that one walker serves them all: each format says how wide its entries
// are, how many levels it has and what its bits mean (SDM 3A, chapter 4).
//
//   32-bit entry:  31            12 11  9 8  7  6 5  4   3   2   1   0
//                 +----------------+-----+-+--+-+-+---+---+---+---+---+
//                 | frame          | avl |G|PS|D|A|PCD|PWT|U/S|R/W| P |
//                 +----------------+-----+-+--+-+-+---+---+---+---+---+
//   PAE entries are the same with the frame up to bit 35 here, and XD in bit 63.

/// Bits that every format shares.
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

/// A layout of page tables.
protocol PageFormat {
  /// Bytes in an entry.
  static var entrySize: UInt64 { get }
  /// Levels walked: level `levels - 1` is the first read, level 0 holds the entries of 4 KiB pages.
  static var levels: Int { get }
  /// Bits of the linear address that index a table.
  static var indexBits: UInt32 { get }
  /// Frame bits of an entry that refers to a table or a 4 KiB page.
  static var frameMask: UInt64 { get }
}

extension PageFormat {
  /// The lowest linear-address bit of a level's index.
  @inline(__always) static func shift(_ level: Int) -> UInt32 { 12 + UInt32(level) * indexBits }
}

/// 2 levels of 1,024 four-byte entries, with 4 MiB pages when CR4.PSE is set (SDM 3A, 4.3).
enum TwoLevelFormat: PageFormat {
  static let entrySize: UInt64 = 4
  static let levels = 2
  static let indexBits: UInt32 = 10
  static let frameMask: UInt64 = 0xffff_f000
}

/// 2 levels of 512 eight-byte entries below the four PDPTEs, with 2 MiB pages (SDM 3A, 4.4).
enum PAEFormat: PageFormat {
  static let entrySize: UInt64 = 8
  static let levels = 2
  static let indexBits: UInt32 = 9
  static let frameMask: UInt64 = (1 << CPU.physicalAddressBits - 1) & ~0xfff
}
