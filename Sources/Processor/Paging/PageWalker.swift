// The walk of the guest's page tables (SDM 3A, chapter 4): generic over the format, with a twin for debuggers that
// changes nothing.

import Memory

/// What an access wants to do with a page.
struct PageAccess: BitwiseCopyable {
  var isWrite = false
  var isFetch = false
  /// At privilege level 3 (explicitly; accesses to descriptor tables and the TSS are the supervisor's).
  var isUser = false
}

/// The end of a successful walk.
struct Translation: BitwiseCopyable {
  /// The 4 KiB page's guest-physical address.
  var page: UInt64
  /// All levels allow writes (CR0.WP not considered).
  var isWritable: Bool
  var isUser: Bool
  var isGlobal: Bool
  var isLarge: Bool
  var isDirty: Bool
  var isExecutable: Bool
}

/// Why a walk failed: an error code as #PF has it, without the bits that describe the access.
enum WalkFailure {
  static let notPresent: UInt32 = 0
  static let protection: UInt32 = 1
  static let reserved: UInt32 = 8 | 1
}

/// Accessed and dirty bits, or not.
enum WalkEffect { case update, inspect }

extension CPU {
  /// Width of guest-physical addresses: what CPUID leaf 0x80000008 says, and what reserved bits are checked against.
  static let physicalAddressBits: UInt64 = 36

  static let pagingEnabled: UInt32 = 1 << 31
  static let writeProtect: UInt32 = 1 << 16
  static let pageSizeExtensions: UInt32 = 1 << 4
  static let physicalAddressExtension: UInt32 = 1 << 5
  static let pageGlobalEnable: UInt32 = 1 << 7
  static let noExecuteEnable: UInt64 = 1 << 11

  /// Translates one linear address, sets accessed and dirty bits as the processor does, and on failure sets CR2.
  @inline(never)
  func walk(_ linear: UInt32, _ access: PageAccess) throws(GuestFault) -> Translation {
    s.pointee.counters.pageWalks &+= 1
    if s.pointee.cr0 & Self.pagingEnabled == 0 { return untranslated(linear) }
    let outcome: Result
    if s.pointee.cr4 & Self.physicalAddressExtension == 0 {
      outcome = walkTables(TwoLevelFormat.self, root: UInt64(s.pointee.cr3 & ~0xfff), linear, access, .update)
    } else {
      outcome = walkPAE(linear, access, .update)
    }
    switch outcome {
    case .found(let translation): return translation
    case .failed(let failure):
      s.pointee.cr2 = linear
      throw .pageFault(errorCode(failure, access))
    }
  }

  /// The walk without side effects, for debuggers, tracers and `--dump-state`; nil when it would fault.
  func inspect(_ linear: UInt32) -> Translation? {
    if s.pointee.cr0 & Self.pagingEnabled == 0 { return untranslated(linear) }
    let outcome =
      s.pointee.cr4 & Self.physicalAddressExtension == 0
      ? walkTables(TwoLevelFormat.self, root: UInt64(s.pointee.cr3 & ~0xfff), linear, PageAccess(), .inspect)
      : walkPAE(linear, PageAccess(), .inspect)
    if case .found(let translation) = outcome { return translation }
    return nil
  }

  /// With paging off every page is its own.
  private func untranslated(_ linear: UInt32) -> Translation {
    Translation(
      page: UInt64(linear & ~0xfff) & s.pointee.addressMask, isWritable: true, isUser: true, isGlobal: false,
      isLarge: false, isDirty: true, isExecutable: true)
  }

  enum Result {
    case found(Translation)
    case failed(UInt32)
  }

  private func errorCode(_ failure: UInt32, _ access: PageAccess) -> UInt32 {
    var code = failure
    if access.isWrite { code |= 2 }
    if access.isUser { code |= 4 }
    // I/D is reported only where fetches can be forbidden (SDM 3A, 4.7).
    if access.isFetch, noExecuteApplies { code |= 0x10 }
    return code
  }

  @inline(__always) private var noExecuteApplies: Bool {
    s.pointee.cr4 & Self.physicalAddressExtension != 0 && s.pointee.efer & Self.noExecuteEnable != 0
  }

  private func walkPAE(_ linear: UInt32, _ access: PageAccess, _ effect: WalkEffect) -> Result {
    let pdpte: UInt64
    switch linear >> 30 {
    case 0: pdpte = s.pointee.pdptes.0
    case 1: pdpte = s.pointee.pdptes.1
    case 2: pdpte = s.pointee.pdptes.2
    default: pdpte = s.pointee.pdptes.3
    }
    if pdpte & PageEntry.present == 0 { return .failed(WalkFailure.notPresent) }
    return walkTables(PAEFormat.self, root: pdpte & PAEFormat.frameMask, linear, access, effect)
  }

