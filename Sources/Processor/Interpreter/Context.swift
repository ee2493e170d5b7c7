// What the running mode means for the engine: which decoded blocks may run, which handlers they may use, and which TLB
// serves. Recomputed whenever something it depends on changes: segment loads, privilege, CR0, CR4, EFLAGS.TF/VM/AC,
// DR7.
//
// A block may be entered when its key equals EIP | context:
//
//    63                    46 45        40 39     32 31             0
//   +------------------------+------------+---------+----------------+
//   | code generation        | CS number  | mode    | EIP            |
//   +------------------------+------------+---------+----------------+

import ISA

/// Bits of the engine's mode.
enum EngineMode {
  /// 32-bit code (CS.D).
  static let big: UInt64 = 1 << 32
  /// Flat 32-bit protected mode without access checks: fast handlers.
  static let flat: UInt64 = 1 << 33
  /// Blocks of one instruction: single-stepping, breakpoints, the end of a slice.
  static let single: UInt64 = 1 << 34
  /// Privilege level 3: other pages may be fetched from.
  static let user: UInt64 = 1 << 35
  /// Translated code reaches memory through the linear window (MemoryPaths.swift).
  static let window: UInt64 = 1 << 36
  /// FS, GS: writable data that reaches up to 4 GiB from its base, so that an access needs no check.
  static let openFS: UInt64 = 1 << 37
  static let openGS: UInt64 = 1 << 38
  /// Privilege level 0.
  static let kernel: UInt64 = 1 << 39
  /// Those that change what a block contains.
  static let block: UInt64 = big | flat | single

  /// Those that change what a translation of it contains.
  static let fragment: UInt64 = user | kernel | window | openFS | openGS

  static let codeSegmentShift: UInt64 = 40
  static let generation: UInt64 = 1 << 46
}

/// Code segments that are not flat get a number each, so that blocks seen through one don't run through another.
struct CodeSegmentNumbers: BitwiseCopyable {
  static let capacity = 62
  private var used = 0
  private var entries = InlineArray<62, UInt64>(repeating: 0)

  /// The number (1 and up) of a segment with this base and limit; nil when all are taken.
  mutating func number(base: UInt32, limit: UInt32) -> UInt64? {
    let wanted = UInt64(base) << 32 | UInt64(limit)
    for n in 0..<used where entries[n] == wanted { return UInt64(n) + 1 }
    guard used < Self.capacity else { return nil }
    entries[used] = wanted
    used += 1
    return UInt64(used)
  }

  mutating func removeAll() { used = 0 }
}

extension CPU {
  /// Brings `context`, `tlb` and the access checks up to date.
  func updateContext() {
    let cs = segment(.cs).pointee
    var mode: UInt64 = cs.isBig ? EngineMode.big : 0
    let user = s.pointee.cpl == 3
    if user { mode |= EngineMode.user }
    if s.pointee.cpl == 0 { mode |= EngineMode.kernel }
    s.pointee.tlb = user ? s.pointee.userTLB : s.pointee.supervisorTLB

    let hasDataBreakpoints = s.pointee.dr7 & 0xff != 0
    s.pointee.accessChecks = isAlignmentChecked || hasDataBreakpoints
    // What happens in the middle of a block is told with the instruction's own EIP only if each is a block.
    if hasDataBreakpoints || systemFlag(EFlags.tf.rawValue) || s.pointee.tellsWithinInstructions { mode |= EngineMode.single }
    if cs.isFlat, cs.isBig, cs.isReadable, isProtected, !isVirtual8086, !s.pointee.accessChecks,
      isFlatData(.ss), segment(.ss).pointee.isBig, isFlatData(.ds), isFlatData(.es), mode & EngineMode.single == 0
    {
      mode |= EngineMode.flat
    }
    #if TRANSLATOR
      if mode & EngineMode.flat != 0, let translator {
        if segment(.fs).pointee.isOpenData { mode |= EngineMode.openFS }
        if segment(.gs).pointee.isOpenData { mode |= EngineMode.openGS }
        // A modelled TLB counts what goes by it; nothing may go by a window.
        if s.pointee.tlbModel == nil, translator._withUnsafeGuaranteedRef({ $0.paths.usesWindow }) { mode |= EngineMode.window }
      }
    #endif

    var number: UInt64 = 0
    if !(cs.base == 0 && cs.limit == 0xffff_ffff) {
      if let known = owner.codeSegments.number(base: cs.base, limit: cs.limit) {
        number = known
      } else {
        invalidateCodeTranslations()
        owner.codeSegments.removeAll()
        number = owner.codeSegments.number(base: cs.base, limit: cs.limit) ?? 0
      }
    }
    if (s.pointee.context ^ mode) & EngineMode.user != 0 { s.pointee.privilegeChanges &+= 1 }
    let next = s.pointee.context & ~(EngineMode.generation - 1) | mode | number << EngineMode.codeSegmentShift
    if next != s.pointee.context { s.pointee.attention |= Attention.contextChanged }
    s.pointee.context = next
  }

  /// Writable data, all 4 GiB of it from 0.
  @inline(__always) private func isFlatData(_ register: SegmentRegister) -> Bool {
    segment(register).pointee.base == 0 && segment(register).pointee.isOpenData
  }

  /// What was known of where code lies is void: the next entry into each block is through the page tables.
  func invalidateCodeTranslations() {
    let next = s.pointee.context &+ EngineMode.generation
    s.pointee.context = next
    if next < EngineMode.generation { owner.blocks.forgetKeys() }
    s.pointee.executedPages = (0, 0)
    s.pointee.attention |= Attention.contextChanged
  }

  /// The same for one linear page, if code was fetched from it since the last time.
  func invalidateCodeTranslation(of linear: UInt32) {
    if hasExecuted(linear) { invalidateCodeTranslations() }
  }

  /// Whether code may have been fetched from this page since the last invalidation. A small Bloom filter: it may say
  /// yes wrongly.
  private func hasExecuted(_ linear: UInt32) -> Bool {
    let hash = executedHash(linear)
    return (hash < 64 ? s.pointee.executedPages.0 : s.pointee.executedPages.1) >> UInt64(hash & 63) & 1 != 0
  }

  func noteExecuted(_ linear: UInt32) {
    let hash = executedHash(linear)
    if hash < 64 { s.pointee.executedPages.0 |= 1 << UInt64(hash) } else { s.pointee.executedPages.1 |= 1 << UInt64(hash & 63) }
  }

  private func executedHash(_ linear: UInt32) -> UInt32 { (linear >> 12) &* 0x9e37_79b1 >> 25 }
}
