// What the translator did, counted (`run --statistics`).

import ISA

/// Counters of the translator; all from the start of the machine.
public struct TranslatorStatistics: Sendable, Equatable {
  /// Fragments made, guest instructions and bytes in them, host bytes, and nanoseconds spent.
  public var fragments: UInt64 = 0
  public var instructions: UInt64 = 0
  public var guestBytes: UInt64 = 0
  public var hostBytes: UInt64 = 0
  public var translationNanoseconds: UInt64 = 0
  /// Translated instructions by `TranslationKind`.
  public var kinds = [UInt64](repeating: 0, count: TranslationKind.allCases.count)
  /// Instructions executed for translated code by the interpreter, by operation.
  public var callouts = [UInt64](repeating: 0, count: Operation.allCases.count)
  /// Of these: because of what they accessed, and because of a divide error.
  public var accessCallouts: UInt64 = 0
  public var divideCallouts: UInt64 = 0
  public var linksMade: UInt64 = 0
  public var indirectMisses: UInt64 = 0
  /// Software TLB misses of translated code.
  public var misses: UInt64 = 0
  public var budgetsUsedUp: UInt64 = 0
  public var invalidations: UInt64 = 0
  public var retranslations: UInt64 = 0
  /// Times that the whole cache was thrown away.
  public var generations: UInt64 = 0
  /// Faults of the window, pages that they brought in, faults that couldn't be served, and times it was emptied.
  public var windowFaults: UInt64 = 0
  public var windowPages: UInt64 = 0
  public var windowRefusals: UInt64 = 0
  public var windowDrops: UInt64 = 0
  /// Changes between window and software TLB.
  public var pathChanges: UInt64 = 0

  public init() {}

  #if TRANSLATOR
    func begin() -> ContinuousClock.Instant { ContinuousClock().now }

    mutating func note(_ made: BlockTranslator, guestBytes bytes: Int, since start: ContinuousClock.Instant) {
      fragments &+= 1
      instructions &+= UInt64(made.count)
      guestBytes &+= UInt64(bytes)
      hostBytes &+= UInt64(made.asm.position - made.start)
      for record in made.records.dropLast() { kinds[Int(record.kind.rawValue)] &+= 1 }
      let spent = (ContinuousClock().now - start).components
      translationNanoseconds &+= UInt64(spent.seconds) * 1_000_000_000 &+ UInt64(spent.attoseconds / 1_000_000_000)
    }
  #endif
}
