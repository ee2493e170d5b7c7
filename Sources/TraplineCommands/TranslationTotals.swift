// Sums over the translations of a guest: how much there is, how much longer it is on the host, how it was made.

import Processor

struct TranslationTotals {
  private(set) var fragments: UInt64 = 0
  private(set) var instructions: UInt64 = 0
  private(set) var guestBytes: UInt64 = 0
  private(set) var hostBytes: UInt64 = 0
  /// Of all entries.
  private(set) var entries: UInt64 = 0
  /// By `TranslationKind`: instructions, and the same as often as their fragments were entered.
  private var kinds = [UInt64](repeating: 0, count: TranslationKind.allCases.count)
  private var weighted = [Double](repeating: 0, count: TranslationKind.allCases.count)

  init(_ fragments: [FragmentView]) { for fragment in fragments { add(fragment) } }

  private mutating func add(_ fragment: FragmentView) {
    fragments += 1
    entries += fragment.hits ?? 0
    hostBytes += UInt64(fragment.hostByteCount)
    for instruction in fragment.instructions {
      instructions += 1
      guestBytes += UInt64(instruction.bytes.count)
      kinds[Int(instruction.kind.rawValue)] += 1
      weighted[Int(instruction.kind.rawValue)] += Double(fragment.hits ?? 0)
    }
  }

  func count(_ kind: TranslationKind) -> UInt64 { kinds[Int(kind.rawValue)] }

  /// Of the instructions that are translated, from 0 to 1.
  func share(_ kind: TranslationKind) -> Double {
    instructions == 0 ? 0 : Double(count(kind)) / Double(instructions)
  }

  /// Of the instructions as they ran, if each entry runs its fragment to the end.
  func shareOfRun(_ kind: TranslationKind) -> Double {
    let sum = weighted.reduce(0, +)
    return sum == 0 ? 0 : weighted[Int(kind.rawValue)] / sum
  }

  var expansion: String { Self.ratio(hostBytes, guestBytes) }

  /// Host bytes for a guest byte: `x3.7`.
  static func ratio(_ host: UInt64, _ guest: UInt64) -> String {
    guest == 0 ? "-" : "x\(tenths(Double(host) / Double(guest)))"
  }

  static func percent(_ share: Double) -> String { tenths(share * 100) + " %" }

  /// With one decimal.
  static func tenths(_ value: Double) -> String {
    let tenths = UInt64((value * 10).rounded())
    return "\(grouped(tenths / 10)).\(tenths % 10)"
  }
}
