// What a guest's page-table entry is in the shadow. One place computes it, for hidden faults, for traced writes and for
// resynchronisation, so that a shadow entry is the same however it came about.

import Memory

extension ShadowPager {
  /// A present entry of the guest's, taken apart.
  private struct GuestEntry {
    var value: UInt64
    var isLarge: Bool
    /// Guest-physical address of the table or page it names; of a large page, its first.
    var target: UInt64
  }

  /// Nil when a walk would end here, with a fault or (not accessed yet) with a mark to be set.
  private func read(_ page: UInt32, _ index: UInt32, level: Int, _ mode: PagingMode, _ cpu: CPU) -> GuestEntry? {
    cpu.s.pointee.paging.monitorReferences &+= 1
    return mode.contains(.wide)
      ? read(PAEFormat.self, page, index, level: level, mode, cpu)
      : read(TwoLevelFormat.self, page, index, level: level, mode, cpu)
  }

  @inline(__always)
  private func read<F: PageFormat>(
    _: F.Type, _ page: UInt32, _ index: UInt32, level: Int, _ mode: PagingMode, _ cpu: CPU
  ) -> GuestEntry? {
    let entry = PageWalk.read(cpu.physicalPointer(UInt64(page) << 12 + UInt64(index) * F.entrySize), F.self)
    let isLarge = level == 1 && F.isLarge(entry, mode)
    guard F.isPresent(entry), entry & PageEntry.accessed != 0,
      entry & F.reserved(level: level, isLarge: isLarge, mode) == 0
    else { return nil }
    return GuestEntry(value: entry, isLarge: isLarge, target: F.page(entry, 0, isLarge: isLarge))
  }

  /// The page number of a guest table, if it lies in memory: only what can be watched can be shadowed.
  private func tablePage(_ address: UInt64, _ cpu: CPU) -> UInt32? {
    let address = address & cpu.s.pointee.addressMask
    return cpu.machinePage(address & ~0xfff) == Translation.noMachine ? nil : UInt32(truncatingIfNeeded: address >> 12)
  }

  // MARK: Values

  /// What any level takes over from the guest's entry; nil when the shadow's privilege may not pass.
  private func passage(_ guest: UInt64, _ role: ShadowRole) -> UInt64? {
    if role.isUser, guest & PageEntry.user == 0 { return nil }
    var entry = PageEntry.present | PageEntry.accessed | guest & (PageEntry.user | PageEntry.executeDisable)
    let guestAllows = guest & PageEntry.writable != 0
    if guestAllows { entry |= ShadowEntry.guestWritable }
    if role.allowsWrites(guestDoes: guestAllows) { entry |= PageEntry.writable }
    return entry
  }

  /// A leaf for a page of memory; nil when there is none. Writes pass when the guest's page is dirty and nobody watches it.
  private func leaf(_ passage: UInt64, _ guest: UInt64, _ page: UInt64, _ role: ShadowRole, _ cpu: CPU) -> UInt64? {
    let machine = cpu.machinePage(page)
    if machine == Translation.noMachine { return nil }
    var entry = passage | machine | guest & PageEntry.dirty
    if role.mode.contains(.globalPages) { entry |= guest & PageEntry.global }
    let watched = GuestPhysicalMemory.entryROM | GuestPhysicalMemory.entryTraced
    if guest & PageEntry.dirty == 0 || cpu.s.pointee.pageEntries[Int(page >> 12)] & watched != 0 {
      entry &= ~PageEntry.writable
    }
    return entry
  }

  /// The same for a region of 2 MiB; nil when it must be taken to pieces.
  private func largeLeaf(_ passage: UInt64, _ guest: UInt64, _ base: UInt64, _ role: ShadowRole, _ cpu: CPU) -> UInt64? {
    guard s.pointee.options.largePages == .kept, cpu.s.pointee.addressMask == ~0, base >> 32 == 0,
      s.pointee.tracesIn[Int(base >> 21)] == 0,
      cpu.owner.memory.isWholeRegion(GuestPhysicalAddress(base))
    else { return nil }
    return leaf(passage, guest, base, role, cpu).map { $0 | PageEntry.large | ShadowEntry.guestLarge }
  }

