// The shadow pager (`--pager shadow`): the guest runs on the monitor's own page tables VPN -> MPN, one set for each
// address space and privilege, kept when the guest switches away. What is missing in them comes by hidden faults; what the
// guest changes in its own tables is caught by memory traces. (Waldspurger 2002, 2; Adams and Agesen 2006, 2.4.)

import Memory
import Tracing

/// A handle to the shadow pager's state.
struct ShadowPager: Pager {
  let s: UnsafeMutablePointer<ShadowState>

  // MARK: Translation

  /// Why a hidden fault happened, as its event says.
  enum HiddenFault: UInt32 {
    case absent, dirty, device, readOnly
  }

  @inline(never)
  func resolve(_ linear: UInt32, _ access: PageAccess, _ cpu: CPU) throws(GuestFault) -> Translation {
    if let found = walk(present(user: access.isUser, cpu), linear, access, cpu) { return found }
    return try fault(linear, access, cpu)
  }

  /// The walk that a TLB miss makes: through the shadow of the access's privilege, nothing else.
  @inline(__always)
  private func walk(_ root: UInt32, _ linear: UInt32, _ access: PageAccess, _ cpu: CPU) -> Translation? {
    var needs = cpu.rightsNeeded(access).rawValue
    // A supervisor's write needs R/W here whatever CR0.WP says: the shadow is right for it.
    if access.isWrite { needs |= PageRights.write.rawValue }
    var tables = MachineTables(cpu)
    let leaf = leaf(root, linear, needs: PageRights(rawValue: needs), in: &tables)
    cpu.s.pointee.paging.walkReferences &+= tables.references
    return leaf.map { translation($0, root, linear, cpu) }
  }

  /// What the tables below a root have for an address; nil when that is nothing, or too little.
  @inline(__always)
  private func leaf(_ root: UInt32, _ linear: UInt32, needs: PageRights, in tables: inout MachineTables) -> PageLeaf? {
    // The root's entries are the PDPTEs, which a processor keeps: no reference.
    let pointer = entries(root)[Int(linear >> 30)]
    if pointer & PageEntry.present == 0 { return nil }
    let outcome = PageWalk.run(
      PAEFormat.self, in: &tables, root: pointer & ShadowEntry.frameMask, UInt64(linear), needs: needs, dirties: false,
      .inspect, [.paging, .wide, .noExecute])
    guard case .found(let leaf) = outcome else { return nil }
    return leaf
  }

  /// What a TLB is told: the guest's rights, by the bits that stand beside the shadow's own.
  @inline(__always)
  private func translation(_ leaf: PageLeaf, _ root: UInt32, _ linear: UInt32, _ cpu: CPU) -> Translation {
    let directory = child(entries(root)[Int(linear >> 30)])
    noteWalk(through: directory)
    let upper = entries(directory)[Int(linear >> 21 & 511)]
    var node = directory << 9 | linear >> 21 & 511
    var within: UInt32 = linear >> 12 & 511
    var guestRights = upper
    if leaf.level == 0 {
      let table = child(upper)
      noteWalk(through: table)
      node = table << 9 | within
      within = 0
      guestRights &= leaf.entry
    }
    var rights = leaf.rights
    if guestRights & ShadowEntry.guestWritable == 0 { rights.remove(.write) } else { rights.insert(.write) }
    return Translation(
      page: UInt64(s.pointee.leafPage[Int(node)] &+ within) << 12, machine: leaf.page, rights: rights,
      isGlobal: leaf.entry & PageEntry.global != 0, isLarge: leaf.entry & ShadowEntry.guestLarge != 0,
      isWriteReady: leaf.entry & PageEntry.writable != 0, reach: leaf.level == 0 ? .small : .large2M)
  }

  @inline(__always) private func noteWalk(through table: UInt32) {
    s.pointee.tables[Int(table)].isReferenced = true
    s.pointee.tables[Int(table)].writesUnreferenced = 0
  }

  /// The exit of a page fault: the guest's own is handed on, a hidden one served.
  @inline(never)
  private func fault(_ linear: UInt32, _ access: PageAccess, _ cpu: CPU) throws(GuestFault) -> Translation {
    cpu.noteExit()
    var translation: Translation
    if cpu.s.pointee.cr0 & CPU.pagingEnabled == 0 {
      translation = cpu.untranslated(linear)
    } else {
      var tables = GuestTables(cpu)
      let outcome = cpu.walkGuest(linear, access, .update, in: &tables)
      cpu.s.pointee.paging.monitorReferences &+= tables.references
      switch outcome {
      case .found(let leaf): translation = cpu.translation(leaf)
      case .failed(let failure, _): throw cpu.pageFault(failure, linear, access)
      }
    }

    if !translation.hasMemory {
      // An instruction that starts over with the device's answer makes no second access.
      if !cpu.repeatsDeviceAccess {
        cpu.s.pointee.paging.deviceFaults &+= 1
        tell(.device, linear, translation, cpu)
      }
      return translation
    }
    let entry = cpu.s.pointee.pageEntries[Int(truncatingIfNeeded: translation.page >> 12)]
    let isROM = entry & GuestPhysicalMemory.entryROM != 0
    let isTraced = entry & GuestPhysicalMemory.entryTraced != 0
    // A write to a watched page is carried out by the monitor, and told where that is done.
    if access.isWrite, isTraced {
      translation.isWriteReady = false
      translation.reach = .small
      return translation
    }
    let before = cpu.s.pointee.paging.shadowEntriesFilled
    fill(linear, user: access.isUser, cpu)
    let wasThere = cpu.s.pointee.paging.shadowEntriesFilled == before
    hidden(isROM && access.isWrite ? .readOnly : wasThere ? .dirty : .absent, linear, translation, cpu)
    // The instruction starts again and finds what was filled, but for what is never filled.
    if let found = walk(present(user: access.isUser, cpu), linear, access, cpu) { return found }
    if isROM || isTraced { translation.isWriteReady = false }
    translation.reach = .small
    return translation
  }

