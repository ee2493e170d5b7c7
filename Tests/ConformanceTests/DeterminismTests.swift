// The same guest takes the same path, however often it runs and however its run is cut into pieces.

import Testing
import Trapline

@Suite("Determinism")
struct DeterminismTests {
  /// The end of a run, as far as a guest could tell.
  struct End: Equatable {
    var outcome: RunOutcome
    var retired: UInt64
    var serial: String
    var state: UInt64
  }

  /// - Parameter slice: instructions after which the machine is left and entered again; nil for none.
  private func end(of program: GuestProgram, slice: UInt64?) throws -> End {
    let run = try GuestRun(program)
    var limits = run.limits
    var outcome: RunOutcome
    repeat {
      if let slice { limits.instructions = run.machine.processor.retired + slice }
      outcome = run.machine.run(limits)
    } while slice != nil && outcome == .instructionLimit
    return End(
      outcome: outcome, retired: run.machine.processor.retired, serial: run.serial.text, state: run.stateHash)
  }

  @Test(
    "two runs, and a run in slices, end with the same count and the same state",
    arguments: ["pit-interrupts", "self-modifying", "task-switch", "pocket tests", "pocket tests-sysenter"])
  func repeats(_ name: String) throws {
    let program = try #require(GuestProgram.named(name))
    let first = try end(of: program, slice: nil)
    #expect(first.outcome.exitStatus == program.exitStatus)
    #expect(try end(of: program, slice: nil) == first)
    #expect(try end(of: program, slice: 9_973) == first, "in slices of 9,973 instructions")
  }

  @Test("the smallest slices change nothing either", arguments: ["pit-interrupts", "strings", "v86"])
  func smallSlices(_ name: String) throws {
    let program = try #require(GuestProgram.named(name))
    let first = try end(of: program, slice: nil)
    #expect(try end(of: program, slice: 7) == first)
  }
}
