// Looks into the shadow tables and holds every entry to the guest's own: what a processor that walked them would be told.

import Memory

@testable import Processor

extension Processor {
  /// What is wrong with the shadow tables, in words; empty when nothing is.
  func auditShadow() -> [String] {
    guard case .shadow(let pager) = cpu.s.pointee.pager else { return ["there is no shadow pager"] }
    let state = pager.s
    var problems: [String] = []
    func complain(_ text: String) { if problems.count < 10 { problems.append(text) } }
    var used: UInt64 = 0
    for table in 1..<state.pointee.unused where state.pointee.tables[Int(table)].isUsed {
      used += 1
      let known = state.pointee.tables[Int(table)]
      var live = 0
      for index in UInt32(0)..<512 {
        let node = table << 9 | index
        let entry = pager.value(node)
        if entry & PageEntry.present == 0 { continue }
        live += 1
        // (A PDPTE has no such bit.)
        if known.role.level < 2, entry & PageEntry.accessed == 0 { complain("table \(table) entry \(index) isn't accessed") }
        let isLeaf = known.role.level == 0 || known.role.level == 1 && entry & PageEntry.large != 0
        guard isLeaf else {
          let child = pager.child(entry)
          if child == 0 || child > state.pointee.capacity || !state.pointee.tables[Int(child)].isUsed {
            complain("table \(table) entry \(index) leads nowhere")
          } else if state.pointee.tables[Int(child)].role.level != known.role.level - 1 {
            complain("table \(table) entry \(index) skips a level")
          }
          continue
        }
        let page = state.pointee.leafPage[Int(node)]
        if entry & ShadowEntry.frameMask != cpu.machinePage(UInt64(page) << 12) {
          complain("table \(table) entry \(index) maps another machine page than guest-physical \(page)")
        }
        let watched = GuestPhysicalMemory.entryTraced | GuestPhysicalMemory.entryROM
        if known.role.level == 0, entry & PageEntry.writable != 0,
          memory.entries[Int(page)] & watched != 0 || entry & PageEntry.dirty == 0
        {
          complain("table \(table) entry \(index) lets writes pass to a watched or clean page")
        }
        if known.role.level == 1, state.pointee.tracesIn[Int(page >> 9)] != 0 {
          complain("table \(table) entry \(index) maps a region with traces as a whole")
        }
        if known.role.isUser, entry & PageEntry.user == 0 { complain("table \(table) entry \(index) isn't the user's") }
      }
      if live != known.live { complain("table \(table) has \(live) entries and counts \(known.live)") }
    }
    if used != pagingCounters.tablePages { complain("\(used) tables and \(pagingCounters.tablePages) counted") }
    if used > UInt64(state.pointee.capacity) { complain("more tables than the bound") }
    // Every traced page has a reason, and every reason its trace unless it is out of sync.
    for page in 0..<GuestPhysicalMemory.pageCount {
      var needs = false
      var table = state.pointee.tablesOf[page]
      while table != 0 {
        needs = needs || state.pointee.tables[Int(table)].role.isTraced
        table = state.pointee.tables[Int(table)].next
      }
      let has = memory.entries[page] & GuestPhysicalMemory.entryTraced != 0
      let isUnsynced = (0..<state.pointee.unsyncedCount).contains { state.pointee.unsynced[$0] == UInt32(page) }
      if has != (needs && !isUnsynced) { complain("page \(page): trace \(has), needed \(needs), out of sync \(isUnsynced)") }
    }
    return problems
  }
}
