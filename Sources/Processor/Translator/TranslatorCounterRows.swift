// The translator's counters with their names and meanings: what the summary, its documentation and `--statistics` agree on.

extension TranslatorStatistics {
  /// A counter as it is printed.
  public struct Row: Sendable {
    public let name: String
    public let meaning: String
    private let path: KeyPath<TranslatorStatistics, UInt64> & Sendable

    fileprivate init(_ name: String, _ path: KeyPath<TranslatorStatistics, UInt64> & Sendable, _ meaning: String) {
      self.name = name
      self.path = path
      self.meaning = meaning
    }

    public func value(in statistics: TranslatorStatistics) -> UInt64 { statistics[keyPath: path] }
  }

  public static let rows: [Row] = [
    Row("fragments", \.fragments, "blocks translated, each translation of a block counted"),
    Row("instructions", \.instructions, "guest instructions in them"),
    Row("guestBytes", \.guestBytes, "bytes of guest code in them"),
    Row("hostBytes", \.hostBytes, "bytes of host code made of it"),
    Row("translationNanoseconds", \.translationNanoseconds, "time that making it took, by the host's clock"),
    Row("linksMade", \.linksMade, "branches made to lead from one translation to the next"),
    Row("indirectMisses", \.indirectMisses, "computed targets that the table didn't have"),
    Row("tlbMisses", \.misses, "accesses of translated code that the software TLB had nothing for"),
    Row("windowFaults", \.windowFaults, "host faults for a page that a window lacked"),
    Row("windowPages", \.windowPages, "pages that they brought in"),
    Row("windowRefusals", \.windowRefusals, "faults on what no window can show: devices, traced pages, code"),
    Row("windowDrops", \.windowDrops, "times that all windows were emptied"),
    Row("budgetFaults", \.budgetsUsedUp, "host faults because the slice's instructions were used up"),
    Row("divideFaults", \.divideCallouts, "host faults of divisions, left to the interpreter"),
    Row("accessCallouts", \.accessCallouts, "instructions left to the interpreter because of what they accessed"),
    Row("invalidations", \.invalidations, "translations taken back, their code overwritten or to be made anew"),
    Row("retranslations", \.retranslations, "translations made anew with accesses by the software TLB"),
    Row("generations", \.generations, "times that the full cache was thrown away"),
    Row("pathChanges", \.pathChanges, "changes between window and software TLB"),
  ]

  /// Instructions executed for translated code by the interpreter.
  public var calloutCount: UInt64 { callouts.reduce(0, &+) }
}
