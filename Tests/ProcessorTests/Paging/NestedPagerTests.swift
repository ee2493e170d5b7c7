import ISA
import Memory
import Testing

@testable import Processor

@Suite("The nested pager")
struct NestedPagerTests {
  static let linear: UInt32 = 0x4000_0000, frame: UInt32 = 0x18_0000

  private func guest(_ change: (inout PagingConfiguration) -> Void = { _ in }) throws -> PagedGuest {
    var paging = PagingConfiguration(pager: .nested)
    change(&paging)
    return try PagedGuest([], paging: paging)
  }

  private func violations(_ guest: PagedGuest, _ body: () throws -> Void) rethrows -> UInt64 {
    let before = guest.processor.pagingCounters.eptViolations
    try body()
    return guest.processor.pagingCounters.eptViolations - before
  }

  private func pager(_ guest: PagedGuest) throws -> NestedPager {
    guard case .nested(let pager) = guest.cpu.s.pointee.pager else { throw MachineMemoryError(description: "no pager") }
    return pager
  }

  @Test("each guest-physical page comes by one violation, whoever maps it")
  func onDemand() throws {
    let guest = try guest()
    guest.map(Self.linear, to: Self.frame)
    #expect(guest.load(0x9000) != nil)
    // The page and its page table: the directory is known by now.
    let count1 = violations(guest) { #expect(guest.load(Self.linear) == 0) }
    #expect(count1 == 2)
    guest.map(Self.linear + 0x5000, to: Self.frame)
    let count2 = violations(guest) { #expect(guest.store(3, Self.linear + 0x5000)) }
    #expect(count2 == 0)
    let page = try #require(guest.processor.inspectPager(LinearAddress(Self.linear), user: false))
    #expect(page.machine.value == UInt64(Self.frame) && page.rights.isSuperset(of: [.read, .write, .execute]))
  }

  @Test("guest page-table writes cause no exit, and INVLPG is the guest's own business")
  func guestTables() throws {
    let guest = try guest()
    guest.map(Self.linear, to: Self.frame)
    guest.map(Self.linear + 0x1000, to: Self.frame + 0x1000)
    #expect(guest.store(1, Self.linear) && guest.store(2, Self.linear + 0x1000))
    let count = violations(guest) {
      guest.map(Self.linear, to: Self.frame + 0x1000)
      #expect(guest.run([0x0f, 0x01, 0x3e], esi: Self.linear) == nil)
      #expect(guest.load(Self.linear) == 2)
    }
    #expect(count == 0 && guest.processor.pagingCounters.traceHits == 0)
  }

  @Test("a miss takes 14 references of a two-level guest over EPT, and 11 over 2 MiB pages of EPT")
  func references() throws {
    for (pages, expected) in [(NestedOptions.LargePages.none, UInt64(14)), (.used, 11)] {
      let memory = try GuestPhysicalMemory(machine: MachineMemory(size: 32 << 20), ramSize: 16 << 20)
      let processor = Processor(memory: memory)
      var paging = PagingConfiguration(pager: .nested)
      paging.nested.largePages = pages
      paging.tlb = TLBOptions()
      try processor.usePaging(paging)
      let cpu = processor.cpu
      // All from 4 MiB on: a hole lies in the first two.
      for page in UInt32(0)..<1024 { cpu.writePhysical(UInt64(0x50_0000 + page * 4), page << 12 | 7) }
      for entry in UInt32(0)..<2 { cpu.writePhysical(UInt64(0x40_0000 + entry * 4), UInt32(0x50_0007)) }
      for page in UInt32(0)..<1024 { cpu.writePhysical(UInt64(0x60_0000 + page * 4), (0x400 + page) << 12 | 7) }
      cpu.writePhysical(UInt64(0x40_0004), UInt32(0x60_0007))
      processor.enterFlatProtectedMode()
      cpu.s.pointee.cr3 = 0x40_0000
      try cpu.setCR0(cpu.s.pointee.cr0 | CR0.pg.rawValue)
      let access = PageAccess(isWrite: true)
      _ = try cpu.translate(0x70_0000, access, isKnown: false)
      cpu.flushTLB(keepingGlobal: false)
      let before = processor.pagingCounters
      _ = try cpu.translate(0x70_0000, access, isKnown: false)
      let after = processor.pagingCounters
      #expect(after.missReferences - before.missReferences == expected, "\(pages)")
      #expect(after.tlbMisses - before.tlbMisses == 1)
    }
  }

  @Test("EPT's accessed and dirty flags follow the accesses", arguments: [true, false])
  func flags(_ enabled: Bool) throws {
    let guest = try guest {
      $0.nested.accessedDirty = enabled
      $0.tlb = TLBOptions()
    }
    guest.map(Self.linear, to: Self.frame)
    #expect(guest.load(Self.linear) == 0)
    let entry = try #require(try pager(guest).lastEntry(UInt64(Self.frame >> 12), guest.cpu))
    #expect(entry.pointee & 0x300 == (enabled ? 0x100 : 0))
    #expect(guest.store(1, Self.linear))
    #expect(entry.pointee & 0x300 == (enabled ? 0x300 : 0))
    #expect(guest.entry(Self.linear) & 0x60 == 0x60, "the guest's own are apart")
  }

  @Test("device memory is told apart by a misconfigured entry after the first access")
  func devices() throws {
    let guest = try guest()
    guest.map(Self.linear, to: 0xfee0_0000)
    guest.processor.instructionPointer = ProtectedGuest.code
    for (n, byte) in ([0x8b, 0x06, 0x8b, 0x06, 0xf4] as [UInt8]).enumerated() {
      guest.cpu.writePhysical(UInt64(ProtectedGuest.code) + UInt64(n), byte)
    }
    guest.processor[register: 6] = Self.linear
    for answer in [UInt32(11), 12] {
      #expect(guest.processor.run(until: guest.processor.retired + 10) == .memoryRead(address: 0xfee0_0000, size: 4))
      guest.processor.answer(answer)
    }
    #expect(guest.processor.run(until: guest.processor.retired + 10) == .halt)
    #expect(guest.processor[register: 0] == 12)
    #expect(guest.processor.pagingCounters.eptMisconfigurations == 1, "the second access")
    let entry = try #require(try pager(guest).lastEntry(0xfee00, guest.cpu))
    #expect(entry.pointee & 7 == 6)
  }

  @Test("ROM has no W in EPT: a write exits, and is lost")
  func rom() throws {
    let guest = try guest()
    let rom = [UInt8](repeating: 0x5a, count: 4096)
    try rom.withUnsafeBytes { try guest.processor.memory.addROM(at: GuestPhysicalAddress(UInt64(0xffff_f000)), image: $0) }
    guest.map(Self.linear, to: 0xffff_f000)
    #expect(guest.load(Self.linear) == 0x5a5a_5a5a)
    let count3 = violations(guest) { #expect(guest.store(1, Self.linear)) }
    #expect(count3 >= 1)
    #expect(guest.load(Self.linear) == 0x5a5a_5a5a)
  }

  @Test("the dirty log names the pages that were written since it was read, and no others", arguments: [true, false])
  func dirtyLog(_ flags: Bool) throws {
    let guest = try guest { $0.nested.accessedDirty = flags }
    for n in UInt32(0)..<4 { guest.map(Self.linear + n << 12, to: Self.frame + n << 12) }
    for n in UInt32(0)..<4 { #expect(guest.store(1, Self.linear + n << 12)) }
    guest.processor.beginDirtyLog()
    func written() -> [UInt64] {
      guest.processor.readDirtyLog().map(\.value).filter { $0 >= UInt64(Self.frame) && $0 < UInt64(Self.frame) + 0x4000 }
    }
    #expect(guest.store(2, Self.linear + 0x1000) && guest.load(Self.linear + 0x2000) == 1)
    #expect(written() == [UInt64(Self.frame) + 0x1000])
    #expect(written() == [])
    #expect(guest.store(3, Self.linear + 0x3000) && guest.store(3, Self.linear + 0x1000))
    #expect(written() == [UInt64(Self.frame) + 0x1000, UInt64(Self.frame) + 0x3000])
    guest.processor.endDirtyLog()
    #expect(guest.store(4, Self.linear))
    #expect(guest.processor.readDirtyLog().isEmpty)
    #expect(guest.load(Self.linear) == 4)
  }

  @Test("logging takes 2 MiB pages of EPT to pieces")
  func logSplits() throws {
    let memory = try GuestPhysicalMemory(machine: MachineMemory(size: 32 << 20), ramSize: 16 << 20)
    let processor = Processor(memory: memory)
    var paging = PagingConfiguration(pager: .nested)
    paging.nested.largePages = .used
    try processor.usePaging(paging)
    let cpu = processor.cpu
    processor.enterFlatProtectedMode()
    try cpu.store(UInt32(1), 0x60_0000, user: false)
    #expect(processor.inspectPager(LinearAddress(UInt64(0x60_0000)), user: false)?.isLarge == true)
    processor.beginDirtyLog()
    try cpu.store(UInt32(2), 0x60_3000, user: false)
    #expect(processor.inspectPager(LinearAddress(UInt64(0x60_3000)), user: false)?.isLarge == false)
    #expect(processor.readDirtyLog().map(\.value) == [0x60_3000])
  }

  @Test("a page whose backing changes is mapped from there by the next access")
  func backing() throws {
    let guest = try guest()
    guest.map(Self.linear, to: Self.frame)
    #expect(guest.store(7, Self.linear))
    let memory = guest.processor.memory
    let page = Int(Self.frame >> 12)
    memory.entries[page] = memory.entries[page + 1]
    guest.processor.noteBackingChange(of: GuestPhysicalAddress(Self.frame))
    let count4 = violations(guest) { #expect(guest.load(Self.linear) == 0) }
    #expect(count4 == 1)
  }

  @Test("machine memory without room for the tables is refused, and the processor goes on bare")
  func noRoom() throws {
    let memory = try GuestPhysicalMemory(machine: MachineMemory(size: 4 << 20), ramSize: 2 << 20)
    let processor = Processor(memory: memory)
    #expect(throws: MachineMemoryError.self) { try processor.usePaging(PagingConfiguration(pager: .nested)) }
    #expect(processor.paging.pager == .none)
  }
}
