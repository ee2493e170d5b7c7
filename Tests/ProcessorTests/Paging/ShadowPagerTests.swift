import ISA
import Memory
import Testing

@testable import Processor

@Suite("The shadow pager")
struct ShadowPagerTests {
  static let linear: UInt32 = 0x4000_0000, frame: UInt32 = 0x18_0000
  static let directory = PagedGuest.tables + linear >> 22 * 4

  private func guest(
    _ mode: ShadowOptions.Mode = .eager, large: ShadowOptions.LargePages = .kept, memory: Int = 1 << 20,
    cr4: UInt32 = 0
  ) throws -> PagedGuest {
    var paging = PagingConfiguration(pager: .shadow)
    paging.shadow.mode = mode
    paging.shadow.largePages = large
    paging.shadow.memory = memory
    return try PagedGuest([], cr4: cr4, paging: paging)
  }

  /// What happened while `body` ran.
  private func counting(_ guest: PagedGuest, _ body: () throws -> Void) rethrows -> PagingCounters {
    let before = guest.processor.pagingCounters
    try body()
    let after = guest.processor.pagingCounters
    var change = PagingCounters()
    change.hiddenFaults = after.hiddenFaults - before.hiddenFaults
    change.trueFaults = after.trueFaults - before.trueFaults
    change.traceHits = after.traceHits - before.traceHits
    change.rootsBuilt = after.rootsBuilt - before.rootsBuilt
    change.tablesUnsynced = after.tablesUnsynced - before.tablesUnsynced
    change.tablesResynced = after.tablesResynced - before.tablesResynced
    change.tablesDropped = after.tablesDropped - before.tablesDropped
    change.tablesEvicted = after.tablesEvicted - before.tablesEvicted
    return change
  }

  private func invlpg(_ guest: PagedGuest, _ linear: UInt32) {
    #expect(guest.run([0x0f, 0x01, 0x3e], esi: linear) == nil)
  }

