// The software translation lookaside buffer that the interpreter reaches guest memory through. One array for each
// privilege, so that a hit needs no permission test; the generation in the tag makes a flush one addition.
//
// A set has two ways. The fast path looks at the first only; the miss path looks at the second and swaps, so that two
// pages that share a set (8 MiB apart, or any multiple) cost a swap and not a walk.
//
//   tag:   63            32 31           12 11        0
//         +----------------+---------------+-----------+
//         | generation     | linear page   | 0         |     of the last byte of an access: a crossing never matches
//         +----------------+---------------+-----------+

import Memory

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// One translation for one privilege.
struct TLBEntry: BitwiseCopyable {
  /// Matches a load from this page; 0 never does.
  var readTag: UInt64 = 0
  /// Matches a store: only when the page is writable RAM, already dirty, and holds no decoded code.
  var writeTag: UInt64 = 0
  /// Host address minus linear address.
  var addend: UInt = 0
  /// Guest-physical page address (bits 12 and up) and `Info` bits.
  var info: UInt64 = 0

  enum Info {
    /// Instructions may be fetched.
    static let executable: UInt64 = 1
    /// Kept over CR3 writes.
    static let global: UInt64 = 2
    /// The guest's tables let this privilege write, and D is set.
    static let writable: UInt64 = 4
    /// Behind it is RAM or ROM: `addend` is good.
    static let memory: UInt64 = 8
    static let rom: UInt64 = 16
    /// Part of a 2 or 4 MiB page.
    static let large: UInt64 = 32
  }
}

enum TLB {
  /// Sets; each has two ways, the second ones follow the first.
  static let sets = 4096

  /// The first way of an address's set.
  @inline(__always) static func set(of linear: UInt32) -> Int { Int(linear >> 12) & (sets - 1) }
}

extension CPU {
  // MARK: Flushes

  /// Forgets all translations, or all but the global ones: one addition, whatever is cached.
  func flushTLB(keepingGlobal: Bool) {
    s.pointee.counters.tlbFlushes &+= 1
    s.pointee.paging.flushes &+= 1
    record(.tlbFlush, code: keepingGlobal ? 1 : 0)
    if !keepingGlobal { s.pointee.paging.modeChanges &+= 1 }
    advanceGeneration(isSwitch: keepingGlobal)
    if !keepingGlobal { forgetGlobalPages() }
    pagerFlush(keepingGlobal: keepingGlobal)
    if let model = s.pointee.tlbModel { flush(model, keepingGlobal: keepingGlobal) }
    invalidateCodeTranslations()
  }

  private func flush(_ model: TLBModel, keepingGlobal: Bool) {
    guard keepingGlobal else { return model.flushAll() }
    if !model.options.keepsGlobal { forgetGlobalPages() }
    if case .shadow(let pager) = s.pointee.pager, model.options.tags == .pcid {
      pager.select(model, self)
    } else {
      model.flushPresent()
    }
  }

  private func forgetGlobalPages() {
    s.pointee.globalGeneration = s.pointee.tlbGeneration
    s.pointee.largePageRegions = 0
  }

  /// - Parameter isSwitch: only the address space is another; what was known of others is as true as it was.
  private func advanceGeneration(isSwitch: Bool = false) {
    #if TRANSLATOR
      translator?._withUnsafeGuaranteedRef {
        $0.windows.news |= isSwitch && keepsWindows ? WindowNews.switched : WindowNews.flushed
      }
    #endif
    s.pointee.tlbGeneration &+= 1 << 32
    if s.pointee.tlbGeneration == 0 {
      // Generations are used up: old tags could match again, so clear them.
      s.pointee.supervisorTLB.update(repeating: TLBEntry(), count: 2 * TLB.sets)
      s.pointee.userTLB.update(repeating: TLBEntry(), count: 2 * TLB.sets)
      s.pointee.tlbGeneration = 1 << 32
      s.pointee.globalGeneration = 1 << 32
    }
  }

  /// Empties the interpreter's arrays but for global pages.
  func forgetLocalPages() { advanceGeneration() }

  /// Empties them, global pages included.
  func clearArrays() {
    advanceGeneration()
    forgetGlobalPages()
  }

  /// Both ways of a set.
  @inline(__always) private func forget(_ linear: UInt32, in first: UnsafeMutablePointer<TLBEntry>) {
    let page = linear & ~0xfff
    let second = first + TLB.sets
    if UInt32(truncatingIfNeeded: first.pointee.readTag) == page { first.pointee = TLBEntry() }
    if UInt32(truncatingIfNeeded: second.pointee.readTag) == page { second.pointee = TLBEntry() }
  }

