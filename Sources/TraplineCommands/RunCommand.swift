// `trapline run`: starts a guest, carries its serial line, and says how it ended.

import ArgumentParser
import Devices
import Loading
import Memory
import Processor
import Tracing
import Trapline

struct RunCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a guest.",
    discussion: """
      GUEST is a multiboot kernel or an ELF executable for the i386; with --mode a flat binary; with --rom a ROM that \
      ends at 4 GiB; or a disk or CD image, which Debian's SeaBIOS starts (or other firmware, with --bios). With --linux \
      the guest is a Linux kernel. The guest's first serial port is standard input and output. On a terminal each key \
      goes to the guest at once; Ctrl-C ends the run, and a second Ctrl-C ends it whatever it is doing.

      Exit status: the guest's own, (v << 1) | 1 for v written to port 0xf4; 0 switched off, halted with interrupts off, \
      or reset; 2 bad usage or input; 4 triple fault; 6 instruction limit; 8 the guest's output can't be written, or a \
      disk image can't be read or written; 124 time limit; 130 Ctrl-C; 70 a bug of ours.
      """)

  static let examples = [
    "trapline run --mode real .build/guests/hello-real.bin",
    "trapline run .build/guests/shutdown.elf --trace - --filter kind=exception,shutdown --timeout 10",
  ]

  @OptionGroup(title: "Guest options")
  var guest: GuestArguments

  @OptionGroup(title: "Board options")
  var board: BoardArguments

  @OptionGroup(title: "Screen options")
  var screen: ScreenArguments

  @Option(
    help: ArgumentHelp(
      "Where the first serial port leads: stdio, none, a file, or pipe:PATH (named pipes PATH.in and PATH.out, or PATH); default: stdio, or none with --display text.",
      valueName: "line"),
    transform: { try SerialLine(parsing: $0) })
  var serial: SerialLine?

  @Option(
    help: ArgumentHelp("Stop after so many instructions; K, M and G are powers of 1000.", valueName: "count"),
    transform: { try InstructionCount(parsing: $0) })
  var maxInstructions: InstructionCount?

  @Option(
    help: ArgumentHelp("Stop after so many seconds; or 300ms, or 2m.", valueName: "time"),
    transform: { try TimeArgument(parsing: $0) })
  var timeout: TimeArgument?

  @Flag(help: "Let virtual time pass no faster than the clock on the wall while the guest idles.")
  var realtime = false

  @Option(help: ArgumentHelp("Write an event trace; - is standard error.", valueName: "file"))
  var trace: String?

  @Option(help: "The event trace's form: text or jsonl (default: by the file's name).")
  var traceFormat: TraceFormat?

  @Option(
    help: ArgumentHelp("Events to keep, as in 'kind=exception,portWrite;context=user'.", valueName: "filter"),
    transform: { try EventFilter(parsing: $0) })
  var filter: EventFilter?

  @Option(
    help: ArgumentHelp("Write each Linux system call as strace does; - is standard error.", valueName: "file"))
  var traceSyscalls: String?

  @Flag(help: "Write a line for each instruction to standard error.")
  var traceInstructions = false

  @Option(help: ArgumentHelp("The same into a file.", valueName: "file"))
  var traceInstructionsTo: String?

  @Flag(help: "Show the processor's state, code, stack and callers at the end.")
  var dumpState = false

  @Option(
    help: ArgumentHelp(
      "Whose page tables translate: the guest's (none), shadow or nested (default: none on bare, else shadow).",
      valueName: "pager"))
  var pager: PagerKind?

  @OptionGroup(title: "Platform options")
  var platform: PlatformArguments

  @OptionGroup(title: "Engine options")
  var engine: EngineArguments

  @OptionGroup(title: "Paging options")
  var paging: PagingArguments

  @Flag(help: "Show the guest's map of its address space at the end, and the pager's beside it.")
  var dumpPageTables = false

  @Flag(help: "Show how the run ended and what it did.")
  var summary = false

  @Flag(help: "Show what the translator did, on standard error.")
  var statistics = false

  @Flag(help: "Put a hash of the machine's whole state into the summary: equal for equal runs.")
  var stateHash = false

  @Flag(
    help: """
      The same as one line of JSON (schema trapline.run): to standard output, or to standard error when the serial \
      line has that.
      """)
  var json = false

  @Option(help: ArgumentHelp("Where the summary goes instead.", valueName: "file"))
  var output: String?

  func validate() throws {
    if board.bios == nil, board.drives.isEmpty { try guest.requireGuest() }
    if board.bios != nil, guest.linux != nil || guest.rom || guest.mode != nil {
      throw ValidationError("--bios starts the guest from its disk: leave out --linux, --rom and --mode")
    }
    if screen.display == .text, serial == .standard {
      throw ValidationError("--display text and --serial stdio both want the terminal: choose one")
    }
    if trace != nil, traceSyscalls != nil {
      throw ValidationError("--trace and --trace-syscalls are two forms of the same: choose one")
    }
    if trace == nil, filter != nil { throw ValidationError("--filter needs --trace FILE") }
    if trace == nil, traceFormat != nil { throw ValidationError("--trace-format needs --trace FILE") }
    if output != nil, !json, !summary { throw ValidationError("--output takes the summary: add --json or --summary") }
    if stateHash, !json, !summary {
      throw ValidationError("--state-hash is part of the summary: add --json or --summary")
    }
    if statistics, (engine.engine ?? .best) != .translator {
      throw ValidationError(
        engine.engine == nil
          ? "--statistics is about the translator, which this build on this host doesn't have"
          : "--statistics is about the translator: leave out --engine \(EngineKind.interpreter.rawValue)")
    }
    if json, summary { throw ValidationError("--json and --summary are two forms of the same: choose one") }
    if traceInstructions, traceInstructionsTo != nil {
      throw ValidationError("--trace-instructions and --trace-instructions-to are the same: choose one")
    }
  }

  // MARK: Running

  mutating func run(on console: Console) throws -> Int32 {
    let start = try GuestStart(guest, board)
    let drives = try board.openDrives(first: start.drive)
    var configuration = MachineConfiguration()
    configuration.memorySize = guest.memory.bytes
    configuration.isRealtime = realtime
    try board.configure(&configuration, drives)
    configuration.videoBIOS = start.videoROM
    engine.configure(&configuration)
    try platform.configure(&configuration)
    configuration.paging = paging.configuration(pager ?? configuration.platform.usualPager)

    // Before the terminal is made raw, so that it comes back whatever happens.
    let interruption = console.ownsProcess ? Interruption() : nil
    defer { interruption?.finish() }
    let watcher = try screen.open(isFirmware: start.isFirmware, serial: serial, on: console)
    defer { watcher?.restore() }
    let serial = serial ?? (watcher == nil ? .standard : .none)
    if watcher != nil { configuration.isRealtime = true }
    let line = try serial.open(on: console)
    defer { (line as? TerminalBackend)?.restore() }
    interruption?.terminalIsReady()
    configuration.serial = line

    let (machine, image) = try start.makeMachine(configuration)
    if platform.listPorts {
      console.output.append(platform.portTable(of: machine, configuration.workstation.serving))
      return ExitStatus.success
    }
    for warning in image.warnings { console.say("\(shown(start.file)): \(warning)") }
    machine.attendant = watcher
    if let text = screen.type { machine.devices.typed.type(text.bytes) }

    let events = try startEventTrace(on: machine, console)
    let instructions = try openInstructionTrace(console)
    let report = try output.map { path throws(Refusal) in try OutputFile(path: path, on: console) }
    let view = GuestView(machine.processor, symbols: image.symbols)

    let limits = RunLimits(instructions: maxInstructions?.value, time: timeout?.duration, stop: interruption?.stop)
    if let timeout { interruption?.watch(timeout.duration) }
    let clock = ContinuousClock()
    let began = clock.now
    let outcome =
      if let instructions { InstructionTracer(machine, view, to: instructions.sink).run(limits) } else {
        machine.run(limits)
      }
    let wallTime = clock.now - began
    watcher?.restore()
    (line as? TerminalBackend)?.restore()
    line.flush()

    var status: Int32 = 0
    var summary = RunSummary(
      machine, image, file: start.file, outcome: outcome, signal: interruption?.signal, wallTime: wallTime)
    if stateHash { summary.stateHash = machine.stateHash }
    status = summary.exitStatus
    events?.recorder.flush()
    tell(summary, view, on: console)
    if statistics, let report = summary.translatorReport { console.explain(report.text) }
    if screen.dumpScreen { console.explain(ScreenArguments.dump(machine.devices.display)) }
    write(summary, to: report, isOnStandardOutput: serial != .standard && watcher == nil, on: console)
    for file in [events?.file, instructions, report] {
      if let problem = file?.finish() {
        console.say(problem)
        if status & 1 == 0, status < ExitStatus.inputOutput { status = ExitStatus.inputOutput }
      }
    }
    return status
  }

  // MARK: Traces

  private func startEventTrace(on machine: VirtualMachine, _ console: Console) throws(Refusal) -> (
    file: OutputFile, recorder: Recorder
  )? {
    if let traceSyscalls {
      let file = try OutputFile(path: traceSyscalls, on: console)
      return (file, SystemCallSink.record(machine, to: file.sink))
    }
    guard let trace else { return nil }
    let file = try OutputFile(path: trace, on: console)
    let sink = TraceFormat.chosen(traceFormat, file: trace).makeSink(file.sink, guest: guest.file)
    let recorder = Recorder(sink: sink, filter: filter ?? EventFilter())
    machine.record(with: recorder)
    return (file, recorder)
  }

  private func openInstructionTrace(_ console: Console) throws(Refusal) -> OutputFile? {
    if let traceInstructionsTo { return try OutputFile(path: traceInstructionsTo, on: console) }
    return traceInstructions ? try OutputFile(path: "-", on: console) : nil
  }

  // MARK: The end

  /// How it ended, unless that was what everybody hoped for.
  private func tell(_ summary: RunSummary, _ view: GuestView, on console: Console) {
    switch summary.outcome {
    case _ where !summary.isNotable: break
    case .tripleFault:
      let eip = view.processor.instructionPointer
      console.say("\(summary.sentence), at \(view.place(eip))\(view.label(eip))")
      console.explain(FaultReport(view, Paint(console.errorsAreTerminal)).text)
      if !dumpState { console.explain(StateDump(view, Paint(console.errorsAreTerminal)).text) }
    default: console.say(summary.sentence)
    }
    if dumpState { console.explain(StateDump(view, Paint(console.errorsAreTerminal)).text) }
    if dumpPageTables { console.explain(PageTableDump(processor: view.processor).text) }
  }

  private func write(
    _ summary: RunSummary, to report: OutputFile?, isOnStandardOutput: Bool, on console: Console
  ) {
    guard json || self.summary else { return }
    let text = json ? summary.json.text + "\n" : summary.text
    if let report {
      report.sink.append(text)
    } else if json, isOnStandardOutput {
      console.output.append(text)
    } else {
      console.explain(text)
    }
  }
}
