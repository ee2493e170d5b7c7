// The walk of page tables, whatever their format and wherever they lie: the guest's in its memory, the guest's behind
// EPT, the monitor's in machine memory. With `.inspect` it is its own twin without side effects, for debuggers.

/// Accessed and dirty bits, or not.
enum WalkEffect { case update, inspect }

/// Why a walk failed. The raw values are what #PF's error code says of it.
enum WalkFailure: UInt32, BitwiseCopyable {
  case notPresent = 0
  case protection = 1
  case reserved = 9
}

/// The end of a successful walk.
struct PageLeaf: BitwiseCopyable {
  /// The 4 KiB page's address, in the space that the tables map to.
  var page: UInt64
  /// The rights of all levels together.
  var rights: PageRights
  /// The last entry, with the bits that the walk set.
  var entry: UInt64
  /// 0, or 1 for a large page.
  var level: Int
}

enum WalkOutcome {
  case found(PageLeaf)
  case failed(WalkFailure, level: Int)
}

/// Where page tables lie and how they are reached. It counts what it does.
protocol TableSpace {
  /// What may come up on the way to a table (an EPT violation); `Never` where nothing can.
  associatedtype Failure: Error
  /// Memory references so far.
  var references: UInt64 { get set }
  /// Host address of an entry; nil where there is no memory. One reference, besides those it takes to get there.
  mutating func pointer(to address: UInt64) throws(Failure) -> UnsafeMutableRawPointer?
  /// Stores an entry in which the walk set bits of the low half.
  mutating func mark(_ address: UInt64, _ entry: UInt64) throws(Failure)
}

enum PageWalk {
  /// Translates one address.
  /// - Parameters:
  ///   - root: the first table's address.
  ///   - levels: how many levels lie from there on down: fewer than the format has where a cache knows the upper ones.
  ///   - needs: the rights that all levels must give.
  ///   - dirties: the access is a write: the leaf's dirty bit is set with the accessed bits.
  /// Only a walk that succeeds leaves marks, in every level that it used.
  @inline(__always)
  static func run<F: PageFormat, S: TableSpace>(
    _: F.Type, in space: inout S, root: UInt64, _ address: UInt64, needs: PageRights, dirties: Bool,
    _ effect: WalkEffect, _ mode: PagingMode, levels: Int = F.levels
  ) throws(S.Failure) -> WalkOutcome {
    var table = root
    var rights = PageRights.all
    var isUnmarked = false
    for level in stride(from: levels - 1, through: 0, by: -1) {
      let entry = read(try space.pointer(to: table &+ F.offset(address, level)), F.self)
      if !F.isPresent(entry) { return .failed(.notPresent, level: level) }
      let isLarge = level == 1 && F.isLarge(entry, mode)
      if entry & F.reserved(level: level, isLarge: isLarge, mode) != 0 || F.isMisconfigured(entry) {
        return .failed(.reserved, level: level)
      }
      rights.formIntersection(F.rights(entry, level: level))
      let marks = F.accessed(level)
      if level != 0, !isLarge {
        if entry & marks != marks { isUnmarked = true }
        table = entry & F.frameMask
        continue
      }
      if !rights.isSuperset(of: needs) { return .failed(.protection, level: level) }
      let marked = entry | marks | (dirties ? F.dirty : 0)
      if effect == .update, isUnmarked || marked != entry {
        try mark(F.self, in: &space, root: root, address, from: levels - 1, to: level, dirties: dirties)
      }
      return .found(
        PageLeaf(
          page: F.page(entry, address, isLarge: isLarge), rights: rights,
          entry: effect == .update ? marked : entry, level: level))
    }
    return .failed(.notPresent, level: 0)
  }

  /// Sets the accessed bits that a successful walk found missing, and the dirty bit: the second half of the walk's own
  /// references, so they aren't counted again.
  @inline(never)
  private static func mark<F: PageFormat, S: TableSpace>(
    _: F.Type, in space: inout S, root: UInt64, _ address: UInt64, from top: Int, to leaf: Int, dirties: Bool
  ) throws(S.Failure) {
    let references = space.references
    defer { space.references = references }
    var table = root
    for level in stride(from: top, through: leaf, by: -1) {
      let place = table &+ F.offset(address, level)
      let entry = read(try space.pointer(to: place), F.self)
      let marked = entry | F.accessed(level) | (level == leaf && dirties ? F.dirty : 0)
      if marked != entry { try space.mark(place, marked) }
      table = entry & F.frameMask
    }
  }

  /// An entry; tables outside memory read as all ones, like any access that nothing answers.
  @inline(__always)
  static func read<F: PageFormat>(_ pointer: UnsafeMutableRawPointer?, _: F.Type) -> UInt64 {
    guard let pointer else { return F.entrySize == 8 ? ~0 : 0xffff_ffff }
    return F.entrySize == 8
      ? pointer.loadUnaligned(as: UInt64.self) : UInt64(pointer.loadUnaligned(as: UInt32.self))
  }
}
