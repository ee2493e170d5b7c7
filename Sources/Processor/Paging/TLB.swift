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

  static func allocate() -> UnsafeMutablePointer<TLBEntry> {
    let entries = UnsafeMutablePointer<TLBEntry>.allocate(capacity: 2 * sets)
    entries.initialize(repeating: TLBEntry(), count: 2 * sets)
    return entries
  }

  /// The first way of an address's set.
  @inline(__always) static func set(of linear: UInt32) -> Int { Int(linear >> 12) & (sets - 1) }
}

extension CPU {
  /// A page has become a code page: every translation must be looked at again before it lets a store pass.
  func dropWriteTags() {
    advanceGeneration()
  }

  /// Forgets all translations, or all but the global ones: one addition, whatever is cached.
  func flushTLB(keepingGlobal: Bool) {
    s.pointee.counters.tlbFlushes &+= 1
    advanceGeneration()
    if !keepingGlobal {
      s.pointee.globalGeneration = s.pointee.tlbGeneration
      s.pointee.largePageRegions = 0
    }
    invalidateCodeTranslations()
  }

  private func advanceGeneration() {
    s.pointee.tlbGeneration &+= 1 << 32
    if s.pointee.tlbGeneration == 0 {
      // Generations are used up: old tags could match again, so clear them.
      s.pointee.supervisorTLB.update(repeating: TLBEntry(), count: 2 * TLB.sets)
      s.pointee.userTLB.update(repeating: TLBEntry(), count: 2 * TLB.sets)
      s.pointee.tlbGeneration = 1 << 32
      s.pointee.globalGeneration = 1 << 32
    }
  }

  /// Both ways of a set.
  @inline(__always) private func forget(_ linear: UInt32, in first: UnsafeMutablePointer<TLBEntry>) {
    let page = linear & ~0xfff
    let second = first + TLB.sets
    if UInt32(truncatingIfNeeded: first.pointee.readTag) == page { first.pointee = TLBEntry() }
    if UInt32(truncatingIfNeeded: second.pointee.readTag) == page { second.pointee = TLBEntry() }
  }

  /// INVLPG: forgets the translations of one linear address, global or not, at either privilege.
  func invalidatePage(_ linear: UInt32) {
    if s.pointee.largePageRegions >> UInt64(linear >> 22 & 63) & 1 != 0 {
      // The page may be a fragment of a large one, of which all fragments must go.
      flushTLB(keepingGlobal: false)
      return
    }
    let set = TLB.set(of: linear)
    forget(linear, in: s.pointee.supervisorTLB + set)
    forget(linear, in: s.pointee.userTLB + set)
    invalidateCodeTranslation(of: linear)
  }
}
