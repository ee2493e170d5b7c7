import ISA
import Memory
import Testing

@testable import Processor

/// A machine with room for tables of every kind, and a nested pager whose walks are made in full.
private final class WalkMachine {
  let memory: GuestPhysicalMemory
  let processor: Processor
  var cpu: CPU { processor.cpu }

  init(large: Bool = false) throws {
    memory = try GuestPhysicalMemory(machine: MachineMemory(size: 32 << 20), ramSize: 16 << 20)
    processor = Processor(memory: memory)
    var paging = PagingConfiguration(pager: .nested)
    paging.nested.largePages = large ? .used : .none
    paging.tlb = TLBOptions()
    try processor.usePaging(paging)
  }

  var pager: NestedPager {
    guard case .nested(let pager) = cpu.s.pointee.pager else { preconditionFailure("it was installed") }
    return pager
  }

  func put(_ entry: UInt64, at address: UInt64, size: Int = 8) {
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: entry >> UInt64($0 * 8)) }
    _ = bytes.withUnsafeBytes { memory.load($0, at: GuestPhysicalAddress(address)) }
  }

  func entry(at address: UInt64) -> UInt64 {
    memory.pointer(to: GuestPhysicalAddress(address))!.load(as: UInt64.self)
  }

  /// Memory references of a walk in two dimensions, once EPT has everything.
  func references<F: PageFormat>(_: F.Type, root: UInt64, _ address: UInt64, _ mode: PagingMode) -> UInt64 {
    for _ in 0..<20 {
      var tables = NestedPager.GuestTablesBehindEPT(cpu: cpu, pager: pager)
      do {
        let outcome = try PageWalk.run(
          F.self, in: &tables, root: root, address, needs: .read, dirties: false, .update, mode)
        guard case .found(let leaf) = outcome else { return 0 }
        var references = tables.references
        _ = try pager.translate(leaf.page, needs: .read, dirties: false, &references, cpu)
        return references
      } catch {
        // EPT got what was missing.
      }
    }
    return 0
  }
}

@Suite("Page walks")
struct PageWalkTests {
  private static let all: UInt64 = 7
  /// Tables a MiB apart, above the first 2 MiB, in which the hole is.
  private static func table(_ n: UInt64) -> UInt64 { (n + 2) << 20 }

