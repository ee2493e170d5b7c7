// Loads and stores at linear addresses: the exact, general way. Fast handlers have their own copy of the first test
// and come here when it fails. All accesses can fault, cross pages, meet devices and overwrite code.

import Memory

/// How an access reaches memory, after translation.
struct Route: BitwiseCopyable {
  /// Host address of the byte, or nil where the bus must answer.
  var host: UnsafeMutableRawPointer?
  /// Guest-physical address.
  var physical: UInt64
  /// A store is dropped: ROM.
  var isROM: Bool
}

extension CPU {
  // MARK: Translation through the TLB

  /// The TLB of a privilege.
  @inline(__always) private func tlb(user: Bool) -> UnsafeMutablePointer<TLBEntry> {
    user ? s.pointee.userTLB : s.pointee.supervisorTLB
  }

  /// Translates for an access within one page.
  @inline(__always)
  func route(_ linear: UInt32, write: Bool, user: Bool) throws(GuestFault) -> Route {
    let entry = tlb(user: user) + TLB.set(of: linear)
    let tag = s.pointee.tlbGeneration | UInt64(linear & ~0xfff)
    let info = entry.pointee.info
    if entry.pointee.readTag == tag, !write || info & TLBEntry.Info.writable != 0 {
      return route(linear, info, entry.pointee.addend)
    }
    return try routeMissed(linear, write: write, user: user)
  }

  @inline(__always) private func route(_ linear: UInt32, _ info: UInt64, _ addend: UInt) -> Route {
    Route(
      host: info & TLBEntry.Info.memory != 0
        ? UnsafeMutableRawPointer(bitPattern: addend &+ UInt(linear)) : nil,
      physical: info & ~0xfff | UInt64(linear & 0xfff), isROM: info & TLBEntry.Info.rom != 0)
  }

  /// The second way, stale but global entries, and at last the page tables.
  @inline(never)
  private func routeMissed(_ linear: UInt32, write: Bool, user: Bool) throws(GuestFault) -> Route {
    let first = tlb(user: user) + TLB.set(of: linear)
    let second = first + TLB.sets
    let isInFirst = isValid(first, linear)
    if isInFirst, !write || first.pointee.info & TLBEntry.Info.writable != 0 {
      return route(linear, first.pointee.info, first.pointee.addend)
    }
    let isInSecond = isValid(second, linear)
    if isInSecond, !write || second.pointee.info & TLBEntry.Info.writable != 0 {
      let found = second.pointee
      second.pointee = first.pointee
      first.pointee = found
      return route(linear, found.info, found.addend)
    }
    let translation = try translate(
      linear, PageAccess(isWrite: write, isFetch: false, isUser: user), isKnown: isInFirst || isInSecond)
    let entry = fill(linear, translation, user: user)
    return route(linear, entry.info, entry.addend)
  }

  /// Whether an entry translates `linear` now; revives global entries that a CR3 write made look stale.
  @inline(__always)
  private func isValid(_ entry: UnsafeMutablePointer<TLBEntry>, _ linear: UInt32) -> Bool {
    let tag = entry.pointee.readTag
    if UInt32(truncatingIfNeeded: tag) != linear & ~0xfff { return false }
    let generation = tag & 0xffff_ffff_0000_0000
    if generation == s.pointee.tlbGeneration { return generation != 0 }
    guard generation != 0, entry.pointee.info & TLBEntry.Info.global != 0, generation >= s.pointee.globalGeneration
    else { return false }
    let fresh = s.pointee.tlbGeneration | UInt64(linear & ~0xfff)
    entry.pointee.readTag = fresh
    // The page may hold code or be watched by now: give the write tag back only if it isn't.
    entry.pointee.writeTag = 0
    if allowsFastWrites(entry.pointee.info) { grantWrites(entry, linear) }
    return true
  }

