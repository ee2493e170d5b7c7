// The shadow tables themselves: found, begun, linked, evicted. Every present entry is in one list: a leaf in that of the
// page it maps, a pointer in that of the table it leads to; so whatever becomes of a page or a table, all entries that
// depend on it are at hand.

import Memory

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

extension ShadowPager {
  // MARK: Life

  /// - Returns: nil when machine memory has no room for the tables.
  init?(_ options: ShadowOptions, memory: GuestPhysicalMemory, addressMask: UInt64) {
    let capacity = max(options.memory, ShadowOptions.leastMemory) >> 12
    guard let first = memory.machine.allocateFrames(capacity) else { return nil }
    let nodes = (capacity + 1) << 9
    s = .allocate(capacity: 1)
    s.initialize(
      to: ShadowState(
        options: options, firstFrame: first.value, frames: memory.machine.pointer(to: first),
        capacity: UInt32(capacity), tables: Self.zeroed(capacity + 1, ShadowTable()), nextNode: Self.zeroed(nodes),
        previousNode: Self.zeroed(nodes), leafPage: Self.zeroed(nodes),
        leaves: Self.zeroed(GuestPhysicalMemory.pageCount), largeLeaves: Self.zeroed(ShadowState.regionCount),
        tablesOf: Self.zeroed(GuestPhysicalMemory.pageCount), directTablesOf: Self.zeroed(ShadowState.regionCount),
        tracesIn: Self.zeroed(ShadowState.regionCount), unsynced: Self.zeroed(capacity),
        addressMask: addressMask))
  }

  /// Ends the pager: all traces go, and its frames back.
  func deallocate(_ cpu: CPU) {
    dropAll(cpu)
    let frames = Int(s.pointee.capacity)
    cpu.owner.memory.machine.freeFrames(MachineAddress(s.pointee.firstFrame), count: frames)
    for array in [
      UnsafeMutableRawPointer(s.pointee.nextNode), UnsafeMutableRawPointer(s.pointee.previousNode),
      UnsafeMutableRawPointer(s.pointee.leafPage), UnsafeMutableRawPointer(s.pointee.leaves),
      UnsafeMutableRawPointer(s.pointee.largeLeaves), UnsafeMutableRawPointer(s.pointee.tablesOf),
      UnsafeMutableRawPointer(s.pointee.directTablesOf), UnsafeMutableRawPointer(s.pointee.tracesIn),
      UnsafeMutableRawPointer(s.pointee.unsynced),
    ] {
      free(array)
    }
    s.pointee.tables.deallocate()
    s.deallocate()
  }

  /// Zero pages that cost nothing until they are used.
  private static func zeroed<T: FixedWidthInteger>(_ count: Int) -> UnsafeMutablePointer<T> {
    guard let memory = calloc(count, MemoryLayout<T>.stride) else {
      preconditionFailure("the host has no address space left")
    }
    return memory.bindMemory(to: T.self, capacity: count)
  }

  private static func zeroed(_ count: Int, _ value: ShadowTable) -> UnsafeMutablePointer<ShadowTable> {
    let memory = UnsafeMutablePointer<ShadowTable>.allocate(capacity: count)
    memory.initialize(repeating: value, count: count)
    return memory
  }

  // MARK: Tables and frames

  @inline(__always) func entries(_ table: UInt32) -> UnsafeMutablePointer<UInt64> {
    (s.pointee.frames + Int(table &- 1) << 12).assumingMemoryBound(to: UInt64.self)
  }

  @inline(__always) func frame(_ table: UInt32) -> UInt64 { s.pointee.firstFrame + UInt64(table &- 1) << 12 }

  /// The table that a pointer entry leads to.
  @inline(__always) func child(_ entry: UInt64) -> UInt32 {
    UInt32(truncatingIfNeeded: (entry & ShadowEntry.frameMask &- s.pointee.firstFrame) >> 12) &+ 1
  }

  private func listHead(_ page: UInt32, _ role: ShadowRole) -> UnsafeMutablePointer<UInt32> {
    role.isDirect ? s.pointee.directTablesOf + Int(page >> 9) : s.pointee.tablesOf + Int(page)
  }

  /// The table of a page and role; 0 if there is none.
  func find(_ page: UInt32, _ role: ShadowRole) -> UInt32 {
    var table = listHead(page, role).pointee
    while table != 0 {
      let known = s.pointee.tables[Int(table)]
      if known.role == role, known.page == page { return table }
      table = known.next
    }
    return 0
  }

  /// Begins an empty table; another may be evicted for it.
  func make(_ page: UInt32, _ role: ShadowRole, _ cpu: CPU) -> UInt32 {
    let table = takeFrame(cpu)
    entries(table).update(repeating: 0, count: 512)
    let head = listHead(page, role)
    let isFirst = role.isTraced && tracedTable(of: page) == 0
    s.pointee.tables[Int(table)] = ShadowTable(page: page, role: role, isUsed: true, isReferenced: true, next: head.pointee)
    head.pointee = table
    cpu.s.pointee.paging.countNewTable()
    if isFirst {
      establishTrace(page, cpu)
    } else if role.isTraced, role.level > 0, isUnsynced(page, cpu) {
      // Only leaf tables may be out of sync, and this one has become a directory.
      resyncTable(page, cpu)
    }
    return table
  }

  private func takeFrame(_ cpu: CPU) -> UInt32 {
    if s.pointee.free == 0, s.pointee.unused > s.pointee.capacity { evict(cpu) }
    if s.pointee.free != 0 {
      let table = s.pointee.free
      s.pointee.free = s.pointee.tables[Int(table)].next
      return table
    }
    defer { s.pointee.unused &+= 1 }
    return s.pointee.unused
  }

