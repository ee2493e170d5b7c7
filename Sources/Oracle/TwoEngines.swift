// The translator as the one that is judged, twice: by the processor underneath in all that the manual defines, as the
// interpreter is, and by the interpreter in everything, since a guest must not be able to tell one engine from the other.

import Processor

/// The interpreter and the translator, given the same cases.
package struct TwoEngines: GuestCPU, ~Copyable {
  private var interpreter: InterpreterCPU
  private var translator: InterpreterCPU

  package init(lowMemory: Bool, paths: MemoryPathChoice) throws {
    let first = try InterpreterCPU(lowMemory: lowMemory)
    let second = try InterpreterCPU(lowMemory: lowMemory, engine: .translator, paths: paths)
    interpreter = first
    translator = second
  }

  /// The translator's outcome; none where the interpreter's is another.
  package mutating func run(_ oracleCase: OracleCase) -> OracleOutcome {
    let translated = translator.run(oracleCase)
    let interpreted = interpreter.run(oracleCase)
    if translated == interpreted { return translated }
    if case .notRun = translated.ending { return translated }
    var exact = oracleCase
    exact.undefined = UndefinedResults()
    let differences = DifferentialRunner.differences(interpreted, translated, on: exact).map(\.description)
    return OracleOutcome(
      notRun: "the interpreter (native) and the translator (guest) differ: \(differences.joined(separator: ", "))",
      of: oracleCase)
  }

  /// Instructions that became host code and were not left to the interpreter.
  package var translated: UInt64 {
    guard let statistics = translator.translatorStatistics else { return 0 }
    return zip(TranslationKind.allCases, statistics.kinds).reduce(0) { $1.0 == .callout ? $0 : $0 + $1.1 }
  }
}
