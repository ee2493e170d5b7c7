// The seam between a TLB and whoever fills it. A pager resolves what the TLB doesn't know, keeps its own tables in step
// with the guest's, and counts what that takes. There are three:
//
//   native   the guest's tables walked as bare silicon walks them: what the others are measured against
//   shadow   the monitor's tables VPN -> MPN, made from the guest's by hidden faults and kept true by memory traces
//   nested   the guest's tables walked through the monitor's EPT tables PPN -> MPN
//
// A guest can't tell one from another: the same accesses give the same results, faults, accessed and dirty bits.

import Memory

/// What an access wants to do with a page.
struct PageAccess: BitwiseCopyable {
  var isWrite = false
  var isFetch = false
  /// At privilege level 3 (explicitly; accesses to descriptor tables and the TSS are the supervisor's).
  var isUser = false
}

/// How much of the linear space one TLB entry may cover.
public enum PageSize: UInt8, CaseIterable, Sendable, BitwiseCopyable {
  case small, large2M, large4M

  /// log2 of its bytes.
  var shift: UInt32 {
    switch self {
    case .small: 12
    case .large2M: 21
    case .large4M: 22
    }
  }
}

/// A translation as a TLB holds it.
struct Translation: BitwiseCopyable {
  /// Guest-physical address of the 4 KiB page.
  var page: UInt64
  /// Machine address of that page; `noMachine` where a device or nothing is.
  var machine: UInt64
  /// What the guest's tables allow.
  var rights: PageRights
  var isGlobal: Bool
  /// Part of a large page of the guest's tables.
  var isLarge: Bool
  /// A write, where the rights allow it, needs nobody's attention: D is set, no trace and no log watches the page.
  var isWriteReady: Bool
  /// What a TLB entry of it may cover.
  var reach: PageSize

  static let noMachine: UInt64 = ~0
  @inline(__always) var hasMemory: Bool { machine != Self.noMachine }
}

/// The contract of a pager. Conformers are handles of one pointer; the processor calls them by `ActivePager`, never as an
/// existential.
protocol Pager: BitwiseCopyable {
  /// Translates for an access that the TLB can't serve. Throws the guest's page fault, with CR2 set.
  func resolve(_ linear: UInt32, _ access: PageAccess, _ cpu: CPU) throws(GuestFault) -> Translation
  /// Which machine page the pager's tables give for a page, and with what rights, now and without side effects.
  func inspect(_ linear: UInt32, user: Bool, _ cpu: CPU) -> MappedPage?
  /// INVLPG.
  func invalidate(_ linear: UInt32, _ cpu: CPU)
  /// A load of CR3 (then `keepingGlobal`), or a change of the paging mode or of A20.
  func flush(keepingGlobal: Bool, _ cpu: CPU)
  /// The guest wrote to a page with a memory trace.
  func tracedWrite(_ physical: UInt64, count: UInt64, _ cpu: CPU)
  /// Another machine page, another kind of backing, or none stands behind a guest-physical page.
  func backingChanged(page: UInt64, _ cpu: CPU)
}

/// What a pager's own tables say of a page.
public struct MappedPage: Equatable, Sendable {
  /// Machine address of the 4 KiB page.
  public var machine: MachineAddress
  public var rights: PageRights
  public var isLarge: Bool
}

/// What the guest's own tables say of a page.
public struct GuestPage: Equatable, Sendable {
  /// Guest-physical address of the 4 KiB page.
  public var physical: GuestPhysicalAddress
  /// The rights of all levels together.
  public var rights: PageRights
  public var isLarge: Bool
  public var isGlobal: Bool
  /// A and D of the last entry.
  public var isAccessed: Bool
  public var isDirty: Bool
}

/// The pager at work.
enum ActivePager: BitwiseCopyable {
  case native(NativePager)
  case shadow(ShadowPager)
  case nested(NestedPager)
}

extension CPU {
  /// log2 of the bytes of a large page of the guest's.
  var largePageShift: UInt32 { s.pointee.cr4 & Self.physicalAddressExtension != 0 ? 21 : 22 }

  /// Translates for an access that the interpreter's own arrays can't serve: by the modelled TLB where there is one, else
  /// by the pager.
  /// - Parameter isKnown: the arrays hold the page, but without the right that is needed.
  @inline(never)
  func translate(_ linear: UInt32, _ access: PageAccess, isKnown: Bool) throws(GuestFault) -> Translation {
    if let model = s.pointee.tlbModel { return try translate(linear, access, by: model) }
    return try walk(linear, access, isMiss: !isKnown)
  }

  private func translate(_ linear: UInt32, _ access: PageAccess, by model: TLBModel) throws(GuestFault) -> Translation {
    let held = model.find(linear, self)
    if let held, permits(held, access) { return held }
    let translation = try walk(linear, access, isMiss: held == nil)
    // What no table of a monitor's maps, no TLB can hold: each access to a device exits. On bare silicon none does.
    if translation.hasMemory || isBare { model.insert(linear, translation, self) }
    return translation
  }

