// `trapline-check oracle`: random instructions, on the processor and on a guest's.

import ArgumentParser
import Oracle
import Processor
import TraplineCommands

struct OracleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "oracle",
    abstract: "Run random instructions natively and in a guest, and compare.",
    discussion: """
      Exit status: 0 no difference, 1 a difference, 2 this host has no oracle.

      EXAMPLES
        trapline-check oracle --count 100000 --seed 7
        trapline-check oracle --class shiftRotate --class bits --count 20000
        trapline-check oracle --engine translator --memory-path window
      """)

  /// Who is judged.
  enum Guest: String, ExpressibleByArgument, CaseIterable {
    /// The processor itself: must agree with itself. Shows how fast cases run and that the oracle repeats.
    case native
    case interpreter
    /// Nobody: only measures how fast the native side is.
    case none
  }

  @Option(help: "How many cases to run.") var count = 100_000
  @Option(help: "Seed of the cases.") var seed: UInt64 = 1
  @Option(help: "Run only the case with this index (as a failure prints it).") var index: Int?
  @Option(
    name: .customLong("class"),
    help:
      "Only this instruction class; may be repeated. One of: \(InstructionClass.allCases.map(\.rawValue).joined(separator: ", "))."
  )
  var classes: [InstructionClass] = []
  @Option(help: "Who is judged.") var guest = Guest.interpreter
  @Option(
    help: "The guest's engine. The translator must agree with the interpreter too, to the last undefined flag."
  ) var engine = EngineKind.interpreter
  @Option(help: "How translated code reaches memory: window or tlb.") var memoryPath = MemoryPathChoice.window
  @Option(help: "How many failing cases to print.") var show = 20
  @Flag(help: "Make no cases that read or write below 64 KiB, though the host could.") var noLowMemory = false
  @Flag(help: "Print each row of the instruction table with what became of its cases.") var rows = false

  func run() throws {
    guard engine.isAvailable else {
      printError("SKIPPED: this host or build has no \(engine.rawValue)")
      throw ExitCode(2)
    }
    if let reason = NativeCPU.unavailableReason {
      printError("SKIPPED: the native oracle is not available: \(reason)")
      throw ExitCode(2)
    }
    let generator = CaseGenerator(
      seed: seed, classes: classes.isEmpty ? nil : Set(classes), lowMemory: NativeCPU.hasLowMemory && !noLowMemory)
    let indices = index.map { $0..<$0 + 1 } ?? 0..<count
    if let index { print(describe(generator.makeCase(at: index))) }
    let summary = try NativeCPU.withSession { native in
      if rows { printRows(generator, &native) }
      let runner = DifferentialRunner(generator: generator)
      switch guest {
      case .native:
        var twin = native.twin()
        return runner.run(indices, native: &native, guest: &twin)
      case .interpreter where engine == .translator:
        var engines = try TwoEngines(lowMemory: NativeCPU.hasLowMemory, paths: memoryPath)
        let summary = runner.run(indices, native: &native, guest: &engines)
        print("\(engines.translated) instructions were translated")
        return summary
      case .interpreter:
        var interpreter = try InterpreterCPU(lowMemory: NativeCPU.hasLowMemory)
        return runner.run(indices, native: &native, guest: &interpreter)
      case .none:
        return runner.measure(indices, native: &native)
      }
    }
    report(summary)
    if summary.failed > 0 { throw ExitCode(1) }
  }

  private func report(_ summary: DifferentialSummary) {
    for failure in summary.failures.prefix(show) { print(OracleText.failure(failure, seed: seed), terminator: "\n\n") }
    if !summary.failingRows.isEmpty {
      print("failing rows")
      for (row, count) in summary.failingRows.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
        print("  \(column(count)) \(row)")
      }
    }
    print("\(column("cases")) \(column("exceptions")) \(column("not run")) \(column("unrepeated")) \(column("failed"))  class")
    for group in InstructionClass.allCases {
      guard let counts = summary.classes[group] else { continue }
      let columns = [counts.cases, counts.exceptions, counts.notRun, counts.unrepeated, counts.failures].map { column($0) }
      print("\(columns.joined(separator: " "))  \(group.rawValue)")
    }
    let rate = Int(Double(summary.cases) / max(summary.seconds, 1e-9))
    print(
      "\(summary.cases) cases with seed \(seed): \(summary.failed) failed, \(rate) cases/s (guest: \(guest.rawValue), engine: \(engine.rawValue))")
  }

  private func describe(_ oracleCase: OracleCase) -> String {
    let bytes =
      "\(OracleText.hex(oracleCase.bytes))    \(OracleText.disassembly(oracleCase.bytes, at: oracleCase.address))"
    let state = OracleText.state(
      oracleCase.registers, eflags: oracleCase.eflags, eip: oracleCase.address, oracleCase.selectors)
    return "\(bytes)\n  row \"\(oracleCase.origin)\"\n\(state)"
  }

  private func printRows(_ generator: CaseGenerator, _ native: inout NativeCPU) {
    for number in generator.rows.indices {
      var endings: [String: Int] = [:]
      for round in 0..<200 {
        let oracleCase = generator.makeCase(at: number + round * generator.rows.count)
        switch native.run(oracleCase).ending {
        case .exception(let vector, _, _): endings["vector \(vector)", default: 0] += 1
        case .completed: endings["completed", default: 0] += 1
        case .endless: endings["ENDLESS", default: 0] += 1
        case .notRun(let reason): endings[reason, default: 0] += 1
        }
      }
      let text = endings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
      print("\(generator.rows[number].name): \(text)")
    }
  }
}

extension InstructionClass: ExpressibleByArgument {}

/// Right-aligned in ten columns.
func column(_ value: some CustomStringConvertible) -> String {
  let text = value.description
  return String(repeating: " ", count: max(0, 10 - text.count)) + text
}
