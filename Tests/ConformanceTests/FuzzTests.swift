// A sample of what Tools/fuzz runs for longer.

import Fuzzing
import Testing

@Suite("Fuzz")
struct FuzzTests {
  @Test("random guests reach nothing of the host, and can't tell how their runs are cut", arguments: [1, 2, 3, 4])
  func sample(seed: UInt64) throws {
    let fuzzer = try Fuzzer(seed: seed)
    var number: UInt64 = 0
    while fuzzer.totals.retired < 300_000 {
      do {
        try fuzzer.run(case: number)
      } catch {
        Issue.record("trapline-fuzz --seed \(seed) --case \(number): \(error)")
        return
      }
      number += 1
    }
    // The sample is worth something: it got around.
    let totals = fuzzer.totals
    #expect(totals.exceptions > 1000 && totals.interrupts > 0 && totals.walks > 1000 && totals.invalidated > 0)
    #expect(totals.exits[3...6].allSatisfy { $0 > 0 })
  }

  @Test("the same seed and number make the same case")
  func repeatable() throws {
    let once = try Fuzzer(seed: 7), again = try Fuzzer(seed: 7)
    for number in UInt64(0)..<20 {
      try once.run(case: number)
      try again.run(case: number)
      #expect(once.totals.retired == again.totals.retired)
      #expect(once.totals.exceptions == again.totals.exceptions)
    }
  }
}
