// `trapline mmu`: one guest under every pager, side by side; or, with --sweep, one parametric guest under the pagers'
// whole range, and where one overtakes the other.

import ArgumentParser
import Charts
import Processor
import Tracing
import Trapline

struct MMUCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "mmu",
    abstract: "Compare shadow page tables with nested paging on a guest.",
    discussion: """
      Runs GUEST once under each pager: the guest's own tables as on bare silicon (none), shadow page tables kept eagerly \
      and lazily, and nested paging (EPT); and prints what each had to do. A TLB is modelled for all of them (--tlb). \
      Counts come first; modelled cycles are the counts by the cost table (--cost), and are no measurement. \
      The interpreter runs the guest unless --engine says otherwise: counts of work are what is compared, and the \
      translator comes to memory in ways of its own.

      --sweep varies working set, page-table updates and address-space switches of a guest that takes pages=, update=, \
      switch= and steps= on its command line, as .build/guests/mmu-mix.elf does, and says where the pagers break even.
      """)

  static let examples = [
    "trapline mmu .build/guests/pocket.elf --module '.build/guests/pocket-bench.elf forkwait 100'",
    "trapline mmu .build/guests/mmu-mix.elf --sweep --plot mmu.svg",
  ]

  @OptionGroup(title: "Guest options")
  var guest: GuestArguments

  @OptionGroup(title: "Engine options")
  var engine: EngineArguments

  @OptionGroup(title: "Paging options")
  var paging: PagingArguments

  @Option(
    help: ArgumentHelp("Stop each run after so many instructions; K, M and G are powers of 1000.", valueName: "count"),
    transform: { try InstructionCount(parsing: $0) })
  var maxInstructions: InstructionCount?

  @Option(
    help: ArgumentHelp("Stop each run after so many seconds; or 300ms, or 2m.", valueName: "time"),
    transform: { try TimeArgument(parsing: $0) })
  var timeout: TimeArgument?

  @Option(
    name: .customLong("cost"), parsing: .singleValue,
    help: ArgumentHelp(
      "Replace a figure of the cost table, as in exit=2500; may be repeated.", valueName: "name=cycles"),
    transform: { try CostArgument(parsing: $0) })
  var costs: [CostArgument] = []

  @Flag(help: "Vary the guest's parameters and find where the pagers break even.")
  var sweep = false

  @Option(
    name: .customLong("axis"), parsing: .singleValue,
    help: ArgumentHelp(
      "Only this axis of the sweep: working-set, updates or switches; may be repeated.", valueName: "axis"))
  var axes: [String] = []

  @Option(
    help: ArgumentHelp("Accesses that each point of the sweep measures (default: 50K).", valueName: "count"),
    transform: { try InstructionCount(parsing: $0) })
  var steps: InstructionCount?

  private var stepCount: UInt64 { steps?.value ?? 50_000 }

  @Option(help: ArgumentHelp("Draw the sweep as an SVG picture.", valueName: "file"))
  var plot: String?

  @Flag(help: "Write JSON (schema trapline.mmu).")
  var json = false

  @Option(help: ArgumentHelp("Where the result goes instead of standard output.", valueName: "file"))
  var output: String?

  func validate() throws {
    try guest.requireGuest()
    if !sweep {
      if plot != nil { throw ValidationError("--plot draws a sweep: add --sweep") }
      if !axes.isEmpty { throw ValidationError("--axis chooses what a sweep varies: add --sweep") }
      if steps != nil { throw ValidationError("--steps says how long a sweep measures: add --sweep") }
    }
    if stepCount == 0 || stepCount > 1_000_000_000 { throw ValidationError("--steps must be from 1 to 1G") }
    if paging.shadowMode != nil {
      throw ValidationError("mmu runs both modes of the shadow pager: leave --shadow-mode out")
    }
    let known = SweepAxis.all.map(\.name)
    if let wrong = axes.first(where: { !known.contains($0) }) {
      throw ValidationError("there is no axis '\(wrong)': there are \(known.joined(separator: ", "))")
    }
  }

  // MARK: Running

  func run(on console: Console) throws -> Int32 {
    let interruption = console.ownsProcess ? Interruption() : nil
    defer { interruption?.finish() }
    interruption?.terminalIsReady()
    var table = TranslationCosts()
    for cost in costs where !table.set(cost.name, to: cost.cycles) {
      let names = table.figures.map(\.name).joined(separator: ", ")
      throw Refusal("the cost table has no '\(shown(cost.name))': it has \(names)")
    }
    let limits = RunLimits(instructions: maxInstructions?.value, time: timeout?.duration, stop: interruption?.stop)
    var comparison = PagingComparison(
      image: try guest.bytes(), request: try guest.loadRequest(), memorySize: guest.memory.bytes, limits: limits,
      costs: table)
    comparison.engine = engine.engine ?? .interpreter
    comparison.memoryPath = engine.memoryPath
    // Opened first: a result that can't be written is told before the work.
    let result = try output.map { path throws(Refusal) in try OutputFile(path: path, on: console, keepsOld: true) }
    return sweep
      ? try runSweep(comparison, into: result, interruption, on: console)
      : try compare(comparison, into: result, interruption, on: console)
  }

  /// The pagers that are compared, with a modelled TLB for each.
  private var contenders: [PagingContender] {
    func contender(_ name: String, _ pager: PagerKind, _ mode: ShadowOptions.Mode) -> PagingContender {
      var configuration = paging.configuration(pager)
      configuration.shadow.mode = mode
      configuration.tlb = configuration.tlb ?? TLBOptions()
      return PagingContender(name: name, configuration: configuration)
    }
    return [
      contender("none", .none, .eager), contender("shadow", .shadow, .eager),
      contender("shadow, lazy", .shadow, .lazy), contender("nested", .nested, .eager),
    ]
  }

  private func compare(
    _ comparison: PagingComparison, into file: OutputFile?, _ interruption: Interruption?, on console: Console
  ) throws -> Int32 {
    let shouldStop = { interruption?.stop.isRaised ?? false }
    var results: [PagingResult] = []
    for contender in contenders {
      results.append(try attempt { () throws(PagingComparison.Failure) in try comparison.run(contender) })
      if shouldStop() { return stopped(interruption, on: console) }
    }
    if let outcome = results.first(where: { $0.outcome == .timeLimit }) {
      console.say(
        "under \(outcome.contender.name) the time limit ended the guest: the runs aren't of the same length; use --max-instructions"
      )
    }
    let report = MMUReport(
      file: guest.file, memory: guest.memory.bytes, tlb: paging.tlb?.options ?? TLBOptions(), results: results,
      costs: comparison.costs)
    let status = try deliver(json ? report.json.text + "\n" : report.text, into: file, on: console)
    if let sentence = report.disagreement {
      console.say(sentence)
      return ExitStatus.bug
    }
    return results.contains { $0.outcome == .timeLimit } ? RunOutcome.timeLimit.exitStatus : status
  }

  private func runSweep(
    _ comparison: PagingComparison, into file: OutputFile?, _ interruption: Interruption?, on console: Console
  ) throws -> Int32 {
    let picture = try plot.map { path throws(Refusal) in try OutputFile(path: path, on: console, keepsOld: true) }
    let shouldStop = { interruption?.stop.isRaised ?? false }
    var results: [SweepResult] = []
    for axis in SweepAxis.all where axes.isEmpty || axes.contains(axis.name) {
      if console.errorsAreTerminal { console.say("varying \(axis.title.lowercased())") }
      let result = try attempt { () throws(PagingComparison.Failure) in
        try comparison.sweep(axis, contenders, steps: stepCount, shouldStop: shouldStop)
      }
      guard let result else { return stopped(interruption, on: console) }
      results.append(result)
    }
    let report = MMUSweepReport(file: guest.file, steps: stepCount, results: results)
    let status = try deliver(json ? report.json.text + "\n" : report.text, into: file, on: console)
    if let picture {
      picture.replaceOld()
      picture.sink.append(report.chart.svg)
      if let problem = picture.finish() { throw Refusal(problem, status: ExitStatus.inputOutput) }
    }
    return status
  }

  private func attempt<T>(_ work: () throws(PagingComparison.Failure) -> T) throws(Refusal) -> T {
    do {
      return try work()
    } catch {
      throw Refusal("\(shown(guest.file)): \(error.description)")
    }
  }

  /// As shells have it, and as `run` does: 128 and the signal.
  private func stopped(_ interruption: Interruption?, on console: Console) -> Int32 {
    console.say("stopped before all runs were over")
    return interruption?.signal.map { 128 + $0 } ?? RunOutcome.stopped.exitStatus
  }
}

/// A figure of the cost table on the command line: `exit=2500`.
struct CostArgument: Equatable {
  var name: String
  var cycles: UInt64

  init(parsing text: String) throws(QuantityError) {
    let sides = text.split(separator: "=", omittingEmptySubsequences: false)
    guard sides.count == 2, let cycles = digits(sides[1]), cycles <= UInt64(UInt32.max) else {
      throw QuantityError(description: "it is no cost: write NAME=CYCLES, as in exit=2500")
    }
    name = String(sides[0])
    self.cycles = cycles
  }
}
