// The modelled TLB, looked at access by access: what it holds, what it loses and when, and that nothing else answers
// for it. Misses are the measure: a page that costs one wasn't there.

import ISA
import Memory
import Testing

@testable import Processor

/// Page tables and a processor that uses them, without a program: no fetch comes between two accesses.
///
///   0x10_0000 frames, 256   0x20_0000 page tables   0x40_0000 what large pages map   0x80_0000 end of RAM
private final class Bench {
  static let window: UInt32 = 0x4000_0000, frames: UInt32 = 0x10_0000, large: UInt32 = 0x40_0000
  static let present: UInt32 = 1, all: UInt32 = 7, global: UInt32 = 0x100, largePage: UInt32 = 0x87

  let memory: GuestPhysicalMemory
  let processor: Processor
  private var nextTable: UInt32 = 0x20_0000
  private(set) var root: UInt32 = 0
  var cpu: CPU { processor.cpu }

  init(
    _ tlb: TLBOptions?, pager: PagerKind = .none, cr4: CR4 = [.pse, .pge],
    change: (inout PagingConfiguration) -> Void = { _ in }
  ) throws {
    memory = try GuestPhysicalMemory(machine: MachineMemory(size: 24 << 20), ramSize: 8 << 20)
    processor = Processor(memory: memory)
    processor.enterFlatProtectedMode()
    for frame in UInt32(0)..<256 { cpu.writePhysical(UInt64(Bench.frame(frame)), Bench.frame(frame)) }
    var configuration = PagingConfiguration(pager: pager)
    configuration.shadow.memory = 1 << 20
    configuration.nested.largePages = .used
    configuration.tlb = tlb
    change(&configuration)
    try processor.usePaging(configuration)
    root = newSpace()
    try cpu.setCR4(cr4.rawValue)
    if cr4.contains(.pae) {
      for part in UInt32(0)..<4 { write(newTable() | Bench.present, at: root + 8 * part) }
    }
    try cpu.setCR3(root)
    try cpu.setCR0(cpu.s.pointee.cr0 | CR0.pg.rawValue | CR0.wp.rawValue)
  }

  static func frame(_ number: UInt32) -> UInt32 { frames + number << 12 }
  static func page(_ number: UInt32) -> UInt32 { window + number << 12 }

  // MARK: Tables, written as the guest's stores would

  func write(_ value: UInt32, at physical: UInt32) { cpu.writePhysical(UInt64(physical), value) }
  func word(_ physical: UInt32) -> UInt32 {
    memory.pointer(to: GuestPhysicalAddress(physical))?.loadUnaligned(as: UInt32.self) ?? 0
  }

  private func newTable() -> UInt32 {
    defer { nextTable += 0x1000 }
    return nextTable
  }

  /// A two-level address space with nothing in it.
  func newSpace() -> UInt32 { newTable() }

  func entryAddress(_ linear: UInt32, in space: UInt32? = nil) -> UInt32 {
    let directory = (space ?? root) + linear >> 22 * 4
    if word(directory) == 0 { write(newTable() | Bench.all, at: directory) }
    return word(directory) & ~0xfff + (linear >> 12 & 0x3ff) * 4
  }

  func map(_ linear: UInt32, to physical: UInt32, _ bits: UInt32 = all, in space: UInt32? = nil) {
    write(physical | bits, at: entryAddress(linear, in: space))
  }

  /// Pages 0 and up of the window onto the frames of the same numbers.
  func mapWindow(_ count: UInt32, _ bits: UInt32 = all) {
    for n in 0..<count { map(Bench.page(n), to: Bench.frame(n), bits) }
  }

  /// A page of 4 MiB.
  func mapLarge(_ linear: UInt32, to physical: UInt32, _ bits: UInt32 = 0) {
    write(physical | Bench.largePage | bits, at: root + linear >> 22 * 4)
  }

  /// Page 0 of 2 MiB below `window` in PAE tables.
  func mapWide(_ index: UInt32, to physical: UInt32) {
    write(physical | Bench.largePage, at: word(root + 8) & ~0xfff + 8 * index)
  }

  // MARK: The processor

  @discardableResult
  func read(_ linear: UInt32, user: Bool = false) throws -> UInt32 { try cpu.load(linear, user: user) }

  func store(_ value: UInt32, _ linear: UInt32, user: Bool = false) throws { try cpu.store(value, linear, user: user) }

  func invlpg(_ linear: UInt32) { cpu.invalidatePage(linear) }

  func switchTo(_ space: UInt32) throws { try cpu.setCR3(space) }

  func reloadCR3() throws { try cpu.setCR3(cpu.s.pointee.cr3) }

  /// TLB misses while `body` runs.
  func misses(_ body: () throws -> Void) rethrows -> UInt64 {
    let before = processor.pagingCounters.tlbMisses
    try body()
    return processor.pagingCounters.tlbMisses - before
  }

  /// Misses of one read.
  func misses(_ linear: UInt32, user: Bool = false) throws -> UInt64 { try misses { try read(linear, user: user) } }

