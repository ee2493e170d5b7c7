// Which pager a processor uses and which TLB is modelled, and the monitor's own operations on both.

import Memory
import Tracing

/// The pagers that can be chosen.
public enum PagerKind: String, CaseIterable, Sendable {
  /// The guest's tables, walked as bare silicon does.
  case none
  case shadow
  case nested
}

/// How a processor translates addresses.
public struct PagingConfiguration: Equatable, Sendable {
  public var pager = PagerKind.none
  public var shadow = ShadowOptions()
  public var nested = NestedOptions()
  /// The TLB that is modelled and counted. Without one, the interpreter's own arrays (8,192 pages for each privilege)
  /// are the TLB.
  public var tlb: TLBOptions?

  public init(pager: PagerKind = .none) { self.pager = pager }

  /// Bytes of machine memory that the pager's tables may take, besides the guest's.
  public var tableMemory: Int {
    switch pager {
    case .none: 0
    case .shadow: max(shadow.memory, ShadowOptions.leastMemory)
    case .nested: NestedState.capacity << 12
    }
  }
}

/// INVEPT's types (SDM 3C, 30.3).
public enum EPTInvalidation: Sendable { case singleContext, allContexts }

/// INVVPID's types (SDM 3C, 30.3).
public enum VPIDInvalidation: Sendable {
  case individualAddress(LinearAddress)
  case singleContext, allContexts, singleContextRetainingGlobals
}

extension Processor {
  /// Changes the pager or the TLB, now or between any two runs; the guest can't tell. Counts go on.
  /// - Throws: when machine memory has no room for the pager's tables: the pager is `none` then.
  public func usePaging(_ configuration: PagingConfiguration) throws(MachineMemoryError) {
    endPaging()
    cpu.s.pointee.tlbModel = configuration.tlb.map(TLBModel.init)
    switch configuration.pager {
    case .none: break
    case .shadow:
      guard let pager = ShadowPager(configuration.shadow, memory: memory, addressMask: cpu.s.pointee.addressMask) else {
        throw Self.noRoom(configuration)
      }
      cpu.s.pointee.pager = .shadow(pager)
    case .nested:
      guard let pager = NestedPager(configuration.nested, memory: memory, cpu: cpu) else {
        throw Self.noRoom(configuration)
      }
      cpu.s.pointee.pager = .nested(pager)
    }
    paging = configuration
    cpu.updateContext()
  }

  private static func noRoom(_ configuration: PagingConfiguration) -> MachineMemoryError {
    MachineMemoryError(
      description: "machine memory has no room for \(configuration.tableMemory >> 10) KiB of page tables")
  }

  /// Back to bare silicon, with an empty TLB.
  func endPaging() {
    switch cpu.s.pointee.pager {
    case .native: break
    case .shadow(let pager): pager.deallocate(cpu)
    case .nested(let pager): pager.deallocate(cpu)
    }
    cpu.s.pointee.pager = .native(NativePager())
    cpu.s.pointee.tlbModel?.deallocate()
    cpu.s.pointee.tlbModel = nil
    cpu.s.pointee.paging.tablePages = 0
    paging = PagingConfiguration()
    cpu.clearArrays()
    cpu.invalidateCodeTranslations()
  }

  /// Work done for translation so far.
  public var pagingCounters: PagingCounters { cpu.s.pointee.paging }

  /// What the pager's own tables give for a linear address, without side effects; nil when they have nothing (yet), or
  /// there are none.
  /// - Parameter user: as privilege level 3 sees it (`shadow` has tables for each).
  public func inspectPager(_ address: LinearAddress, user: Bool) -> MappedPage? {
    let linear = UInt32(truncatingIfNeeded: address.value)
    switch cpu.s.pointee.pager {
    case .native(let pager): return pager.inspect(linear, user: user, cpu)
    case .shadow(let pager): return pager.inspect(linear, user: user, cpu)
    case .nested(let pager): return pager.inspect(linear, user: user, cpu)
    }
  }

  /// Must follow every change of what stands behind a guest-physical page: another machine page, ROM, a device, nothing.
  public func noteBackingChange(of address: GuestPhysicalAddress) {
    guard address.pageNumber < UInt64(GuestPhysicalMemory.pageCount) else { return }
    cpu.pagerBackingChanged(page: address.pageNumber)
    cpu.s.pointee.tlbModel?.forgetPage(address.value & ~0xfff, cpu)
    blocks.invalidate(cpu: cpu, from: address.value & ~0xfff, count: 4096)
    cpu.clearArrays()
    cpu.invalidateCodeTranslations()
  }

  // MARK: Operations of a monitor that uses EPT

  /// INVEPT: forgets combined translations. There is one EPT context here.
  public func invept(_ type: EPTInvalidation) {
    if case .nested(let pager) = cpu.s.pointee.pager { pager.forgetLeafTables() }
    cpu.s.pointee.tlbModel?.flushAll()
    cpu.clearArrays()
  }

  /// INVVPID: forgets what is tagged with the virtual processor.
  public func invvpid(_ type: VPIDInvalidation) {
    switch type {
    case .individualAddress(let address):
      let linear = UInt32(truncatingIfNeeded: address.value)
      cpu.s.pointee.tlbModel?.invalidate(linear, cpu)
      cpu.forgetPieces(linear)
    case .singleContext, .allContexts:
      cpu.s.pointee.tlbModel?.flushAll()
      cpu.clearArrays()
    case .singleContextRetainingGlobals:
      cpu.s.pointee.tlbModel?.flushPresent()
      if cpu.s.pointee.tlbModel?.options.keepsGlobal ?? true { cpu.forgetLocalPages() } else { cpu.clearArrays() }
    }
    cpu.invalidateCodeTranslations()
  }

  /// Starts to note which guest-physical pages are written. Only under `nested`, else nothing happens.
  public func beginDirtyLog() {
    guard case .nested(let pager) = cpu.s.pointee.pager else { return }
    pager.beginLog(cpu)
    invept(.singleContext)
  }

  /// Guest-physical pages written since the log was begun or last read; the guest's page tables count as written when the
  /// processor walks them with EPT's accessed and dirty flags on.
  public func readDirtyLog() -> [GuestPhysicalAddress] {
    guard case .nested(let pager) = cpu.s.pointee.pager else { return [] }
    defer { invept(.singleContext) }
    return pager.readLog(cpu).map { GuestPhysicalAddress($0 << 12) }
  }

  public func endDirtyLog() {
    guard case .nested(let pager) = cpu.s.pointee.pager else { return }
    pager.endLog(cpu)
    invept(.singleContext)
  }
}
