// The modelled translation lookaside buffer: the one that is counted. It has the size and the shape that it is told to
// have, one array for each page size, and the flush rules of the manual (SDM 3A, 4.10; for tags 3C, 28.3). The
// interpreter's own arrays (TLB.swift) hold a subset of it and only save time: what the model loses, they lose. That a
// hit in them needn't be told here is why replacement goes round robin in a set, without regard to use.
//
// An entry serves both privileges, as in hardware: it holds the guest's rights, and each access is held against them.

/// Shape of one array.
public struct TLBGeometry: Equatable, Sendable {
  /// 0: there is no such array, and pages of that size are cached as 4 KiB pieces.
  public var entries: Int
  public var ways: Int
  public init(entries: Int, ways: Int) {
    self.entries = entries
    self.ways = ways
  }
  /// `entries` is `ways` times a power of two, both at least 1 and at most 65,536; or nothing at all.
  public var isValid: Bool {
    if entries == 0 { return true }
    guard entries > 0, entries <= 65_536, ways > 0, entries % ways == 0 else { return false }
    let sets = entries / ways
    return sets & (sets - 1) == 0
  }
}

/// What an entry is tagged with.
public enum TLBTags: String, CaseIterable, Sendable {
  /// Nothing: each exit to the monitor empties the TLB.
  case none
  /// The virtual processor: exits leave the TLB alone.
  case vpid
  /// The address space besides (as PCIDs let a monitor do with its shadow tables): a switch between address spaces whose
  /// shadows are known to be true leaves it alone too. Only `shadow` can use it, for to the guest CR3 loads must flush.
  case pcid
}

/// The modelled TLB.
public struct TLBOptions: Equatable, Sendable {
  public var small = TLBGeometry(entries: 512, ways: 4)
  public var large2M = TLBGeometry(entries: 32, ways: 4)
  public var large4M = TLBGeometry(entries: 32, ways: 4)
  /// Global pages outlive CR3 loads.
  public var keepsGlobal = true
  public var tags = TLBTags.vpid
  /// An Intel Nehalem's second level for 4 KiB pages and its first for large ones.
  public init() {}
  public var isValid: Bool { small.entries > 0 && small.isValid && large2M.isValid && large4M.isValid }
}

/// A handle to a modelled TLB: one pointer.
struct TLBModel: BitwiseCopyable {
  /// One array.
  private struct Bank: BitwiseCopyable {
    var entries: UnsafeMutablePointer<Entry>
    var sets: UInt32
    var ways: Int
    /// Next way to be replaced, for each set.
    var turns: UnsafeMutablePointer<UInt16>
    var count: Int { Int(sets) * ways }
  }

  private struct Entry: BitwiseCopyable {
    var isValid = false
    /// Linear address over the page size of the bank.
    var number: UInt32 = 0
    var tag: UInt32 = 0
    var translation = Translation(
      page: 0, machine: Translation.noMachine, rights: [], isGlobal: false, isLarge: false, isWriteReady: false,
      reach: .small)
  }

  private struct Storage {
    var banks: (Bank, Bank, Bank)
    var options: TLBOptions
    var tag: UInt32 = 0
    /// Some entry is a piece of a page of the guest's that is larger than it.
    var hasPieces = false
  }

  private let storage: UnsafeMutablePointer<Storage>

  init(_ options: TLBOptions) {
    func bank(_ geometry: TLBGeometry) -> Bank {
      let count = max(geometry.entries, 1), sets = max(geometry.entries / max(geometry.ways, 1), 1)
      let bank = Bank(
        entries: .allocate(capacity: count), sets: geometry.entries == 0 ? 0 : UInt32(sets), ways: geometry.ways,
        turns: .allocate(capacity: sets))
      bank.entries.initialize(repeating: Entry(), count: count)
      bank.turns.initialize(repeating: 0, count: sets)
      return bank
    }
    precondition(options.isValid, "checked where options come in")
    storage = .allocate(capacity: 1)
    storage.initialize(
      to: Storage(banks: (bank(options.small), bank(options.large2M), bank(options.large4M)), options: options))
  }

  func deallocate() {
    for bank in [storage.pointee.banks.0, storage.pointee.banks.1, storage.pointee.banks.2] {
      bank.entries.deallocate()
      bank.turns.deallocate()
    }
    storage.deallocate()
  }

  var options: TLBOptions { storage.pointee.options }
  var forgetsAtExits: Bool { storage.pointee.options.tags == .none }

  private func bank(_ size: PageSize) -> Bank {
    switch size {
    case .small: storage.pointee.banks.0
    case .large2M: storage.pointee.banks.1
    case .large4M: storage.pointee.banks.2
    }
  }

  // MARK: Lookup and fill

  private func slot(_ linear: UInt32, _ size: PageSize) -> UnsafeMutablePointer<Entry>? {
    let bank = bank(size)
    if bank.sets == 0 { return nil }
    let number = linear >> size.shift
    let set = bank.entries + Int(number & (bank.sets - 1)) * bank.ways
    for way in 0..<bank.ways {
      let entry = set + way
      guard entry.pointee.isValid, entry.pointee.number == number else { continue }
      let isMine = entry.pointee.tag == storage.pointee.tag
      if isMine || entry.pointee.translation.isGlobal && storage.pointee.options.keepsGlobal { return entry }
    }
    return nil
  }