  /// Reads pages of the window in turn.
  func readPages(_ numbers: some Sequence<UInt32>) throws {
    for n in numbers { #expect(try read(Bench.page(n)) == Bench.frame(n)) }
  }
}

private func tlb(_ small: (Int, Int), large: Int = 32, _ tags: TLBTags = .vpid, keepsGlobal: Bool = true) -> TLBOptions
{
  var options = TLBOptions()
  options.small = TLBGeometry(entries: small.0, ways: small.1)
  options.large2M = TLBGeometry(entries: large, ways: large == 0 ? 1 : 4)
  options.large4M = options.large2M
  options.tags = tags
  options.keepsGlobal = keepsGlobal
  return options
}

// MARK: - Capacity

@Suite("The modelled TLB's size and shape")
struct TLBCapacityTests {
  @Test("a working set that fits costs one miss a page, however often it is used", arguments: PagerKind.allCases)
  func fits(_ pager: PagerKind) throws {
    for shape in [(16, 4), (16, 1), (16, 16), (12, 3), (6, 6)] {
      let bench = try Bench(tlb(shape), pager: pager)
      bench.mapWindow(16)
      let count = UInt32(shape.0)
      let misses = try bench.misses { for _ in 0..<3 { try bench.readPages(0..<count) } }
      #expect(misses == UInt64(count), "\(shape.0)x\(shape.1)")
    }
  }

  @Test(
    "a round through one page more than there is room for misses wherever the set is too small",
    arguments: PagerKind.allCases)
  func doesNotFit(_ pager: PagerKind) throws {
    // One set: each page is gone before it comes round again.
    var bench = try Bench(tlb((16, 16)), pager: pager)
    bench.mapWindow(17)
    #expect(try bench.misses { for _ in 0..<3 { try bench.readPages(0..<17) } } == 51)
    // Four sets: only the set with five pages suffers.
    bench = try Bench(tlb((16, 4)), pager: pager)
    bench.mapWindow(17)
    #expect(try bench.misses { for _ in 0..<3 { try bench.readPages(0..<17) } } == 12 + 3 * 5)
  }

  @Test("pages whose numbers differ by a multiple of the sets fight for the ways of one", arguments: PagerKind.allCases)
  func conflicts(_ pager: PagerKind) throws {
    let bench = try Bench(tlb((8, 2)), pager: pager)
    bench.mapWindow(64)
    #expect(try bench.misses { for _ in 0..<10 { try bench.readPages([0, 4]) } } == 2)
    #expect(try bench.misses { for _ in 0..<10 { try bench.readPages([0, 4, 8]) } } == 28, "0 and 4 were there")
    #expect(try bench.misses { for _ in 0..<10 { try bench.readPages([1, 2, 3, 5]) } } == 4)
  }

  @Test("replacement takes the ways in turn, without regard to use")
  func roundRobin() throws {
    let bench = try Bench(tlb((2, 2)))
    bench.mapWindow(3)
    #expect(try bench.misses { try bench.readPages([0, 1, 0, 0, 2]) } == 3)
    // The least recently used is 1, the first to come was 0.
    #expect(try bench.misses(Bench.page(1)) == 0)
    #expect(try bench.misses(Bench.page(0)) == 1, "and it takes the place of 1")
    #expect(try bench.misses(Bench.page(2)) == 0)
    #expect(try bench.misses(Bench.page(1)) == 1)
  }

  @Test("a TLB of one entry holds the last page")
  func single() throws {
    let bench = try Bench(tlb((1, 1), large: 0))
    bench.mapWindow(2)
    #expect(try bench.misses { for _ in 0..<5 { try bench.readPages([0, 0, 0, 1, 1]) } } == 10)
  }

  @Test("an entry serves both privileges, and an address that ring 3 may not use still faults")
  func privileges() throws {
    let bench = try Bench(tlb((16, 4)))
    bench.mapWindow(2)
    bench.map(Bench.page(1), to: Bench.frame(1), 3)
    #expect(try bench.misses { try bench.readPages([0, 1]) } == 2)
    #expect(try bench.misses(Bench.page(0), user: true) == 0)
    #expect(throws: GuestFault.self) { try bench.read(Bench.page(1), user: true) }
    #expect(try bench.misses(Bench.page(1)) == 0)
  }

  @Test(
    "a read of a page and then a write of it is one miss, and one walk for the right", arguments: PagerKind.allCases)
  func assists(_ pager: PagerKind) throws {
    let bench = try Bench(tlb((16, 4)), pager: pager)
    bench.mapWindow(1)
    let before = bench.processor.pagingCounters
    try bench.readPages([0])
    try bench.store(1, Bench.page(0))
    try bench.store(2, Bench.page(0))
    let after = bench.processor.pagingCounters
    #expect(after.tlbMisses - before.tlbMisses == 1)
    #expect(after.tlbAssists - before.tlbAssists == 1)
    #expect(bench.word(bench.entryAddress(Bench.page(0))) & 0x60 == 0x60)
  }

  @Test(
    "a miss costs two references in two levels, and fourteen through EPT",
    arguments: [(PagerKind.none, UInt64(2)), (.shadow, 2), (.nested, 14)])
  func references(pager: PagerKind, count: UInt64) throws {
    let bench = try Bench(tlb((1, 1)), pager: pager) { $0.nested.largePages = .none }
    bench.mapWindow(2)
    try bench.readPages([0, 1])
    let before = bench.processor.pagingCounters
    for _ in 0..<10 { try bench.readPages([0, 1]) }
    let after = bench.processor.pagingCounters
    #expect(after.tlbMisses - before.tlbMisses == 20)
    #expect(after.missReferences - before.missReferences == 20 * count)
    #expect(after.walkReferences - before.walkReferences == 20 * count)
  }
}

// MARK: - Page sizes

@Suite("The modelled TLB's arrays for large pages")
struct TLBPageSizeTests {
  @Test("a 4 MiB page takes one entry of its own array, and none of the small ones")
  func large4M() throws {
    let bench = try Bench(tlb((2, 2)))
    bench.mapWindow(2)
    bench.mapLarge(0x5000_0000, to: Bench.large)
    try bench.readPages([0, 1])
    let before = bench.processor.pagingCounters
    for offset in stride(from: UInt32(0), to: 4 << 20, by: 0x1_1000) { try bench.read(0x5000_0000 + offset) }
    #expect(bench.processor.pagingCounters.tlbMisses4M - before.tlbMisses4M == 1)
    #expect(bench.processor.pagingCounters.tlbMisses - before.tlbMisses == 1)
    #expect(try bench.misses { try bench.readPages([0, 1]) } == 0)
  }

