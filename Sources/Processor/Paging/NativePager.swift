// The pager of bare silicon (`--pager none`): a TLB miss walks the guest's own tables in guest-physical memory, and no
// monitor has a word in it.

import Memory

/// The guest's page tables where they lie.
struct GuestTables: TableSpace {
  let cpu: CPU
  var references: UInt64 = 0

  @inline(__always) init(_ cpu: CPU) { self.cpu = cpu }

  @inline(__always) mutating func pointer(to address: UInt64) -> UnsafeMutableRawPointer? {
    references &+= 1
    return cpu.physicalPointer(address & cpu.s.pointee.addressMask)
  }

  @inline(__always) mutating func mark(_ address: UInt64, _ entry: UInt64) {
    cpu.markTableEntry(address & cpu.s.pointee.addressMask, entry)
  }
}

extension CPU {
  /// The guest's own walk for a linear address, from CR3 or the PDPTEs. Only with paging on.
  @inline(__always)
  func walkGuest<S: TableSpace>(
    _ linear: UInt32, _ access: PageAccess, _ effect: WalkEffect, in space: inout S
  ) throws(S.Failure) -> WalkOutcome {
    let mode = pagingMode
    let needs = rightsNeeded(access)
    let address = UInt64(linear)
    if !mode.contains(.wide) {
      return try PageWalk.run(
        TwoLevelFormat.self, in: &space, root: UInt64(s.pointee.cr3 & ~0xfff), address, needs: needs,
        dirties: access.isWrite, effect, mode)
    }
    let pointer = pageDirectoryPointer(linear >> 30)
    if pointer & PageEntry.present == 0 { return .failed(.notPresent, level: 2) }
    return try PageWalk.run(
      PAEFormat.self, in: &space, root: pointer & PAEFormat.frameMask, address, needs: needs,
      dirties: access.isWrite, effect, mode)
  }

  /// A PDPTE as it was when CR3 was loaded.
  @inline(__always) func pageDirectoryPointer(_ index: UInt32) -> UInt64 {
    switch index {
    case 0: s.pointee.pdptes.0
    case 1: s.pointee.pdptes.1
    case 2: s.pointee.pdptes.2
    default: s.pointee.pdptes.3
    }
  }

  /// A translation from the end of the guest's walk; its machine page is what guest-physical memory says.
  @inline(__always) func translation(_ leaf: PageLeaf) -> Translation {
    let page = leaf.page & s.pointee.addressMask
    let isLarge = leaf.level > 0
    let reach: PageSize = isLarge ? (s.pointee.cr4 & Self.physicalAddressExtension != 0 ? .large2M : .large4M) : .small
    return Translation(
      page: page, machine: machinePage(page), rights: leaf.rights,
      isGlobal: leaf.entry & PageEntry.global != 0 && s.pointee.cr4 & Self.pageGlobalEnable != 0, isLarge: isLarge,
      isWriteReady: leaf.entry & PageEntry.dirty != 0, reach: reach)
  }

  /// With paging off every page is its own.
  @inline(__always) func untranslated(_ linear: UInt32) -> Translation {
    let page = UInt64(linear & ~0xfff) & s.pointee.addressMask
    return Translation(
      page: page, machine: machinePage(page), rights: .all, isGlobal: false, isLarge: false, isWriteReady: true,
      reach: .small)
  }

  /// PPN -> MPN, as guest-physical memory has it now.
  @inline(__always) func machinePage(_ page: UInt64) -> UInt64 {
    if page >> 32 != 0 { return Translation.noMachine }
    let entry = s.pointee.pageEntries[Int(truncatingIfNeeded: page >> 12)]
    return entry & GuestPhysicalMemory.entryValid != 0 ? entry & ~0xfff : Translation.noMachine
  }

  /// The guest's map of one page without side effects, for debuggers and tracers; nil when a read would fault.
  func inspect(_ linear: UInt32) -> (translation: Translation, entry: UInt64)? {
    if s.pointee.cr0 & Self.pagingEnabled == 0 { return (untranslated(linear), 0) }
    var tables = GuestTables(self)
    guard case .found(let leaf) = walkGuest(linear, PageAccess(), .inspect, in: &tables) else { return nil }
    return (translation(leaf), leaf.entry)
  }
}

struct NativePager: Pager {
  @inline(__always)
  func resolve(_ linear: UInt32, _ access: PageAccess, _ cpu: CPU) throws(GuestFault) -> Translation {
    if cpu.s.pointee.cr0 & CPU.pagingEnabled == 0 { return cpu.untranslated(linear) }
    var tables = GuestTables(cpu)
    let outcome = cpu.walkGuest(linear, access, .update, in: &tables)
    cpu.s.pointee.paging.walkReferences &+= tables.references
    switch outcome {
    case .found(let leaf): return cpu.translation(leaf)
    case .failed(let failure, _): throw cpu.pageFault(failure, linear, access)
    }
  }

  func inspect(_ linear: UInt32, user: Bool, _ cpu: CPU) -> MappedPage? { nil }
  func invalidate(_ linear: UInt32, _ cpu: CPU) {}
  func flush(keepingGlobal: Bool, _ cpu: CPU) {}
  func tracedWrite(_ physical: UInt64, count: UInt64, _ cpu: CPU) {}
  func backingChanged(page: UInt64, _ cpu: CPU) {}
}