  /// Stores may go straight to memory: writable RAM without decoded code or a trace.
  @inline(__always) private func allowsFastWrites(_ info: UInt64) -> Bool {
    let wanted = TLBEntry.Info.writable | TLBEntry.Info.memory
    guard info & (wanted | TLBEntry.Info.rom) == wanted else { return false }
    let page = Int(truncatingIfNeeded: info >> 12)
    if s.pointee.codeGranules[page] != 0 || s.pointee.pageEntries[page] & GuestPhysicalMemory.entryTraced != 0 {
      return false
    }
    // No code is left in the page: its next block makes it a code page again.
    s.pointee.pageEntries[page] &= ~GuestPhysicalMemory.entryCode
    return true
  }

  /// Gives a page its write tag back once the code that was decoded from it is gone.
  @inline(__always) private func regrantFastWrites(_ linear: UInt32, user: Bool) {
    let entry = tlb(user: user) + TLB.set(of: linear)
    if entry.pointee.readTag == s.pointee.tlbGeneration | UInt64(linear & ~0xfff), allowsFastWrites(entry.pointee.info) {
      grantWrites(entry, linear)
    }
  }

  /// Enters a translation into the TLB of a privilege; the set's first way moves to the second.
  func fill(_ linear: UInt32, _ translation: Translation, user: Bool) -> TLBEntry {
    let first = tlb(user: user) + TLB.set(of: linear)
    let page = UInt64(linear & ~0xfff)
    var info = translation.page & ~0xfff
    if translation.rights.contains(.execute) { info |= TLBEntry.Info.executable }
    if translation.isGlobal { info |= TLBEntry.Info.global }
    if translation.isLarge {
      info |= TLBEntry.Info.large
      s.pointee.largePageRegions |= 1 << UInt64(linear >> 22 & 63)
    }
    let mayWrite = translation.rights.contains(.write) || (!user && s.pointee.cr0 & Self.writeProtect == 0)
    if mayWrite, translation.isWriteReady { info |= TLBEntry.Info.writable }
    // A page without memory has no tag that the fast path could match; its entry serves the general path only
    // through the walk.
    guard translation.hasMemory else { return TLBEntry(info: info) }

    info |= TLBEntry.Info.memory
    if s.pointee.pageEntries[Int(truncatingIfNeeded: translation.page >> 12)] & GuestPhysicalMemory.entryROM != 0 {
      info |= TLBEntry.Info.rom
    }
    let host = s.pointee.machineBase + Int(truncatingIfNeeded: translation.machine)
    let entry = TLBEntry(
      readTag: s.pointee.tlbGeneration | page, addend: UInt(bitPattern: host) &- UInt(page), info: info)
    if UInt32(truncatingIfNeeded: first.pointee.readTag) != linear & ~0xfff {
      (first + TLB.sets).pointee = first.pointee
    } else if UInt32(truncatingIfNeeded: (first + TLB.sets).pointee.readTag) == linear & ~0xfff {
      (first + TLB.sets).pointee = TLBEntry()
    }
    first.pointee = entry
    if allowsFastWrites(info) { grantWrites(first, linear) }
    return entry
  }

  // MARK: Loads and stores

