// What a linear window may show of a page: asked of the TLB and the pager, as a load or a store would ask.

#if TRANSLATOR

  import Memory

  extension CPU {
    /// A page as a window maps it.
    struct WindowEntry: BitwiseCopyable {
      var machine: UInt64
      var physical: UInt64
      /// Stores need nobody's attention.
      var writes: Bool
      /// The pager will tell when it is no longer true, even while another address space is in use.
      var isWatched: Bool

      /// Whether the page at a distance from this one, in bytes, continues it.
      func isContinued(by other: WindowEntry, at distance: UInt64) -> Bool {
        other.machine == machine &+ distance && other.physical == physical &+ distance && other.writes == writes
          && other.isWatched == isWatched
      }
    }

    /// Translates for the window, with all marks that an access leaves; nil where there is no memory.
    func windowEntry(_ linear: UInt32, write: Bool) throws(GuestFault) -> WindowEntry? {
      guard let host = try route(linear, write: write, user: isUser).host else { return nil }
      let entry = s.pointee.tlb + TLB.set(of: linear)
      let machine = UInt64(host - s.pointee.machineBase) & ~0xfff
      return WindowEntry(
        machine: machine, physical: entry.pointee.info & ~0xfff,
        writes: entry.pointee.writeTag == s.pointee.tlbGeneration | UInt64(linear & ~0xfff),
        isWatched: watchedMachinePage(linear) == machine)
    }

    /// The same for a neighbour that nobody has asked for: only if it needs no mark and the pager has it already.
    func neighbourForWindow(_ linear: UInt32) -> WindowEntry? {
      guard let found = inspect(linear), found.translation.hasMemory else { return nil }
      if s.pointee.cr0 & Self.pagingEnabled != 0, found.entry & PageEntry.accessed == 0 { return nil }
      let rights = found.translation.rights
      if isUser, !rights.contains(.user) { return nil }
      let page = found.translation.page
      var writes = rights.contains(.write) || !isUser && s.pointee.cr0 & Self.writeProtect == 0
      if !found.translation.isWriteReady { writes = false }
      let held = s.pointee.pageEntries[Int(page >> 12)]
      let watched = GuestPhysicalMemory.entryROM | GuestPhysicalMemory.entryTraced
      if held & watched != 0 || s.pointee.codeGranules[Int(page >> 12)] != 0 { writes = false }
      let machine = found.translation.machine
      switch s.pointee.pager {
      case .native: break
      case .shadow: if watchedMachinePage(linear) != machine { return nil }
      case .nested(let pager):
        guard let mapped = pager.inspect(linear, user: isUser, self), mapped.machine.value == machine else { return nil }
        if !pager.takesWritesUnseen(page, self) { writes = false }
      }
      return WindowEntry(machine: machine, physical: page, writes: writes, isWatched: watchedMachinePage(linear) == machine)
    }

    /// What the shadow has for a page, so that a change of the guest's tables is a change of the shadow's; nil under other
    /// pagers.
    private func watchedMachinePage(_ linear: UInt32) -> UInt64? {
      guard case .shadow(let pager) = s.pointee.pager else { return nil }
      return pager.inspect(linear, user: isUser, self)?.machine.value
    }

    /// How often the shadow pager took something back; 0 under other pagers.
    var shadowChanges: UInt64 {
      if case .shadow(let pager) = s.pointee.pager { return pager.s.pointee.changes }
      return 0
    }

    var keepsWindows: Bool {
      if case .shadow = s.pointee.pager { return true }
      return false
    }

    /// Translations that were flushed or taken back so far: what windows don't like. A change of privilege is a change of
    /// window, which costs some nanoseconds: a thousand of them count as one.
    var translationDisturbances: UInt64 {
      let paging = s.pointee.paging
      return paging.pageInvalidations &+ s.pointee.privilegeChanges >> 10
        &+ (keepsWindows ? shadowChanges : s.pointee.counters.tlbFlushes)
    }
  }

#endif
