// The options that choose how instructions run, the same for every command that runs a guest.

import ArgumentParser
import Processor
import Trapline

extension EngineKind: ExpressibleByArgument {}
extension MemoryPathChoice: ExpressibleByArgument {}

/// How translated code reaches memory.
struct MemoryPathArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How translated code reaches memory: by a window or the software tlb, or as measured while the guest runs.",
      valueName: "path"))
  var memoryPath = MemoryPathChoice.measured
}

struct EngineArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How instructions run: by the interpreter or the translator (default: the translator, where this host and build have it; for mmu the interpreter).",
      valueName: "engine"))
  var engine: EngineKind?

  @OptionGroup
  var paths: MemoryPathArguments

  var memoryPath: MemoryPathChoice { paths.memoryPath }

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
