// Every guest of TestPrograms on the machine, held to its own header.

import Testing
import Trapline

@Suite("Guest programs")
struct GuestProgramTests {
  @Test("the guests are where the tests look for them, and can be built")
  func areThere() throws {
    #expect(GuestProgram.all.count >= 27)
    #expect(GuestProgram.pocket.count >= 7)
    _ = try BuiltGuests.folder.get()
  }

  @Test("a guest ends and prints as its header says", arguments: GuestProgram.all)
  func conforms(_ program: GuestProgram) throws { try check(program) }

  @Test("pocket runs its programs", arguments: GuestProgram.pocket)
  func runsPocket(_ program: GuestProgram) throws { try check(program) }

  private func check(_ program: GuestProgram) throws {
    let run = try GuestRun(program)
    let outcome = run.machine.run(run.limits)
    let lines = run.lines
    #expect(outcome.exitStatus == program.exitStatus, "\(outcome.name); it printed:\n\(lines.joined(separator: "\n"))")
    switch program.comparison {
    case .exact:
      if !program.serial.isEmpty { #expect(lines == program.serial) }
    case .inOrder:
      var rest = lines[...]
      for expected in program.serial {
        guard let found = rest.firstIndex(where: { $0.contains(expected) }) else {
          Issue.record("\"\(expected)\" is missing, or not in its place, in:\n\(lines.joined(separator: "\n"))")
          break
        }
        rest = rest[(found + 1)...]
      }
    }
  }
}