  private func hidden(_ reason: HiddenFault, _ linear: UInt32, _ translation: Translation, _ cpu: CPU) {
    cpu.s.pointee.paging.hiddenFaults &+= 1
    tell(reason, linear, translation, cpu)
  }

  private func tell(_ reason: HiddenFault, _ linear: UInt32, _ translation: Translation, _ cpu: CPU) {
    cpu.record(.hiddenPageFault, code: reason.rawValue, a: UInt64(linear), b: translation.page)
  }

  // MARK: Roots

  /// The root in use for a privilege, found again or begun when the address space has changed.
  @inline(__always) func present(user: Bool, _ cpu: CPU) -> UInt32 {
    let root = user ? s.pointee.roots.1 : s.pointee.roots.0
    return root != 0 ? root : findRoot(user: user, cpu)
  }

  @inline(never)
  private func findRoot(user: Bool, _ cpu: CPU) -> UInt32 {
    let name = rootName(user: user, cpu)
    var root = find(name.page, name.role)
    if root == 0 {
      cpu.s.pointee.paging.rootsBuilt &+= 1
      root = make(name.page, name.role, cpu)
    } else if name.role.mode.contains(.wide) {
      // Four PDPTs may lie in one page: which one is told by the entries below.
      for part in UInt32(0)..<4 { checkPointer(root, part, cpu) }
    }
    s.pointee.tables[Int(root)].isReferenced = true
    if user { s.pointee.roots.1 = root } else { s.pointee.roots.0 = root }
    return root
  }

  /// The page and the role by which the present address space's root is known.
  private func rootName(user: Bool, _ cpu: CPU) -> (page: UInt32, role: ShadowRole) {
    let mode = mode(user: user, cpu)
    var role = ShadowRole(mode: mode, level: 2, user: user)
    role.isDirect = !mode.contains(.paging)
    return (role.isDirect ? 0 : cpu.s.pointee.cr3 >> 12, role)
  }

  /// A PDPTE may have been loaded anew: what no longer fits goes.
  private func checkPointer(_ root: UInt32, _ part: UInt32, _ cpu: CPU) {
    let entry = entries(root)[Int(part)]
    if entry & PageEntry.present == 0 { return }
    let pointer = cpu.pageDirectoryPointer(part)
    if pointer & PageEntry.present == 0
      || UInt64(s.pointee.tables[Int(child(entry))].page) != (pointer & PAEFormat.frameMask) >> 12
    {
      clear(root << 9 | part)
    }
  }

  /// Paging as a shadow of a privilege sees it: CR0.WP says nothing to ring 3.
  @inline(__always) func mode(user: Bool, _ cpu: CPU) -> PagingMode {
    let mode = cpu.pagingMode
    if !mode.contains(.paging) { return [] }
    return user ? mode.subtracting(.writeProtect) : mode
  }

  // MARK: Flushes

  func invalidate(_ linear: UInt32, _ cpu: CPU) {
    cpu.noteExit()
    if s.pointee.unsyncedCount > 0 { resync(linear, cpu) }
  }

  func flush(keepingGlobal: Bool, _ cpu: CPU) {
    cpu.noteExit()
    s.pointee.roots = (0, 0)
    if s.pointee.unsyncedCount > 0 { resyncAll(cpu) }
    if s.pointee.addressMask != cpu.s.pointee.addressMask {
      // A20: the same addresses mean other pages.
      s.pointee.addressMask = cpu.s.pointee.addressMask
      dropAll(cpu)
    }
  }

  /// A CR3 load under a TLB that is tagged by address space: the new one's entries are good unless some shadow entry was
  /// taken back since it was last in use.
  func select(_ model: TLBModel, _ cpu: CPU) {
    let root = present(user: false, cpu)
    model.select(tag: root)
    if s.pointee.tables[Int(root)].seenChanges != s.pointee.changes || s.pointee.unsyncedCount > 0 { model.flushPresent() }
    s.pointee.tables[Int(root)].seenChanges = s.pointee.changes
  }

  // MARK: Inspection

  func inspect(_ linear: UInt32, user: Bool, _ cpu: CPU) -> MappedPage? {
    let name = rootName(user: user, cpu)
    let root = find(name.page, name.role)
    var tables = MachineTables(cpu)
    guard root != 0, let leaf = leaf(root, linear, needs: [], in: &tables) else { return nil }
    return MappedPage(machine: MachineAddress(leaf.page), rights: leaf.rights, isLarge: leaf.level > 0)
  }
}
