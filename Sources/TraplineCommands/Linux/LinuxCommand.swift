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
      runs PROGRAM (a static 32-bit Linux executable, or the name of a busybox applet) with its arguments. Output and exit \
      status are the program's. Without a program: an interactive shell.

      The kernel is unpacked by Trapline, and self-tests that say nothing about the guest are turned off on its command \
      line (--append adds to it). Exit status beyond the program's: 2 bad usage, or nothing to boot; 124 time limit; 130 \
      Ctrl-C; 4 the kernel panicked.
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
    help: ArgumentHelp("A disk in a raw image file; as for run.", valueName: "file"),
    transform: { try DriveArgument(parsing: $0) })
  var drives: [DriveArgument] = []

  @Option(help: ArgumentHelp("Whose page tables translate: the guest's (none), shadow or nested.", valueName: "pager"))
  var pager = PagerKind.none

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

  @Option(help: ArgumentHelp("Where fetched files are kept (default: ~/.cache/trapline).", valueName: "folder"))
  var cache: String?

  /// What spares an interpreter work that says nothing about the guest.
  static let defaultCommandLine = "console=ttyS0 nolapic cryptomgr.notests noisapnp panic=-1"

  // MARK: Running

  func run(on console: Console) throws -> Int32 {
    let guest = try DebianGuest(flavour: pae ? "686-pae" : "686", cache: cache)
    try guest.fetch { console.say($0) }
    var list = DriveList()
    for drive in drives {
      let open = try drive.open()
      do { try list.add(open) } catch { throw Refusal("\(error)") }
    }

    var configuration = MachineConfiguration()
    configuration.memorySize = memory.bytes
    configuration.drives = list
    configuration.paging = paging.configuration(pager)
    configuration.isRealtime = command.isEmpty
    let log = KernelLog(shownOn: verbose ? console.errors : nil)
    configuration.serial = log

    let interruption = console.ownsProcess ? Interruption() : nil
    defer { interruption?.finish() }
    let line = console.makeSerial()
    defer { (line as? TerminalBackend)?.restore() }
    interruption?.terminalIsReady()
    configuration.secondSerial = line

    let kernel = try contents(of: guest.kernel)
    let initrd = try initialFiles(guest)
    var request = LoadRequest(fileName: guest.kernel)
    request.linux = LinuxRequest(
      initrd: initrd, commandLine: Self.defaultCommandLine + (verbose ? "" : " quiet") + (append.isEmpty ? "" : " " + append))
    let machine: VirtualMachine
    do {
      machine = try VirtualMachine(configuration)
      try machine.load(kernel, request)
    } catch let error as LoadingError {
      throw Refusal(error.description)
    } catch {
      throw Refusal("\(error)")
    }

    var calls: (file: OutputFile, recorder: Recorder)?
    if let traceSyscalls {
      let file = try OutputFile(path: traceSyscalls, on: console)
      calls = (file, SystemCallSink.record(machine, to: file.sink))
    }
    if console.errorsAreTerminal, !verbose { console.say("booting \(machine.image?.description ?? "the kernel")") }
    if let timeout { interruption?.watch(timeout.duration) }
    let outcome = machine.run(RunLimits(time: timeout?.duration, stop: interruption?.stop))
    (line as? TerminalBackend)?.restore()
    line.flush()
    calls?.recorder.flush()
    if let problem = calls?.file.finish() { console.say(problem) }
    return status(outcome, log, interruption, on: console)
  }

  /// The program's status, or why there is none.
  private func status(_ outcome: RunOutcome, _ log: KernelLog, _ interruption: Interruption?, on console: Console) -> Int32 {
    switch outcome {
    case .guestExit(let status): return Int32(truncatingIfNeeded: status >> 1 & 0xff)
    case .outputClosed: return ExitStatus.success
    case .stopped: return interruption?.signal.map { 128 + $0 } ?? outcome.exitStatus
    case .timeLimit:
      console.say("the time limit was reached")
      return outcome.exitStatus
    default:
      console.say("the kernel stopped before the program had ended (\(outcome.name)); its last words:")
      console.explain(log.lastLines)
      return outcome.exitStatus == 0 ? 4 : outcome.exitStatus
    }
  }

  // MARK: The guest's files

  private func initialFiles(_ guest: DebianGuest) throws(Refusal) -> [UInt8] {
    var files = Initramfs()
    for name in ["bin", "dev", "proc", "sys", "tmp", "mnt", "modules", "root"] { files.add(name, mode: Initramfs.directory) }
    files.add("dev/console", mode: 0o020600, device: (5, 1))
    files.add("bin/busybox", mode: Initramfs.program, try contents(of: guest.busybox))
    var script = Self.prologue
    if !drives.isEmpty {
      for path in try guest.modules {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        files.add("modules/\(name)", mode: Initramfs.file, try contents(of: path))
        script += "insmod /modules/\(name)\n"
      }
    }
    if let program = command.first {
      var words = command
      if program.contains("/") {
        let image = try contents(of: program)
        guard image.starts(with: [0x7f, 0x45, 0x4c, 0x46, 1]) || image.starts(with: Array("#!".utf8)) else {
          throw Refusal("\(shown(program)) is no 32-bit Linux executable")
        }
        files.add("root/program", mode: Initramfs.program, image)
        words[0] = "/root/program"
      }
      script += "cd /root\n\(words.map(Self.quoted).joined(separator: " ")) </dev/ttyS1 >/dev/ttyS1 2>&1\n"
    } else {
      script += "stty sane </dev/ttyS1\ncd /root\nsetsid cttyhack sh -l </dev/ttyS1 >/dev/ttyS1 2>&1\n"
    }
    files.add("init", mode: Initramfs.program, Array((script + Self.epilogue).utf8))
    files.finish()
    return files.bytes
  }

  private static let prologue = """
    #!/bin/busybox sh
    /bin/busybox --install -s /bin
    export PATH=/bin HOME=/root TERM=linux
    mount -t proc proc /proc
    mount -t sysfs sys /sys
    mount -t devtmpfs dev /dev
    stty -F /dev/ttyS1 115200 raw -echo

    """

  /// Port 0xf4 takes the status: (v << 1) | 1 comes out. The line is given time to empty.
  private static let epilogue = """
    status=$?
    exec >/dev/null 2>&1
    stty -F /dev/ttyS1 sane
    printf "\\\\$(printf %03o $status)" | dd of=/dev/port bs=1 count=1 seek=244 conv=notrunc
    poweroff -f

    """

  /// A word that a shell takes as it is.
  static func quoted(_ word: String) -> String {
    "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}

/// What the kernel says on its console: kept for the case that it says why it stopped.
private final class KernelLog: SerialBackend {
  private let shown: Tracing.ByteSink?
  private var bytes: [UInt8] = []
  private static let most = 16_384

  init(shownOn sink: Tracing.ByteSink?) { shown = sink }

  func write(_ byte: UInt8) {
    if byte != 0x0d {
      if bytes.count >= 2 * Self.most { bytes.removeFirst(Self.most) }
      bytes.append(byte)
      if let shown {
        withUnsafeBytes(of: byte) { shown.append($0) }
        if byte == 0x0a { shown.flush() }
      }
    }
  }

  func poll(into buffer: UnsafeMutableRawBufferPointer) -> Int { 0 }
  var inputEnded: Bool { true }

  var lastLines: String {
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").suffix(12)
    return lines.map { "  " + TraplineCommands.shown(String($0)) + "\n" }.joined()
  }
}
