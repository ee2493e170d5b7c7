// Running a guest for the sake of its event trace: what `trace` and `diff` share.

import ArgumentParser
import Devices
import Platforms
import Processor
import Tracing
import Trapline

/// A guest, the machine it runs on, and how long.
struct RecordingArguments: ParsableArguments {
  @OptionGroup(title: "Guest options")
  var guest: GuestArguments

  @OptionGroup(title: "Board options")
  var board: BoardArguments

  @Option(
    help: ArgumentHelp(
      "Whose page tables translate: the guest's (none), shadow or nested (default: none on bare, else shadow).",
      valueName: "pager"))
  var pager: PagerKind?

  @OptionGroup(title: "Engine options")
  var engine: EngineArguments

  @OptionGroup(title: "Paging options")
  var paging: PagingArguments

  @Option(
    help: ArgumentHelp(
      "Where the first serial port leads: stdio, none, a file, or pipe:PATH (default: standard error).",
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

  @OptionGroup
  var costs: CostArguments

  @Flag(help: "Add what the real work took on this host, in nanoseconds: such traces differ from run to run.")
  var measured = false

  func validate() throws { if board.bios == nil, board.drives.isEmpty { try guest.requireGuest() } }

  /// What a recorded run came to.
  struct Result {
    var summary: RunSummary
    var exitStatus: Int32
  }

  /// Runs the guest once.
  /// - Parameters:
  ///   - choose: what else the machine is to be.
  ///   - sink: gets the events; flushed at the end.
  func record(
    on console: Console, to sink: any EventSink, filter: EventFilter = EventFilter(),
    choose: (inout MachineConfiguration) throws -> Void
  ) throws -> Result {
    let model = try costs.model()
    let start = try GuestStart(guest, board)
    let drives = try board.openDrives(first: start.drive)
    var configuration = MachineConfiguration()
    configuration.memorySize = guest.memory.bytes
    try board.configure(&configuration, drives)
    configuration.videoBIOS = start.videoROM
    engine.configure(&configuration)
    try choose(&configuration)
    configuration.paging = paging.configuration(pager ?? configuration.platform.usualPager)

    let interruption = console.ownsProcess ? Interruption() : nil
    defer { interruption?.finish() }
    let line: any SerialBackend =
      if let serial { try serial.open(on: console) } else if console.ownsProcess {
        DescriptorBackend(input: nil, output: 2)
      } else {
        NullBackend()
      }
    defer { (line as? TerminalBackend)?.restore() }
    interruption?.terminalIsReady()
    configuration.serial = line

    let (machine, image) = try start.makeMachine(configuration)
    let recorder = Recorder(sink: sink, filter: filter, costs: model.eventCosts(hasMonitor: machine.platform.hasMonitor), keepsMeasurements: measured)
    machine.record(with: recorder)
    if let timeout { interruption?.watch(timeout.duration) }
    let clock = ContinuousClock()
    let began = clock.now
    let outcome = machine.run(
      RunLimits(instructions: maxInstructions?.value, time: timeout?.duration, stop: interruption?.stop))
    machine.record(with: nil)
    recorder.flush()
    (line as? TerminalBackend)?.restore()
    line.flush()
    let summary = RunSummary(
      machine, image, file: start.file, outcome: outcome, signal: interruption?.signal, wallTime: clock.now - began)
    return Result(summary: summary, exitStatus: summary.exitStatus)
  }
}
