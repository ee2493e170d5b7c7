// What translation costs, counted: declared once, in this list, which reports, JSON and documentation read.

/// Work done for the translation of addresses. Each is a count of events unless its meaning says otherwise.
public struct PagingCounters: BitwiseCopyable, Sendable, Equatable {
  public var tlbMissesSmall: UInt64 = 0
  public var tlbMisses2M: UInt64 = 0
  public var tlbMisses4M: UInt64 = 0
  public var tlbAssists: UInt64 = 0
  public var walkReferences: UInt64 = 0
  public var missReferences: UInt64 = 0
  public var monitorReferences: UInt64 = 0
  public var trueFaults: UInt64 = 0
  public var hiddenFaults: UInt64 = 0
  public var deviceFaults: UInt64 = 0
  public var traceHits: UInt64 = 0
  public var eptViolations: UInt64 = 0
  public var eptMisconfigurations: UInt64 = 0
  public var addressSpaceSwitches: UInt64 = 0
  public var pageInvalidations: UInt64 = 0
  public var flushes: UInt64 = 0
  public var modeChanges: UInt64 = 0
  public var rootsBuilt: UInt64 = 0
  public var shadowEntriesFilled: UInt64 = 0
  public var shadowEntriesUpdated: UInt64 = 0
  public var writeProtections: UInt64 = 0
  public var tablesUnsynced: UInt64 = 0
  public var tablesResynced: UInt64 = 0
  public var tablesBuilt: UInt64 = 0
  public var tablesDropped: UInt64 = 0
  public var tablesEvicted: UInt64 = 0
  public var tablePages: UInt64 = 0
  public var tablePagesPeak: UInt64 = 0

  public init() {}

  /// A table of a page was begun.
  mutating func countNewTable() {
    tablesBuilt &+= 1
    tablePages &+= 1
    tablePagesPeak = max(tablePagesPeak, tablePages)
  }

  /// TLB misses of all page sizes.
  public var tlbMisses: UInt64 { tlbMissesSmall + tlbMisses2M + tlbMisses4M }

  /// A counter's place, its name in JSON, and what it counts.
  public struct Row: Sendable {
    public let name: String
    public let meaning: String
    private let path: KeyPath<PagingCounters, UInt64> & Sendable

    init(_ name: String, _ path: KeyPath<PagingCounters, UInt64> & Sendable, _ meaning: String) {
      self.name = name
      self.path = path
      self.meaning = meaning
    }

    public func value(in counters: PagingCounters) -> UInt64 { counters[keyPath: path] }
  }

  public static let rows: [Row] = [
    Row("tlbMisses4K", \.tlbMissesSmall, "TLB misses that brought in a 4 KiB translation"),
    Row("tlbMisses2M", \.tlbMisses2M, "TLB misses that brought in a 2 MiB translation"),
    Row("tlbMisses4M", \.tlbMisses4M, "TLB misses that brought in a 4 MiB translation"),
    Row("tlbAssists", \.tlbAssists, "walks for a translation that was there, but without the right that was needed"),
    Row("walkReferences", \.walkReferences, "memory references of all walks of the processor"),
    Row("missReferences", \.missReferences, "those of them that served TLB misses"),
    Row("monitorReferences", \.monitorReferences, "guest table entries that the monitor read itself"),
    Row("trueFaults", \.trueFaults, "page faults that are the guest's own"),
    Row("hiddenFaults", \.hiddenFaults, "page faults of the shadow tables that the guest doesn't see"),
    Row("deviceFaults", \.deviceFaults, "accesses to device memory, which no shadow maps"),
    Row("traceHits", \.traceHits, "guest writes to page tables that the monitor caught"),
    Row("eptViolations", \.eptViolations, "accesses that EPT doesn't allow (yet)"),
    Row("eptMisconfigurations", \.eptMisconfigurations, "accesses to device memory, marked so in EPT"),
    Row("addressSpaceSwitches", \.addressSpaceSwitches, "loads of CR3"),
    Row("pageInvalidations", \.pageInvalidations, "INVLPG"),
    Row("flushes", \.flushes, "TLB flushes, whole or but for global pages"),
    Row("modeChanges", \.modeChanges, "flushes by writes to CR0, CR4 or EFER"),
    Row("rootsBuilt", \.rootsBuilt, "address spaces that had no shadow yet"),
    Row("shadowEntriesFilled", \.shadowEntriesFilled, "shadow entries made by hidden faults"),
    Row("shadowEntriesUpdated", \.shadowEntriesUpdated, "shadow entries brought up to date after guest writes"),
    Row("writeProtections", \.writeProtections, "shadow entries made read-only because their page became a page table"),
    Row("tablesUnsynced", \.tablesUnsynced, "page tables let out of sync (lazy mode)"),
    Row("tablesResynced", \.tablesResynced, "page tables brought back into sync"),
    Row("tablesBuilt", \.tablesBuilt, "tables of the monitor's begun"),
    Row("tablesDropped", \.tablesDropped, "tables given up because their guest page is used for something else"),
    Row("tablesEvicted", \.tablesEvicted, "tables given up to stay within the bound"),
    Row("tablePages", \.tablePages, "pages of tables now"),
    Row("tablePagesPeak", \.tablePagesPeak, "pages of tables at most"),
  ]
}
