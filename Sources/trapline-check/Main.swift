// The checker: judges Trapline's decoder and interpreter by the processor underneath. Not part of the product.

import ArgumentParser

@main struct TraplineCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trapline-check",
    abstract: "Compare Trapline with the processor it runs on.",
    subcommands: [OracleCommand.self, SweepCommand.self, LimitsCommand.self, PagersCommand.self])
}