  @Test("behind shadow tables and EPT a 4 MiB page is two of 2 MiB", arguments: [PagerKind.shadow, .nested])
  func pieces(_ pager: PagerKind) throws {
    let bench = try Bench(tlb((2, 2)), pager: pager)
    bench.mapLarge(0x5000_0000, to: Bench.large)
    for offset in stride(from: UInt32(0), to: 4 << 20, by: 0x1_1000) { try bench.read(0x5000_0000 + offset) }
    let counters = bench.processor.pagingCounters
    #expect(counters.tlbMisses2M == 2 && counters.tlbMisses4M == 0 && counters.tlbMissesSmall == 0)
  }

  @Test("a 2 MiB page of PAE has an array of its own", arguments: PagerKind.allCases)
  func large2M(_ pager: PagerKind) throws {
    var options = tlb((2, 2))
    options.large4M = TLBGeometry(entries: 0, ways: 1)
    let bench = try Bench(options, pager: pager, cr4: [.pae])
    bench.mapWide(0, to: Bench.large)
    bench.mapWide(1, to: Bench.large + 0x20_0000)
    try bench.store(7, Bench.window + 0x23_4560)
    #expect(bench.word(Bench.large + 0x23_4560) == 7)
    for offset in stride(from: UInt32(0), to: 4 << 20, by: 0x1_1000) { try bench.read(Bench.window + offset) }
    let counters = bench.processor.pagingCounters
    #expect(counters.tlbMisses2M == 2 && counters.tlbMisses == 2)
  }

  @Test("without an array for them, large pages are cached in pieces of 4 KiB", arguments: PagerKind.allCases)
  func withoutArray(_ pager: PagerKind) throws {
    let bench = try Bench(tlb((4, 4), large: 0), pager: pager)
    bench.mapLarge(0x5000_0000, to: Bench.large)
    let pieces: [UInt32] = [0, 0x1000, 0x20_0000, 0x3f_f000].map { $0 + 0x5000_0000 }
    #expect(try bench.misses { for _ in 0..<3 { for piece in pieces { try bench.read(piece) } } } == 4)
    #expect(try bench.misses(0x5000_2000) == 1)
    #expect(try bench.misses(0x5000_0000) == 1, "its place was taken")
  }

  @Test("a miss counts as one of the size that it brought in")
  func countedBySize() throws {
    let bench = try Bench(tlb((4, 4), large: 0))
    bench.mapLarge(0x5000_0000, to: Bench.large)
    for piece in UInt32(0)..<4 { try bench.read(0x5000_0000 + piece << 12) }
    #expect(bench.processor.pagingCounters.tlbMissesSmall == 4 && bench.processor.pagingCounters.tlbMisses4M == 0)
  }

