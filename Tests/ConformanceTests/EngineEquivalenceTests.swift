// Every guest on every engine under every pager, its memory reached in either way: one state at the end, to the last bit.

import Processor
import Testing
import Trapline

@Suite("Engine equivalence")
struct EngineEquivalenceTests {
  /// A way to run a guest.
  private struct Way: CustomStringConvertible {
    var engine: EngineKind
    var path = MemoryPathChoice.measured
    var pager: PagerKind

    var description: String {
      engine == .interpreter ? "\(engine), \(pager)" : "\(engine) by \(path), \(pager)"
    }

    /// All that this build has; the interpreter on bare silicon first.
    static let all: [Way] = PagerKind.allCases.flatMap { pager in
      [Way(engine: .interpreter, pager: pager)]
        + (EngineKind.translator.isAvailable
          ? [.window, .tlb].map { Way(engine: .translator, path: $0, pager: pager) } : [])
    }

    /// Runs to the guest's end. Even what runs once is translated.
    func run(_ program: GuestProgram) throws -> (run: GuestRun, outcome: RunOutcome) {
      let run = try GuestRun(program, warmth: 1) {
        $0.engine = engine
        $0.memoryPath = path
        $0.paging = PagingConfiguration(pager: pager)
      }
      #expect(run.machine.processor.engine == engine)
      return (run, run.machine.run(run.limits))
    }
  }

  @Test("a guest can't tell one engine from another", arguments: PagerEquivalenceTests.programs)
  func sameEnd(_ program: GuestProgram) throws {
    let (reference, outcome) = try Way.all[0].run(program)
    #expect(outcome.exitStatus == program.exitStatus, "\(Way.all[0])")
    let hash = reference.machine.stateHash
    for way in Way.all.dropFirst() {
      let (run, end) = try way.run(program)
      #expect(end == outcome, "\(way)")
      #expect(run.serial.output == reference.serial.output, "\(way)")
      if run.machine.stateHash != hash {
        Issue.record("\(way): another state: \(run.differences(from: reference).joined(separator: "; "))")
      }
    }
  }
}
