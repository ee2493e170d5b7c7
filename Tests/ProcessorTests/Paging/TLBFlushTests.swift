import ISA
import Memory
import Testing

@testable import Processor

// MARK: - Flushes

@Suite("What the modelled TLB forgets")
struct TLBFlushTests {
  @Test(
    "a load of CR3 forgets pages, but global ones only if the TLB keeps none", arguments: PagerKind.allCases,
    [true, false])
  func globalPages(_ pager: PagerKind, _ keepsGlobal: Bool) throws {
    let bench = try TLBBench(tlb((16, 4), keepsGlobal: keepsGlobal), pager: pager)
    bench.mapWindow(2)
    bench.map(TLBBench.page(1), to: TLBBench.frame(1), TLBBench.all | TLBBench.global)
    try bench.readPages([0, 1])
    try bench.read(TLBBench.page(1), user: true)
    try bench.reloadCR3()
    #expect(try bench.misses(TLBBench.page(0)) == 1)
    #expect(try bench.misses(TLBBench.page(1)) == (keepsGlobal ? 0 : 1))
    #expect(try bench.misses(TLBBench.page(1), user: true) == 0)
  }

  @Test("without CR4.PGE the global bit means nothing", arguments: PagerKind.allCases)
  func withoutPGE(_ pager: PagerKind) throws {
    let bench = try TLBBench(tlb((16, 4)), pager: pager, cr4: [])
    bench.mapWindow(1, TLBBench.all | TLBBench.global)
    try bench.readPages([0])
    try bench.reloadCR3()
    #expect(try bench.misses(TLBBench.page(0)) == 1)
  }

  @Test("a change of CR4.PGE forgets everything, a write of the same value nothing", arguments: PagerKind.allCases)
  func pge(_ pager: PagerKind) throws {
    let bench = try TLBBench(tlb((16, 4)), pager: pager)
    bench.mapWindow(2)
    bench.map(TLBBench.page(1), to: TLBBench.frame(1), TLBBench.all | TLBBench.global)
    bench.mapLarge(0x5000_0000, to: TLBBench.large, TLBBench.global)
    func all() throws -> UInt64 {
      try bench.misses { for linear in [TLBBench.page(0), TLBBench.page(1), 0x5000_0000] { try bench.read(linear) } }
    }
    #expect(try all() == 3)
    try bench.cpu.setCR4(bench.cpu.s.pointee.cr4)
    #expect(try all() == 0)
    try bench.cpu.setCR4(CR4.pse.rawValue)
    #expect(try all() == 3)
    try bench.cpu.setCR4(CR4([.pse, .pge]).rawValue)
    #expect(try all() == 3)
  }