  @Test("every part of a large page is its own memory, wherever the first access came", arguments: PagerKind.allCases)
  func parts(_ pager: PagerKind) throws {
    for offset in [UInt32(0), 0x1f_f000, 0x20_0000, 0x3f_f000] {
      let bench = try Bench(tlb((16, 4)), pager: pager)
      for page in UInt32(0)..<1024 { bench.write(page, at: Bench.large + page << 12) }
      bench.mapLarge(0x5000_0000, to: Bench.large)
      try bench.read(0x5000_0000 + offset)
      for page in UInt32(0)..<1024 { #expect(try bench.read(0x5000_0000 + page << 12) == page) }
      for page in UInt32(0)..<1024 { try bench.store(~page, 0x5000_0004 + page << 12, user: true) }
      for page in UInt32(0)..<1024 { #expect(bench.word(Bench.large + page << 12 + 4) == ~page) }
    }
  }

  @Test("a large page over the hole below 1 MiB shows no memory there", arguments: PagerKind.allCases)
  func hole(_ pager: PagerKind) throws {
    let bench = try Bench(tlb((16, 4)), pager: pager)
    bench.mapLarge(0x5000_0000, to: 0)
    #expect(try bench.read(0x5000_0000 + Bench.frame(3)) == Bench.frame(3))
    #expect(throws: GuestFault.self, "the bus's to answer") { try bench.read(0x500b_8000) }
    #expect(try bench.read(0x5000_0000 + Bench.frame(4)) == Bench.frame(4))
  }

  @Test(
    "a large page that reaches past the end of memory shows none of the machine's behind it",
    arguments: PagerKind.allCases)
  func end(_ pager: PagerKind) throws {
    let bench = try Bench(tlb((16, 4)), pager: pager)
    bench.mapLarge(0x5000_0000, to: 0x80_0000)
    #expect(throws: GuestFault.self) { try bench.read(0x5000_0000) }
    // 6 MiB of RAM: the second half of a 4 MiB page has none.
    let memory = try GuestPhysicalMemory(machine: MachineMemory(size: 24 << 20), ramSize: 6 << 20)
    let processor = Processor(memory: memory)
    processor.enterFlatProtectedMode()
    var configuration = PagingConfiguration(pager: pager)
    configuration.tlb = TLBOptions()
    try processor.usePaging(configuration)
    processor.cpu.writePhysical(0x10_0000 + 4 * 0x140, UInt32(0x40_0000 | 0x87))
    try processor.cpu.setCR4(CR4.pse.rawValue)
    try processor.cpu.setCR3(0x10_0000)
    try processor.cpu.setCR0(processor.cpu.s.pointee.cr0 | CR0.pg.rawValue)
    #expect(try processor.cpu.load(0x5000_0000, user: false, as: UInt32.self) == 0)
    #expect(throws: GuestFault.self) { try processor.cpu.load(0x5030_0000, user: false, as: UInt32.self) }
  }

  @Test(
    "with A20 shut, a large page's odd megabytes are its even ones, wherever the first access came",
    arguments: PagerKind.allCases)
  func a20(_ pager: PagerKind) throws {
    let bench = try Bench(tlb((16, 4)), pager: pager)
    for page in UInt32(0)..<1024 { bench.write(page, at: Bench.large + page << 12) }
    bench.mapLarge(0x5000_0000, to: Bench.large)
    bench.processor.a20Enabled = false
    for page in [UInt32(0x300), 0x100, 0x1ff, 0, 0x200, 0x3ff] {
      // Looked up only: should the address be wrong, it isn't touched.
      bench.cpu.flushTLB(keepingGlobal: false)
      for other in [page, 0, 0x101, 0x2ff] {
        let route = try bench.cpu.route(0x5000_0000 + other << 12, write: false, user: false)
        let host = try #require(route.host)
        let expected = try #require(
          bench.memory.pointer(to: GuestPhysicalAddress(Bench.large + (other & ~0x100) << 12)))
        #expect(
          host == expected && route.physical == UInt64(Bench.large + (other & ~0x100) << 12), "\(page) then \(other)")
      }
    }
  }
}

// MARK: - Flushes

@Suite("What the modelled TLB forgets")
struct TLBFlushTests {
  @Test(
    "a load of CR3 forgets pages, but global ones only if the TLB keeps none", arguments: PagerKind.allCases,
    [true, false])
  func globalPages(_ pager: PagerKind, _ keepsGlobal: Bool) throws {
    let bench = try Bench(tlb((16, 4), keepsGlobal: keepsGlobal), pager: pager)
    bench.mapWindow(2)
    bench.map(Bench.page(1), to: Bench.frame(1), Bench.all | Bench.global)
    try bench.readPages([0, 1])
    try bench.read(Bench.page(1), user: true)
    try bench.reloadCR3()
    #expect(try bench.misses(Bench.page(0)) == 1)
    #expect(try bench.misses(Bench.page(1)) == (keepsGlobal ? 0 : 1))
    #expect(try bench.misses(Bench.page(1), user: true) == 0)
  }

  @Test("without CR4.PGE the global bit means nothing", arguments: PagerKind.allCases)
  func withoutPGE(_ pager: PagerKind) throws {
    let bench = try Bench(tlb((16, 4)), pager: pager, cr4: [])
    bench.mapWindow(1, Bench.all | Bench.global)
    try bench.readPages([0])
    try bench.reloadCR3()
    #expect(try bench.misses(Bench.page(0)) == 1)
  }

