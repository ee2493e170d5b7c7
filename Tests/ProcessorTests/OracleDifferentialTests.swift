// The interpreter before the judge: every row of the instruction table some twenty times, class by class. A longer look
// is `Tools/oracle --count 1000000 --seed N`.

import Oracle
import Testing

@Suite("the interpreter against the processor underneath", .enabled(if: oracleSkip == nil))
struct OracleDifferentialTests {
  @Test("computes what the processor computes", arguments: InstructionClass.allCases)
  func agrees(group: InstructionClass) throws {
    let seed: UInt64 = 20_06
    let generator = CaseGenerator(seed: seed, classes: [group], lowMemory: NativeCPU.hasLowMemory)
    let summary = try NativeCPU.withSession { native in
      var interpreter = try InterpreterCPU(lowMemory: NativeCPU.hasLowMemory)
      let runner = DifferentialRunner(generator: generator)
      return runner.run(0..<generator.rows.count * 20, native: &native, guest: &interpreter)
    }
    for failure in summary.failures { Issue.record("\(OracleText.failure(failure, seed: seed))") }
    #expect(summary.failed == 0)
  }

  @Test("the decoder measures as the processor does, on a sample of all encodings")
  func decodesAlike() throws {
    let summary = try NativeCPU.withSession { native in
      let sweep = DecodeSweep()
      return sweep.run(sample: 20_000, seed: 3, native: &native)
    }
    #expect(summary.differences == [:])
  }
}
