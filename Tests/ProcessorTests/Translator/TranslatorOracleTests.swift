// The translator before the same judge as the interpreter, and before the interpreter. A longer look is
// `Tools/oracle --engine translator --memory-path window --count 1000000`.

import Oracle
import Processor
import Testing

@Suite("the translator against the processor underneath", .enabled(if: oracleSkip == nil && EngineKind.translator.isAvailable))
struct TranslatorOracleTests {
  @Test(
    "computes what the processor computes, and what the interpreter does where nothing is defined",
    arguments: InstructionClass.allCases, [MemoryPathChoice.window, .tlb])
  func agrees(group: InstructionClass, paths: MemoryPathChoice) throws {
    let seed: UInt64 = 19_88
    let generator = CaseGenerator(seed: seed, classes: [group], lowMemory: NativeCPU.hasLowMemory)
    let summary = try NativeCPU.withSession { native in
      var engines = try TwoEngines(lowMemory: NativeCPU.hasLowMemory, paths: paths)
      let runner = DifferentialRunner(generator: generator)
      return runner.run(0..<generator.rows.count * 8, native: &native, guest: &engines)
    }
    for failure in summary.failures { Issue.record("\(OracleText.failure(failure, seed: seed))") }
    #expect(summary.failed == 0)
  }
}
