// `trapline-check pagers`: one guest under every pager and TLB, and no difference that it could see.

import ArgumentParser
import Loading
import Trapline

struct PagersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pagers",
    abstract: "Compare what a guest comes to under every pager.",
    discussion: """
      Runs GUEST under bare silicon's paging, shadow page tables (eager and lazy) and nested paging, each also with tight \
      bounds and a small TLB, and compares registers, memory (accessed and dirty bits in it), exceptions and output of \
      runs with the same TLB. Exit status: 0 no difference, 1 a difference, 2 the guest can't be run.

      EXAMPLES
        trapline-check pagers .build/guests/pagetable-fuzz.elf --strict --append "steps=2000000 seed=1 pae=0"
        trapline-check pagers .build/guests/pocket.elf --module .build/guests/pocket-tests.elf
      """)

  @Argument(help: "The guest's image.") var guest: String
  @Option(help: "MiB of RAM.") var memory: UInt64 = 64
  @Option(help: "What to append to the guest's command line.") var append = ""
  @Option(name: .customLong("module"), parsing: .singleValue, help: "A module, with arguments behind a space.")
  var modules: [String] = []
  @Flag(help: "The guest flushes whatever it must: no TLB may make a difference, flushed at exits or tagged.")
  var strict = false
  @Option(help: "Seconds for each run.") var timeout: Int = 600

  func run() throws {
    guard memory > 0, memory <= 3584, timeout > 0 else {
      printError("--memory is from 1 to 3584 MiB, and --timeout at least a second")
      throw ExitCode(2)
    }
    var request = LoadRequest(fileName: guest, append: append)
    let image: [UInt8]
    do {
      image = try ImageFile(path: guest).bytes
      for module in modules {
        let path = String(module.prefix { $0 != " " })
        request.modules.append(GuestModule(commandLine: module, bytes: try ImageFile(path: path).bytes))
      }
    } catch {
      printError("\(error)")
      throw ExitCode(2)
    }
    let comparison = PagingComparison(
      image: image, request: request, memorySize: memory << 20, limits: RunLimits(time: .seconds(timeout)))

    var differing = 0
    var timedOut = false
    do {
      try comparison.compareAll(strictly: strict) { name, end, differences in
        let verdict = differences.isEmpty ? "" : "; DIFFERS: " + differences.joined(separator: "; ")
        print("\(name): \(end.outcome.name) after \(end.retired) instructions, \(end.exceptions) exceptions\(verdict)")
        if !differences.isEmpty { differing += 1 }
        if end.outcome == .timeLimit { timedOut = true }
      }
    } catch {
      printError("\(guest): \(error.description)")
      throw ExitCode(2)
    }
    if timedOut {
      printError("the guest ran into the time limit: such runs can't be compared")
      throw ExitCode(2)
    }
    print("\(differing) differ")
    if differing > 0 { throw ExitCode(1) }
  }
}
