// The EPT tables: filled on demand, page by page or 2 MiB at a time, and the dirty log.

import Memory

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

extension NestedPager {
  // MARK: Life

  /// - Returns: nil when machine memory has no room for the tables.
  init?(_ options: NestedOptions, memory: GuestPhysicalMemory, cpu: CPU) {
    guard let first = memory.machine.allocateFrames(NestedState.capacity) else { return nil }
    n = .allocate(capacity: 1)
    let leafTables = UnsafeMutablePointer<UnsafeMutablePointer<UInt64>?>.allocate(capacity: NestedState.regionCount)
    leafTables.initialize(repeating: nil, count: NestedState.regionCount)
    let all = EPTFormat.readable | EPTFormat.writable | EPTFormat.executable | EPTFormat.writeBack
    n.initialize(
      to: NestedState(
        options: options, firstFrame: first.value, leafTables: leafTables,
        readyMarks: all | (options.accessedDirty ? EPTFormat.accessed(0) : 0),
        readyDirty: options.accessedDirty ? EPTFormat.dirty : 0))
    _ = takeFrame(cpu)
  }

  func deallocate(_ cpu: CPU) {
    cpu.owner.memory.machine.freeFrames(MachineAddress(n.pointee.firstFrame), count: NestedState.capacity)
    n.pointee.dirtyPages?.deallocate()
    n.pointee.leafTables.deallocate()
    n.deallocate()
  }

  private func takeFrame(_ cpu: CPU) -> UInt64 {
    precondition(n.pointee.used < NestedState.capacity, "below 4 GiB there are no more tables than that")
    defer { n.pointee.used += 1 }
    let frame = n.pointee.firstFrame + UInt64(n.pointee.used) << 12
    cpu.s.pointee.paging.countNewTable()
    return frame
  }

  // MARK: Entries

  private func entry(_ table: UInt64, _ page: UInt64, _ level: Int, _ cpu: CPU) -> UnsafeMutablePointer<UInt64> {
    let address = table + EPTFormat.offset(page << 12, level)
    return (cpu.s.pointee.machineBase + Int(truncatingIfNeeded: address)).assumingMemoryBound(to: UInt64.self)
  }

  /// The entry for a page at a level, with the tables above it made; a large page on the way is taken to pieces.
  private func place(_ page: UInt64, level: Int, _ cpu: CPU) -> UnsafeMutablePointer<UInt64> {
    var table = n.pointee.firstFrame
    for upper in stride(from: EPTFormat.levels - 1, to: level, by: -1) {
      let pointer = entry(table, page, upper, cpu)
      if pointer.pointee & EPTFormat.large != 0, upper == 1 { pointer.pointee = 0 }
      if pointer.pointee == 0 {
        pointer.pointee = takeFrame(cpu) | EPTFormat.readable | EPTFormat.writable | EPTFormat.executable
      }
      table = pointer.pointee & EPTFormat.frameMask
    }
    return entry(table, page, level, cpu)
  }

  /// Maps a page of memory, or the 2 MiB around it.
  func map(_ page: UInt64, _ cpu: CPU) {
    let memory = cpu.owner.memory
    var rights = EPTFormat.readable | EPTFormat.writable | EPTFormat.executable | EPTFormat.writeBack
    let base = page & ~511
    if n.pointee.options.largePages == .used, !n.pointee.isLogging,
      memory.isWholeRegion(GuestPhysicalAddress(base << 12))
    {
      let directory = place(page, level: 1, cpu)
      if directory.pointee == 0 {
        directory.pointee = cpu.machinePage(base << 12) | rights | EPTFormat.large
        return
      }
    }
    if cpu.s.pointee.pageEntries[Int(page)] & GuestPhysicalMemory.entryROM != 0 { rights &= ~EPTFormat.writable }
    if n.pointee.isLogging, !n.pointee.options.accessedDirty, rights & EPTFormat.writable != 0 {
      rights = rights & ~EPTFormat.writable | EPTFormat.logged
    }
    place(page, level: 0, cpu).pointee = cpu.machinePage(page << 12) | rights
  }

  /// Remembers the last table on the way to a page, after a walk that got there.
  func cacheLeafTable(_ page: UInt64, _ cpu: CPU) {
    let first = place(page & ~511, level: 0, cpu)
    n.pointee.leafTables[Int(page >> 9)] = first
  }