  /// Lets the pager translate, and counts what that took.
  @inline(__always)
  private func walk(_ linear: UInt32, _ access: PageAccess, isMiss: Bool) throws(GuestFault) -> Translation {
    s.pointee.counters.pageWalks &+= 1
    let before = s.pointee.paging.walkReferences
    let translation: Translation
    switch s.pointee.pager {
    case .native(let pager): translation = try pager.resolve(linear, access, self)
    case .shadow(let pager): translation = try pager.resolve(linear, access, self)
    case .nested(let pager): translation = try pager.resolve(linear, access, self)
    }
    let references = s.pointee.paging.walkReferences &- before
    // Bare silicon with paging off refers to no table, and its TLB has no part in it.
    if references == 0 { return translation }
    if isMiss {
      countMiss(s.pointee.tlbModel?.reach(of: translation) ?? translation.reach, references)
      record(.tlbMiss, code: UInt32(truncatingIfNeeded: references), a: UInt64(linear), b: translation.page)
    } else {
      s.pointee.paging.tlbAssists &+= 1
    }
    return translation
  }

  private var isBare: Bool {
    if case .native = s.pointee.pager { return true }
    return false
  }

  @inline(__always) private func countMiss(_ reach: PageSize, _ references: UInt64) {
    s.pointee.paging.missReferences &+= references
    switch reach {
    case .small: s.pointee.paging.tlbMissesSmall &+= 1
    case .large2M: s.pointee.paging.tlbMisses2M &+= 1
    case .large4M: s.pointee.paging.tlbMisses4M &+= 1
    }
  }

  /// Whether a held translation serves an access without another walk.
  private func permits(_ held: Translation, _ access: PageAccess) -> Bool {
    held.rights.isSuperset(of: rightsNeeded(access)) && (!access.isWrite || held.isWriteReady)
  }

  /// The rights without which an access faults (SDM 3A, 4.6).
  @inline(__always) func rightsNeeded(_ access: PageAccess) -> PageRights {
    var needed: UInt8 = 0
    if access.isUser { needed |= PageRights.user.rawValue }
    if access.isWrite, access.isUser || s.pointee.cr0 & Self.writeProtect != 0 { needed |= PageRights.write.rawValue }
    if access.isFetch { needed |= PageRights.execute.rawValue }
    return PageRights(rawValue: needed)
  }

  /// The page fault that a failed walk of the guest's tables comes to; sets CR2.
  @inline(never)
  func pageFault(_ failure: WalkFailure, _ linear: UInt32, _ access: PageAccess) -> GuestFault {
    s.pointee.paging.trueFaults &+= 1
    s.pointee.cr2 = linear
    var code = failure.rawValue
    if access.isWrite { code |= 2 }
    if access.isUser { code |= 4 }
    // I/D is reported only where fetches can be forbidden (SDM 3A, 4.7).
    if access.isFetch, pagingMode.contains(.noExecute) { code |= 0x10 }
    return .pageFault(code)
  }

  // MARK: What pagers must learn of

  func pagerInvalidate(_ linear: UInt32) {
    s.pointee.paging.pageInvalidations &+= 1
    switch s.pointee.pager {
    case .native(let pager): pager.invalidate(linear, self)
    case .shadow(let pager): pager.invalidate(linear, self)
    case .nested(let pager): pager.invalidate(linear, self)
    }
  }

  func pagerFlush(keepingGlobal: Bool) {
    switch s.pointee.pager {
    case .native(let pager): pager.flush(keepingGlobal: keepingGlobal, self)
    case .shadow(let pager): pager.flush(keepingGlobal: keepingGlobal, self)
    case .nested(let pager): pager.flush(keepingGlobal: keepingGlobal, self)
    }
  }

  @inline(never)
  func pagerTracedWrite(_ physical: UInt64, count: UInt64) {
    if case .shadow(let pager) = s.pointee.pager { pager.tracedWrite(physical, count: count, self) }
  }

  func pagerBackingChanged(page: UInt64) {
    switch s.pointee.pager {
    case .native(let pager): pager.backingChanged(page: page, self)
    case .shadow(let pager): pager.backingChanged(page: page, self)
    case .nested(let pager): pager.backingChanged(page: page, self)
    }
  }

  /// The guest left for the monitor and comes back: without VPIDs that empties the TLB (SDM 3C, 28.3.3.1). Bare silicon
  /// has no monitor to leave for.
  @inline(__always) func noteExit() {
    if let model = s.pointee.tlbModel, model.forgetsAtExits {
      if !isBare { model.flushAll(self) }
    }
  }
}
