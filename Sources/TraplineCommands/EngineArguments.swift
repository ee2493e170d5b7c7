// The options that choose how instructions run, the same for every command that runs a guest.

import ArgumentParser
import Processor
import Trapline

extension EngineKind: ExpressibleByArgument {}
extension MemoryPathChoice: ExpressibleByArgument {}

struct EngineArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How instructions run: by the interpreter or the translator (default: the translator, where this host and build have it).",
      valueName: "engine"))
  var engine: EngineKind?

  @Option(
    help: ArgumentHelp(
      "How translated code reaches memory: by a window or the software tlb, or as measured while the guest runs.",
      valueName: "path"))
  var memoryPath = MemoryPathChoice.measured

  func validate() throws {
    if let engine, !engine.isAvailable {
      throw ValidationError("this build on this host has no \(engine.rawValue): leave out --engine")
    }
  }

  func configure(_ configuration: inout MachineConfiguration) {
    configuration.engine = engine ?? .best
    configuration.memoryPath = memoryPath
  }
}
