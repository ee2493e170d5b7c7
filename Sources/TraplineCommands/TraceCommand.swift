// `trapline trace`: runs a guest on a platform, and writes what each of its system calls goes through.

import ArgumentParser
import Platforms
import Tracing
import Trapline

struct TraceCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "Run a guest and write down what happened below it, event by event.",
    discussion: """
      The trace goes to standard output, or to --output FILE; the guest's serial line to standard error, or where --serial \
      says. Events are dated by modelled time: retired instructions, and what the cost model says of each event \
      ('trapline costs'). With --syscall only what lies between the entry and the return of those calls is written. The \
      chrome format opens in Perfetto (ui.perfetto.dev) and chrome://tracing.

      Exit status: the guest's, as of 'trapline run'; 8 when the trace can't be written.
      """)

  static let examples = [
    "trapline trace .build/guests/pocket.elf --module .build/guests/pocket-calls.elf --platform workstation --syscall getppid",
    "trapline trace .build/guests/shutdown.elf --format jsonl --output shutdown.jsonl",
  ]

  @OptionGroup var recording: RecordingArguments

  @OptionGroup(title: "Platform options")
  var platform: PlatformArguments

  @Option(
    parsing: .singleValue,
    help: ArgumentHelp(
      "Only the paths of these system calls, by number or Linux name, or pagefault; may be repeated.", valueName: "call"),
    transform: { try SpanChoice(parsing: $0) })
  var syscall: [SpanChoice] = []

  @Option(
    help: ArgumentHelp(
      "Only the paths of calls (and page faults) from user code at these addresses, as in 0x10000000-0x10ffffff.",
      valueName: "range"),
    transform: { try EventFilter(parsing: "eip=" + $0).addresses ?? 0...UInt32.max })
  var from: ClosedRange<UInt32>?

  @Option(
    help: ArgumentHelp("Events to keep, as in 'kind=exception,portWrite;context=user'.", valueName: "filter"),
    transform: { try EventFilter(parsing: $0) })
  var filter: EventFilter?

  @Option(help: "The trace's form: text, path, jsonl or chrome (default: by the file's name, else text).")
  var format: TraceFormat?

  @Option(help: ArgumentHelp("Where the trace goes.", valueName: "file"))
  var output: String?

  mutating func run(on console: Console) throws -> Int32 {
    let file = try output.map { path throws(Refusal) in try OutputFile(path: path, on: console) }
    let bytes = file?.sink ?? console.output
    let format = TraceFormat.chosen(format, file: output)
    let guest = recording.guest.file
    let (platform, wanted, callers) = (platform, syscall, from)
    let isWanted = { (span: Span) -> Bool in
      guard wanted.isEmpty || wanted.contains(where: { $0.matches(span) }) else { return false }
      guard let callers else { return true }
      return span.kind != .outside && span.events.first.map { callers.contains($0.instructionPointer) } == true
    }
    let sink = format.makeSink(
      bytes, guest: format == .chrome ? "\(lastName(guest)) on \(platform.platform.rawValue)" : guest,
      of: wanted.isEmpty && callers == nil ? nil : isWanted)
    let result = try recording.record(on: console, to: sink, filter: filter ?? EventFilter()) {
      try platform.configure(&$0)
    }
    if result.summary.isNotable { console.say(result.summary.sentence) }
    var status = result.exitStatus
    if let problem = file?.finish() {
      console.say(problem)
      if status & 1 == 0, status < ExitStatus.inputOutput { status = ExitStatus.inputOutput }
    }
    return status
  }
}

/// The forms of an event trace.
enum TraceFormat: String, ExpressibleByArgument, CaseIterable {
  case text, jsonl
  /// What each system call went through, repetitions said once.
  case path
  /// For Perfetto and chrome://tracing.
  case chrome

  /// As asked for; else by the file's name.
  static func chosen(_ format: TraceFormat?, file: String?) -> TraceFormat {
    if let format { return format }
    guard let file else { return .text }
    return file.hasSuffix(".jsonl") || file.hasSuffix(".json") ? .jsonl : .text
  }

  /// - Parameter isWanted: chooses spans, whose events alone are written then; nil for all that happens.
  func makeSink(
    _ output: Tracing.ByteSink, guest: String, of isWanted: ((Span) -> Bool)? = nil
  ) -> any EventSink {
    let sink: any EventSink =
      switch self {
      case .text: TextSink(output)
      case .jsonl: JSONLinesSink(output, guest: guest)
      case .chrome: ChromeSink(output, guest: guest)
      case .path: PathSink(output)
      }
    // A path is a span's: there is none of what lies between.
    return self == .path || isWanted != nil ? SpanSink(sink, where: isWanted ?? { _ in true }) : sink
  }
}