  /// Bits of an entry at `level` that must be zero.
  @inline(__always)
  private func reservedBits<F: PageFormat>(_: F.Type, level: Int, isLarge: Bool) -> UInt64 {
    if F.entrySize == 4 {
      // 4 MiB pages: bits 13-20 hold frame bits 32-39 (PSE-36); those above the physical width, and bit 21, are
      // reserved.
      return isLarge ? 0x3f_e000 & ~(((1 << (Self.physicalAddressBits - 32)) - 1) << 13) : 0
    }
    var reserved = ~UInt64(0) << Self.physicalAddressBits & 0x7fff_ffff_ffff_ffff
    if !noExecuteApplies { reserved |= PageEntry.executeDisable }
    if isLarge { reserved |= 0x1f_e000 }
    return reserved
  }

  @inline(__always)
  private func walkTables<F: PageFormat>(
    _: F.Type, root: UInt64, _ linear: UInt32, _ access: PageAccess, _ effect: WalkEffect
  ) -> Result {
    var table = root
    var permissions = PageEntry.writable | PageEntry.user
    var isExecutable = true
    var upper: (address: UInt64, entry: UInt64) = (0, 0)
    for level in stride(from: F.levels - 1, through: 0, by: -1) {
      let index = UInt64(linear >> F.shift(level)) & ((1 << UInt64(F.indexBits)) - 1)
      let address = (table + index * F.entrySize) & s.pointee.addressMask
      let entry = readEntry(address, size: F.entrySize)
      if entry & PageEntry.present == 0 { return .failed(WalkFailure.notPresent) }
      let isLarge =
        level == 1 && entry & PageEntry.large != 0
        && (F.entrySize == 8 || s.pointee.cr4 & Self.pageSizeExtensions != 0)
      if entry & reservedBits(F.self, level: level, isLarge: isLarge) != 0 { return .failed(WalkFailure.reserved) }
      permissions &= entry
      if entry & PageEntry.executeDisable != 0 { isExecutable = false }
      if level != 0, !isLarge {
        upper = (address, entry)
        table = entry & F.frameMask
        continue
      }

      if violates(permissions, isExecutable: isExecutable, access) { return .failed(WalkFailure.protection) }
      var isDirty = entry & PageEntry.dirty != 0
      if effect == .update {
        // Only a walk that succeeds leaves marks, in every level that it used.
        if upper.entry & (PageEntry.accessed | PageEntry.present) == PageEntry.present {
          mark(upper.address, upper.entry | PageEntry.accessed, size: F.entrySize)
        }
        let marked = entry | PageEntry.accessed | (access.isWrite ? PageEntry.dirty : 0)
        if marked != entry { mark(address, marked, size: F.entrySize) }
        isDirty = marked & PageEntry.dirty != 0
      }
      let isGlobal = entry & PageEntry.global != 0 && s.pointee.cr4 & Self.pageGlobalEnable != 0
      return .found(
        Translation(
          page: page(F.self, entry, linear, isLarge: isLarge) & s.pointee.addressMask,
          isWritable: permissions & PageEntry.writable != 0, isUser: permissions & PageEntry.user != 0,
          isGlobal: isGlobal, isLarge: isLarge, isDirty: isDirty, isExecutable: isExecutable))
    }
    return .failed(WalkFailure.notPresent)
  }

  @inline(__always)
  private func violates(_ permissions: UInt64, isExecutable: Bool, _ access: PageAccess) -> Bool {
    if access.isUser, permissions & PageEntry.user == 0 { return true }
    if access.isWrite, permissions & PageEntry.writable == 0 {
      if access.isUser || s.pointee.cr0 & Self.writeProtect != 0 { return true }
    }
    return access.isFetch && !isExecutable
  }

  @inline(__always)
  private func page<F: PageFormat>(_: F.Type, _ entry: UInt64, _ linear: UInt32, isLarge: Bool) -> UInt64 {
    if !isLarge { return entry & F.frameMask }
    let offsetMask = UInt64(1) << UInt64(F.shift(1)) - 1
    var frame = entry & F.frameMask & ~offsetMask
    if F.entrySize == 4 { frame |= (entry >> 13 & 0xff) << 32 }
    return frame | UInt64(linear) & offsetMask & ~0xfff
  }

  /// A table entry; tables outside memory read as all ones, like any access that nothing answers.
  @inline(__always)
  private func readEntry(_ address: UInt64, size: UInt64) -> UInt64 {
    guard let pointer = physicalPointer(address) else { return size == 8 ? ~0 : 0xffff_ffff }
    return size == 8 ? pointer.loadUnaligned(as: UInt64.self) : UInt64(pointer.loadUnaligned(as: UInt32.self))
  }

  @inline(__always)
  private func mark(_ address: UInt64, _ entry: UInt64, size: UInt64) {
    // The flags that a walk sets are all in the low half.
    writePhysical(address, UInt32(truncatingIfNeeded: entry))
  }
}
