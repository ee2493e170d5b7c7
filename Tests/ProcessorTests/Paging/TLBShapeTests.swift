import ISA
import Memory
import Testing

@testable import Processor

// MARK: - Capacity

@Suite("The modelled TLB's size and shape")
struct TLBCapacityTests {
  @Test("a working set that fits costs one miss a page, however often it is used", arguments: PagerKind.allCases)
  func fits(_ pager: PagerKind) throws {
    for shape in [(16, 4), (16, 1), (16, 16), (12, 3), (6, 6)] {
      let bench = try TLBBench(tlb(shape), pager: pager)
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
    var bench = try TLBBench(tlb((16, 16)), pager: pager)
    bench.mapWindow(17)
    #expect(try bench.misses { for _ in 0..<3 { try bench.readPages(0..<17) } } == 51)
    // Four sets: only the set with five pages suffers.
    bench = try TLBBench(tlb((16, 4)), pager: pager)
    bench.mapWindow(17)
    #expect(try bench.misses { for _ in 0..<3 { try bench.readPages(0..<17) } } == 12 + 3 * 5)
  }

  @Test("pages whose numbers differ by a multiple of the sets fight for the ways of one", arguments: PagerKind.allCases)
  func conflicts(_ pager: PagerKind) throws {
    let bench = try TLBBench(tlb((8, 2)), pager: pager)
    bench.mapWindow(64)
    #expect(try bench.misses { for _ in 0..<10 { try bench.readPages([0, 4]) } } == 2)
    #expect(try bench.misses { for _ in 0..<10 { try bench.readPages([0, 4, 8]) } } == 28, "0 and 4 were there")
    #expect(try bench.misses { for _ in 0..<10 { try bench.readPages([1, 2, 3, 5]) } } == 4)
  }

  @Test("replacement takes the ways in turn, without regard to use")
  func roundRobin() throws {
    let bench = try TLBBench(tlb((2, 2)))
    bench.mapWindow(3)
    #expect(try bench.misses { try bench.readPages([0, 1, 0, 0, 2]) } == 3)
    // The least recently used is 1, the first to come was 0.
    #expect(try bench.misses(TLBBench.page(1)) == 0)
    #expect(try bench.misses(TLBBench.page(0)) == 1, "and it takes the place of 1")
    #expect(try bench.misses(TLBBench.page(2)) == 0)
    #expect(try bench.misses(TLBBench.page(1)) == 1)
  }

  @Test("a TLB of one entry holds the last page")
  func single() throws {
    let bench = try TLBBench(tlb((1, 1), large: 0))
    bench.mapWindow(2)
    #expect(try bench.misses { for _ in 0..<5 { try bench.readPages([0, 0, 0, 1, 1]) } } == 10)
  }

  @Test("an entry serves both privileges, and an address that ring 3 may not use still faults")
  func privileges() throws {
    let bench = try TLBBench(tlb((16, 4)))
    bench.mapWindow(2)
    bench.map(TLBBench.page(1), to: TLBBench.frame(1), 3)
    #expect(try bench.misses { try bench.readPages([0, 1]) } == 2)
    #expect(try bench.misses(TLBBench.page(0), user: true) == 0)
    #expect(throws: GuestFault.self) { try bench.read(TLBBench.page(1), user: true) }
    #expect(try bench.misses(TLBBench.page(1)) == 0)
  }

  @Test(
    "a read of a page and then a write of it is one miss, and one walk for the right", arguments: PagerKind.allCases)
  func assists(_ pager: PagerKind) throws {
    let bench = try TLBBench(tlb((16, 4)), pager: pager)
    bench.mapWindow(1)
    let before = bench.processor.pagingCounters
    try bench.readPages([0])
    try bench.store(1, TLBBench.page(0))
    try bench.store(2, TLBBench.page(0))
    let after = bench.processor.pagingCounters
    #expect(after.tlbMisses - before.tlbMisses == 1)
    #expect(after.tlbAssists - before.tlbAssists == 1)
    #expect(bench.word(bench.entryAddress(TLBBench.page(0))) & 0x60 == 0x60)
  }

  @Test(
    "a miss costs two references in two levels, and fourteen through EPT",
    arguments: [(PagerKind.none, UInt64(2)), (.shadow, 2), (.nested, 14)])
  func references(pager: PagerKind, count: UInt64) throws {
    let bench = try TLBBench(tlb((1, 1)), pager: pager) { $0.nested.largePages = .none }
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
    let bench = try TLBBench(tlb((2, 2)))
    bench.mapWindow(2)
    bench.mapLarge(0x5000_0000, to: TLBBench.large)
    try bench.readPages([0, 1])
    let before = bench.processor.pagingCounters
    for offset in stride(from: UInt32(0), to: 4 << 20, by: 0x1_1000) { try bench.read(0x5000_0000 + offset) }
    #expect(bench.processor.pagingCounters.tlbMisses4M - before.tlbMisses4M == 1)
    #expect(bench.processor.pagingCounters.tlbMisses - before.tlbMisses == 1)
    #expect(try bench.misses { try bench.readPages([0, 1]) } == 0)
  }

  @Test("behind shadow tables and EPT a 4 MiB page is two of 2 MiB", arguments: [PagerKind.shadow, .nested])
  func pieces(_ pager: PagerKind) throws {
    let bench = try TLBBench(tlb((2, 2)), pager: pager)
    bench.mapLarge(0x5000_0000, to: TLBBench.large)
    for offset in stride(from: UInt32(0), to: 4 << 20, by: 0x1_1000) { try bench.read(0x5000_0000 + offset) }
    let counters = bench.processor.pagingCounters
    #expect(counters.tlbMisses2M == 2 && counters.tlbMisses4M == 0 && counters.tlbMissesSmall == 0)
  }

  @Test("a 2 MiB page of PAE has an array of its own", arguments: PagerKind.allCases)
  func large2M(_ pager: PagerKind) throws {
    var options = tlb((2, 2))
    options.large4M = TLBGeometry(entries: 0, ways: 1)
    let bench = try TLBBench(options, pager: pager, cr4: [.pae])
    bench.mapWide(0, to: TLBBench.large)
    bench.mapWide(1, to: TLBBench.large + 0x20_0000)
    try bench.store(7, TLBBench.window + 0x23_4560)
    #expect(bench.word(TLBBench.large + 0x23_4560) == 7)
    for offset in stride(from: UInt32(0), to: 4 << 20, by: 0x1_1000) { try bench.read(TLBBench.window + offset) }
    let counters = bench.processor.pagingCounters
    #expect(counters.tlbMisses2M == 2 && counters.tlbMisses == 2)
  }

  @Test("without an array for them, large pages are cached in pieces of 4 KiB", arguments: PagerKind.allCases)
  func withoutArray(_ pager: PagerKind) throws {
    let bench = try TLBBench(tlb((4, 4), large: 0), pager: pager)
    bench.mapLarge(0x5000_0000, to: TLBBench.large)
    let pieces: [UInt32] = [0, 0x1000, 0x20_0000, 0x3f_f000].map { $0 + 0x5000_0000 }
    #expect(try bench.misses { for _ in 0..<3 { for piece in pieces { try bench.read(piece) } } } == 4)
    #expect(try bench.misses(0x5000_2000) == 1)
    #expect(try bench.misses(0x5000_0000) == 1, "its place was taken")
  }

  @Test("a miss counts as one of the size that it brought in")
  func countedBySize() throws {
    let bench = try TLBBench(tlb((4, 4), large: 0))
    bench.mapLarge(0x5000_0000, to: TLBBench.large)
    for piece in UInt32(0)..<4 { try bench.read(0x5000_0000 + piece << 12) }
    #expect(bench.processor.pagingCounters.tlbMissesSmall == 4 && bench.processor.pagingCounters.tlbMisses4M == 0)
  }

  @Test("every part of a large page is its own memory, wherever the first access came", arguments: PagerKind.allCases)
  func parts(_ pager: PagerKind) throws {
    for offset in [UInt32(0), 0x1f_f000, 0x20_0000, 0x3f_f000] {
      let bench = try TLBBench(tlb((16, 4)), pager: pager)
      for page in UInt32(0)..<1024 { bench.write(page, at: TLBBench.large + page << 12) }
      bench.mapLarge(0x5000_0000, to: TLBBench.large)
      try bench.read(0x5000_0000 + offset)
      for page in UInt32(0)..<1024 { #expect(try bench.read(0x5000_0000 + page << 12) == page) }
      for page in UInt32(0)..<1024 { try bench.store(~page, 0x5000_0004 + page << 12, user: true) }
      for page in UInt32(0)..<1024 { #expect(bench.word(TLBBench.large + page << 12 + 4) == ~page) }
    }
  }

  @Test("a large page over the hole below 1 MiB shows no memory there", arguments: PagerKind.allCases)
  func hole(_ pager: PagerKind) throws {
    let bench = try TLBBench(tlb((16, 4)), pager: pager)
    bench.mapLarge(0x5000_0000, to: 0)
    #expect(try bench.read(0x5000_0000 + TLBBench.frame(3)) == TLBBench.frame(3))
    #expect(throws: GuestFault.self, "the bus's to answer") { try bench.read(0x500b_8000) }
    #expect(try bench.read(0x5000_0000 + TLBBench.frame(4)) == TLBBench.frame(4))
  }

  @Test(
    "a large page that reaches past the end of memory shows none of the machine's behind it",
    arguments: PagerKind.allCases)
  func end(_ pager: PagerKind) throws {
    let bench = try TLBBench(tlb((16, 4)), pager: pager)
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
    let bench = try TLBBench(tlb((16, 4)), pager: pager)
    for page in UInt32(0)..<1024 { bench.write(page, at: TLBBench.large + page << 12) }
    bench.mapLarge(0x5000_0000, to: TLBBench.large)
    bench.processor.a20Enabled = false
    for page in [UInt32(0x300), 0x100, 0x1ff, 0, 0x200, 0x3ff] {
      // Looked up only: should the address be wrong, it isn't touched.
      bench.cpu.flushTLB(keepingGlobal: false)
      for other in [page, 0, 0x101, 0x2ff] {
        let route = try bench.cpu.route(0x5000_0000 + other << 12, write: false, user: false)
        let host = try #require(route.host)
        let expected = try #require(
          bench.memory.pointer(to: GuestPhysicalAddress(TLBBench.large + (other & ~0x100) << 12)))
        #expect(
          host == expected && route.physical == UInt64(TLBBench.large + (other & ~0x100) << 12), "\(page) then \(other)")
      }
    }
  }
}
