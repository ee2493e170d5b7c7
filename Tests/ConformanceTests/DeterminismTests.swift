// The same guest takes the same path, however often it runs and however its run is cut into pieces.

import Testing
import Trapline

@Suite("Determinism")
struct DeterminismTests {
  /// Runs a guest to its end.
  /// - Parameter slice: instructions after which the machine is left and entered again; nil for none.
  private func end(of program: GuestProgram, slice: UInt64?) throws -> (run: GuestRun, outcome: RunOutcome) {
    let run = try GuestRun(program)
    var limits = run.limits
    var outcome: RunOutcome
    repeat {
      if let slice { limits.instructions = run.machine.processor.retired + slice }
      outcome = run.machine.run(limits)
    } while slice != nil && outcome == .instructionLimit
    return (run, outcome)
  }

  @Test(
    "two runs end with the same count and the same state",
    arguments: ["pit-interrupts", "self-modifying", "task-switch", "pocket tests", "pocket tests-sysenter"])
  func repeats(_ name: String) throws {
    let program = try #require(GuestProgram.named(name))
    let (first, outcome) = try end(of: program, slice: nil)
    #expect(outcome.exitStatus == program.exitStatus)
    let (second, again) = try end(of: program, slice: nil)
    #expect(again == outcome)
    #expect(second.differences(from: first) == [])
  }

  @Test(
    "a run in slices ends with the same count and the same state as a whole one",
    arguments: [("pocket tests", 9_973), ("pocket tests-sysenter", 9_973), ("self-modifying", 9_973)]
      + ["pit-interrupts", "strings", "v86", "task-switch", "debug-single-step"].flatMap { [($0, 9_973), ($0, 7), ($0, 1)] })
  func slices(_ name: String, _ slice: UInt64) throws {
    let program = try #require(GuestProgram.named(name))
    let (whole, outcome) = try end(of: program, slice: nil)
    let (sliced, same) = try end(of: program, slice: slice)
    #expect(same == outcome)
    #expect(sliced.differences(from: whole) == [])
  }
}
