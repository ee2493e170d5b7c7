// The nested pager (`--pager nested`): the guest keeps its page tables to itself; a TLB miss walks them in guest-physical
// space, and each step of that walk through EPT: n guest levels over m EPT levels take n * m + n + m memory references.
// (Bhargava et al. 2008; SDM 3C, 28.2.)

import Memory
import Tracing

/// An EPT violation was served on the way: the access starts again.
struct EPTRestart: Error {}

/// A handle to the nested pager's state.
struct NestedPager: Pager {
  let n: UnsafeMutablePointer<NestedState>

  /// What EPT says of a guest-physical page.
  enum Outcome {
    case machine(PageLeaf)
    /// Memory that the access may not write: ROM.
    case readOnly(PageLeaf)
    case device
  }

  // MARK: The walk in two dimensions

  /// The guest's tables, each reference through EPT.
  struct GuestTablesBehindEPT: TableSpace {
    let cpu: CPU
    let pager: NestedPager
    var references: UInt64 = 0

    @inline(__always)
    mutating func pointer(to address: UInt64) throws(EPTRestart) -> UnsafeMutableRawPointer? {
      let address = address & cpu.s.pointee.addressMask
      // With accessed and dirty flags in EPT, a reference to a paging structure counts as a write (28.2.5).
      let writes = pager.n.pointee.options.accessedDirty
      let outcome = try pager.translate(
        address, needs: writes ? [.read, .write] : .read, dirties: writes, &references, cpu)
      references &+= 1
      switch outcome {
      case .machine(let leaf), .readOnly(let leaf):
        return cpu.s.pointee.machineBase + Int(truncatingIfNeeded: leaf.page | address & 0xfff)
      case .device: return nil
      }
    }

    @inline(__always)
    mutating func mark(_ address: UInt64, _ entry: UInt64) throws(EPTRestart) {
      let address = address & cpu.s.pointee.addressMask
      if !pager.n.pointee.options.accessedDirty {
        var unused: UInt64 = 0
        guard case .machine = try pager.translate(address, needs: [.read, .write], dirties: true, &unused, cpu)
        else { return }
      }
      cpu.markTableEntry(address, entry)
    }
  }

  @inline(never)
  func resolve(_ linear: UInt32, _ access: PageAccess, _ cpu: CPU) throws(GuestFault) -> Translation {
    while true {
      var references: UInt64 = 0
      let translation: Translation?
      var failure: WalkFailure?
      do {
        translation = try attempt(linear, access, &failure, &references, cpu)
      } catch {
        translation = nil
      }
      cpu.s.pointee.paging.walkReferences &+= references
      if let translation { return translation }
      if let failure { throw cpu.pageFault(failure, linear, access) }
    }
  }

  /// One run through both dimensions.
  @inline(__always)
  private func attempt(
    _ linear: UInt32, _ access: PageAccess, _ failure: inout WalkFailure?, _ references: inout UInt64, _ cpu: CPU
  ) throws(EPTRestart) -> Translation? {
    var translation: Translation
    if cpu.s.pointee.cr0 & CPU.pagingEnabled == 0 {
      translation = cpu.untranslated(linear)
    } else {
      var tables = GuestTablesBehindEPT(cpu: cpu, pager: self)
      let outcome: WalkOutcome
      do {
        outcome = try cpu.walkGuest(linear, access, .update, in: &tables)
      } catch {
        references &+= tables.references
        throw error
      }
      references &+= tables.references
      switch outcome {
      case .found(let leaf): translation = cpu.translation(leaf)
      case .failed(let reason, _):
        failure = reason
        return nil
      }
    }

    var needs = PageRights.read
    if access.isWrite { needs.insert(.write) }
    if access.isFetch { needs.insert(.execute) }
    switch try translate(translation.page, needs: needs, dirties: access.isWrite, &references, cpu) {
    case .machine(let leaf):
      translation.machine = leaf.page
      if leaf.entry & EPTFormat.writable == 0 { translation.isWriteReady = false }
      if n.pointee.options.accessedDirty, leaf.entry & EPTFormat.dirty == 0 { translation.isWriteReady = false }
      // The smaller page of the two decides what a TLB entry covers.
      if translation.reach != .small { translation.reach = leaf.level > 0 ? .large2M : .small }
    case .readOnly(let leaf):
      translation.machine = leaf.page
      translation.isWriteReady = false
      translation.reach = .small
    case .device: translation.machine = Translation.noMachine
    }
    return translation
  }

  // MARK: Guest-physical to machine