  @Test("a change of CR4.PGE forgets everything, a write of the same value nothing", arguments: PagerKind.allCases)
  func pge(_ pager: PagerKind) throws {
    let bench = try Bench(tlb((16, 4)), pager: pager)
    bench.mapWindow(2)
    bench.map(Bench.page(1), to: Bench.frame(1), Bench.all | Bench.global)
    bench.mapLarge(0x5000_0000, to: Bench.large, Bench.global)
    func all() throws -> UInt64 {
      try bench.misses { for linear in [Bench.page(0), Bench.page(1), 0x5000_0000] { try bench.read(linear) } }
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
    let bench = try Bench(tlb((16, 4)), pager: pager)
    bench.mapWindow(6)
    for n in UInt32(0)..<3 { bench.map(Bench.page(n), to: Bench.frame(n), Bench.all | Bench.global) }
    try bench.readPages(0..<6)
    bench.invlpg(Bench.page(1) + 0x123)
    bench.invlpg(Bench.page(4) + 0xfff)
    for n in UInt32(0)..<6 { #expect(try bench.misses(Bench.page(n)) == (n == 1 || n == 4 ? 1 : 0), "page \(n)") }
  }

  @Test(
    "INVLPG forgets all of a large page, whole or in pieces, and leaves its neighbours", arguments: PagerKind.allCases,
    [32, 0])
  func largePage(_ pager: PagerKind, _ entries: Int) throws {
    let bench = try Bench(tlb((64, 4), large: entries), pager: pager)
    bench.mapWindow(1)
    bench.mapLarge(0x5000_0000, to: Bench.large, Bench.global)
    bench.mapLarge(0x5040_0000, to: Bench.large)
    let parts: [UInt32] = [0x5000_0000, 0x5000_1000, 0x5020_0000, 0x503f_f000]
    let others: [UInt32] = [0x5040_0000, 0x5060_0000, Bench.page(0)]
    for linear in parts + others { try bench.read(linear) }
    bench.invlpg(0x5012_3456)
    #expect(try bench.misses { for linear in others { try bench.read(linear) } } == 0)
    let pieces: UInt64 = entries == 0 ? 4 : pager == .none ? 1 : 2
    #expect(try bench.misses { for linear in parts { try bench.read(linear) } } == pieces)
  }

  @Test("a page made small out of a large one is the small one after INVLPG", arguments: PagerKind.allCases, [32, 0])
  func split(_ pager: PagerKind, _ entries: Int) throws {
    let bench = try Bench(tlb((64, 4), large: entries), pager: pager)
    for page in UInt32(0)..<1024 { bench.write(page, at: Bench.large + page << 12) }
    bench.mapLarge(0x5000_0000, to: Bench.large)
    for page in UInt32(0)..<8 { try bench.read(0x5000_0000 + page << 12) }
    bench.write(0, at: bench.root + 0x5000_0000 >> 22 * 4)
    for page in UInt32(0)..<8 { bench.map(0x5000_0000 + page << 12, to: Bench.frame(page)) }
    bench.invlpg(0x5000_0000)
    for page in UInt32(0)..<8 { #expect(try bench.read(0x5000_0000 + page << 12) == Bench.frame(page)) }
  }

  @Test(
    "without tags each exit empties the TLB; with them none does", arguments: [PagerKind.shadow, .nested],
    TLBTags.allCases)
  func exits(_ pager: PagerKind, _ tags: TLBTags) throws {
    let bench = try Bench(tlb((16, 4), tags), pager: pager) { $0.nested.largePages = .none }
    bench.mapWindow(3)
    // The first access to each of them is an exit: a hidden fault, or an EPT violation.
    try bench.readPages([0, 1])
    #expect(try bench.misses(Bench.page(0)) == (tags == .none ? 1 : 0))
    #expect(try bench.misses { try bench.readPages([0, 1]) } == 0)
    try bench.readPages([2])
    #expect(try bench.misses { try bench.readPages([0, 1]) } == (tags == .none ? 2 : 0))
  }

  @Test("bare silicon has no monitor to leave for")
  func bareSilicon() throws {
    let bench = try Bench(tlb((16, 4), .none))
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
    guest.map(Bench.window, to: PagingTests.frame)
    for (n, byte) in [UInt8(0xe4), 0x80, 0xf4].enumerated() {
      guest.cpu.writePhysical(UInt64(ProtectedGuest.code) + UInt64(n), byte)
    }
    func misses() throws -> UInt64 {
      let before = guest.processor.pagingCounters.tlbMisses
      let _: UInt32 = try guest.cpu.load(Bench.window, user: false)
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
    let bench = try Bench(tlb((16, 4), keepsGlobal: keepsGlobal), pager: pager)
    bench.mapWindow(3)
    bench.map(Bench.page(0), to: Bench.frame(0), Bench.all | Bench.global)
    func missing() throws -> [UInt32] { try (0..<3).filter { try bench.misses(Bench.page($0)) > 0 } }
    #expect(try missing() == [0, 1, 2])
    bench.processor.invvpid(.individualAddress(LinearAddress(Bench.page(1) + 0x800)))
    #expect(try missing() == [1])
    bench.processor.invvpid(.individualAddress(LinearAddress(Bench.page(0))))
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
    let bench = try Bench(tlb((16, 4), large: entries), pager: pager)
    bench.mapLarge(0x5000_0000, to: Bench.large)
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
    let bench = try Bench(tlb((16, 4)), pager: pager)
    bench.mapWindow(2)
    try bench.readPages([0, 1])
    let entries = bench.memory.entries
    let first = Int(Bench.frame(0) >> 12)
    (entries[first], entries[first + 1]) = (entries[first + 1], entries[first])
    bench.processor.noteBackingChange(of: GuestPhysicalAddress(Bench.frame(0)))
    bench.processor.noteBackingChange(of: GuestPhysicalAddress(Bench.frame(1)))
    #expect(try bench.read(Bench.page(0)) == Bench.frame(1) && bench.read(Bench.page(1)) == Bench.frame(0))
  }
}

// MARK: - Address spaces

@Suite("The modelled TLB and address spaces")
struct TLBAddressSpaceTests {
  /// Two spaces with the same four pages on different frames.
  private func spaces(_ pager: PagerKind, _ tags: TLBTags, _ mode: ShadowOptions.Mode = .eager) throws -> (
    Bench, UInt32, UInt32
  ) {
    let bench = try Bench(tlb((64, 4), tags), pager: pager) { $0.shadow.mode = mode }
    let other = bench.newSpace()
    bench.mapWindow(4)
    for n in UInt32(0)..<4 { bench.map(Bench.page(n), to: Bench.frame(n + 8), in: other) }
    // The second time: new tables, which are watched from then on, cost a flush.
    for _ in 0..<2 {
      for (space, offset) in [(bench.root, UInt32(0)), (other, 8)] {
        try bench.switchTo(space)
        try expect(bench, offset)
      }
    }
    return (bench, bench.root, other)
  }

  private func expect(_ bench: Bench, _ offset: UInt32) throws {
    for n in UInt32(0)..<4 { #expect(try bench.read(Bench.page(n)) == Bench.frame(n + offset)) }
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
    bench.map(Bench.page(2), to: Bench.frame(20), in: first)
    try bench.switchTo(first)
    #expect(try bench.read(Bench.page(2)) == Bench.frame(20))
    #expect(try bench.read(Bench.page(1)) == Bench.frame(1))
    // While it is in use itself, without INVLPG.
    bench.map(Bench.page(3), to: Bench.frame(21), in: first)
    try bench.switchTo(second)
    try expect(bench, 8)
    try bench.switchTo(first)
    #expect(try bench.read(Bench.page(3)) == Bench.frame(21))
    // Taken away.
    try bench.switchTo(second)
    bench.map(Bench.page(0), to: 0, 0, in: first)
    try bench.switchTo(first)
    #expect(throws: GuestFault.self) { try bench.read(Bench.page(0)) }
    // Several times over, and through a load of the same CR3.
    for n in UInt32(0)..<8 {
      bench.map(Bench.page(1), to: Bench.frame(30 + n), in: first)
      try bench.reloadCR3()
      #expect(try bench.read(Bench.page(1)) == Bench.frame(30 + n))
    }
  }

  @Test("a right taken from a page is gone after the switch", arguments: ShadowOptions.Mode.allCases, TLBTags.allCases)
  func rights(_ mode: ShadowOptions.Mode, _ tags: TLBTags) throws {
    let (bench, first, second) = try spaces(.shadow, tags, mode)
    try bench.switchTo(first)
    try bench.store(1, Bench.page(0) + 8)
    try bench.switchTo(second)
    bench.map(Bench.page(0), to: Bench.frame(0), Bench.present | 4, in: first)
    try bench.switchTo(first)
    #expect(throws: GuestFault.self) { try bench.store(2, Bench.page(0) + 8) }
    #expect(try bench.read(Bench.page(0) + 8) == 1)
  }

  @Test("INVLPG forgets the page in every address space", arguments: ShadowOptions.Mode.allCases)
  func invalidation(_ mode: ShadowOptions.Mode) throws {
    let (bench, first, second) = try spaces(.shadow, .pcid, mode)
    try bench.switchTo(first)
    bench.invlpg(Bench.page(1))
    #expect(try bench.misses { try expect(bench, 0) } == 1)
    try bench.switchTo(second)
    #expect(try bench.misses { try expect(bench, 8) } == 1)
  }

  @Test("a global page is shared by the address spaces of a tagged TLB")
  func globalPages() throws {
    let bench = try Bench(tlb((64, 4), .pcid), pager: .shadow)
    let other = bench.newSpace()
    for space in [bench.root, other] {
      bench.map(Bench.page(0), to: Bench.frame(0), Bench.all | Bench.global, in: space)
    }
    try bench.readPages([0])
    try bench.switchTo(other)
    #expect(try bench.misses(Bench.page(0)) == 0)
    bench.map(Bench.page(0), to: Bench.frame(1), Bench.all | Bench.global, in: other)
    bench.invlpg(Bench.page(0))
    #expect(try bench.read(Bench.page(0)) == Bench.frame(1))
  }

  @Test(
    "two PAE address spaces whose pointers share a page are told apart", arguments: ShadowOptions.Mode.allCases,
    TLBTags.allCases)
  func pointers(_ mode: ShadowOptions.Mode, _ tags: TLBTags) throws {
    let bench = try Bench(tlb((64, 4), tags), pager: .shadow, cr4: [.pae]) { $0.shadow.mode = mode }
    for n in UInt32(0)..<4 { bench.write(n, at: Bench.large + n << 20) }
    // The second quarter of the one is the third of the other, and the other way round.
    let second = bench.root + 0x20
    for (part, other) in [(UInt32(0), UInt32(0)), (1, 2), (2, 1), (3, 3)] {
      bench.write(bench.word(bench.root + 8 * other), at: second + 8 * part)
    }
    bench.mapWide(0, to: Bench.large)
    bench.write(Bench.large + 0x20_0000 | Bench.largePage, at: bench.word(bench.root + 16) & ~0xfff)
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
    let bench = try Bench(tlb((64, 4), tags), pager: .shadow) {
      $0.shadow.mode = mode
      $0.shadow.memory = ShadowOptions.leastMemory
    }
    let spaces = (0..<12).map { _ in bench.newSpace() }
    for (n, space) in spaces.enumerated() {
      for page in UInt32(0)..<3 { bench.map(Bench.page(page), to: Bench.frame(UInt32(n) * 3 + page), in: space) }
    }
    for round in UInt32(0)..<4 {
      for (n, space) in spaces.enumerated() {
        try bench.switchTo(space)
        for page in UInt32(0)..<3 {
          #expect(try bench.read(Bench.page(page)) == Bench.frame(UInt32(n) * 3 + page), "round \(round), space \(n)")
        }
      }
    }
    #expect(bench.processor.pagingCounters.tablesEvicted > 0)
  }
}

// MARK: - Inclusion

@Suite("What the modelled TLB lost, nobody has")
struct TLBInclusionTests {
  /// Fills the one set of a TLB with other pages.
  private func crowdOut(_ bench: Bench) throws { try bench.readPages(1...4) }

  @Test(
    "a stale translation is used as long as the TLB has it and not after", arguments: [PagerKind.none, .nested],
    [false, true])
  func stale(_ pager: PagerKind, _ user: Bool) throws {
    let bench = try Bench(tlb((4, 4)), pager: pager)
    bench.mapWindow(5)
    for stores in [false, true] {
      bench.map(Bench.page(0), to: Bench.frame(0))
      bench.invlpg(Bench.page(0))
      try bench.read(Bench.page(0), user: user)
      if stores { try bench.store(1, Bench.page(0) + 8, user: user) }
      bench.map(Bench.page(0), to: Bench.frame(9), Bench.all | 0x60)
      #expect(try bench.read(Bench.page(0), user: user) == Bench.frame(0))
      try crowdOut(bench)
      #expect(try bench.read(Bench.page(0), user: user) == Bench.frame(9))
      try bench.store(2, Bench.page(0) + 8, user: user)
      #expect(bench.word(Bench.frame(9) + 8) == 2)
    }
  }

  @Test("a global page that was replaced isn't revived after a load of CR3", arguments: [PagerKind.none, .nested])
  func global(_ pager: PagerKind) throws {
    let bench = try Bench(tlb((4, 4)), pager: pager)
    bench.mapWindow(5)
    bench.map(Bench.page(0), to: Bench.frame(0), Bench.all | Bench.global)
    try bench.readPages([0])
    try bench.reloadCR3()
    bench.map(Bench.page(0), to: Bench.frame(9), Bench.all | Bench.global)
    try crowdOut(bench)
    #expect(try bench.read(Bench.page(0)) == Bench.frame(9))
  }

  @Test("of a large page that was replaced no part stays", arguments: [PagerKind.none, .nested])
  func large(_ pager: PagerKind) throws {
    let bench = try Bench(tlb((4, 4), large: 4), pager: pager)
    for n in UInt32(0)..<6 { bench.mapLarge(0x5000_0000 + n << 22, to: Bench.large) }
    bench.write(1, at: Bench.large)
    try bench.read(0x5000_0000)
    bench.write(0, at: bench.root + 0x5000_0000 >> 22 * 4)
    #expect(try bench.read(0x5000_0000) == 1)
    for n in UInt32(1)..<6 { try bench.read(0x5000_0000 + n << 22) }
    #expect(throws: GuestFault.self) { try bench.read(0x5000_0000) }
  }

  @Test(
    "a translation that another access found changed is changed for both privileges",
    arguments: [PagerKind.none, .nested])
  func changed(_ pager: PagerKind) throws {
    let bench = try Bench(tlb((16, 4)), pager: pager)
    bench.mapWindow(1)
    try bench.read(Bench.page(0), user: true)
    try bench.read(Bench.page(0))
    bench.map(Bench.page(0), to: Bench.frame(9))
    // The page isn't dirty: the processor walks, and finds the other frame.
    try bench.store(1, Bench.page(0) + 8)
    #expect(bench.word(Bench.frame(9) + 8) == 1)
    #expect(try bench.read(Bench.page(0)) == Bench.frame(9))
    #expect(try bench.read(Bench.page(0), user: true) == Bench.frame(9), "one TLB, one entry")
  }

  @Test(
    "stores that the TLB let pass are asked about again once their page is a page table", arguments: PagerKind.allCases,
    [false, true])
  func becomesTable(_ pager: PagerKind, _ isLarge: Bool) throws {
    for (mode, tags) in [(ShadowOptions.Mode.eager, TLBTags.vpid), (.lazy, .vpid), (.eager, .pcid), (.lazy, .none)] {
      let bench = try Bench(tlb((64, 4), tags), pager: pager) { $0.shadow.mode = mode }
      bench.mapWindow(2)
      let table = Bench.large + 0x5000
      let alias: UInt32 = isLarge ? 0x5000_5000 : Bench.page(1)
      if isLarge { bench.mapLarge(0x5000_0000, to: Bench.large) } else { bench.map(alias, to: table) }
      for user in [false, true] { try bench.store(0, alias, user: user) }
      // Its first entry is written through the alias before and after the table is in use.
      try bench.store(Bench.frame(1) | Bench.all, alias)
      bench.write(table | Bench.all, at: bench.root + 0x6000_0000 >> 22 * 4)
      for n in UInt32(1)..<6 {
        #expect(try bench.read(0x6000_0000) == Bench.frame(n), "\(mode) \(tags)")
        try bench.store(Bench.frame(n + 1) | Bench.all, alias, user: n & 1 == 0)
        bench.invlpg(0x6000_0000)
      }
    }
  }

  @Test("an access to a device's page asks the bus each time", arguments: PagerKind.allCases)
  func device(_ pager: PagerKind) throws {
    let bench = try Bench(tlb((16, 4)), pager: pager)
    bench.map(Bench.page(0), to: 0xb_8000)
    for _ in 0..<3 { #expect(throws: GuestFault.self) { try bench.read(Bench.page(0)) } }
  }
}

// MARK: - The same results

@Suite("The modelled TLB changes nothing that a guest computes")
struct TLBTransparencyTests {
  private struct Random {
    var state: UInt64
    mutating func next(_ below: UInt32) -> UInt32 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt32(state >> 33) % below
    }
  }

  /// Random accesses, remappings with their INVLPG, and switches of address space; what was read, and the frames' end.
  private func results(_ bench: Bench, seed: UInt64) throws -> (read: [UInt32], frames: [UInt32]) {
    var random = Random(state: seed)
    let spaces = [bench.root, bench.newSpace(), bench.newSpace()]
    var frames: [[UInt32]] = []
    for space in spaces {
      frames.append((0..<24).map { _ in random.next(64) })
      for n in UInt32(0)..<24 { bench.map(Bench.page(n), to: Bench.frame(frames[frames.count - 1][Int(n)]), in: space) }
    }
    var read: [UInt32] = []
    var current = 0
    try bench.switchTo(spaces[0])
    for step in UInt32(0)..<3000 {
      let n = random.next(24)
      let offset = random.next(1024) * 4
      let user = random.next(2) == 0
      switch random.next(20) {
      case 0..<8: read.append(try bench.read(Bench.page(n) + offset, user: user))
      case 8..<16: try bench.store(step, Bench.page(n) + offset, user: user)
      case 16, 17:
        bench.map(Bench.page(n), to: Bench.frame(random.next(64)), in: spaces[current])
        bench.invlpg(Bench.page(n))
      case 18:
        // Elsewhere: seen at the next switch.
        let other = (current + 1 + Int(random.next(2))) % 3
        bench.map(Bench.page(n), to: Bench.frame(random.next(64)), in: spaces[other])
      default:
        current = Int(random.next(3))
        try bench.switchTo(spaces[current])
      }
    }
    // Of the tables only what marks say in the end, whose time a TLB may choose, is left out.
    return (read, (0..<64 * 1024).map { bench.word(Bench.frames + UInt32($0) * 4) })
  }

  static let models: [TLBOptions] = [
    tlb((1, 1), large: 0), tlb((4, 2)), tlb((16, 4)), tlb((16, 16), .none), tlb((64, 4), .none, keepsGlobal: false),
    tlb((64, 4), .pcid), tlb((8, 1), large: 0, .pcid),
  ]

  @Test("random accesses read the same with every TLB under every pager", arguments: 1...4)
  func random(seed: UInt64) throws {
    let expected = try results(Bench(nil), seed: seed)
    for pager in PagerKind.allCases {
      for mode in pager == .shadow ? ShadowOptions.Mode.allCases : [.eager] {
        for model in [nil] + Self.models.map(Optional.some) {
          for memory in pager == .shadow ? [ShadowOptions.leastMemory, 1 << 20] : [0] {
            let bench = try Bench(model, pager: pager) {
              $0.shadow.mode = mode
              if memory > 0 { $0.shadow.memory = memory }
            }
            let found = try results(bench, seed: seed)
            #expect(
              found.read == expected.read && found.frames == expected.frames,
              "\(pager) \(mode) \(String(describing: model)) \(memory)")
          }
        }
      }
    }
  }

  @Test("a program ends in the same state, with every TLB under every pager")
  func program() throws {
    // mov ecx, 200; again: mov eax, ecx; and eax, 15; shl eax, 12; add [esi + eax], ecx; mov edx, [esi + eax]; add ebx, edx;
    // invlpg [esi + eax]; loop again
    let code: [UInt8] = [
      0xb9, 200, 0, 0, 0, 0x89, 0xc8, 0x83, 0xe0, 0x0f, 0xc1, 0xe0, 0x0c, 0x01, 0x0c, 0x06, 0x8b, 0x14, 0x06, 0x01,
      0xd3,
      0x0f, 0x01, 0x3c, 0x06, 0xe2, 0xea,
    ]
    func end(_ pager: PagerKind, _ model: TLBOptions?) throws -> (ArchitecturalState, [UInt32]) {
      let guest = try PagedGuest([])
      var configuration = PagingConfiguration(pager: pager)
      configuration.shadow.memory = ShadowOptions.leastMemory
      configuration.tlb = model
      try guest.processor.usePaging(configuration)
      for n in UInt32(0)..<16 { guest.map(Bench.page(n), to: PagingTests.frame + n << 12) }
      #expect(guest.run(code, esi: Bench.window) == nil)
      let words = (0..<16).map { guest.guest.word(PagingTests.frame + UInt32($0) << 12) }
      return (guest.processor.architecturalState, words)
    }
    let expected = try end(.none, nil)
    #expect(expected.1.contains { $0 != 0 })
    for pager in PagerKind.allCases {
      for model in Self.models {
        let found = try end(pager, model)
        #expect(found.0.differences(from: expected.0) == [] && found.1 == expected.1, "\(pager) \(model)")
      }
    }
  }

  @Test("a pager and a TLB may be changed in the middle of a program")
  func changed() throws {
    let bench = try Bench(nil)
    bench.mapWindow(16)
    var value: UInt32 = 1
    for model in [nil, Self.models[0], Self.models[5], nil, Self.models[2]] {
      for pager in PagerKind.allCases {
        var configuration = PagingConfiguration(pager: pager)
        configuration.shadow.memory = ShadowOptions.leastMemory
        configuration.tlb = model
        try bench.processor.usePaging(configuration)
        for n in UInt32(0)..<16 {
          if value > 1 { #expect(try bench.read(Bench.page(n) + 16) == value - 1) }
          try bench.store(value, Bench.page(n) + 16)
        }
        value += 1
      }
    }
  }

  @Test("a shape that makes no sense isn't valid")
  func validity() {
    for (entries, ways) in [(-1, 1), (3, 2), (6, 2), (12, 5), (65_537, 1), (131_072, 4), (4, 0), (4, -1), (2, 4)] {
      #expect(!TLBGeometry(entries: entries, ways: ways).isValid, "\(entries)x\(ways)")
    }
    for (entries, ways) in [(1, 1), (6, 3), (6, 6), (65_536, 1), (65_536, 65_536), (0, 0), (0, 5)] {
      #expect(TLBGeometry(entries: entries, ways: ways).isValid, "\(entries)x\(ways)")
    }
    #expect(!tlb((0, 1)).isValid && tlb((1, 1), large: 0).isValid)
  }
}
