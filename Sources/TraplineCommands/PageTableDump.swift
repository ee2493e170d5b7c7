// `run --dump-page-tables`: the guest's map as ranges, and what the pager made of it beside them.
//
//   linear             size      guest-physical  rights     machine    supervisor  user
//   00100000-00123fff  144 KiB   00100000        rwx- A D   00100000   rwx         -

import Memory
import Processor

/// Writes the present address space for people.
struct PageTableDump {
  let processor: Processor

  /// One page, as the guest's tables and the pager's have it.
  private struct Page: Equatable {
    var guest: GuestPage
    var supervisor: MappedPage?
    var user: MappedPage?

    /// Whether `next`, the page behind this one, goes on in the same range.
    func isFollowed(by next: Page, after pages: UInt64) -> Bool {
      var shifted = self
      shifted.guest.physical = GuestPhysicalAddress(guest.physical.value + pages << 12)
      shifted.supervisor?.machine = MachineAddress((supervisor?.machine.value ?? 0) + pages << 12)
      shifted.user?.machine = MachineAddress((user?.machine.value ?? 0) + pages << 12)
      return shifted == next
    }
  }

  /// Ends with a newline.
  var text: String {
    guard processor.isPaging else {
      return "paging is off: linear addresses are guest-physical\n" + (processor.paging.pager == .none ? "" : table)
    }
    return table
  }

  private var table: String {
    var heading = ["linear", "size", "guest-physical", "rights"]
    switch processor.paging.pager {
    case .none: break
    case .shadow: heading += ["machine", "supervisor shadow", "user shadow"]
    case .nested: heading += ["machine", "EPT"]
    }
    var table = TextTable(heading: heading, widths: heading.map { _ in 40 })
    forEachRange { first, pages, page in table.rows.append(row(first, pages, page)) }
    if table.rows.isEmpty { return "nothing is mapped\n" }
    return table.text
  }

  private func forEachRange(_ body: (UInt32, UInt64, Page) -> Void) {
    var start: (linear: UInt32, page: Page)?
    var pages: UInt64 = 0
    // With paging off the guest's map is everything: only what the pager has is worth showing.
    let showsAll = processor.isPaging
    for number in UInt32(0)..<1 << 20 {
      let page = page(at: number << 12).flatMap { showsAll || $0.supervisor != nil || $0.user != nil ? $0 : nil }
      if let (linear, first) = start {
        if let page, first.isFollowed(by: page, after: pages) {
          pages += 1
          continue
        }
        body(linear, pages, first)
      }
      start = page.map { (number << 12, $0) }
      pages = 1
    }
    if let (linear, first) = start { body(linear, pages, first) }
  }

  private func page(at linear: UInt32) -> Page? {
    let address = LinearAddress(linear)
    guard let guest = processor.inspectPage(address) else { return nil }
    let supervisor = processor.inspectPager(address, user: false)
    let user = processor.paging.pager == .shadow ? processor.inspectPager(address, user: true) : nil
    return Page(guest: guest, supervisor: supervisor, user: user)
  }

  private func row(_ first: UInt32, _ pages: UInt64, _ page: Page) -> [String] {
    let last = UInt64(first) + pages << 12 - 1
    var cells = [
      "\(hex(first, 8))-\(hex(last, 8))", size(pages), hex(page.guest.physical.value, 8), rights(page.guest),
    ]
    switch processor.paging.pager {
    case .none: break
    case .shadow:
      let machine = (page.supervisor ?? page.user)?.machine
      cells += [machine.map { hex($0.value, 8) } ?? "", mapping(page.supervisor), mapping(page.user)]
    case .nested: cells += [page.supervisor.map { hex($0.machine.value, 8) } ?? "", mapping(page.supervisor)]
    }
    return cells
  }

  private func size(_ pages: UInt64) -> String { pages % 256 == 0 ? "\(pages / 256) MiB" : "\(pages * 4) KiB" }

  private func rights(_ page: GuestPage) -> String {
    var text = letters(page.rights) + (page.rights.contains(.user) ? " user" : " kernel")
    if page.isLarge { text += " large" }
    if page.isGlobal { text += " G" }
    if page.isAccessed { text += " A" }
    if page.isDirty { text += " D" }
    return text
  }

  private func mapping(_ page: MappedPage?) -> String {
    page.map { letters($0.rights) + ($0.isLarge ? " 2M" : "") } ?? "-"
  }

  private func letters(_ rights: PageRights) -> String {
    (rights.contains(.read) ? "r" : "-") + (rights.contains(.write) ? "w" : "-") + (rights.contains(.execute) ? "x" : "-")
  }
}
