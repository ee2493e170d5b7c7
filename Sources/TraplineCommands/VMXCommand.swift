// The other half of a hosted machine. Nobody types this: `--platform workstation` starts it.

import ArgumentParser
import Platforms

struct VMXCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "vmx", abstract: "The VMX process of a hosted machine, which trapline starts by itself.",
    shouldDisplay: false)
  static let examples = ["trapline run --platform workstation .build/guests/arithmetic.elf"]

  mutating func run(on console: Console) throws -> Int32 {
    guard console.ownsProcess, VMXProgram.hasMonitor else {
      throw Refusal("vmx is the other half of a hosted machine: run a guest with --platform workstation")
    }
    return VMXProgram.run()
  }
}