  @Test("four guest levels over four of EPT take 24 references; a large page at either end 19, at both 15")
  func longMode() throws {
    for (guestLarge, eptLarge, expected) in [(false, false, 24), (true, false, 19), (false, true, 19), (true, true, 15)] {
      let machine = try WalkMachine(large: eptLarge)
      machine.put(Self.table(2) | Self.all, at: Self.table(1) + 8 * 0x1a)
      machine.put(Self.table(4) | Self.all, at: Self.table(2) + 8 * 0x2b)
      machine.put(guestLarge ? 0x80_0000 | 0x87 : Self.table(6) | Self.all, at: Self.table(4) + 8 * 0x3c)
      machine.put(0xa0_0000 | Self.all, at: Self.table(6) + 8 * 0x4d)
      let address = UInt64(0x1a) << 39 | 0x2b << 30 | 0x3c << 21 | 0x4d << 12
      #expect(
        machine.references(LongModeFormat.self, root: Self.table(1), address, [.paging, .wide]) == UInt64(expected),
        "guest large: \(guestLarge), EPT large: \(eptLarge)")
    }
  }

  @Test("PAE takes 19 references from memory and 14 with the PDPTEs kept; two levels take 14, a 4 MiB page 9")
  func legacy() throws {
    let machine = try WalkMachine()
    machine.put(Self.table(3) | 1, at: Self.table(2) + 8)
    machine.put(Self.table(5) | Self.all, at: Self.table(3) + 8 * 3)
    machine.put(0xa0_0000 | Self.all, at: Self.table(5) + 8 * 9)
    let address: UInt64 = 1 << 30 | 3 << 21 | 9 << 12
    #expect(machine.references(PAEFromMemoryFormat.self, root: Self.table(2), address, [.paging, .wide]) == 19)
    #expect(machine.entry(at: Self.table(2) + 8) == Self.table(3) | 1, "a PDPTE has no accessed bit")
    #expect(machine.references(PAEFormat.self, root: Self.table(3), address, [.paging, .wide]) == 14)

    machine.put(Self.table(7) | Self.all, at: Self.table(6) + 4 * 5, size: 4)
    machine.put(0xb0_0000 | Self.all, at: Self.table(7) + 4 * 6, size: 4)
    machine.put(0x40_0087, at: Self.table(6) + 4 * 8, size: 4)
    let mode: PagingMode = [.paging, .largePages]
    #expect(machine.references(TwoLevelFormat.self, root: Self.table(6), 5 << 22 | 6 << 12, mode) == 14)
    #expect(machine.references(TwoLevelFormat.self, root: Self.table(6), 8 << 22, mode) == 9)
  }

  @Test("one dimension takes a reference a level")
  func oneDimension() throws {
    let machine = try WalkMachine()
    machine.put(Self.table(3) | 1, at: Self.table(2))
    machine.put(Self.table(5) | Self.all, at: Self.table(3))
    machine.put(0xa0_0000 | Self.all, at: Self.table(5))
    var tables = GuestTables(machine.cpu)
    _ = PageWalk.run(
      PAEFromMemoryFormat.self, in: &tables, root: Self.table(2), 0, needs: [], dirties: false, .inspect, [.wide])
    #expect(tables.references == 3)
  }

  @Test("the twin finds what the walk finds and marks nothing; the walk marks every level, and D on a write alone")
  func twin() throws {
    let machine = try WalkMachine()
    machine.put(Self.table(2) | Self.all, at: Self.table(1))
    machine.put(Self.table(4) | Self.all, at: Self.table(2))
    machine.put(Self.table(6) | Self.all, at: Self.table(4))
    machine.put(0xa0_0000 | Self.all, at: Self.table(6))
    let places = [1, 2, 4, 6].map { Self.table($0) }
    func walk(_ effect: WalkEffect, dirties: Bool) -> UInt64? {
      var tables = GuestTables(machine.cpu)
      let outcome = PageWalk.run(
        LongModeFormat.self, in: &tables, root: Self.table(1), 0x123, needs: .write, dirties: dirties, effect, [.wide])
      #expect(tables.references == 4, "marks are part of the same references")
      guard case .found(let leaf) = outcome else { return nil }
      return leaf.page
    }
    #expect(walk(.inspect, dirties: true) == 0xa0_0000)
    #expect(places.allSatisfy { machine.entry(at: $0) & 0x60 == 0 })
    #expect(walk(.update, dirties: false) == 0xa0_0000)
    #expect(places.allSatisfy { machine.entry(at: $0) & 0x60 == 0x20 })
    #expect(walk(.update, dirties: true) == 0xa0_0000)
    #expect(places.map { machine.entry(at: $0) & 0x40 } == [0, 0, 0, 0x40])
  }

  @Test("a walk that fails says why and where, and leaves no mark")
  func failures() throws {
    let machine = try WalkMachine()
    machine.put(Self.table(2) | Self.all, at: Self.table(1))
    machine.put(Self.table(4) | 5, at: Self.table(2))
    machine.put(Self.table(6) | Self.all, at: Self.table(4))
    func failure(_ needs: PageRights) -> (WalkFailure, Int)? {
      var tables = GuestTables(machine.cpu)
      let outcome = PageWalk.run(
        LongModeFormat.self, in: &tables, root: Self.table(1), 0, needs: needs, dirties: false, .update, [.wide])
      guard case .failed(let why, let level) = outcome else { return nil }
      return (why, level)
    }
    #expect(failure(.read)! == (.notPresent, 0))
    machine.put(0xa0_0000 | Self.all, at: Self.table(6))
    #expect(failure([.read, .write])! == (.protection, 0), "one level without R/W is enough")
    machine.put(Self.table(6) | Self.all | 1 << 40, at: Self.table(4))
    #expect(failure(.read)! == (.reserved, 1))
    machine.put(Self.table(4) | Self.all | 0x80, at: Self.table(2))
    #expect(failure(.read)! == (.reserved, 2), "1 GiB pages aren't offered")
    #expect([1, 2, 4, 6].allSatisfy { machine.entry(at: Self.table($0)) & 0x60 == 0 })
  }

  @Test(
    "EPT entries that the manual calls misconfigured are told from those that don't allow an access",
    arguments: [
      (0x30 | 2, true), (0x30 | 6, true), (0x30 | 4, true), (0x10 | 7, true), (0x18 | 7, true), (0x38 | 7, true),
      (1 << 40 | 0x37, true), (0x37, false), (0x31, false), (0x35, false), (0x07, false), (0, false),
    ] as [(UInt64, Bool)])
  func misconfigurations(_ entry: UInt64, _ isMisconfigured: Bool) throws {
    let machine = try WalkMachine()
    var references: UInt64 = 0
    // The tables down to the last come by a violation; then the entry under test is put in place.
    _ = try? machine.pager.translate(0x5000, needs: .read, dirties: false, &references, machine.cpu)
    let page = try #require(machine.pager.lastEntry(0x5, machine.cpu))
    page.pointee = entry == 0 ? 0 : entry | 0x60_0000
    var tables = MachineTables(machine.cpu)
    let outcome = PageWalk.run(
      EPTFormat.self, in: &tables, root: machine.pager.n.pointee.firstFrame, 0x5000, needs: [.read, .write],
      dirties: false, .inspect, [])
    if case .failed(let why, let level) = outcome {
      #expect((why == .reserved) == isMisconfigured && level == 0)
    } else {
      #expect(!isMisconfigured)
    }
  }
}

extension NestedPager {
  /// The last-level EPT entry of a page, where the tables above it exist.
  func lastEntry(_ page: UInt64, _ cpu: CPU) -> UnsafeMutablePointer<UInt64>? {
    var table = n.pointee.firstFrame
    for level in stride(from: 3, through: 0, by: -1) {
      let pointer = (cpu.s.pointee.machineBase + Int(table + EPTFormat.offset(page << 12, level)))
        .assumingMemoryBound(to: UInt64.self)
      if level == 0 { return pointer }
      if pointer.pointee & 7 == 0 { return nil }
      table = pointer.pointee & EPTFormat.frameMask
    }
    return nil
  }
}
