// The checker: judges Trapline's decoder and interpreter by the processor underneath, its translator by the interpreter. Not
// part of the product.

import ArgumentParser

@main struct TraplineCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trapline-check",
    abstract: "Compare Trapline with the processor it runs on.",
    subcommands: [OracleCommand.self, SweepCommand.self, LimitsCommand.self, PagersCommand.self, LockstepCommand.self])

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      // What the user can put right is one sentence and status 2, as in `trapline`.
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      printError(message(for: error))
      exit(withError: ExitCode(2))
    }
  }
}
