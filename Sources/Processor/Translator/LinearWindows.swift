// The windows of a processor: one for each address space and privilege. Under `shadow` they are kept while the guest is in
// another address space, and are good again when it comes back, unless the shadow took something back meanwhile; under
// the other pagers they are dropped whenever the architecture says that a TLB is.

#if TRANSLATOR

  import CHost
  import Memory

  /// What must be done to the windows before translated code uses one.
  enum WindowNews {
    /// The address space may be another.
    static let switched: UInt8 = 1
    /// Nothing in any of them is sure.
    static let flushed: UInt8 = 2
  }

  /// What windows cost.
  struct WindowCounters {
    /// Faults, pages that they brought in, faults that couldn't be served, and times that all windows were emptied.
    var faults: UInt64 = 0
    var pages: UInt64 = 0
    var refusals: UInt64 = 0
    var drops: UInt64 = 0
  }

  final class LinearWindows {
    /// Windows at most.
    private static let capacity = 8
    /// Mappings that all of them may take of the host's (65,530 a process).
    private static let mostPages = 24_000
    /// Pages that a fault brings in at most, aligned.
    private static let cluster: UInt32 = 16

    // Filling a page may flush others: nothing here is ever in the middle of a change then.
    @exclusivity(unchecked) private var windows: [LinearWindow] = []
    /// Index of the window in use for each privilege, or -1.
    @exclusivity(unchecked) private var present = (-1, -1)
    @inline(__always) private func presentIndex(user: Bool) -> Int { user ? present.1 : present.0 }
    /// Index of the window at GS's base, or -1.
    @exclusivity(unchecked) private var bound = -1
    private var turn = 0
    /// `WindowNews` since the last `prepare`.
    @exclusivity(unchecked) var news: UInt8 = 0
    @exclusivity(unchecked) private(set) var counters = WindowCounters()

    deinit { for window in windows { window.deallocate() } }

    // MARK: Before translated code runs

    /// Sees to it that GS's base is the window of the present address space and privilege.
    @inline(__always)
    func prepare(_ cpu: CPU) {
      let index = presentIndex(user: cpu.isUser)
      if news == 0, index >= 0, index == bound { return }
      bind(cpu)
    }

    @inline(never)
    private func bind(_ cpu: CPU) {
      if news != 0 { settle(cpu) }
      var index = presentIndex(user: cpu.isUser)
      if index < 0 { index = select(cpu) }
      let base = UInt64(UInt(bitPattern: windows[index].base))
      chost_translator_set_window(base)
      cpu.s.pointee.windowBase = base
      bound = index
    }

    /// GS's base may be anything by now: another thread, or another machine.
    @inline(__always) func unbind() { bound = -1 }

    private func settle(_ cpu: CPU) {
      if news & WindowNews.flushed != 0 { clearAll() }
      news = 0
      present = (-1, -1)
    }

    /// By CR3, privilege and CR0.WP.
    private func name(_ cpu: CPU) -> UInt64 {
      UInt64(cpu.s.pointee.cr3) << 2 | (cpu.isUser ? 2 : 0) | (cpu.s.pointee.cr0 & CPU.writeProtect != 0 ? 1 : 0)
    }

    private func select(_ cpu: CPU) -> Int {
      let wanted = name(cpu)
      let changes = cpu.shadowChanges
      var index = windows.firstIndex { $0.name == wanted } ?? -1
      if index < 0 {
        if windows.count < Self.capacity, let window = LinearWindow() {
          index = windows.count
          windows.append(window)
        } else {
          turn = (turn + 1) % max(windows.count, 1)
          if turn == presentIndex(user: !cpu.isUser) { turn = (turn + 1) % windows.count }
          index = turn
          windows[index].clear()
        }
        windows[index].name = wanted
      } else if windows[index].seenChanges != changes || !windows[index].isTrusted || !cpu.keepsWindows {
        windows[index].clear()
      }
      windows[index].seenChanges = changes
      if cpu.isUser { present.1 = index } else { present.0 = index }
      return index
    }

    // MARK: Faults

    /// A host address that translated code touched.
    enum Place {
      case page(UInt32)
      /// Behind 4 GiB: the access wraps around, which no window can do.
      case wrapped
    }

    /// What a host address is in the present window; nil when it isn't in it.
    func place(of address: UInt64, user: Bool) -> Place? {
      let index = presentIndex(user: user)
      if index < 0 { return nil }
      let distance = address &- UInt64(UInt(bitPattern: windows[index].base))
      if distance < 1 << 32 { return .page(UInt32(truncatingIfNeeded: distance)) }
      return distance < 1 << 32 + UInt64(LinearWindow.guardBytes) ? .wrapped : nil
    }

    /// Brings a page in.
    /// - Returns: false when the access can't be made through the window: a device, a trace, code, ROM. Throws the guest's
    ///   own fault.
    func fill(_ linear: UInt32, write: Bool, _ cpu: CPU) throws(GuestFault) -> Bool {
      counters.faults &+= 1
      let entry = try cpu.windowEntry(linear, write: write)
      // Filling the TLB may have been news to the windows.
      if news != 0 { prepare(cpu) }
      let index = presentIndex(user: cpu.isUser)
      guard let entry, entry.writes || !write else {
        counters.refusals &+= 1
        return false
      }
      if windows.reduce(0, { $0 + $1.pages }) > Self.mostPages { clearAll() }
      let first = linear & ~(Self.cluster << 12 - 1), page = linear & ~0xfff
      var low = page, high = page
      while low > first, joins(low &- 4096, entry, page, index, cpu) { low &-= 4096 }
      while high < first &+ (Self.cluster - 1) << 12, joins(high &+ 4096, entry, page, index, cpu) { high &+= 4096 }
      let before = UInt64(page &- low)
      let count = (high - low) >> 12 + 1
      let file = cpu.owner.memory.machine.file
      if !windows[index].map(low, count: count, file: file, machine: entry.machine &- before, writes: entry.writes) {
        // The host has given all the mappings it has.
        clearAll()
        return false
      }
      if !entry.isWatched { windows[index].isTrusted = false }
      counters.pages &+= UInt64(count)
      if entry.writes {
        for n in 0..<count { cpu.noteWriteHolder(physical: entry.physical &- before &+ UInt64(n) << 12, low &+ n << 12) }
      }
      return true
    }

    private func clearAll() {
      counters.drops &+= 1
      for index in windows.indices { windows[index].clear() }
    }

    /// Whether a neighbour can be mapped in one piece with a page.
    private func joins(_ linear: UInt32, _ entry: CPU.WindowEntry, _ page: UInt32, _ index: Int, _ cpu: CPU) -> Bool {
      guard !windows[index].isMapped(linear), let other = cpu.neighbourForWindow(linear) else { return false }
      return entry.isContinued(by: other, at: UInt64(linear) &- UInt64(page))
    }

    // MARK: What others change

    /// INVLPG and the like.
    func forget(_ linear: UInt32) { for index in windows.indices { windows[index].forget(linear) } }
    /// Writes to a page must be seen.
    func protect(_ linear: UInt32) { for index in windows.indices { windows[index].protect(linear) } }
    func letsWrite(_ linear: UInt32) -> Bool {
      news & WindowNews.flushed == 0 && windows.contains { $0.isWritable(linear) }
    }
  }

#endif
