// CR0, CR4 and EFER as named bits. SDM volume 3, sections 2.2.1 and 2.5.

/// CR0: operating mode and state of the processor.
///
/// ```
///  31 30 29        18    16      5  4  3  2  1  0
/// +--+--+--+------+--+--+--+----+--+--+--+--+--+--+
/// |PG|CD|NW|      |AM|  |WP|    |NE|ET|TS|EM|MP|PE|
/// +--+--+--+------+--+--+--+----+--+--+--+--+--+--+
/// ```
public struct CR0: OptionSet, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// Protection enable.
  @inlinable public static var pe: CR0 { CR0(rawValue: 1 << 0) }
  /// Monitor coprocessor: WAIT obeys TS.
  @inlinable public static var mp: CR0 { CR0(rawValue: 1 << 1) }
  /// Emulation: x87 instructions raise #NM.
  @inlinable public static var em: CR0 { CR0(rawValue: 1 << 2) }
  /// Task switched: the next x87 or SSE instruction raises #NM.
  @inlinable public static var ts: CR0 { CR0(rawValue: 1 << 3) }
  /// Extension type: always one since the 486.
  @inlinable public static var et: CR0 { CR0(rawValue: 1 << 4) }
  /// Numeric error: x87 errors raise #MF rather than IRQ 13.
  @inlinable public static var ne: CR0 { CR0(rawValue: 1 << 5) }
  /// Write protect: read-only pages bind the supervisor too.
  @inlinable public static var wp: CR0 { CR0(rawValue: 1 << 16) }
  /// Alignment mask: EFLAGS.AC counts.
  @inlinable public static var am: CR0 { CR0(rawValue: 1 << 18) }
  /// Not write-through.
  @inlinable public static var nw: CR0 { CR0(rawValue: 1 << 29) }
  /// Cache disable.
  @inlinable public static var cd: CR0 { CR0(rawValue: 1 << 30) }
  /// Paging.
  @inlinable public static var pg: CR0 { CR0(rawValue: 1 << 31) }
  /// Every bit that is defined.
  @inlinable public static var all: CR0 { CR0(rawValue: 0xe005_003f) }
  /// The bits that LMSW can write (PE only upwards) and that SMSW's low nibble holds.
  @inlinable public static var machineStatusWord: CR0 { CR0(rawValue: 0xf) }
  /// CR0 after RESET: CD, NW and ET.
  @inlinable public static var reset: CR0 { CR0(rawValue: 0x6000_0010) }
}

/// CR3's bits beside the page directory's address.
public struct CR3: OptionSet, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// Page-level write-through.
  @inlinable public static var pwt: CR3 { CR3(rawValue: 1 << 3) }
  /// Page-level cache disable.
  @inlinable public static var pcd: CR3 { CR3(rawValue: 1 << 4) }
}

/// CR4: extensions of the architecture.
///
/// ```
///  31      10         9       8   7   6   5   4  3   2   1   0
/// +-----+----------+------+---+---+---+---+---+--+---+---+---+
/// |  0  |OSXMMEXCPT|OSFXSR|PCE|PGE|MCE|PAE|PSE|DE|TSD|PVI|VME|
/// +-----+----------+------+---+---+---+---+---+--+---+---+---+
/// ```
public struct CR4: OptionSet, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }
  /// Virtual-8086 mode extensions.
  @inlinable public static var vme: CR4 { CR4(rawValue: 1 << 0) }
  /// Protected-mode virtual interrupts.
  @inlinable public static var pvi: CR4 { CR4(rawValue: 1 << 1) }
  /// RDTSC is privileged.
  @inlinable public static var tsd: CR4 { CR4(rawValue: 1 << 2) }
  /// Debugging extensions: DR4 and DR5 are undefined, I/O breakpoints exist.
  @inlinable public static var de: CR4 { CR4(rawValue: 1 << 3) }
  /// 4 MiB pages.
  @inlinable public static var pse: CR4 { CR4(rawValue: 1 << 4) }
  /// Physical address extension: 64-bit paging entries.
  @inlinable public static var pae: CR4 { CR4(rawValue: 1 << 5) }
  /// Machine check.
  @inlinable public static var mce: CR4 { CR4(rawValue: 1 << 6) }
  /// Global pages.
  @inlinable public static var pge: CR4 { CR4(rawValue: 1 << 7) }
  /// RDPMC is allowed in every ring.
  @inlinable public static var pce: CR4 { CR4(rawValue: 1 << 8) }
  /// FXSAVE and FXRSTOR save SSE state, and SSE is enabled.
  @inlinable public static var osfxsr: CR4 { CR4(rawValue: 1 << 9) }
  /// Unmasked SSE exceptions raise #XM rather than #UD.
  @inlinable public static var osxmmexcpt: CR4 { CR4(rawValue: 1 << 10) }
  /// User-mode instruction prevention: SGDT, SIDT, SLDT, SMSW and STR trap outside ring 0.
  @inlinable public static var umip: CR4 { CR4(rawValue: 1 << 11) }
}

/// The extended feature enable register (MSR C000_0080).
public struct EFER: OptionSet, Hashable, Sendable, BitwiseCopyable {
  public var rawValue: UInt64
  @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }
  /// SYSCALL and SYSRET are enabled.
  @inlinable public static var sce: EFER { EFER(rawValue: 1 << 0) }
  /// Long mode is enabled.
  @inlinable public static var lme: EFER { EFER(rawValue: 1 << 8) }
  /// Long mode is active.
  @inlinable public static var lma: EFER { EFER(rawValue: 1 << 10) }
  /// Execute-disable in paging entries.
  @inlinable public static var nxe: EFER { EFER(rawValue: 1 << 11) }
}
