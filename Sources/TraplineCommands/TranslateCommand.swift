// `trapline translate`: runs a guest for a while, and shows what the translator made of its code.

import ArgumentParser
import Devices
import Loading
import Processor
import Trapline

struct TranslateCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "translate",
    abstract: "Show what the translator makes of a guest's code.",
    discussion: """
      Runs GUEST for some instructions, its serial line to nowhere, and shows the hottest translations: guest code beside \
      host code, how each instruction was translated, which translation leads to which, and how often each was entered. \
      Host addresses count from the start of the translation cache, so that the listing repeats. Code that ran fewer than \
      some 40 times has no translation.
      """)

  static let examples = [
    "trapline translate .build/guests/mmu-mix.elf --top 3",
    "trapline translate .build/guests/pocket.elf --module .build/guests/pocket-tests.elf --at memcpy --html memcpy.html",
  ]

  @OptionGroup(title: "Guest options")
  var guest: GuestArguments

  @Option(
    help: ArgumentHelp(
      "Show the translations of this symbol's code, or those that contain this address; all of them, by address.",
      valueName: "symbol|address"))
  var at: String?

  @Option(
    name: .customLong("run"),
    help: ArgumentHelp(
      "Run so many instructions before looking; K, M and G are powers of 1000 (default: 5M, or until the guest ends).",
      valueName: "count"),
    transform: { try InstructionCount(parsing: $0) })
  var length = InstructionCount(value: 5_000_000)

  @Option(help: ArgumentHelp("Show so many translations, the hottest (default: 10).", valueName: "count"))
  var top: Int?

  @Option(help: ArgumentHelp("Make a page for a browser, too: one file that needs no other.", valueName: "file"))
  var html: String?

  @Option(help: ArgumentHelp("Whose page tables translate: the guest's (none), shadow or nested.", valueName: "pager"))
  var pager = PagerKind.none

  @OptionGroup(title: "Engine options")
  var paths: MemoryPathArguments

  @OptionGroup(title: "Paging options")
  var paging: PagingArguments

  func validate() throws {
    try guest.requireGuest()
    if let top, top < 1 { throw ValidationError("--top must be at least 1") }
  }

  func run(on console: Console) throws -> Int32 {
    guard EngineKind.translator.isAvailable else {
      throw Refusal("this build on this host has no translator: it needs x86-64 Linux, and TRAPLINE_TRANSLATOR not 0")
    }
    let interruption = console.ownsProcess ? Interruption() : nil
    defer { interruption?.finish() }
    interruption?.terminalIsReady()
    let machine = try makeMachine()
    let symbols = machine.image?.symbols ?? .empty
    let wanted = try range(in: symbols)
    // Opened first: a page that can't be written is told before the work.
    let page = try html.map { path throws(Refusal) in try OutputFile(path: path, on: console, keepsOld: true) }

    machine.processor.countsTranslationHits = true
    let outcome = machine.run(RunLimits(instructions: length.value, stop: interruption?.stop))
    if outcome == .stopped {
      console.say("stopped before the run was over")
      return interruption?.signal.map { 128 + $0 } ?? outcome.exitStatus
    }
    let report = TranslationReport(
      file: guest.file, instructions: machine.processor.retired, outcome: outcome,
      fragments: machine.processor.fragments, names: machine.processor.translationNames, symbols: symbols,
      range: wanted, most: top ?? (wanted == nil ? 10 : .max))
    if report.shown.isEmpty { throw Refusal(nothing(in: report)) }
    console.output.append(TranslationText(report, Paint(console.outputIsTerminal)).text)
    guard let page else { return ExitStatus.success }
    return try deliver(TranslationPage(report).text, into: page, on: console)
  }

  private func makeMachine() throws(Refusal) -> VirtualMachine {
    var configuration = MachineConfiguration()
    configuration.memorySize = guest.memory.bytes
    configuration.paging = paging.configuration(pager)
    configuration.engine = .translator
    configuration.memoryPath = paths.memoryPath
    let bytes = try guest.bytes()
    let request = try guest.loadRequest()
    let machine: VirtualMachine
    do { machine = try VirtualMachine(configuration) } catch { throw Refusal(error.description) }
    do { try machine.load(bytes, request) } catch { throw Refusal("\(shown(guest.file)): \(error.description)") }
    return machine
  }

  /// The guest code that was asked for; nil for all.
  private func range(in symbols: SymbolTable) throws(Refusal) -> Range<UInt64>? {
    guard let at else { return nil }
    if let range = symbols.range(of: at) { return range }
    if let address = try? AddressArgument(parsing: at) { return address.value..<address.value + 1 }
    throw Refusal(
      symbols.isEmpty
        ? "\(shown(guest.file)) has no symbols: give --at an address, as in 0x100000"
        : "\(shown(guest.file)) has no symbol '\(shown(at))'")
  }

  private func nothing(in report: TranslationReport) -> String {
    let ran = "after \(grouped(report.instructions)) instructions (\(report.outcome.name))"
    if report.fragments.isEmpty {
      return "\(shown(guest.file)): nothing is translated \(ran): no 32-bit code ran often enough; try a larger --run"
    }
    return
      "\(shown(guest.file)): nothing at \(shown(at ?? "")) is translated \(ran): it ran too seldom; try a larger --run"
  }
}
