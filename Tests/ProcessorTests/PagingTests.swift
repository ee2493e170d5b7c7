import ISA
import Memory
import Testing

@testable import Processor

@Suite("Paging")
struct PagingTests {
  static let linear: UInt32 = 0x4000_0000, frame: UInt32 = 0x18_0000

  @Test("the walker and its twin without side effects agree, and only the walker leaves accessed and dirty bits")
  func twin() throws {
    let guest = try PagedGuest([])
    guest.map(Self.linear, to: Self.frame)
    let directory = PagedGuest.tables + Self.linear >> 22 * 4
    #expect(guest.processor.inspect(LinearAddress(Self.linear + 0x123)) == GuestPhysicalAddress(Self.frame + 0x123))
    #expect(guest.processor.inspect(LinearAddress(Self.linear + 0x1000)) == nil)
    #expect(guest.entry(Self.linear) & 0x60 == 0 && guest.guest.word(directory) & 0x20 == 0)
    #expect(guest.load(Self.linear) == 0)
    #expect(guest.entry(Self.linear) & 0x60 == 0x20 && guest.guest.word(directory) & 0x20 != 0)
    #expect(guest.store(0x1234_5678, Self.linear))
    #expect(guest.entry(Self.linear) & 0x60 == 0x60)
    #expect(guest.guest.word(Self.frame) == 0x1234_5678)
    #expect(guest.guest.word(directory) & 0x40 == 0)
  }

  @Test("a fault leaves no accessed bit, and says in its code what was wrong")
  func faults() throws {
    let guest = try PagedGuest([])
    guest.map(Self.linear, to: Self.frame, PagedGuest.present)
    #expect(guest.load(Self.linear + 0x1000) == nil)
    #expect(guest.errorCode == 0 && guest.cpu.s.pointee.cr2 == Self.linear + 0x1000)
    #expect(!guest.store(1, Self.linear + 0xffc + 1))
    #expect(guest.errorCode == 3 && guest.cpu.s.pointee.cr2 == Self.linear + 0xffd)
    #expect(guest.entry(Self.linear) & 0x20 == 0)
    #expect(guest.load(Self.linear) == 0)
    guest.cpu.s.pointee.cr0 &= ~CR0.wp.rawValue
    guest.cpu.flushTLB(keepingGlobal: false)
    #expect(guest.store(1, Self.linear))
  }