  /// mov eax, cr3; mov cr3, eax
  private func reloadCR3(_ guest: PagedGuest) { #expect(guest.run([0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8]) == nil) }

  @Test("a page that the guest maps comes by one hidden fault, and is in real tables then", arguments: ShadowOptions.Mode.allCases)
  func hiddenFault(_ mode: ShadowOptions.Mode) throws {
    let guest = try guest(mode)
    guest.map(Self.linear, to: Self.frame)
    #expect(guest.load(0x9000) != nil)
    #expect(guest.processor.inspectPager(LinearAddress(Self.linear), user: false) == nil)
    let change = counting(guest) { #expect(guest.load(Self.linear) == 0) }
    #expect(change.hiddenFaults == 1 && change.trueFaults == 0)
    let page = try #require(guest.processor.inspectPager(LinearAddress(Self.linear), user: false))
    #expect(page.machine.value == UInt64(Self.frame) && page.rights == [.read, .user, .execute], "not written yet")
    #expect(guest.entry(Self.linear) & 0x60 == 0x20)
    // The first write is hidden too: it sets D. The second is nobody's business.
    let count1 = counting(guest) { #expect(guest.store(1, Self.linear)) }
    #expect(count1.hiddenFaults == 1)
    #expect(guest.entry(Self.linear) & 0x60 == 0x60)
    let count2 = counting(guest) { #expect(guest.store(2, Self.linear)) }
    #expect(count2.hiddenFaults == 0)
    guest.cpu.clearArrays()
    let count3 = counting(guest) { #expect(guest.store(3, Self.linear)) }
    #expect(count3.hiddenFaults == 0, "the tables know the page")
    #expect(guest.processor.auditShadow() == [])
  }

  @Test("a fault that is the guest's own is handed on with its error code", arguments: ShadowOptions.Mode.allCases)
  func trueFault(_ mode: ShadowOptions.Mode) throws {
    let guest = try guest(mode)
    guest.map(Self.linear, to: Self.frame, PagedGuest.present)
    let change = counting(guest) { #expect(!guest.store(1, Self.linear)) }
    #expect(change.trueFaults == 1 && guest.errorCode == 3 && guest.cpu.s.pointee.cr2 == Self.linear)
    #expect(guest.load(Self.linear + 0x1000) == nil && guest.errorCode == 0)
  }

  @Test("eager: a write to a page table is caught and carried over at once")
  func eager() throws {
    let guest = try guest()
    guest.map(Self.linear, to: Self.frame)
    #expect(guest.store(7, Self.linear))
    let change = counting(guest) {
      guest.map(Self.linear, to: Self.frame + 0x1000, PagedGuest.all | 0x60)
    }
    #expect(change.traceHits == 1)
    invlpg(guest, Self.linear)
    let count4 = counting(guest) { #expect(guest.load(Self.linear) == 0) }
    #expect(count4.hiddenFaults == 0, "carried over, not faulted in")
    // An entry that isn't accessed yet waits for its fault, so that A is set in time.
    guest.map(Self.linear, to: Self.frame)
    invlpg(guest, Self.linear)
    let count5 = counting(guest) { #expect(guest.load(Self.linear) == 7) }
    #expect(count5.hiddenFaults == 1)
    #expect(guest.entry(Self.linear) & 0x60 == 0x20)
    guest.map(Self.linear, to: 0, 0)
    invlpg(guest, Self.linear)
    #expect(guest.load(Self.linear) == nil)
    #expect(guest.processor.auditShadow() == [])
  }

  @Test("lazy: the first write lets a table go, the next are free; INVLPG takes the truth over for one page, CR3 for all")
  func lazy() throws {
    let guest = try guest(.lazy)
    let second = Self.linear + 0x1000
    guest.map(Self.linear, to: Self.frame)
    guest.map(second, to: Self.frame + 0x1000)
    #expect(guest.store(1, Self.linear) && guest.store(2, second))
    let change = counting(guest) {
      guest.map(Self.linear, to: Self.frame + 0x1000)
      guest.map(second, to: Self.frame)
    }
    #expect(change.traceHits == 1 && change.tablesUnsynced == 1)
    #expect(guest.load(Self.linear) == 1, "still what the TLB may know")
    invlpg(guest, Self.linear)
    #expect(guest.load(Self.linear) == 2)
    #expect(guest.load(second) == 2, "not flushed")
    let count6 = counting(guest) { reloadCR3(guest) }
    #expect(count6.tablesResynced == 1)
    #expect(guest.load(second) == 1)
    let count7 = counting(guest) { guest.map(second, to: Self.frame + 0x2000) }
    #expect(count7.traceHits == 1, "watched again")
    #expect(guest.processor.auditShadow() == [])
  }

  @Test("lazy: a table that is out of sync is compared before another directory entry leads to it")
  func relinked() throws {
    let guest = try guest(.lazy)
    guest.map(Self.linear, to: Self.frame)
    guest.map(Self.linear + 0x1000, to: Self.frame + 0x1000)
    #expect(guest.store(1, Self.linear) && guest.store(2, Self.linear + 0x1000))
    // The table changes while it is out of sync, and then appears 4 MiB higher: nothing was ever known of those addresses.
    guest.map(Self.linear, to: Self.frame + 0x2000)
    guest.map(Self.linear + 0x1000, to: Self.frame + 0x3000)
    let higher = Self.linear + 0x40_0000
    guest.put(guest.guest.word(Self.directory), at: Self.directory + 4)
    #expect(guest.load(higher) == 0)
    #expect(guest.load(higher + 0x1000) == 0)
    #expect(guest.processor.auditShadow() == [])
  }

  @Test("the guest's A and D are exact: cleared and flushed, they are set again by the next access", arguments: ShadowOptions.Mode.allCases)
  func accessedDirty(_ mode: ShadowOptions.Mode) throws {
    let guest = try guest(mode)
    guest.map(Self.linear, to: Self.frame)
    #expect(guest.store(1, Self.linear))
    guest.put(guest.entry(Self.linear) & ~0x60, at: guest.entryAddress(Self.linear))
    invlpg(guest, Self.linear)
    #expect(guest.load(Self.linear) == 1 && guest.entry(Self.linear) & 0x60 == 0x20)
    #expect(guest.store(2, Self.linear) && guest.entry(Self.linear) & 0x60 == 0x60)
    // The directory's too.
    guest.put(guest.guest.word(Self.directory) & ~0x20, at: Self.directory)
    reloadCR3(guest)
    #expect(guest.load(Self.linear) == 2 && guest.guest.word(Self.directory) & 0x20 != 0)
  }

  @Test("each privilege has its own tables, and CR0.WP decides what the supervisor's allow")
  func privileges() throws {
    let guest = try guest()
    guest.map(Self.linear, to: Self.frame, PagedGuest.present)
    #expect(!guest.store(1, Self.linear))
    guest.cpu.s.pointee.cr0 &= ~CR0.wp.rawValue
    guest.cpu.flushTLB(keepingGlobal: false)
    #expect(guest.store(1, Self.linear))
    let address = LinearAddress(Self.linear)
    #expect(guest.processor.inspectPager(address, user: false)?.rights == [.read, .write, .execute])
    #expect(guest.processor.inspectPager(address, user: true) == nil)
    guest.cpu.s.pointee.cr0 |= CR0.wp.rawValue
    guest.cpu.flushTLB(keepingGlobal: false)
    #expect(!guest.store(2, Self.linear))
    #expect(guest.processor.auditShadow() == [])
  }

  @Test("an address space that comes back finds its shadow as it was")
  func switches() throws {
    let guest = try guest()
    let other: UInt32 = 0x1e_0000
    guest.map(Self.linear, to: Self.frame)
    for offset in stride(from: UInt32(0), to: 4096, by: 4) {
      guest.put(guest.guest.word(PagedGuest.tables + offset), at: other + offset)
    }
    #expect(guest.store(5, Self.linear))
    // mov cr3, ecx
    func enter(_ space: UInt32) { #expect(guest.run([0x0f, 0x22, 0xd9], ecx: space) == nil) }
    enter(other)
    #expect(guest.load(Self.linear) == 5)
    let change = counting(guest) {
      for _ in 0..<10 {
        enter(PagedGuest.tables)
        #expect(guest.load(Self.linear) == 5)
        enter(other)
        #expect(guest.load(Self.linear) == 5)
      }
    }
    #expect(change.rootsBuilt == 0 && change.hiddenFaults == 0)
    #expect(guest.processor.auditShadow() == [])
  }

  @Test("a large page is one entry of the shadow, until a page table lies in it", arguments: ShadowOptions.LargePages.allCases)
  func largePages(_ way: ShadowOptions.LargePages) throws {
    let guest = try guest(large: way, cr4: CR4.pse.rawValue)
    // RAM is 2 MiB: the page maps them and nothing behind.
    guest.put(0x87, at: Self.directory)
    let place = Self.linear + 0x18_0000
    #expect(guest.store(9, place) && guest.guest.word(0x18_0000) == 9)
    let page = try #require(guest.processor.inspectPager(LinearAddress(place), user: false))
    // The tables of this guest lie in the same 2 MiB, so it can't stay whole.
    #expect(!page.isLarge && page.machine.value == 0x18_0000)
    let count8 = counting(guest) { #expect(guest.load(place) == 9) }
    #expect(count8.hiddenFaults == 0)
    // Through the large page the guest writes its own page table.
    guest.map(Self.linear - 0x1000, to: Self.frame)
    #expect(guest.load(Self.linear - 0x1000) != nil)
    let entry = guest.entryAddress(Self.linear - 0x1000)
    let count9 = counting(guest) { #expect(guest.store(0, Self.linear + entry)) }
    #expect(count9.traceHits == 1)
    invlpg(guest, Self.linear - 0x1000)
    #expect(guest.load(Self.linear - 0x1000) == nil)
    #expect(guest.guest.word(Self.directory) & 0x60 == 0x60)
    #expect(guest.processor.auditShadow() == [])
  }

  @Test("with paging off, memory is mapped in pieces of 2 MiB where no table and no hole is")
  func pagingOff() throws {
    let memory = try GuestPhysicalMemory(machine: MachineMemory(size: 32 << 20), ramSize: 16 << 20)
    let processor = Processor(memory: memory)
    try processor.usePaging(PagingConfiguration(pager: .shadow))
    processor.enterFlatProtectedMode()
    _ = [UInt8]([0x8b, 0x06, 0xf4]).withUnsafeBytes { memory.load($0, at: GuestPhysicalAddress(UInt64(0x8000))) }
    processor.instructionPointer = 0x8000
    processor[register: 6] = 0x60_0000
    #expect(processor.run(until: 100) == .halt)
    #expect(processor.inspectPager(LinearAddress(UInt64(0x7f_f000)), user: false)?.isLarge == true)
    #expect(processor.inspectPager(LinearAddress(UInt64(0x8000)), user: false)?.isLarge == false)
    #expect(processor.inspectPager(LinearAddress(UInt64(0x9000)), user: false) == nil)
    #expect(processor.auditShadow() == [])
  }

  @Test("page tables that map themselves are changed through themselves", arguments: ShadowOptions.Mode.allCases)
  func selfMap(_ mode: ShadowOptions.Mode) throws {
    let guest = try guest(mode)
    guest.map(Self.linear, to: Self.frame)
    guest.put(PagedGuest.tables | 7, at: PagedGuest.tables + 1023 * 4)
    #expect(guest.store(1, Self.linear))
    let entry = 0xffc0_0000 + Self.linear >> 12 * 4
    #expect(guest.load(entry).map { $0 & ~0xfff } == Self.frame)
    let change = counting(guest) { #expect(guest.store(Self.frame + 0x1000 | 7, entry)) }
    #expect(change.traceHits == 1)
    invlpg(guest, Self.linear)
    #expect(guest.load(Self.linear) == 0)
    // The directory's entry for the window itself, taken away through the window.
    #expect(guest.store(0, 0xffff_fffc))
    reloadCR3(guest)
    #expect(guest.load(entry) == nil)
    #expect(guest.processor.auditShadow() == [])
  }

  @Test("the bound holds, and what was evicted comes back as it was", arguments: ShadowOptions.Mode.allCases)
  func eviction(_ mode: ShadowOptions.Mode) throws {
    let guest = try guest(mode, memory: ShadowOptions.leastMemory)
    let spaces = UInt32(24)
    for n in 0..<spaces { guest.map(Self.linear + n << 22, to: Self.frame + n << 12) }
    for n in 0..<spaces { #expect(guest.store(n + 1, Self.linear + n << 22)) }
    reloadCR3(guest)
    for n in 0..<spaces { #expect(guest.load(Self.linear + n << 22) == n + 1) }
    let counters = guest.processor.pagingCounters
    #expect(counters.tablesEvicted > 0)
    #expect(counters.tablePagesPeak <= UInt64(ShadowOptions.leastMemory >> 12))
    #expect(guest.processor.auditShadow() == [])
  }

  @Test("a page table that is written over and over without use stops being watched")
  func flooding() throws {
    let guest = try guest()
    guest.map(Self.linear, to: Self.frame)
    #expect(guest.load(Self.linear) == 0)
    let change = counting(guest) {
      for n in UInt32(1)...1000 { guest.put(n << 12, at: guest.entryAddress(Self.linear) + n * 4) }
    }
    #expect(change.tablesDropped == 1 && change.traceHits <= UInt64(ShadowPager.floodLimit) + 1)
    #expect(guest.load(Self.linear) == 0)
    #expect(guest.processor.auditShadow() == [])
  }

  @Test("partial and unaligned writes to entries are carried over whole", arguments: ShadowOptions.Mode.allCases)
  func partialWrites(_ mode: ShadowOptions.Mode) throws {
    let guest = try guest(mode)
    guest.map(Self.linear, to: Self.frame, PagedGuest.all | 0x60)
    guest.map(Self.linear + 0x1000, to: Self.frame + 0x1000, PagedGuest.all | 0x60)
    #expect(guest.store(1, Self.linear) && guest.store(2, Self.linear + 0x1000))
    let entry = UInt64(guest.entryAddress(Self.linear))
    // Across the border of two entries: P of the second goes.
    guest.cpu.writePhysical(entry + 2, UInt32(0x18) | 0x2066 << 16)
    invlpg(guest, Self.linear)
    invlpg(guest, Self.linear + 0x1000)
    #expect(guest.load(Self.linear) == 1)
    #expect(guest.load(Self.linear + 0x1000) == nil)
    guest.cpu.writePhysical(entry + 4, UInt8(0x67))
    invlpg(guest, Self.linear + 0x1000)
    #expect(guest.load(Self.linear + 0x1000) == 0)
    #expect(guest.processor.auditShadow() == [])
  }

  @Test("the A20 gate changes what direct tables mean")
  func a20() throws {
    let guest = try guest()
    guest.cpu.s.pointee.cr0 &= ~CR0.pg.rawValue
    guest.cpu.flushTLB(keepingGlobal: false)
    #expect(guest.store(7, 0x10_c000) && guest.store(8, 0xc000))
    guest.processor.a20Enabled = false
    #expect(guest.load(0x10_c000) == 8)
    guest.processor.a20Enabled = true
    #expect(guest.load(0x10_c000) == 7)
    #expect(guest.processor.auditShadow() == [])
  }

  @Test("a page whose backing changes is faulted in again from there")
  func backing() throws {
    let guest = try guest()
    guest.map(Self.linear, to: Self.frame)
    #expect(guest.store(7, Self.linear))
    let memory = guest.processor.memory
    let page = Int(Self.frame >> 12)
    let old = memory.entries[page]
    memory.entries[page] = memory.entries[page + 1] & ~0xfff | old & 0xfff
    guest.processor.noteBackingChange(of: GuestPhysicalAddress(Self.frame))
    #expect(guest.load(Self.linear) == 0)
    #expect(guest.processor.inspectPager(LinearAddress(Self.linear), user: false)?.machine.value == UInt64(Self.frame) + 0x1000)
    memory.entries[page] = 0
    guest.processor.noteBackingChange(of: GuestPhysicalAddress(Self.frame))
    #expect(guest.processor.inspectPager(LinearAddress(Self.linear), user: false) == nil)
    memory.entries[page] = old
  }

  @Test("a pager that is taken away leaves no trace behind, and its frames to the next")
  func removal() throws {
    let guest = try guest()
    guest.map(Self.linear, to: Self.frame)
    #expect(guest.store(7, Self.linear))
    for _ in 0..<40 {
      for kind in [PagerKind.none, .nested, .shadow] {
        try guest.processor.usePaging(PagingConfiguration(pager: kind))
        #expect(guest.load(Self.linear) == 7)
      }
    }
    try guest.processor.usePaging(PagingConfiguration())
    let memory = guest.processor.memory
    #expect((0..<512).allSatisfy { memory.entries[$0] & GuestPhysicalMemory.entryTraced == 0 })
  }
}
