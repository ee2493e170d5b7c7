// `trapline linux [-- PROGRAM ARGS]`: Debian's own kernel with one static program, or with busybox's shell. The kernel's
// messages go to the first serial port and stay out of the way; the program has the second one to itself.

import ArgumentParser
import Devices
import Loading
import Processor
import Tracing
import Trapline

struct LinuxCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "linux",
    abstract: "Run a program inside Debian's Linux kernel.",
    discussion: """
      Fetches Debian's i386 kernel and static busybox by package name, once, into a cache directory; boots the kernel, and \
      runs PROGRAM (a static 32-bit Linux executable by its path, or the name of a busybox applet) with its arguments. \
      Input, output, errors and exit status are the program's. Without a program: a shell. At a terminal each key goes to \
      the guest, Ctrl-C too; Ctrl-A x ends the machine.

      The kernel is unpacked by Trapline, and self-tests that say nothing about the guest are turned off on its command \
      line (--append adds to it). Exit status beyond the program's: 2 bad usage, or nothing to boot; 4 the kernel stopped \
      before the program had ended; 8 output or a disk image can't be written; 124 time limit; 130 Ctrl-C.
      """)

  static let examples = ["trapline linux -- uname -a", "trapline linux --pager shadow -- ls -l /proc/self"]

  @Argument(parsing: .postTerminator, help: ArgumentHelp("The program and its arguments.", valueName: "program"))
  var command: [String] = []

  @Flag(help: "The kernel with PAE and no-execute.")
  var pae = false

  @Option(
    help: ArgumentHelp("RAM: a multiple of 4K, with K, M or G behind it (default: 256M).", valueName: "size"),
    transform: { try ByteSize(parsing: $0) })
  var memory = ByteSize(bytes: 256 << 20)

  @Option(help: ArgumentHelp("What to add to the kernel's command line.", valueName: "text"))
  var append = ""

  @Option(
    name: .customLong("drive"), parsing: .singleValue,
    help: ArgumentHelp(
      "A disk in a raw image file, as for run: /dev/sda, or /dev/vda with ,if=virtio.", valueName: "file"),
    transform: { try DriveArgument(parsing: $0) })
  var drives: [DriveArgument] = []

  @Option(
    name: .customLong("file"), parsing: .singleValue,
    help: ArgumentHelp(
      "A file to have in the guest's /root, as FILE or FILE:NAME; may be repeated.", valueName: "file"),
    transform: { try GuestFile(parsing: $0) })
  var files: [GuestFile] = []

  @Option(help: ArgumentHelp("Whose page tables translate: the guest's (none), shadow or nested.", valueName: "pager"))
  var pager = PagerKind.none

  @OptionGroup(title: "Engine options")
  var engine: EngineArguments

  @OptionGroup(title: "Paging options")
  var paging: PagingArguments

  @Option(help: ArgumentHelp("Write each system call of each process; - is standard error.", valueName: "file"))
  var traceSyscalls: String?

  @Option(
    help: ArgumentHelp("Stop after so many seconds; or 300ms, or 2m.", valueName: "time"),
    transform: { try TimeArgument(parsing: $0) })
  var timeout: TimeArgument?

  @Flag(help: "Show the kernel's messages on standard error.")
  var verbose = false

  @Flag(help: "Show how the run ended and what it did.")
  var summary = false

  @Flag(help: "Only fetch what is missing, and say which folder it is in.")
  var fetch = false

  @Option(help: ArgumentHelp("Where fetched files are kept (default: ~/.cache/trapline).", valueName: "folder"))
  var cache: String?

  /// What spares an interpreter work that says nothing about the guest.
  static let defaultCommandLine = "console=ttyS0 nolapic cryptomgr.notests noisapnp panic=-1"

  func validate() throws {
    if fetch, !command.isEmpty { throw ValidationError("--fetch runs nothing: leave the program out") }
  }

  // MARK: Running

  func run(on console: Console) throws -> Int32 {
    let guest = try DebianGuest(flavour: pae ? "686-pae" : "686", cache: cache)
    try guest.fetch { console.say($0) }
    if fetch {
      console.output.append(guest.folder + "\n")
      return ExitStatus.success
    }
    let isInteractive = console.isInteractive
    let files = GuestFiles(command: command, files: files, hasDrives: !drives.isEmpty, isInteractive: isInteractive)
    var request = LoadRequest(fileName: guest.kernel)
    request.linux = LinuxRequest(
      initrd: try files.archive(guest),
      commandLine: Self.defaultCommandLine + (verbose ? "" : " quiet") + (append.isEmpty ? "" : " " + append))
    let kernel = try contents(of: guest.kernel)

    var list = DriveList()
    for drive in drives { try list.take(drive) }
    let kernelConsole = KernelConsole(console.errors, showsKernel: verbose)
    var configuration = MachineConfiguration()
    configuration.memorySize = memory.bytes
    configuration.drives = list
    configuration.paging = paging.configuration(pager)
    engine.configure(&configuration)
    configuration.isRealtime = isInteractive
    configuration.serial = kernelConsole

    let interruption = console.ownsProcess ? Interruption() : nil
    defer { interruption?.finish() }
    let line = console.makeSerial(isInteractive ? .keysAndSignals : .lines)
    defer { (line as? TerminalBackend)?.restore() }
    interruption?.terminalIsReady()
    configuration.secondSerial = ProgramLine(line, kernelConsole, isTerminal: isInteractive)

    let machine = try start(configuration, kernel, request)
    if let terminal = line as? TerminalBackend, let stop = interruption?.stop {
      machine.attendant = EscapeWatcher(terminal, stop)
    }
    let calls = try traceSyscalls.map { path throws(Refusal) in try OutputFile(path: path, on: console) }
    let recorder = calls.map { SystemCallSink.record(machine, to: $0.sink) }
    if console.errorsAreTerminal, !verbose {
      console.say("booting \(machine.image?.description ?? "the kernel")\(isInteractive ? "; Ctrl-A x ends it" : "")")
    }
    if let timeout { interruption?.watch(timeout.duration) }
    let clock = ContinuousClock()
    let began = clock.now
    let outcome = machine.run(RunLimits(time: timeout?.duration, stop: interruption?.stop))
    let wallTime = clock.now - began
    (line as? TerminalBackend)?.restore()
    line.flush()
    recorder?.flush()
    var result = status(outcome, kernelConsole, interruption, on: console)
    if summary, let image = machine.image {
      console.explain(
        RunSummary(
          machine, image, file: guest.kernel, outcome: outcome, signal: interruption?.signal, wallTime: wallTime
        )
        .text)
    }
    if let problem = calls?.finish() {
      console.say(problem)
      if result == 0 { result = ExitStatus.inputOutput }
    }
    return result
  }

  private func start(
    _ configuration: MachineConfiguration, _ kernel: [UInt8], _ request: LoadRequest
  ) throws(Refusal) -> VirtualMachine {
    let machine: VirtualMachine
    do { machine = try VirtualMachine(configuration) } catch { throw Refusal(error.description) }
    do { try machine.load(kernel, request) } catch { throw Refusal(error.description) }
    return machine
  }

  /// The program's status, or why there is none.
  private func status(
    _ outcome: RunOutcome, _ kernel: KernelConsole, _ interruption: Interruption?, on console: Console
  ) -> Int32 {
    switch outcome {
    case .guestExit(let status): return Int32(truncatingIfNeeded: status >> 1 & 0xff)
    case .outputClosed: return ExitStatus.success
    case .stopped: return interruption?.signal.map { 128 + $0 } ?? outcome.exitStatus
    case .timeLimit: console.say("the time limit was reached")
    case .outputFailed(let code): console.say("the guest's output can't be written (\(hostError(code)))")
    case .storageFailed(let failure): console.say("\(failure), so the guest has seen a disk error")
    default:
      // A program may switch the machine off itself.
      if outcome == .poweredOff, kernel.isProgram { return ExitStatus.success }
      console.say(
        "the kernel stopped before the program had ended (\(outcome.name))" + (verbose ? "" : "; its last words:"))
      if !verbose { console.explain(kernel.lastLines) }
      return Self.kernelStopped
    }
    return outcome.exitStatus
  }

  private static let kernelStopped: Int32 = 4
}

/// Ends the machine when the user asks for it.
private final class EscapeWatcher: Attendant {
  private let terminal: TerminalBackend
  private let stop: StopSignal

  init(_ terminal: TerminalBackend, _ stop: StopSignal) {
    self.terminal = terminal
    self.stop = stop
  }

  func attend(to devices: PCDevices) { if terminal.quitRequested { stop.raise() } }
  var mayType: Bool { !terminal.inputEnded }
}