  /// INVEPT: the paging-structure cache too.
  func forgetLeafTables() { n.pointee.leafTables.update(repeating: nil, count: NestedState.regionCount) }

  /// From now on accesses to a page of device memory are told apart at once.
  func markDevice(_ page: UInt64, _ cpu: CPU) { place(page, level: 0, cpu).pointee = EPTFormat.device }

  /// Takes a page's entry away; the TLB is the caller's.
  func unmap(_ page: UInt64, _ cpu: CPU) {
    var table = n.pointee.firstFrame
    for level in stride(from: EPTFormat.levels - 1, through: 0, by: -1) {
      let pointer = entry(table, page, level, cpu)
      if pointer.pointee == 0 { return }
      if level == 0 || level == 1 && pointer.pointee & EPTFormat.large != 0 {
        pointer.pointee = 0
        return
      }
      table = pointer.pointee & EPTFormat.frameMask
    }
  }

  // MARK: The dirty log

  /// A violation by a page that the log took the right to write from: noted, and given back.
  /// - Returns: false when it was something else.
  func log(_ page: UInt64, _ cpu: CPU) -> Bool {
    let pointer = place(page, level: 0, cpu)
    guard pointer.pointee & EPTFormat.logged != 0 else { return false }
    pointer.pointee = pointer.pointee & ~EPTFormat.logged | EPTFormat.writable
    n.pointee.dirtyPages?[Int(page >> 6)] |= 1 << (page & 63)
    return true
  }

  /// Logs from now on which pages are written: by D flags, or by taking W away. `invalidate` is due after it.
  func beginLog(_ cpu: CPU) {
    if n.pointee.dirtyPages == nil {
      let words = UnsafeMutablePointer<UInt64>.allocate(capacity: NestedState.dirtyWords)
      words.initialize(repeating: 0, count: NestedState.dirtyWords)
      n.pointee.dirtyPages = words
    }
    n.pointee.isLogging = true
    _ = readLog(cpu)
  }

  func endLog(_ cpu: CPU) {
    forEachLeaf(cpu) { pointer, _, _ in
      if pointer.pointee & EPTFormat.logged != 0 {
        pointer.pointee = pointer.pointee & ~EPTFormat.logged | EPTFormat.writable
      }
    }
    n.pointee.isLogging = false
    n.pointee.dirtyPages?.deallocate()
    n.pointee.dirtyPages = nil
  }

  /// Pages written since the log was begun or last read, in order. It starts anew; the TLB must forget what it knows.
  func readLog(_ cpu: CPU) -> [UInt64] {
    guard let dirtyPages = n.pointee.dirtyPages else { return [] }
    let usesFlags = n.pointee.options.accessedDirty
    forEachLeaf(cpu) { pointer, page, level in
      if level > 0 {
        // Logged by 4 KiB: it comes back in pieces. Written so far or not, it counts from here.
        pointer.pointee = 0
      } else if usesFlags {
        if pointer.pointee & EPTFormat.dirty != 0 { dirtyPages[Int(page >> 6)] |= 1 << (page & 63) }
        pointer.pointee &= ~EPTFormat.dirty
      } else if pointer.pointee & EPTFormat.writable != 0, pointer.pointee & EPTFormat.readable != 0 {
        pointer.pointee = pointer.pointee & ~EPTFormat.writable | EPTFormat.logged
      }
    }
    var pages: [UInt64] = []
    for word in 0..<NestedState.dirtyWords where dirtyPages[word] != 0 {
      for bit in 0..<UInt64(64) where dirtyPages[word] >> bit & 1 != 0 { pages.append(UInt64(word) << 6 | bit) }
      dirtyPages[word] = 0
    }
    return pages
  }

  /// Calls `body` with each leaf, the page it begins with, and its level.
  private func forEachLeaf(_ cpu: CPU, _ body: (UnsafeMutablePointer<UInt64>, UInt64, Int) -> Void) {
    func visit(_ table: UInt64, _ first: UInt64, _ level: Int) {
      for index in UInt64(0)..<512 {
        let page = first + index << UInt64(9 * level)
        let pointer = entry(table, page, level, cpu)
        if pointer.pointee == 0 { continue }
        if level == 0 || level == 1 && pointer.pointee & EPTFormat.large != 0 {
          body(pointer, page, level)
        } else {
          visit(pointer.pointee & EPTFormat.frameMask, page, level - 1)
        }
      }
    }
    visit(n.pointee.firstFrame, 0, EPTFormat.levels - 1)
  }
}
