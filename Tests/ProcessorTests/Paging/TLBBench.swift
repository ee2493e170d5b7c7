// The modelled TLB, looked at access by access: what it holds, what it loses and when, and that nothing else answers
// for it. Misses are the measure: a page that costs one wasn't there.

import ISA
import Memory
import Testing

@testable import Processor

/// Page tables and a processor that uses them, without a program: no fetch comes between two accesses.
///
///   0x10_0000 frames, 256   0x20_0000 page tables   0x40_0000 what large pages map   0x80_0000 end of RAM
final class TLBBench {
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
    for frame in UInt32(0)..<256 { cpu.writePhysical(UInt64(TLBBench.frame(frame)), TLBBench.frame(frame)) }
    var configuration = PagingConfiguration(pager: pager)
    configuration.shadow.memory = 1 << 20
    configuration.nested.largePages = .used
    configuration.tlb = tlb
    change(&configuration)
    try processor.usePaging(configuration)
    root = newSpace()
    try cpu.setCR4(cr4.rawValue)
    if cr4.contains(.pae) {
      for part in UInt32(0)..<4 { write(newTable() | TLBBench.present, at: root + 8 * part) }
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
    if word(directory) == 0 { write(newTable() | TLBBench.all, at: directory) }
    return word(directory) & ~0xfff + (linear >> 12 & 0x3ff) * 4
  }

  func map(_ linear: UInt32, to physical: UInt32, _ bits: UInt32 = all, in space: UInt32? = nil) {
    write(physical | bits, at: entryAddress(linear, in: space))
  }

  /// Pages 0 and up of the window onto the frames of the same numbers.
  func mapWindow(_ count: UInt32, _ bits: UInt32 = all) {
    for n in 0..<count { map(TLBBench.page(n), to: TLBBench.frame(n), bits) }
  }

  /// A page of 4 MiB.
  func mapLarge(_ linear: UInt32, to physical: UInt32, _ bits: UInt32 = 0) {
    write(physical | TLBBench.largePage | bits, at: root + linear >> 22 * 4)
  }

  /// Page 0 of 2 MiB below `window` in PAE tables.
  func mapWide(_ index: UInt32, to physical: UInt32) {
    write(physical | TLBBench.largePage, at: word(root + 8) & ~0xfff + 8 * index)
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
    for n in numbers { #expect(try read(TLBBench.page(n)) == TLBBench.frame(n)) }
  }
}

func tlb(_ small: (Int, Int), large: Int = 32, _ tags: TLBTags = .vpid, keepsGlobal: Bool = true) -> TLBOptions
{
  var options = TLBOptions()
  options.small = TLBGeometry(entries: small.0, ways: small.1)
  options.large2M = TLBGeometry(entries: large, ways: large == 0 ? 1 : 4)
  options.large4M = options.large2M
  options.tags = tags
  options.keepsGlobal = keepsGlobal
  return options
}