  // MARK: Hidden faults

  /// Makes the shadow show what the guest's walk for an address has just shown, as far as the shadow may.
  func fill(_ linear: UInt32, user: Bool, _ cpu: CPU) {
    defer { s.pointee.pinned = (0, 0, 0) }
    let root = present(user: user, cpu)
    s.pointee.pinned.0 = root
    guard let directory = directory(root, linear, cpu) else { return }
    s.pointee.pinned.1 = directory
    let role = s.pointee.tables[Int(directory)].role
    let node = directory << 9 | linear >> 21 & 511

    if role.isDirect {
      let everything = PageEntry.present | PageEntry.writable | PageEntry.user | PageEntry.accessed | PageEntry.dirty
      return fillLarge(node, everything, UInt64(linear & ~0x1f_ffff), linear, role, cpu)
    }
    let mode = role.mode
    let page = s.pointee.tables[Int(directory)].page
    let index = mode.contains(.wide) ? linear >> 21 & 511 : linear >> 22
    guard let upper = read(page, index, level: 1, mode, cpu), let passage = passage(upper.value, role) else { return }
    if upper.isLarge {
      let base = upper.target | (mode.contains(.wide) ? 0 : UInt64(linear & 0x20_0000))
      return fillLarge(node, upper.value, base, linear, role, cpu)
    }
    guard let tablePage = tablePage(upper.target, cpu) else { return }
    let childRole = ShadowRole(mode: mode, level: 0, user: user, part: mode.contains(.wide) ? 0 : linear >> 21 & 1)
    let table = point(node, to: tablePage, childRole, passage, cpu)
    let guestIndex = linear >> 12 & (mode.contains(.wide) ? 511 : 1023)
    if refreshLeaf(table << 9 | linear >> 12 & 511, tablePage, guestIndex, fills: true, cpu) {
      cpu.s.pointee.paging.shadowEntriesFilled &+= 1
    }
  }

  /// The directory below a root, found or begun.
  private func directory(_ root: UInt32, _ linear: UInt32, _ cpu: CPU) -> UInt32? {
    let rootRole = s.pointee.tables[Int(root)].role
    let part = linear >> 30
    let node = root << 9 | part
    let entry = value(node)
    if entry & PageEntry.present != 0 { return child(entry) }
    var role = ShadowRole(mode: rootRole.mode, level: 1, user: rootRole.isUser)
    var page = part << 18
    if rootRole.isDirect {
      role.isDirect = true
    } else {
      if !rootRole.mode.contains(.wide) {
        role = ShadowRole(mode: rootRole.mode, level: 1, user: rootRole.isUser, part: part)
      }
      let address =
        rootRole.mode.contains(.wide)
        ? cpu.pageDirectoryPointer(part) & PAEFormat.frameMask : UInt64(cpu.s.pointee.cr3 & ~0xfff)
      guard let directoryPage = tablePage(address, cpu) else { return nil }
      page = directoryPage
    }
    return point(node, to: page, role, PageEntry.present, cpu)
  }

  /// Lets an entry lead to a table of a page and role, which is found or begun.
  private func point(_ node: ShadowNode, to page: UInt32, _ role: ShadowRole, _ passage: UInt64, _ cpu: CPU) -> UInt32 {
    var table = find(page, role)
    if table == 0 { table = make(page, role, cpu) }
    let entry = passage | frame(table)
    if value(node) == entry { return table }
    // A table out of sync may be stale for the addresses that had it before, and for no others.
    if role.isTraced, isUnsynced(page, cpu) { resyncTable(page, cpu) }
    clear(node)
    set(node, entry)
    return table
  }