  /// Walks EPT. A violation is served, and then the access starts again.
  @inline(__always)
  func translate(
    _ physical: UInt64, needs: PageRights, dirties: Bool, _ references: inout UInt64, _ cpu: CPU
  ) throws(EPTRestart) -> Outcome {
    if physical >> 32 == 0, let table = n.pointee.leafTables[Int(physical >> 21)] {
      // All that the walk would find, in one reference.
      let entry = table[Int(physical >> 12 & 511)]
      let wanted = n.pointee.readyMarks | (dirties ? n.pointee.readyDirty : 0)
      if entry & wanted == wanted {
        references &+= 1
        return .machine(PageLeaf(page: entry & EPTFormat.frameMask, rights: .all, entry: entry, level: 0))
      }
    }
    return try walk(physical, needs: needs, dirties: dirties, &references, cpu)
  }

  @inline(never)
  private func walk(
    _ physical: UInt64, needs: PageRights, dirties: Bool, _ references: inout UInt64, _ cpu: CPU
  ) throws(EPTRestart) -> Outcome {
    var tables = MachineTables(cpu)
    let effect: WalkEffect = n.pointee.options.accessedDirty ? .update : .inspect
    let outcome = PageWalk.run(
      EPTFormat.self, in: &tables, root: n.pointee.firstFrame, physical, needs: needs, dirties: dirties, effect, [])
    references &+= tables.references
    switch outcome {
    case .found(let leaf):
      // Where a TLB is modelled, walks are made in full: a cache would hide what is to be counted.
      if leaf.level == 0, cpu.s.pointee.tlbModel == nil { cacheLeafTable(physical >> 12, cpu) }
      return .machine(leaf)
    case .failed(let failure, _): return try exit(failure, physical, needs, cpu)
    }
  }

  /// An EPT violation or misconfiguration: what the monitor makes of it.
  @inline(never)
  private func exit(
    _ failure: WalkFailure, _ physical: UInt64, _ needs: PageRights, _ cpu: CPU
  ) throws(EPTRestart) -> Outcome {
    cpu.noteExit()
    if failure == .reserved {
      if !cpu.repeatsDeviceAccess { cpu.s.pointee.paging.eptMisconfigurations &+= 1 }
      return .device
    }
    cpu.s.pointee.paging.eptViolations &+= 1
    cpu.record(.eptViolation, code: UInt32(needs.rawValue), a: physical, b: failure == .notPresent ? 0 : 1)
    let page = physical >> 12
    guard cpu.machinePage(physical & ~0xfff) != Translation.noMachine else {
      // Where nothing can ever be, no table is spent.
      if physical >> 32 == 0 { markDevice(page, cpu) }
      return .device
    }
    if failure == .notPresent {
      map(page, cpu)
      throw EPTRestart()
    }
    if log(page, cpu) { throw EPTRestart() }
    // ROM: reading is all that it allows.
    guard let leaf = inspect(physical, cpu) else { throw EPTRestart() }
    return .readOnly(leaf)
  }

  // MARK: What the processor tells

  /// Guest tables need no care: nobody copied them.
  func invalidate(_ linear: UInt32, _ cpu: CPU) {}
  func flush(keepingGlobal: Bool, _ cpu: CPU) {}
  func tracedWrite(_ physical: UInt64, count: UInt64, _ cpu: CPU) {}

  func backingChanged(page: UInt64, _ cpu: CPU) { unmap(page, cpu) }

  func inspect(_ linear: UInt32, user: Bool, _ cpu: CPU) -> MappedPage? {
    guard let guest = cpu.inspect(linear), let leaf = inspect(guest.translation.page, cpu) else { return nil }
    return MappedPage(machine: MachineAddress(leaf.page), rights: leaf.rights, isLarge: leaf.level > 0)
  }

  /// Whether a write to a guest-physical page would find every mark set that it makes in EPT.
  func takesWritesUnseen(_ physical: UInt64, _ cpu: CPU) -> Bool {
    guard let leaf = inspect(physical, cpu) else { return false }
    let wanted = EPTFormat.writable | n.pointee.readyDirty
    return leaf.entry & wanted == wanted
  }

  /// What EPT has for a page that may be read, uncounted and without a mark.
  private func inspect(_ physical: UInt64, _ cpu: CPU) -> PageLeaf? {
    var tables = MachineTables(cpu)
    let outcome = PageWalk.run(
      EPTFormat.self, in: &tables, root: n.pointee.firstFrame, physical, needs: .read, dirties: false, .inspect, [])
    guard case .found(let leaf) = outcome else { return nil }
    return leaf
  }
}
