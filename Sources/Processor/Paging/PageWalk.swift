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
  /// Host address of an entry; nil where there is no memory. One memory reference, besides those it takes to get there.
  mutating func pointer(to address: UInt64) throws(Failure) -> UnsafeMutableRawPointer?
  /// Stores an entry in which the walk set bits of the low half.
  mutating func mark(_ address: UInt64, _ entry: UInt64) throws(Failure)
}

enum PageWalk {
  /// An entry above the leaf, to be marked once the walk is known to succeed.
  private struct Passed: BitwiseCopyable {
    var address: UInt64 = 0
    var entry: UInt64 = 0
  }

  /// Translates one address.
  /// - Parameters:
  ///   - root: the first table's address.
  ///   - needs: the rights that all levels must give.
  ///   - dirties: the access is a write: the leaf's dirty bit is set with the accessed bits.
  /// Only a walk that succeeds leaves marks, in every level that it used.
  @inline(__always)
  static func run<F: PageFormat, S: TableSpace>(
    _: F.Type, in space: inout S, root: UInt64, _ address: UInt64, needs: PageRights, dirties: Bool,
    _ effect: WalkEffect, _ mode: PagingMode
  ) throws(S.Failure) -> WalkOutcome {
    var table = root
    var rights = PageRights.all
    var passed = InlineArray<3, Passed>(repeating: Passed())
    var unmarked = 0
    for level in stride(from: F.levels - 1, through: 0, by: -1) {
      let place = table &+ F.offset(address, level)
      let entry = read(try space.pointer(to: place), F.self)
      if !F.isPresent(entry) { return .failed(.notPresent, level: level) }
      let isLarge = level == 1 && F.isLarge(entry, mode)
      if entry & F.reserved(level: level, isLarge: isLarge, mode) != 0 || F.isMisconfigured(entry) {
        return .failed(.reserved, level: level)
      }
      rights.formIntersection(F.rights(entry, level: level))
      if level != 0, !isLarge {
        let marked = entry | F.accessed(level)
        if marked != entry {
          passed[unmarked] = Passed(address: place, entry: marked)
          unmarked &+= 1
        }
        table = entry & F.frameMask
        continue
      }
      if !rights.isSuperset(of: needs) { return .failed(.protection, level: level) }
      let marked = entry | F.accessed(level) | (dirties ? F.dirty : 0)
      if effect == .update {
        for n in 0..<unmarked { try space.mark(passed[n].address, passed[n].entry) }
        if marked != entry { try space.mark(place, marked) }
      }
      return .found(
        PageLeaf(
          page: F.page(entry, address, isLarge: isLarge), rights: rights,
          entry: effect == .update ? marked : entry, level: level))
    }
    return .failed(.notPresent, level: 0)
  }

  /// An entry; tables outside memory read as all ones, like any access that nothing answers.
  @inline(__always)
  static func read<F: PageFormat>(_ pointer: UnsafeMutableRawPointer?, _: F.Type) -> UInt64 {
    guard let pointer else { return F.entrySize == 8 ? ~0 : 0xffff_ffff }
    return F.entrySize == 8
      ? pointer.loadUnaligned(as: UInt64.self) : UInt64(pointer.loadUnaligned(as: UInt32.self))
  }
}