  /// A large page's part of 2 MiB: as one entry, or through a table of its own.
  private func fillLarge(
    _ node: ShadowNode, _ guest: UInt64, _ base: UInt64, _ linear: UInt32, _ role: ShadowRole, _ cpu: CPU
  ) {
    guard let passage = passage(guest, role) else { return }
    if let entry = largeLeaf(passage, guest, base, role, cpu) {
      if value(node) == entry { return }
      clear(node)
      set(node, entry, page: UInt32(truncatingIfNeeded: base >> 12))
      cpu.s.pointee.paging.shadowEntriesFilled &+= 1
      return
    }
    // Past 4 GiB nothing is memory.
    if base >> 32 != 0 { return }
    var tableRole = ShadowRole(mode: role.mode, level: 0, user: role.isUser)
    tableRole.isDirect = true
    tableRole.attributes = guest
    let table = point(node, to: UInt32(truncatingIfNeeded: base >> 12), tableRole, passage, cpu)
    let piece = table << 9 | linear >> 12 & 511
    let page = (base | UInt64(linear & 0x1f_f000)) & cpu.s.pointee.addressMask
    // The rights are in the entry above.
    let all = PageEntry.present | PageEntry.writable | PageEntry.user | PageEntry.accessed | ShadowEntry.guestWritable
    let large = role.isDirect ? 0 : ShadowEntry.guestLarge
    guard let entry = leaf(all, guest, page, tableRole, cpu), value(piece) != entry | large else { return }
    clear(piece)
    set(piece, entry | large, page: UInt32(truncatingIfNeeded: page >> 12))
    cpu.s.pointee.paging.shadowEntriesFilled &+= 1
  }

  // MARK: Guest writes

  /// Brings a leaf up to date with the guest's entry.
  /// - Parameter fills: an absent one too.
  /// - Returns: whether it changed.
  func refreshLeaf(_ node: ShadowNode, _ tablePage: UInt32, _ index: UInt32, fills: Bool, _ cpu: CPU) -> Bool {
    let old = value(node)
    if old & PageEntry.present == 0, !fills { return false }
    let role = s.pointee.tables[Int(node >> 9)].role
    var new: UInt64 = 0
    var page: UInt64 = 0
    if let guest = read(tablePage, index, level: 0, role.mode, cpu), let passage = passage(guest.value, role) {
      page = guest.target & cpu.s.pointee.addressMask
      new = leaf(passage, guest.value, page, role, cpu) ?? 0
    }
    if new == old { return false }
    clear(node)
    if new != 0 { set(node, new, page: UInt32(truncatingIfNeeded: page >> 12)) }
    return true
  }

  /// Brings a directory's entry up to date: what still leads to the same place stays, with its new rights.
  func refreshUpper(_ node: ShadowNode, _ directoryPage: UInt32, _ index: UInt32, _ cpu: CPU) -> Bool {
    let old = value(node)
    if old & PageEntry.present == 0 { return false }
    let role = s.pointee.tables[Int(node >> 9)].role
    if let guest = read(directoryPage, index, level: 1, role.mode, cpu), let passage = passage(guest.value, role) {
      let isKeptLarge = old & PageEntry.large != 0
      if guest.isLarge, isKeptLarge {
        let base = guest.target | (role.mode.contains(.wide) ? 0 : UInt64(node & 1) << 21)
        if largeLeaf(passage, guest.value, base, role, cpu) == old { return false }
      } else if !guest.isLarge, !isKeptLarge {
        let table = s.pointee.tables[Int(child(old))]
        if !table.role.isDirect, tablePage(guest.target, cpu) == table.page {
          let new = passage | old & ShadowEntry.frameMask
          if new == old { return false }
          s.pointee.changes &+= 1
          setValue(node, new)
          return true
        }
      }
    }
    clear(node)
    return true
  }
}
