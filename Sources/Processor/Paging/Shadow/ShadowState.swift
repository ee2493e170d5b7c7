// What the shadow pager owns: a pool of frames in machine memory that hold its tables, what it knows of each, and the
// lists that lead from a guest page to every shadow entry that depends on it. All of it is flat memory behind one
// pointer; nothing is allocated while a guest runs.
//
// A shadow table is a real PAE table: 512 entries of 8 bytes, VPN -> MPN.
//
//    63  62          36 35             12 11  10   9    8  7  6 5 4 3  2   1   0
//   +---+--------------+-----------------+---+---+----+--+--+-+-+---+---+---+---+
//   |XD | 0            | machine frame   | 0 |gW | gL |G |PS|D|A| 0 |U/S|R/W| P |
//   +---+--------------+-----------------+---+---+----+--+--+-+-+---+---+---+---+
//
// R/W says whether this shadow lets writes pass; gW whether the guest's entry does (for the privilege that the shadow is
// for); D is the guest's D; gL marks a part of a large page of the guest's. An entry is present only if the guest's own
// entry is present and accessed, and lets writes pass only if that is dirty: so the guest's A and D bits are exact.

import Memory

/// Bits of shadow entries beside the architecture's.
enum ShadowEntry {
  static let guestLarge: UInt64 = 1 << 9
  static let guestWritable: UInt64 = 1 << 10
  static let frameMask = PAEFormat.frameMask
}

/// What a shadow table stands for, besides the guest page it shadows: tables of the same page and role are one, whichever
/// address spaces reach it.
///
///    15         10 9     8   7        6      5 4        3      2      1 0
///   +-------------+-------+-----+-------------+----------+------+-------+
///   | paging mode | D     | G   | part        | direct   | user | level |
///   +-------------+-------+-----+-------------+----------+------+-------+
struct ShadowRole: BitwiseCopyable, Equatable {
  var rawValue: UInt32

  init(mode: PagingMode, level: UInt32, user: Bool, part: UInt32 = 0) {
    rawValue = level | (user ? 4 : 0) | part << 4 | UInt32(mode.rawValue) << 10
  }

  /// 0 holds pages, 1 points to tables, 2 is the root: the four PDPTEs.
  var level: UInt32 { rawValue & 3 }
  /// For accesses of privilege level 3: only what they may see is in it.
  var isUser: Bool { rawValue & 4 != 0 }
  /// It stands for a range of guest-physical memory, not for a guest table.
  var isDirect: Bool {
    get { rawValue & 8 != 0 }
    set { rawValue = rawValue & ~8 | (newValue ? 8 : 0) }
  }
  /// Which part of a two-level guest's 1,024 entries it shadows: halves of a table, quarters of a directory.
  var part: UInt32 { rawValue >> 4 & 3 }
  /// Of a direct table: G and D of the large page that it takes to pieces.
  var attributes: UInt64 {
    get { UInt64(rawValue >> 6 & 1) << 8 | UInt64(rawValue >> 7 & 1) << 6 }
    set { rawValue = rawValue & ~0xc0 | UInt32(newValue >> 8 & 1) << 6 | UInt32(newValue >> 6 & 1) << 7 }
  }
  var mode: PagingMode { PagingMode(rawValue: UInt16(truncatingIfNeeded: rawValue >> 10)) }
  /// Whether writes may pass here, as far as rights go: the supervisor's may despite the guest's entry while CR0.WP is clear.
  func allowsWrites(guestDoes: Bool) -> Bool { guestDoes || !isUser && !mode.contains(.writeProtect) }
  /// It shadows a page table of the guest's, which is watched therefore.
  var isTraced: Bool { !isDirect && level < 2 }
}

/// What is known of a shadow table.
struct ShadowTable: BitwiseCopyable {
  /// Guest-physical page of the table it shadows; of a direct one, the first page of its range.
  var page: UInt32 = 0
  var role = ShadowRole(mode: [], level: 0, user: false)
  var isUsed = false
  /// Walked through since the clock hand, and since the last guest write, came by.
  var isReferenced = false
  var writesUnreferenced: UInt16 = 0
  /// Present entries.
  var live: UInt16 = 0
  /// Next table of the same guest page, or the next free one.
  var next: UInt32 = 0
  /// First of the entries that point here.
  var parents: UInt32 = 0
  /// `changes` of the state when it was last the root in use: what a TLB tagged with it knows.
  var seenChanges: UInt64 = 0
}

/// A shadow entry's name: table * 512 + index. 0 is none: tables are numbered from 1.
typealias ShadowNode = UInt32

struct ShadowState {
  var options: ShadowOptions
  /// Machine address of the first frame, and where the host has it.
  var firstFrame: UInt64
  var frames: UnsafeMutableRawPointer
  var capacity: UInt32
  /// Tables 1 to `capacity`; `unused` is the first that never was used.
  var tables: UnsafeMutablePointer<ShadowTable>
  var free: UInt32 = 0
  var unused: UInt32 = 1
  var hand: UInt32 = 1
  /// Tables that must not be evicted now.
  var pinned: (UInt32, UInt32, UInt32) = (0, 0, 0)

  /// Lists through entries: pages' leaves, or a table's parents. By node.
  var nextNode: UnsafeMutablePointer<ShadowNode>
  var previousNode: UnsafeMutablePointer<ShadowNode>
  /// The guest-physical page behind a leaf. By node.
  var leafPage: UnsafeMutablePointer<UInt32>
  /// First leaf that maps a page (by PPN), and first 2 MiB leaf that maps a region.
  var leaves: UnsafeMutablePointer<ShadowNode>
  var largeLeaves: UnsafeMutablePointer<ShadowNode>
  /// First shadow table of a guest page (by PPN), and first direct one of a 2 MiB region.
  var tablesOf: UnsafeMutablePointer<UInt32>
  var directTablesOf: UnsafeMutablePointer<UInt32>
  /// Pages with traces in a region: such a region can't be mapped as a whole.
  var tracesIn: UnsafeMutablePointer<UInt16>
  /// Guest tables that are out of sync (lazy mode), and how many.
  var unsynced: UnsafeMutablePointer<UInt32>
  var unsyncedCount: Int = 0

  /// The roots in use, by privilege: supervisor, user; 0 when the next access must find it.
  var roots: (UInt32, UInt32) = (0, 0)
  /// A20 and the like, as direct tables know it.
  var addressMask: UInt64 = ~0
  /// Times that an entry lost something a TLB could still have.
  var changes: UInt64 = 0

  static let regionCount = GuestPhysicalMemory.pageCount >> 9
}

/// How the shadow pager is to work.
public struct ShadowOptions: Equatable, Sendable {
  public enum Mode: String, CaseIterable, Sendable {
    /// Each traced write is carried over to the shadow at once.
    case eager
    /// The first write lets a page table out of sync, until INVLPG or a CR3 load demands the truth (as TLBs do).
    case lazy
  }
  public enum LargePages: String, CaseIterable, Sendable {
    /// As 512 entries of 4 KiB.
    case split
    /// As entries of 2 MiB, where the memory behind them allows it.
    case kept
  }
  public var mode = Mode.eager
  public var largePages = LargePages.kept
  /// Bytes of machine memory that the tables may take: at least `leastMemory`.
  public var memory = 8 << 20
  public static let leastMemory = 64 << 10
  public init() {}
}