  /// Gives up a table that nobody walked through since the hand came by last (a clock).
  private func evict(_ cpu: CPU) {
    while true {
      s.pointee.hand = s.pointee.hand == s.pointee.capacity ? 1 : s.pointee.hand &+ 1
      let victim = s.pointee.hand
      let pinned = s.pointee.pinned, roots = s.pointee.roots
      if victim == pinned.0 || victim == pinned.1 || victim == pinned.2 || victim == roots.0 || victim == roots.1 { continue }
      if s.pointee.tables[Int(victim)].isReferenced {
        s.pointee.tables[Int(victim)].isReferenced = false
        continue
      }
      cpu.s.pointee.paging.tablesEvicted &+= 1
      drop(victim, cpu)
      return
    }
  }

  /// Gives up a table: its entries, those that point to it, its trace and its frame.
  func drop(_ table: UInt32, _ cpu: CPU) {
    s.pointee.changes &+= 1
    if s.pointee.tables[Int(table)].live > 0 {
      for index in UInt32(0)..<512 { clear(table << 9 | index) }
    }
    while s.pointee.tables[Int(table)].parents != 0 { clear(s.pointee.tables[Int(table)].parents) }
    if s.pointee.roots.0 == table { s.pointee.roots.0 = 0 }
    if s.pointee.roots.1 == table { s.pointee.roots.1 = 0 }

    let gone = s.pointee.tables[Int(table)]
    let head = listHead(gone.page, gone.role)
    if head.pointee == table {
      head.pointee = gone.next
    } else {
      var before = head.pointee
      while s.pointee.tables[Int(before)].next != table { before = s.pointee.tables[Int(before)].next }
      s.pointee.tables[Int(before)].next = gone.next
    }
    if gone.role.isTraced, tracedTable(of: gone.page) == 0 { endTrace(gone.page, cpu) }
    s.pointee.tables[Int(table)] = ShadowTable(next: s.pointee.free)
    s.pointee.free = table
    cpu.s.pointee.paging.tablePages &-= 1
  }

  /// Gives up everything.
  func dropAll(_ cpu: CPU) {
    var table: UInt32 = 1
    while table < s.pointee.unused {
      if s.pointee.tables[Int(table)].isUsed { drop(table, cpu) }
      table &+= 1
    }
  }

  /// Gives up all tables that need to hear of writes to a guest page.
  func dropTables(of page: UInt32, _ cpu: CPU) {
    while case let table = tracedTable(of: page), table != 0 { drop(table, cpu) }
  }

  /// Some table that needs to hear of writes to a guest page; 0 if there is none.
  private func tracedTable(of page: UInt32) -> UInt32 {
    var table = s.pointee.tablesOf[Int(page)]
    while table != 0, !s.pointee.tables[Int(table)].role.isTraced { table = s.pointee.tables[Int(table)].next }
    return table
  }

  /// Calls `body` with each table that needs to hear of writes to a guest page. None may be made or dropped meanwhile.
  @inline(__always)
  func forEachTracedTable(of page: UInt32, _ body: (_ table: UInt32, _ known: ShadowTable) -> Void) {
    var table = s.pointee.tablesOf[Int(page)]
    while table != 0 {
      let known = s.pointee.tables[Int(table)]
      if known.role.isTraced { body(table, known) }
      table = known.next
    }
  }

  // MARK: Entries

  @inline(__always) func value(_ node: ShadowNode) -> UInt64 { entries(node >> 9)[Int(node & 511)] }

  @inline(__always) func setValue(_ node: ShadowNode, _ value: UInt64) { entries(node >> 9)[Int(node & 511)] = value }

  /// The head of the list that a present entry is in.
  @inline(__always) private func listHead(of node: ShadowNode, _ entry: UInt64) -> UnsafeMutablePointer<ShadowNode> {
    switch s.pointee.tables[Int(node >> 9)].role.level {
    case 0: s.pointee.leaves + Int(s.pointee.leafPage[Int(node)])
    case 1 where entry & PageEntry.large != 0: s.pointee.largeLeaves + Int(s.pointee.leafPage[Int(node)] >> 9)
    default: s.pointee.parentList(child(entry))
    }
  }

  /// Fills an absent entry.
  /// - Parameter page: the guest-physical page behind a leaf; anything for a pointer.
  func set(_ node: ShadowNode, _ entry: UInt64, page: UInt32 = 0) {
    s.pointee.leafPage[Int(node)] = page
    setValue(node, entry)
    s.pointee.tables[Int(node >> 9)].live &+= 1
    let head = listHead(of: node, entry)
    s.pointee.nextNode[Int(node)] = head.pointee
    s.pointee.previousNode[Int(node)] = 0
    if head.pointee != 0 { s.pointee.previousNode[Int(head.pointee)] = node }
    head.pointee = node
  }

  /// Empties an entry, present or not.
  func clear(_ node: ShadowNode) {
    let entry = value(node)
    if entry & PageEntry.present == 0 { return }
    let next = s.pointee.nextNode[Int(node)], previous = s.pointee.previousNode[Int(node)]
    if previous != 0 {
      s.pointee.nextNode[Int(previous)] = next
    } else {
      listHead(of: node, entry).pointee = next
    }
    if next != 0 { s.pointee.previousNode[Int(next)] = previous }
    setValue(node, 0)
    s.pointee.tables[Int(node >> 9)].live &-= 1
    s.pointee.changes &+= 1
  }
}

extension ShadowState {
  @inline(__always) func parentList(_ table: UInt32) -> UnsafeMutablePointer<ShadowNode> {
    UnsafeMutableRawPointer(tables + Int(table)).advanced(by: MemoryLayout<ShadowTable>.offset(of: \.parents)!)
      .assumingMemoryBound(to: ShadowNode.self)
  }
}
