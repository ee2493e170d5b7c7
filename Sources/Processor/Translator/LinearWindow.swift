// The linear window: 4 GiB of host addresses in which an address space's pages lie at their linear addresses, mapped from
// the file of machine memory with the rights that the guest's tables and the monitor's traces leave. A load of the guest's
// is then a load of the host's at GS + linear. Pages come in when they are first touched, by the fault, with their
// neighbours; a window is a cache of what the pager says, never the truth, and may be emptied at any moment.

#if TRANSLATOR

  import CHost
  import Glibc
  import Memory

  /// One window.
  struct LinearWindow {
    /// Where linear address 0 is.
    let base: UnsafeMutableRawPointer
    /// A bit a page: mapped, and mapped writable.
    private let mapped: UnsafeMutablePointer<UInt64>
    private let writable: UnsafeMutablePointer<UInt64>
    /// Pages brought in since it was empty: at least as many as the host's mappings for it.
    private(set) var pages = 0
    /// Which address space it shows: CR3 and what else decides (`LinearWindows`).
    var name: UInt64 = 0
    /// Changes of the shadow when it was empty or last true, and whether the shadow knows all that is in it.
    var seenChanges: UInt64 = 0
    var isTrusted = true

    /// Behind the last page: an access of 16 bytes may begin in it.
    static let guardBytes = 1 << 16
    private static let bytes = 1 << 32 + guardBytes
    private static let bitmapBytes = (1 << 20) / 8

    init?() {
      let memory = mmap(nil, Self.bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
      guard let memory, memory != MAP_FAILED else { return nil }
      base = memory
      mapped = StateRegion.reserve(Self.bitmapBytes).bindMemory(to: UInt64.self, capacity: Self.bitmapBytes / 8)
      writable = StateRegion.reserve(Self.bitmapBytes).bindMemory(to: UInt64.self, capacity: Self.bitmapBytes / 8)
    }

    func deallocate() {
      munmap(base, Self.bytes)
      StateRegion.release(mapped, Self.bitmapBytes)
      StateRegion.release(writable, Self.bitmapBytes)
    }

    @inline(__always) private func bit(_ map: UnsafeMutablePointer<UInt64>, _ page: Int) -> Bool {
      map[page >> 6] >> UInt64(page & 63) & 1 != 0
    }
    @inline(__always) func isMapped(_ linear: UInt32) -> Bool { bit(mapped, Int(linear >> 12)) }
    @inline(__always) func isWritable(_ linear: UInt32) -> Bool { bit(writable, Int(linear >> 12)) }

    /// Maps `count` pages that lie side by side in machine memory too.
    /// - Returns: false when the host has no more mappings to give.
    mutating func map(_ linear: UInt32, count: UInt32, file: Int32, machine: UInt64, writes: Bool) -> Bool {
      let place = base + Int(linear)
      let result = mmap(
        place, Int(count) << 12, writes ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED | MAP_FIXED, file, off_t(machine))
      if result == MAP_FAILED { return false }
      for page in Int(linear >> 12)..<Int(linear >> 12) + Int(count) {
        mapped[page >> 6] |= 1 << UInt64(page & 63)
        if writes { writable[page >> 6] |= 1 << UInt64(page & 63) } else { writable[page >> 6] &= ~(1 << UInt64(page & 63)) }
      }
      pages += Int(count)
      return true
    }

    /// Takes a page out.
    mutating func forget(_ linear: UInt32) {
      guard isMapped(linear) else { return }
      if !reserve(base + Int(linear & ~0xfff), 4096) { return clear() }
      let page = Int(linear >> 12)
      mapped[page >> 6] &= ~(1 << UInt64(page & 63))
      writable[page >> 6] &= ~(1 << UInt64(page & 63))
    }

    /// Stores to a page fault from now on.
    mutating func protect(_ linear: UInt32) {
      guard isWritable(linear) else { return }
      if mprotect(base + Int(linear & ~0xfff), 4096, PROT_READ) != 0 { return clear() }
      let page = Int(linear >> 12)
      writable[page >> 6] &= ~(1 << UInt64(page & 63))
    }

    /// Takes everything out.
    mutating func clear() {
      isTrusted = true
      if pages == 0 { return }
      if !reserve(base, Self.bytes) {
        // With no mapping left to be had, taking away is all that the host still does (PROTOTYPE D).
        munmap(base, Self.bytes)
        guard reserve(base, Self.bytes) else { preconditionFailure("the host has no address space left") }
      }
      memset(mapped, 0, Self.bitmapBytes)
      memset(writable, 0, Self.bitmapBytes)
      pages = 0
    }

    /// Lets an address range hold nothing; false when the host has no mapping to give for that.
    private func reserve(_ place: UnsafeMutableRawPointer, _ bytes: Int) -> Bool {
      mmap(place, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) != MAP_FAILED
    }
  }

#endif
