// `trapline-check lockstep`: one guest on both engines, and the first instruction after which they differ.

import ArgumentParser
import Loading
import Processor
import Trapline
import TraplineCommands

struct LockstepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lockstep",
    abstract: "Run a guest on the interpreter and on the translator, up to the first difference.",
    discussion: """
      Two machines run GUEST side by side. Every so many instructions their processors are compared, and now and then their \
      memory, devices and output. A difference is narrowed down, by runs from the beginning, to the instruction or the \
      translated block that makes it. Exit status: 0 no difference, 1 a difference, 2 the guest can't be run.

      EXAMPLES
        trapline-check lockstep .build/guests/strings.elf --memory-path tlb
        trapline-check lockstep .build/guests/hello-real.bin --mode real --pager nested
        trapline-check lockstep --linux vmlinuz --append console=ttyS0 --memory 256M --max-instructions 500M
      """)

  @OptionGroup var guest: GuestArguments
  @Option(
    name: .customLong("input"), parsing: .singleValue, help: "A line for the guest's serial port; may be repeated.")
  var input: [String] = []
  @Option(help: "Whose page tables translate: the guest's (none), shadow or nested.") var pager = PagerKind.none
  @Option(help: "How translated code reaches memory: window, tlb, or as measured.") var memoryPath = MemoryPathChoice
    .measured
  @Option(
    help: "Executions after which a block is translated; with 1 all code is (default: the translator's own choice).")
  var warmth: UInt32?
  @Option(help: "Instructions after which to end.", transform: { try InstructionCount(parsing: $0) })
  var maxInstructions: InstructionCount?
  @Option(help: "The time after which to end, as in 10 or 2m.", transform: { try TimeArgument(parsing: $0) })
  var timeout: TimeArgument?
  @Option(
    help: "Instructions between two comparisons of the processors (default: 100K).",
    transform: { try InstructionCount(parsing: $0) })
  var stride: InstructionCount?
  @Option(help: "Strides for each comparison of memory and devices.") var pageStrides = 100
  @Option(help: "Events to show before a difference.") var events = 20

  func validate() throws {
    try guest.requireGuest()
    guard stride?.value != 0, pageStrides > 0, warmth != 0, events >= 0 else {
      throw ValidationError("--stride, --page-strides and --warmth must be at least 1, and --events not below 0")
    }
  }

  func run() throws {
    guard EngineKind.translator.isAvailable else {
      printError("this build on this host has no translator: there is nothing to hold beside the interpreter")
      throw ExitCode(2)
    }
    let file = guest.file
    do {
      var configuration = MachineConfiguration()
      configuration.memorySize = guest.memory.bytes
      configuration.paging.pager = pager
      configuration.memoryPath = memoryPath
      var guest = LockstepGuest(
        image: try self.guest.bytes(), request: try self.guest.loadRequest(), configuration: configuration,
        input: input.flatMap { Array(($0 + "\n").utf8) })
      guest.warmth = warmth
      var lockstep = Lockstep(guest)
      if let stride { lockstep.stride = stride.value }
      lockstep.stridesPerPageCheck = pageStrides
      lockstep.limit = maxInstructions?.value
      lockstep.time = timeout?.duration
      switch try lockstep.run() {
      case .same(let retired, let outcome):
        print("\(file): the same for \(retired) instructions, up to \(outcome.name)")
      case .differs(let difference):
        var report = LockstepReport(lockstep, difference)
        report.events = events
        print("\(file): \(try report.text())", terminator: "")
        throw ExitCode(1)
      }
    } catch let error as Refusal {
      printError(error.description)
      throw ExitCode(2)
    } catch let error as Lockstep.Failure {
      printError("\(file): \(error.description)")
      throw ExitCode(2)
    }
  }
}
