// `trapline-check limits`: what isn't compared, and why.

import ArgumentParser
import Oracle

struct LimitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "limits",
    abstract: "List what the native processor can't be asked, and what the manual leaves undefined.",
    discussion: """
      EXAMPLES
        trapline-check limits
        trapline-check limits --undefined
      """)

  @Flag(help: "Only the table of undefined flags and results.") var undefined = false

  func run() {
    if !undefined {
      print("not asked of the native processor")
      for row in NativeLimits.table { print("  \(row.encoding): \(row.reason)") }
    }
    print("undefined, and so not compared")
    for row in UndefinedFlags.table {
      let names = row.operations.map { "\($0)" }.joined(separator: " ")
      let flags = OracleText.flags(row.flags).split(separator: " ").dropFirst().joined(separator: " ")
      var parts = [names, "when \(row.condition)"]
      if !flags.isEmpty { parts.append("flags \(flags)") }
      if case .none = row.result {} else { parts.append("\(row.result)") }
      print("  \(parts.joined(separator: "; ")) -- \(row.reference)")
    }
  }
}