  /// Loads from a linear address.
  @inline(__always)
  func load<W: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ linear: UInt32, user: Bool, as: W.Type = W.self
  ) throws(GuestFault) -> W {
    let last = linear &+ UInt32(W.bitWidth / 8 - 1)
    let entry = tlb(user: user) + TLB.set(of: linear)
    if entry.pointee.readTag == s.pointee.tlbGeneration | UInt64(last & ~0xfff) {
      return UnsafeRawPointer(bitPattern: entry.pointee.addend &+ UInt(linear)).unsafelyUnwrapped.loadUnaligned(
        as: W.self)
    }
    return try loadSlowly(linear, user: user)
  }

  @inline(never)
  private func loadSlowly<W: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ linear: UInt32, user: Bool
  ) throws(GuestFault) -> W {
    let size = UInt32(W.bitWidth / 8)
    if linear & 0xfff &+ size <= 0x1000 {
      let route = try route(linear, write: false, user: user)
      if let host = route.host { return host.loadUnaligned(as: W.self) }
      return try deviceLoad(route.physical)
    }
    // Both pages are checked before either is read: a device must not answer for an access that faults.
    let split = 0x1000 - linear & 0xfff
    let low = try route(linear, write: false, user: user)
    let high = try route(linear &+ split, write: false, user: user)
    var value: W = 0
    for n in 0..<size {
      let byte =
        n < split
        ? try loadByte(low, offset: n) : try loadByte(high, offset: n - split)
      value |= W(truncatingIfNeeded: byte) << W(truncatingIfNeeded: n * 8)
    }
    return value
  }

  private func loadByte(_ route: Route, offset: UInt32) throws(GuestFault) -> UInt8 {
    if let host = route.host { return host.load(fromByteOffset: Int(offset), as: UInt8.self) }
    return try deviceLoad(route.physical + UInt64(offset))
  }

  /// Stores to a linear address.
  @inline(__always)
  func store<W: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ value: W, _ linear: UInt32, user: Bool
  ) throws(GuestFault) {
    let last = linear &+ UInt32(W.bitWidth / 8 - 1)
    let entry = tlb(user: user) + TLB.set(of: linear)
    if entry.pointee.writeTag == s.pointee.tlbGeneration | UInt64(last & ~0xfff) {
      UnsafeMutableRawPointer(bitPattern: entry.pointee.addend &+ UInt(linear)).unsafelyUnwrapped.storeBytes(
        of: value, as: W.self)
      return
    }
    try storeSlowly(value, linear, user: user)
  }

  @inline(never)
  private func storeSlowly<W: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ value: W, _ linear: UInt32, user: Bool
  ) throws(GuestFault) {
    let size = UInt32(W.bitWidth / 8)
    if linear & 0xfff &+ size <= 0x1000 {
      let route = try route(linear, write: true, user: user)
      guard let host = route.host else { return try deviceStore(value, route.physical) }
      if route.isROM { return }
      host.storeBytes(of: value, as: W.self)
      noteWrite(route.physical, count: UInt64(size))
      regrantFastWrites(linear, user: user)
      return
    }
    let split = 0x1000 - linear & 0xfff
    let low = try route(linear, write: true, user: user)
    let high = try route(linear &+ split, write: true, user: user)
    for n in 0..<size {
      let byte = UInt8(truncatingIfNeeded: value >> W(truncatingIfNeeded: n * 8))
      if n < split { try storeByte(byte, low, offset: n) } else { try storeByte(byte, high, offset: n - split) }
    }
  }

  private func storeByte(_ byte: UInt8, _ route: Route, offset: UInt32) throws(GuestFault) {
    guard let host = route.host else { return try deviceStore(byte, route.physical + UInt64(offset)) }
    if route.isROM { return }
    host.storeBytes(of: byte, toByteOffset: Int(offset), as: UInt8.self)
    noteWrite(route.physical + UInt64(offset), count: 1)
  }

  /// Faults now if a store of `size` bytes would: for instructions that write after something irrevocable, and for
  /// the read half of a read-modify-write, which faults as a write.
  @inline(__always)
  func checkWritable(_ linear: UInt32, size: UInt32, user: Bool) throws(GuestFault) {
    let entry = tlb(user: user) + TLB.set(of: linear)
    if entry.pointee.writeTag == s.pointee.tlbGeneration | UInt64((linear &+ size &- 1) & ~0xfff) { return }
    _ = try route(linear, write: true, user: user)
    if linear & 0xfff &+ size > 0x1000 {
      _ = try route((linear &+ size &- 1) & ~0xfff, write: true, user: user)
    }
  }

  // MARK: Accesses that the processor makes for itself, with supervisor privilege

  @inline(__always)
  func loadSystem<W: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ linear: UInt32, as: W.Type = W.self
  ) throws(GuestFault) -> W {
    try load(linear, user: false)
  }

  @inline(__always)
  func storeSystem<W: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _ value: W, _ linear: UInt32
  ) throws(GuestFault) {
    try store(value, linear, user: false)
  }
}
