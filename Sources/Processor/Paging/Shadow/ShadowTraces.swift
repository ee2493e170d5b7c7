// Memory traces: the guest's page tables are watched, so that their shadows can be kept true. In eager mode each write is
// carried over. In lazy mode the first write takes the trace off a table of leaves, and the shadow may be as stale as a
// TLB until INVLPG or a CR3 load (SDM 3A, 4.10.4): then it is compared and watched again. Directories are always eager.

import Memory
import Tracing

extension ShadowPager {
  /// Writes to a table that no walk has gone through meanwhile, after which its guest page is taken for something else by
  /// now: freed, or being filled for later. Its shadow goes, and the trace with it.
  static let floodLimit: UInt16 = 16

  func tracedWrite(_ physical: UInt64, count: UInt64, _ cpu: CPU) {
    cpu.s.pointee.paging.traceHits &+= 1
    cpu.noteExit()
    let page = UInt32(truncatingIfNeeded: physical >> 12)
    if cpu.records(.traceHit) {
      cpu.record(.traceHit, code: UInt32(truncatingIfNeeded: count), a: physical, b: written(physical, count, cpu))
    }
    if s.pointee.options.mode == .lazy, holdsLeavesOnly(page) { return unsync(page, cpu) }

    let offset = UInt32(truncatingIfNeeded: physical & 0xfff)
    let last = offset &+ UInt32(truncatingIfNeeded: count) &- 1
    var isFlooded = false
    forEachTracedTable(of: page) { table, known in
      let shift: UInt32 = known.role.mode.contains(.wide) ? 3 : 2
      for index in offset >> shift...last >> shift {
        if update(table, index, cpu) { cpu.s.pointee.paging.shadowEntriesUpdated &+= 1 }
      }
      s.pointee.tables[Int(table)].writesUnreferenced &+= 1
      if known.writesUnreferenced >= Self.floodLimit { isFlooded = true }
    }
    if isFlooded {
      cpu.s.pointee.paging.tablesDropped &+= 1
      dropTables(of: page, cpu)
    }
  }

  /// What the guest wrote, for the event.
  private func written(_ physical: UInt64, _ count: UInt64, _ cpu: CPU) -> UInt64 {
    guard let pointer = cpu.physicalPointer(physical) else { return 0 }
    var value: UInt64 = 0
    for n in 0..<min(Int(count), 8) { value |= UInt64(pointer.load(fromByteOffset: n, as: UInt8.self)) << UInt64(n * 8) }
    return value
  }

  /// Carries an entry of the guest's over to a table that shadows it.
  /// - Returns: whether anything changed.
  private func update(_ table: UInt32, _ index: UInt32, _ cpu: CPU) -> Bool {
    let known = s.pointee.tables[Int(table)]
    let first = table << 9
    if known.role.mode.contains(.wide) {
      return known.role.level == 0
        ? refreshLeaf(first | index, known.page, index, fills: true, cpu)
        : refreshUpper(first | index, known.page, index, cpu)
    }
    if known.role.level == 0 {
      guard index >> 9 == known.role.part else { return false }
      return refreshLeaf(first | index & 511, known.page, index, fills: true, cpu)
    }
    guard index >> 8 == known.role.part else { return false }
    let low = refreshUpper(first | (index & 255) << 1, known.page, index, cpu)
    let high = refreshUpper(first | (index & 255) << 1 | 1, known.page, index, cpu)
    return low || high
  }

  // MARK: Traces on and off

  /// From now on the guest's writes to a page are told.
  func establishTrace(_ page: UInt32, _ cpu: CPU) {
    cpu.s.pointee.pageEntries[Int(page)] |= GuestPhysicalMemory.entryTraced
    s.pointee.tracesIn[Int(page >> 9)] &+= 1
    s.pointee.changes &+= 1
    var node = s.pointee.leaves[Int(page)]
    while node != 0 {
      if value(node) & PageEntry.writable != 0 {
        setValue(node, value(node) & ~PageEntry.writable)
        cpu.s.pointee.paging.writeProtections &+= 1
      }
      node = s.pointee.nextNode[Int(node)]
    }
    while s.pointee.largeLeaves[Int(page >> 9)] != 0 {
      clear(s.pointee.largeLeaves[Int(page >> 9)])
      cpu.s.pointee.paging.writeProtections &+= 1
    }
    cpu.revokeWrites(page: UInt64(page))
    cpu.s.pointee.tlbModel?.forbidWrites(to: UInt64(page) << 12, cpu)
  }