  @Test("INVLPG forgets one page, global or not, and leaves its neighbours", arguments: PagerKind.allCases)
  func page(_ pager: PagerKind) throws {
    let bench = try TLBBench(tlb((16, 4)), pager: pager)
    bench.mapWindow(6)
    for n in UInt32(0)..<3 { bench.map(TLBBench.page(n), to: TLBBench.frame(n), TLBBench.all | TLBBench.global) }
    try bench.readPages(0..<6)
    bench.invlpg(TLBBench.page(1) + 0x123)
    bench.invlpg(TLBBench.page(4) + 0xfff)
    for n in UInt32(0)..<6 { #expect(try bench.misses(TLBBench.page(n)) == (n == 1 || n == 4 ? 1 : 0), "page \(n)") }
  }

  @Test(
    "INVLPG forgets all of a large page, whole or in pieces, and leaves its neighbours", arguments: PagerKind.allCases,
    [32, 0])
  func largePage(_ pager: PagerKind, _ entries: Int) throws {
    let bench = try TLBBench(tlb((64, 4), large: entries), pager: pager)
    bench.mapWindow(1)
    bench.mapLarge(0x5000_0000, to: TLBBench.large, TLBBench.global)
    bench.mapLarge(0x5040_0000, to: TLBBench.large)
    let parts: [UInt32] = [0x5000_0000, 0x5000_1000, 0x5020_0000, 0x503f_f000]
    let others: [UInt32] = [0x5040_0000, 0x5060_0000, TLBBench.page(0)]
    for linear in parts + others { try bench.read(linear) }
    bench.invlpg(0x5012_3456)
    #expect(try bench.misses { for linear in others { try bench.read(linear) } } == 0)
    let pieces: UInt64 = entries == 0 ? 4 : pager == .none ? 1 : 2
    #expect(try bench.misses { for linear in parts { try bench.read(linear) } } == pieces)
  }

  @Test("a page made small out of a large one is the small one after INVLPG", arguments: PagerKind.allCases, [32, 0])
  func split(_ pager: PagerKind, _ entries: Int) throws {
    let bench = try TLBBench(tlb((64, 4), large: entries), pager: pager)
    for page in UInt32(0)..<1024 { bench.write(page, at: TLBBench.large + page << 12) }
    bench.mapLarge(0x5000_0000, to: TLBBench.large)
    for page in UInt32(0)..<8 { try bench.read(0x5000_0000 + page << 12) }
    bench.write(0, at: bench.root + 0x5000_0000 >> 22 * 4)
    for page in UInt32(0)..<8 { bench.map(0x5000_0000 + page << 12, to: TLBBench.frame(page)) }
    bench.invlpg(0x5000_0000)
    for page in UInt32(0)..<8 { #expect(try bench.read(0x5000_0000 + page << 12) == TLBBench.frame(page)) }
  }

  @Test(
    "without tags each exit empties the TLB; with them none does", arguments: [PagerKind.shadow, .nested],
    TLBTags.allCases)
  func exits(_ pager: PagerKind, _ tags: TLBTags) throws {
    let bench = try TLBBench(tlb((16, 4), tags), pager: pager) { $0.nested.largePages = .none }
    bench.mapWindow(3)
    // The first access to each of them is an exit: a hidden fault, or an EPT violation.
    try bench.readPages([0, 1])
    #expect(try bench.misses(TLBBench.page(0)) == (tags == .none ? 1 : 0))
    #expect(try bench.misses { try bench.readPages([0, 1]) } == 0)
    try bench.readPages([2])
    #expect(try bench.misses { try bench.readPages([0, 1]) } == (tags == .none ? 2 : 0))
  }

  @Test("bare silicon has no monitor to leave for")
  func bareSilicon() throws {
    let bench = try TLBBench(tlb((16, 4), .none))
    bench.mapWindow(2)
    try bench.readPages([0, 1])
    #expect(try bench.misses { try bench.readPages([0, 1]) } == 0)
  }

  @Test("without tags an access to a port empties the TLB too", arguments: PagerKind.allCases, [TLBTags.none, .vpid])
  func ports(_ pager: PagerKind, _ tags: TLBTags) throws {
    // in al, 0x80
    let guest = try PagedGuest([])
    var configuration = PagingConfiguration(pager: pager)
    configuration.tlb = tlb((16, 4), tags)
    try guest.processor.usePaging(configuration)
    guest.map(TLBBench.window, to: PagingTests.frame)
    for (n, byte) in [UInt8(0xe4), 0x80, 0xf4].enumerated() {
      guest.cpu.writePhysical(UInt64(ProtectedGuest.code) + UInt64(n), byte)
    }
    func misses() throws -> UInt64 {
      let before = guest.processor.pagingCounters.tlbMisses
      let _: UInt32 = try guest.cpu.load(TLBBench.window, user: false)
      return guest.processor.pagingCounters.tlbMisses - before
    }
    #expect(try misses() == 1)
    #expect(try misses() == 0)
    guest.processor.instructionPointer = ProtectedGuest.code
    guard case .portRead = guest.guest.run() else { return #expect(Bool(false), "no port was read") }
    #expect(try misses() == (tags == .none && pager != .none ? 1 : 0))
  }

  @Test(
    "INVVPID forgets one page, all, or all but global ones, and INVEPT everything", arguments: PagerKind.allCases,
    [true, false])
  func monitor(_ pager: PagerKind, _ keepsGlobal: Bool) throws {
    let bench = try TLBBench(tlb((16, 4), keepsGlobal: keepsGlobal), pager: pager)
    bench.mapWindow(3)
    bench.map(TLBBench.page(0), to: TLBBench.frame(0), TLBBench.all | TLBBench.global)
    func missing() throws -> [UInt32] { try (0..<3).filter { try bench.misses(TLBBench.page($0)) > 0 } }
    #expect(try missing() == [0, 1, 2])
    bench.processor.invvpid(.individualAddress(LinearAddress(TLBBench.page(1) + 0x800)))
    #expect(try missing() == [1])
    bench.processor.invvpid(.individualAddress(LinearAddress(TLBBench.page(0))))
    #expect(try missing() == [0])
    bench.processor.invvpid(.singleContextRetainingGlobals)
    #expect(try missing() == (keepsGlobal ? [1, 2] : [0, 1, 2]))
    bench.processor.invvpid(.singleContext)
    #expect(try missing() == [0, 1, 2])
    bench.processor.invvpid(.allContexts)
    #expect(try missing() == [0, 1, 2])
    bench.processor.invept(.singleContext)
    #expect(try missing() == [0, 1, 2])
    bench.processor.invept(.allContexts)
    #expect(try missing() == [0, 1, 2])
    #expect(try missing() == [])
  }

  @Test("INVVPID for one address forgets all of a large page", arguments: PagerKind.allCases, [32, 0])
  func monitorLargePage(_ pager: PagerKind, _ entries: Int) throws {
    let bench = try TLBBench(tlb((16, 4), large: entries), pager: pager)
    bench.mapLarge(0x5000_0000, to: TLBBench.large)
    bench.mapWindow(1)
    for page in UInt32(0)..<4 { try bench.read(0x5000_0000 + page << 12) }
    try bench.readPages([0])
    bench.processor.invvpid(.individualAddress(LinearAddress(UInt32(0x5000_2000))))
    #expect(
      try bench.misses { for page in UInt32(0)..<4 { try bench.read(0x5000_0000 + page << 12) } }
        == (entries == 0 ? 4 : 1))
    #expect(try bench.misses { try bench.readPages([0]) } == 0)
  }

  @Test("a page that gets other backing is forgotten", arguments: PagerKind.allCases)
  func backing(_ pager: PagerKind) throws {
    let bench = try TLBBench(tlb((16, 4)), pager: pager)
    bench.mapWindow(2)
    try bench.readPages([0, 1])
    let entries = bench.memory.entries
    let first = Int(TLBBench.frame(0) >> 12)
    (entries[first], entries[first + 1]) = (entries[first + 1], entries[first])
    bench.processor.noteBackingChange(of: GuestPhysicalAddress(TLBBench.frame(0)))
    bench.processor.noteBackingChange(of: GuestPhysicalAddress(TLBBench.frame(1)))
    #expect(try bench.read(TLBBench.page(0)) == TLBBench.frame(1) && bench.read(TLBBench.page(1)) == TLBBench.frame(0))
  }
}

// MARK: - Address spaces

@Suite("The modelled TLB and address spaces")
struct TLBAddressSpaceTests {
  /// Two spaces with the same four pages on different frames.
  private func spaces(_ pager: PagerKind, _ tags: TLBTags, _ mode: ShadowOptions.Mode = .eager) throws -> (
    TLBBench, UInt32, UInt32
  ) {
    let bench = try TLBBench(tlb((64, 4), tags), pager: pager) { $0.shadow.mode = mode }
    let other = bench.newSpace()
    bench.mapWindow(4)
    for n in UInt32(0)..<4 { bench.map(TLBBench.page(n), to: TLBBench.frame(n + 8), in: other) }
    // The second time: new tables, which are watched from then on, cost a flush.
    for _ in 0..<2 {
      for (space, offset) in [(bench.root, UInt32(0)), (other, 8)] {
        try bench.switchTo(space)
        try expect(bench, offset)
      }
    }
    return (bench, bench.root, other)
  }

  private func expect(_ bench: TLBBench, _ offset: UInt32) throws {
    for n in UInt32(0)..<4 { #expect(try bench.read(TLBBench.page(n)) == TLBBench.frame(n + offset)) }
  }

  @Test(
    "switching there and back costs no miss where the TLB is tagged by address space, and every page elsewhere",
    arguments: PagerKind.allCases, TLBTags.allCases)
  func switching(_ pager: PagerKind, _ tags: TLBTags) throws {
    let (bench, first, second) = try spaces(pager, tags)
    let misses = try bench.misses {
      for _ in 0..<5 {
        try bench.switchTo(first)
        try expect(bench, 0)
        try bench.switchTo(second)
        try expect(bench, 8)
      }
    }
    #expect(misses == (pager == .shadow && tags == .pcid ? 0 : 40))
  }

  @Test(
    "a page table that changed meanwhile is seen after the switch", arguments: ShadowOptions.Mode.allCases,
    TLBTags.allCases)
  func changedMeanwhile(_ mode: ShadowOptions.Mode, _ tags: TLBTags) throws {
    let (bench, first, second) = try spaces(.shadow, tags, mode)
    // While the other space is in use.
    try bench.switchTo(second)
    bench.map(TLBBench.page(2), to: TLBBench.frame(20), in: first)
    try bench.switchTo(first)
    #expect(try bench.read(TLBBench.page(2)) == TLBBench.frame(20))
    #expect(try bench.read(TLBBench.page(1)) == TLBBench.frame(1))
    // While it is in use itself, without INVLPG.
    bench.map(TLBBench.page(3), to: TLBBench.frame(21), in: first)
    try bench.switchTo(second)
    try expect(bench, 8)
    try bench.switchTo(first)
    #expect(try bench.read(TLBBench.page(3)) == TLBBench.frame(21))
    // Taken away.
    try bench.switchTo(second)
    bench.map(TLBBench.page(0), to: 0, 0, in: first)
    try bench.switchTo(first)
    #expect(throws: GuestFault.self) { try bench.read(TLBBench.page(0)) }
    // Several times over, and through a load of the same CR3.
    for n in UInt32(0)..<8 {
      bench.map(TLBBench.page(1), to: TLBBench.frame(30 + n), in: first)
      try bench.reloadCR3()
      #expect(try bench.read(TLBBench.page(1)) == TLBBench.frame(30 + n))
    }
  }

  @Test("a right taken from a page is gone after the switch", arguments: ShadowOptions.Mode.allCases, TLBTags.allCases)
  func rights(_ mode: ShadowOptions.Mode, _ tags: TLBTags) throws {
    let (bench, first, second) = try spaces(.shadow, tags, mode)
    try bench.switchTo(first)
    try bench.store(1, TLBBench.page(0) + 8)
    try bench.switchTo(second)
    bench.map(TLBBench.page(0), to: TLBBench.frame(0), TLBBench.present | 4, in: first)
    try bench.switchTo(first)
    #expect(throws: GuestFault.self) { try bench.store(2, TLBBench.page(0) + 8) }
    #expect(try bench.read(TLBBench.page(0) + 8) == 1)
  }

  @Test("INVLPG forgets the page in every address space", arguments: ShadowOptions.Mode.allCases)
  func invalidation(_ mode: ShadowOptions.Mode) throws {
    let (bench, first, second) = try spaces(.shadow, .pcid, mode)
    try bench.switchTo(first)
    bench.invlpg(TLBBench.page(1))
    #expect(try bench.misses { try expect(bench, 0) } == 1)
    try bench.switchTo(second)
    #expect(try bench.misses { try expect(bench, 8) } == 1)
  }

  @Test("a global page is shared by the address spaces of a tagged TLB")
  func globalPages() throws {
    let bench = try TLBBench(tlb((64, 4), .pcid), pager: .shadow)
    let other = bench.newSpace()
    for space in [bench.root, other] {
      bench.map(TLBBench.page(0), to: TLBBench.frame(0), TLBBench.all | TLBBench.global, in: space)
    }
    try bench.readPages([0])
    try bench.switchTo(other)
    #expect(try bench.misses(TLBBench.page(0)) == 0)
    bench.map(TLBBench.page(0), to: TLBBench.frame(1), TLBBench.all | TLBBench.global, in: other)
    bench.invlpg(TLBBench.page(0))
    #expect(try bench.read(TLBBench.page(0)) == TLBBench.frame(1))
  }

  @Test(
    "two PAE address spaces whose pointers share a page are told apart", arguments: ShadowOptions.Mode.allCases,
    TLBTags.allCases)
  func pointers(_ mode: ShadowOptions.Mode, _ tags: TLBTags) throws {
    let bench = try TLBBench(tlb((64, 4), tags), pager: .shadow, cr4: [.pae]) { $0.shadow.mode = mode }
    for n in UInt32(0)..<4 { bench.write(n, at: TLBBench.large + n << 20) }
    // The second quarter of the one is the third of the other, and the other way round.
    let second = bench.root + 0x20
    for (part, other) in [(UInt32(0), UInt32(0)), (1, 2), (2, 1), (3, 3)] {
      bench.write(bench.word(bench.root + 8 * other), at: second + 8 * part)
    }
    bench.mapWide(0, to: TLBBench.large)
    bench.write(TLBBench.large + 0x20_0000 | TLBBench.largePage, at: bench.word(bench.root + 16) & ~0xfff)
    for _ in 0..<3 {
      try bench.switchTo(bench.root)
      #expect(try bench.read(0x4010_0000) == 1 && bench.read(0x8010_0000) == 3)
      try bench.switchTo(second)
      #expect(try bench.read(0x4010_0000) == 3 && bench.read(0x8010_0000) == 1)
    }
  }

  @Test(
    "more address spaces than the monitor has tables for are still told apart", arguments: ShadowOptions.Mode.allCases,
    TLBTags.allCases)
  func manySpaces(_ mode: ShadowOptions.Mode, _ tags: TLBTags) throws {
    let bench = try TLBBench(tlb((64, 4), tags), pager: .shadow) {
      $0.shadow.mode = mode
      $0.shadow.memory = ShadowOptions.leastMemory
    }
    let spaces = (0..<12).map { _ in bench.newSpace() }
    for (n, space) in spaces.enumerated() {
      for page in UInt32(0)..<3 { bench.map(TLBBench.page(page), to: TLBBench.frame(UInt32(n) * 3 + page), in: space) }
    }
    for round in UInt32(0)..<4 {
      for (n, space) in spaces.enumerated() {
        try bench.switchTo(space)
        for page in UInt32(0)..<3 {
          #expect(try bench.read(TLBBench.page(page)) == TLBBench.frame(UInt32(n) * 3 + page), "round \(round), space \(n)")
        }
      }
    }
    #expect(bench.processor.pagingCounters.tablesEvicted > 0)
  }
}
