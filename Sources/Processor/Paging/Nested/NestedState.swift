// What the nested pager owns: a pool of frames for EPT tables, of which there can't be more than guest-physical memory
// below 4 GiB needs.

import Memory

/// How the nested pager is to work.
public struct NestedOptions: Equatable, Sendable {
  public enum LargePages: String, CaseIterable, Sendable {
    /// 4 KiB pages only.
    case none
    /// 2 MiB pages where guest-physical memory lies in machine memory in whole.
    case used
  }
  public var largePages = LargePages.none
  /// EPT's accessed and dirty flags (EPTP bit 6). With them each reference to a guest table counts as a write.
  public var accessedDirty = true
  public init() {}
}

struct NestedState {
  var options: NestedOptions
  var firstFrame: UInt64
  /// Frames taken; the first is the root.
  var used: Int = 0
  /// Writes are logged: pages are mapped by 4 KiB.
  var isLogging = false
  /// The paging-structure cache: by 2 MiB region of guest-physical space, the table of the last level, once a walk has
  /// found it. Such tables stay for good.
  var leafTables: UnsafeMutablePointer<UnsafeMutablePointer<UInt64>?>
  /// Bits of a leaf that needs nobody's attention for an access, and for a write besides.
  var readyMarks: UInt64
  var readyDirty: UInt64
  /// Pages written since the log was last read, one bit each, where D flags don't tell; nil when nothing is logged.
  var dirtyPages: UnsafeMutablePointer<UInt64>?

  /// A root, a PDPT, 4 directories and 2,048 tables.
  static let capacity = 2054
  static let dirtyWords = GuestPhysicalMemory.pageCount / 64
  static let regionCount = GuestPhysicalMemory.pageCount >> 9
}