  /// A page shadows nothing any more.
  func endTrace(_ page: UInt32, _ cpu: CPU) {
    if isUnsynced(page, cpu) { endUnsynced(page) } else { takeTraceOff(page, cpu) }
  }

  private func takeTraceOff(_ page: UInt32, _ cpu: CPU) {
    cpu.s.pointee.pageEntries[Int(page)] &= ~GuestPhysicalMemory.entryTraced
    s.pointee.tracesIn[Int(page >> 9)] &-= 1
  }

  /// Of a page with tables that need a trace: whether it has none, since they are out of sync.
  func isUnsynced(_ page: UInt32, _ cpu: CPU) -> Bool {
    cpu.s.pointee.pageEntries[Int(page)] & GuestPhysicalMemory.entryTraced == 0
  }

  // MARK: Lazy mode

  private func holdsLeavesOnly(_ page: UInt32) -> Bool {
    var holdsOthers = false
    forEachTracedTable(of: page) { _, known in if known.role.level > 0 { holdsOthers = true } }
    return !holdsOthers
  }

  /// Takes the trace off a table and lets whoever maps it write again.
  private func unsync(_ page: UInt32, _ cpu: CPU) {
    takeTraceOff(page, cpu)
    s.pointee.unsynced[s.pointee.unsyncedCount] = page
    s.pointee.unsyncedCount += 1
    cpu.s.pointee.paging.tablesUnsynced &+= 1
    var node = s.pointee.leaves[Int(page)]
    while node != 0 {
      let entry = value(node), role = s.pointee.tables[Int(node >> 9)].role
      if role.allowsWrites(guestDoes: entry & ShadowEntry.guestWritable != 0), entry & PageEntry.dirty != 0 { setValue(node, entry | PageEntry.writable) }
      node = s.pointee.nextNode[Int(node)]
    }
  }

  /// Compares a table with the guest's, and watches it again.
  func resyncTable(_ page: UInt32, _ cpu: CPU) {
    endUnsynced(page)
    cpu.s.pointee.paging.tablesResynced &+= 1
    establishTrace(page, cpu)
    forEachTracedTable(of: page) { table, known in
      guard known.role.level == 0, known.live > 0 else { return }
      let upper = known.role.mode.contains(.wide) ? 0 : known.role.part << 9
      for index in UInt32(0)..<512 {
        if refreshLeaf(table << 9 | index, page, upper | index, fills: false, cpu) {
          cpu.s.pointee.paging.shadowEntriesUpdated &+= 1
        }
      }
    }
  }

  private func endUnsynced(_ page: UInt32) {
    for n in 0..<s.pointee.unsyncedCount where s.pointee.unsynced[n] == page {
      s.pointee.unsyncedCount -= 1
      s.pointee.unsynced[n] = s.pointee.unsynced[s.pointee.unsyncedCount]
      return
    }
  }

  /// A CR3 load: no translation may be stale after it.
  func resyncAll(_ cpu: CPU) {
    while s.pointee.unsyncedCount > 0 { resyncTable(s.pointee.unsynced[s.pointee.unsyncedCount - 1], cpu) }
  }

  /// INVLPG: the entry of one address, for both privileges.
  func resync(_ linear: UInt32, _ cpu: CPU) {
    for user in [false, true] {
      let pointer = entries(present(user: user, cpu))[Int(linear >> 30)]
      if pointer & PageEntry.present == 0 { continue }
      let upper = entries(child(pointer))[Int(linear >> 21 & 511)]
      if upper & PageEntry.present == 0 || upper & PageEntry.large != 0 { continue }
      let table = child(upper)
      let known = s.pointee.tables[Int(table)]
      guard known.role.isTraced, isUnsynced(known.page, cpu) else { continue }
      let index = linear >> 12 & (known.role.mode.contains(.wide) ? 511 : 1023)
      if refreshLeaf(table << 9 | linear >> 12 & 511, known.page, index, fills: false, cpu) {
        cpu.s.pointee.paging.shadowEntriesUpdated &+= 1
      }
    }
  }

  // MARK: Backing

  func backingChanged(page: UInt64, _ cpu: CPU) {
    let page = UInt32(truncatingIfNeeded: page)
    while s.pointee.leaves[Int(page)] != 0 { clear(s.pointee.leaves[Int(page)]) }
    while s.pointee.largeLeaves[Int(page >> 9)] != 0 { clear(s.pointee.largeLeaves[Int(page >> 9)]) }
    dropTables(of: page, cpu)
  }
}