  @Test("ring 3 needs the user bit at both levels")
  func user() throws {
    let code: [UInt8] = [0x8b, 0x06, 0x0f, 0x0b]
    for (directoryBits, tableBits, vector) in [(UInt32(7), UInt32(7), UInt8(6)), (3, 7, 14), (7, 3, 14)] {
      let guest = try PagedGuest(code, isUser: true)
      guest.map(Self.linear, to: Self.frame, tableBits)
      let directory = PagedGuest.tables + Self.linear >> 22 * 4
      guest.put(guest.guest.word(directory) & ~7 | directoryBits, at: directory)
      guest.processor[register: 6] = Self.linear
      #expect(guest.guest.vectorOfHalt() == vector)
      if vector == 14 { #expect(guest.errorCode == 5) }
    }
  }

  @Test("a 4 MiB page translates all of its 1,024 parts, and INVLPG of one forgets them all")
  func largePages() throws {
    let guest = try PagedGuest([], cr4: CR4.pse.rawValue)
    let directory = PagedGuest.tables + Self.linear >> 22 * 4
    guest.put(0x87, at: directory)
    #expect(guest.store(77, Self.linear + 0x18_0000))
    #expect(guest.guest.word(0x18_0000) == 77)
    #expect(guest.guest.word(directory) & 0x60 == 0x60)
    #expect(guest.load(Self.linear + 0x18_0000) == 77)
    guest.put(0, at: directory)
    #expect(guest.load(Self.linear + 0x18_0000) == 77, "still in the TLB")
    // invlpg [esi]
    #expect(guest.run([0x0f, 0x01, 0x3e], esi: Self.linear) == nil)
    #expect(guest.load(Self.linear + 0x18_0000) == nil)
    // Reserved: bit 21 of a 4 MiB entry.
    guest.put(0x20_0087, at: directory)
    #expect(guest.load(Self.linear) == nil)
    #expect(guest.errorCode == 9)
  }

  @Test("INVLPG forgets one page and leaves its neighbours; it reaches both privileges and global pages")
  func invalidation() throws {
    let guest = try PagedGuest([], cr4: CR4.pge.rawValue)
    guest.map(Self.linear, to: Self.frame, 0x103)
    guest.map(Self.linear + 0x1000, to: Self.frame + 0x1000)
    #expect(guest.store(1, Self.linear) && guest.store(2, Self.linear + 0x1000))
    guest.map(Self.linear, to: Self.frame + 0x2000)
    guest.map(Self.linear + 0x1000, to: Self.frame + 0x2000)
    #expect(guest.load(Self.linear) == 1)
    #expect(guest.run([0x0f, 0x01, 0x3e], esi: Self.linear) == nil)
    #expect(guest.load(Self.linear) == 0)
    #expect(guest.load(Self.linear + 0x1000) == 2)
  }

  @Test("a load of CR3 forgets pages, but not global ones; a change of CR4.PGE forgets these too")
  func globalPages() throws {
    let guest = try PagedGuest([], cr4: CR4.pge.rawValue)
    let other = Self.linear + 0x5000
    guest.map(Self.linear, to: Self.frame, 0x103)
    guest.map(other, to: Self.frame + 0x1000)
    #expect(guest.store(1, Self.linear) && guest.store(2, other))
    guest.map(Self.linear, to: 0, 0)
    guest.map(other, to: 0, 0)
    // mov eax, cr3; mov cr3, eax
    #expect(guest.run([0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8]) == nil)
    #expect(guest.load(Self.linear) == 1)
    #expect(guest.store(3, Self.linear), "a global entry keeps its right to write")
    #expect(guest.load(other) == nil)
    // mov cr4, ecx (0)
    #expect(guest.run([0x0f, 0x22, 0xe1]) == nil)
    #expect(guest.load(Self.linear) == nil)
  }

  @Test("pages 16 MiB apart, which share a set, live in it side by side")
  func twoWays() throws {
    let guest = try PagedGuest([])
    for (n, distance) in [UInt32(8) << 20, 16 << 20, 32 << 20].enumerated() {
      let first = Self.linear + UInt32(n) * 0x1000, second = first + distance
      guest.map(first, to: Self.frame + UInt32(n) * 0x2000)
      guest.map(second, to: Self.frame + UInt32(n) * 0x2000 + 0x1000)
      #expect(guest.store(1, first) && guest.store(2, second))
      // mov eax, [esi]; mov edx, [esi + distance]; loop: a hundred times over
      let code: [UInt8] = [0xb9, 100, 0, 0, 0, 0x8b, 0x06, 0x8b, 0x96] + [UInt8](words: distance) + [0xe2, 0xf6]
      let before = guest.processor.counters.pageWalks
      #expect(guest.run(code, esi: first) == nil)
      #expect(guest.processor[register: 0] == 1 && guest.processor[register: 2] == 2)
      #expect(guest.processor.counters.pageWalks - before < 10, "\(distance >> 20) MiB apart")
    }
  }

  @Test("when TLB generations are used up, no old translation comes back")
  func generations() throws {
    let guest = try PagedGuest([])
    guest.map(Self.linear, to: Self.frame)
    #expect(guest.store(5, Self.linear))
    let old = guest.cpu.s.pointee.tlbGeneration
    guest.map(Self.linear, to: Self.frame + 0x1000)
    guest.cpu.s.pointee.tlbGeneration = ~0 << 32
    guest.cpu.flushTLB(keepingGlobal: true)
    #expect(guest.cpu.s.pointee.tlbGeneration == 1 << 32)
    while guest.cpu.s.pointee.tlbGeneration < old { guest.cpu.flushTLB(keepingGlobal: true) }
    #expect(guest.load(Self.linear) == 0)
  }

  @Test("PAE: 2 MiB pages, no-execute, and reserved bits")
  func pae() throws {
    let guest = try PagedGuest([])
    let pointers: UInt32 = 0x14_0000, directory: UInt32 = 0x14_1000, upper: UInt32 = 0x14_2000, table: UInt32 = 0x14_3000
    guest.guest.put(UInt64(directory) | 1, at: pointers)
    guest.guest.put(UInt64(upper) | 1, at: pointers + 8)
    guest.guest.put(UInt64(0x87), at: directory)
    guest.guest.put(UInt64(0x87), at: upper)
    guest.guest.put(UInt64(table) | 7, at: upper + 8)
    guest.cpu.s.pointee.cr0 &= ~CR0.pg.rawValue
    guest.cpu.s.pointee.cr4 = CR4.pae.rawValue
    guest.cpu.s.pointee.efer = CPU.noExecuteEnable
    guest.cpu.s.pointee.cr3 = pointers
    try guest.cpu.setCR0(guest.cpu.s.pointee.cr0 | CR0.pg.rawValue)

    let large = UInt32(0x4000_0000), small = large + 0x20_0000
    #expect(guest.store(9, large + 0x18_0000) && guest.guest.word(0x18_0000) == 9)
    #expect(guest.guest.word(upper) & 0x60 == 0x60)
    #expect(guest.processor.inspect(LinearAddress(large + 0x18_0004)) == GuestPhysicalAddress(UInt32(0x18_0004)))
    // No-execute: reads, but doesn't fetch. jmp esi
    guest.guest.put(UInt64(0x18_0000) | 7 | 1 << 63, at: table)
    #expect(guest.load(small) == 9)
    #expect(guest.run([0xff, 0xe6], esi: small) == 14)
    #expect(guest.errorCode == 0x11 && guest.cpu.s.pointee.cr2 == small)
    // Without EFER.NXE the bit is reserved; so is one above the physical address.
    guest.cpu.s.pointee.efer = 0
    guest.cpu.flushTLB(keepingGlobal: false)
    #expect(guest.load(small) == nil && guest.errorCode == 9)
    guest.guest.put(UInt64(0x18_0000) | 7 | 1 << 40, at: table)
    #expect(guest.load(small) == nil && guest.errorCode == 9)
    guest.guest.put(UInt64(0x2_0087), at: upper)
    guest.cpu.flushTLB(keepingGlobal: false)
    #expect(guest.load(large) == nil && guest.errorCode == 9)
  }

  @Test("an access over the edge of a page faults with the address of the part that failed, and stores nothing")
  func crossing() throws {
    let guest = try PagedGuest([])
    guest.map(Self.linear, to: Self.frame)
    #expect(!guest.store(0xffff_ffff, Self.linear + 0xffe))
    #expect(guest.cpu.s.pointee.cr2 == Self.linear + 0x1000)
    #expect(guest.guest.word(Self.frame + 0xffc) == 0)
    guest.map(Self.linear + 0x1000, to: Self.frame + 0x3000)
    #expect(guest.store(0x1234_5678, Self.linear + 0xffe))
    #expect(guest.guest.word(Self.frame + 0xffc) >> 16 == 0x5678 && guest.guest.word(Self.frame + 0x3000) == 0x1234)
    #expect(guest.load(Self.linear + 0xffe) == 0x1234_5678)
  }

  @Test("a shut A20 gate folds the second MiB onto the first")
  func a20() throws {
    // mov [0x10c000], eax
    let code = try GuestCode([0xa3, 0x00, 0xc0, 0x10, 0])
    _ = code.run(Input(eax: 7))
    #expect(code.guest.word(0x10_c000) == 7)
    code.guest.processor.a20Enabled = false
    #expect(code.run(Input(eax: 9)).data(0, size: 4) == 9)
    #expect(code.guest.word(0x10_c000) == 7)
  }
}