  /// What it holds for an address, with `page` and `machine` those of the 4 KiB page.
  func find(_ linear: UInt32, _ cpu: CPU) -> Translation? {
    for size in PageSize.allCases {
      guard let entry = slot(linear, size) else { continue }
      var translation = entry.pointee.translation
      if size != .small {
        // A large page need not be one thing behind: there are holes, ROMs and the end of memory, and A20.
        translation.page = (translation.page | Self.offset(linear, size)) & cpu.s.pointee.addressMask
        translation.machine = cpu.machinePage(translation.page)
      }
      return translation
    }
    return nil
  }

  /// The 4 KiB page's place in a page of some size.
  private static func offset(_ linear: UInt32, _ size: PageSize) -> UInt64 {
    UInt64(linear & (1 << size.shift - 1) & ~0xfff)
  }

  /// What an entry for a translation would cover here.
  func reach(of translation: Translation) -> PageSize {
    bank(translation.reach).sets == 0 || !translation.hasMemory ? .small : translation.reach
  }

  /// Brings a translation in; another of its set goes, here and in the interpreter's arrays.
  func insert(_ linear: UInt32, _ translation: Translation, _ cpu: CPU) {
    var held = translation
    let size = reach(of: held)
    held.reach = size
    held.page &= ~Self.offset(linear, size)
    if held.isLarge, size.shift < cpu.largePageShift { storage.pointee.hasPieces = true }

    let bank = bank(size)
    let number = linear >> size.shift
    let target: UnsafeMutablePointer<Entry>
    if let known = slot(linear, size) {
      target = known
      // The other privilege's array may have what it was.
      cpu.forgetInArrays(linear)
    } else {
      let set = Int(number & (bank.sets - 1))
      let way = Int(bank.turns[set]) % bank.ways
      bank.turns[set] = UInt16(truncatingIfNeeded: (way + 1) % bank.ways)
      target = bank.entries + set * bank.ways + way
      if target.pointee.isValid { forgetInArrays(target.pointee, size, cpu) }
    }
    target.pointee = Entry(isValid: true, number: number, tag: storage.pointee.tag, translation: held)
  }

  private func forgetInArrays(_ entry: Entry, _ size: PageSize, _ cpu: CPU) {
    if size == .small { cpu.forgetInArrays(entry.number << 12) } else { cpu.clearArrays() }
  }

  private func drop(_ entry: UnsafeMutablePointer<Entry>, _ size: PageSize, _ cpu: CPU) {
    forgetInArrays(entry.pointee, size, cpu)
    entry.pointee.isValid = false
  }

  private func forEachEntry(_ body: (UnsafeMutablePointer<Entry>, PageSize) -> Void) {
    for size in PageSize.allCases {
      let bank = bank(size)
      for n in 0..<bank.count where bank.entries[n].isValid { body(bank.entries + n, size) }
    }
  }

  // MARK: Flush rules. The interpreter's arrays have been flushed, or are here.

  /// INVLPG and INVVPID's type 0: the page of a linear address under every tag, global or not, and of a large page all.
  func invalidate(_ linear: UInt32, _ cpu: CPU) {
    if storage.pointee.hasPieces {
      // The page may be a piece of a large one, of which all pieces go.
      let shift = cpu.largePageShift
      forEachEntry { entry, size in
        guard entry.pointee.translation.isLarge, size.shift < shift else { return }
        if entry.pointee.number >> (shift - size.shift) == linear >> shift { drop(entry, size, cpu) }
      }
    }
    forEachCandidate(linear) { entry, size in drop(entry, size, cpu) }
  }

  /// Entries for an address, whatever their tag.
  private func forEachCandidate(_ linear: UInt32, _ body: (UnsafeMutablePointer<Entry>, PageSize) -> Void) {
    for size in PageSize.allCases {
      let bank = bank(size)
      if bank.sets == 0 { continue }
      let number = linear >> size.shift
      let set = bank.entries + Int(number & (bank.sets - 1)) * bank.ways
      for way in 0..<bank.ways where set[way].isValid && set[way].number == number { body(set + way, size) }
    }
  }

  /// A load of CR3: the present tag's entries, but for global ones.
  func flushPresent() {
    let tag = storage.pointee.tag, keepsGlobal = storage.pointee.options.keepsGlobal
    forEachEntry { entry, _ in
      if keepsGlobal, entry.pointee.translation.isGlobal { return }
      if entry.pointee.tag == tag { entry.pointee.isValid = false }
    }
  }

  /// Everything, global pages and other tags too.
  func flushAll() {
    forEachEntry { entry, _ in entry.pointee.isValid = false }
    storage.pointee.hasPieces = false
  }

  /// The same, with the interpreter's arrays.
  func flushAll(_ cpu: CPU) {
    flushAll()
    cpu.clearArrays()
  }

  /// Entries of another address space from now on (PCID); what is in the interpreter's arrays must be gone.
  func select(tag: UInt32) { storage.pointee.tag = tag }

  // MARK: What a monitor changes behind the guest's back

  /// A guest-physical page got a trace or a log: writes must be asked about again. Large entries that cover it go.
  func forbidWrites(to page: UInt64, _ cpu: CPU) {
    forEachEntry { entry, size in
      let first = entry.pointee.translation.page
      guard page >= first, page < first + 1 << UInt64(size.shift) else { return }
      if size == .small { entry.pointee.translation.isWriteReady = false } else { drop(entry, size, cpu) }
    }
  }

  /// A guest-physical page has other backing.
  func forgetPage(_ page: UInt64, _ cpu: CPU) {
    forEachEntry { entry, size in
      let first = entry.pointee.translation.page
      if page >= first, page < first + 1 << UInt64(size.shift) { drop(entry, size, cpu) }
    }
  }
}