  /// Takes one page out of the interpreter's arrays.
  func forgetInArrays(_ linear: UInt32) {
    let set = TLB.set(of: linear)
    forget(linear, in: s.pointee.supervisorTLB + set)
    forget(linear, in: s.pointee.userTLB + set)
    #if TRANSLATOR
      translator?._withUnsafeGuaranteedRef { $0.windows.forget(linear) }
    #endif
  }

  /// INVLPG: forgets the translations of one linear address, global or not, at either privilege.
  func invalidatePage(_ linear: UInt32) {
    record(.pageInvalidation, a: UInt64(linear))
    pagerInvalidate(linear)
    s.pointee.tlbModel?.invalidate(linear, self)
    if forgetPieces(linear) { invalidateCodeTranslations() } else { invalidateCodeTranslation(of: linear) }
  }

  /// Takes a page out of the interpreter's arrays, and all pieces of a large page that it may be one of.
  /// - Returns: whether that meant all pages.
  @discardableResult
  func forgetPieces(_ linear: UInt32) -> Bool {
    if s.pointee.largePageRegions >> UInt64(linear >> 22 & 63) & 1 != 0 {
      clearArrays()
      return true
    }
    forgetInArrays(linear)
    return false
  }

  // MARK: Write tags

  /// Lets stores through an entry go straight to memory, and remembers who may.
  @inline(__always)
  func grantWrites(_ entry: UnsafeMutablePointer<TLBEntry>, _ linear: UInt32) {
    entry.pointee.writeTag = entry.pointee.readTag
    noteWriteHolder(physical: entry.pointee.info, linear)
  }

  /// Remembers that stores to a guest-physical page pass at a linear address.
  @inline(__always)
  func noteWriteHolder(physical: UInt64, _ linear: UInt32) {
    let holder = s.pointee.writeHolders + Int(truncatingIfNeeded: physical >> 12)
    let page = linear & ~0xfff | WriteHolder.one
    if holder.pointee != page { noteSecondHolder(holder, page) }
  }

  @inline(never)
  private func noteSecondHolder(_ holder: UnsafeMutablePointer<UInt32>, _ page: UInt32) {
    let held = holder.pointee
    if held == WriteHolder.many { return }
    let isAlone = held == WriteHolder.nobody || !holdsWriteTag(held & ~0xfff)
    holder.pointee = isAlone ? page : WriteHolder.many
  }

  /// Whether some entry for a linear page still lets stores pass.
  private func holdsWriteTag(_ linear: UInt32) -> Bool {
    let tag = s.pointee.tlbGeneration | UInt64(linear)
    let first = TLB.set(of: linear), second = first + TLB.sets
    #if TRANSLATOR
      if translator?._withUnsafeGuaranteedRef({ $0.windows.letsWrite(linear) }) ?? false { return true }
    #endif
    return s.pointee.supervisorTLB[first].writeTag == tag || s.pointee.supervisorTLB[second].writeTag == tag
      || s.pointee.userTLB[first].writeTag == tag || s.pointee.userTLB[second].writeTag == tag
  }

  /// A page has become a code page or got a trace: no store may pass before it has been looked at again.
  func revokeWrites(page: UInt64) {
    let holder = s.pointee.writeHolders + Int(truncatingIfNeeded: page)
    switch holder.pointee {
    case WriteHolder.nobody: return
    case WriteHolder.many: advanceGeneration()
    case let held:
      let linear = held & ~0xfff
      let set = TLB.set(of: linear)
      revoke(linear, in: s.pointee.supervisorTLB + set)
      revoke(linear, in: s.pointee.userTLB + set)
      #if TRANSLATOR
        translator?._withUnsafeGuaranteedRef { $0.windows.protect(linear) }
      #endif
    }
    holder.pointee = WriteHolder.nobody
  }

  @inline(__always) private func revoke(_ linear: UInt32, in first: UnsafeMutablePointer<TLBEntry>) {
    let second = first + TLB.sets
    if UInt32(truncatingIfNeeded: first.pointee.readTag) == linear { first.pointee.writeTag = 0 }
    if UInt32(truncatingIfNeeded: second.pointee.readTag) == linear { second.pointee.writeTag = 0 }
  }
}

/// Which linear page the interpreter's arrays let write to a guest-physical page, so that the right can be taken back
/// without emptying them: a page's linear address | 1, or one of two values that are none.
enum WriteHolder {
  static let nobody: UInt32 = 0
  static let one: UInt32 = 1
  /// More than one did: all must be asked.
  static let many: UInt32 = 2

  /// Nobody may write anywhere: memory that costs nothing until it is used.
  static func allocate() -> UnsafeMutablePointer<UInt32> {
    guard let memory = calloc(GuestPhysicalMemory.pageCount, 4) else {
      preconditionFailure("the host has no address space left")
    }
    return memory.bindMemory(to: UInt32.self, capacity: GuestPhysicalMemory.pageCount)
  }

  static func deallocate(_ holders: UnsafeMutablePointer<UInt32>) { free(holders) }
}
