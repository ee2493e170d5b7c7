// `trapline diff A B`: two recorded traces side by side, or where two instruction traces part.

import ArgumentParser
import Tracing

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

struct DiffCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two recorded traces.",
    discussion: """
      A and B are event traces (run --trace FILE, in the jsonl format), or instruction traces (run --trace-instructions-to \
      FILE). Event traces are matched call by call, and event by event within each: what only one did, what both did at \
      another modelled cost, and the totals. When it happened, and what was measured, makes no difference. Of instruction \
      traces the first line that differs is shown, with what led to it.

      The first calls that differ are shown, and as many pieces between calls. Exit status: 0 the same, 1 they differ, 2 \
      trouble.
      """)

  static let examples = [
    "trapline diff hosted.jsonl esx.jsonl --syscall read", "trapline diff interpreter.txt translator.txt",
  ]

  /// As diff(1) has them.
  private enum Status {
    static let same: Int32 = 0
    static let differ: Int32 = 1
    static let trouble: Int32 = 2
  }

  @Argument(help: ArgumentHelp("A trace.", valueName: "a"))
  var left: String

  @Argument(help: ArgumentHelp("The trace that it is compared with.", valueName: "b"))
  var right: String

  @Option(
    help: ArgumentHelp(
      "Only this system call, by number or Linux name; or pagefault, for page faults.", valueName: "call"),
    transform: { try CallArgument(parsing: $0) })
  var syscall: CallArgument?

  @Flag(help: "Show everything: all that differ, with all their events, and a line for each that is the same.")
  var all = false

  @Option(help: ArgumentHelp("Show so many calls that differ (default: 20; with --json 200).", valueName: "count"))
  var limit: Int?

  @Option(help: ArgumentHelp("Show so many events that are the same around those that differ.", valueName: "count"))
  var context = 3

  @Option(help: ArgumentHelp("Columns of text (default: the terminal's, else 160).", valueName: "columns"))
  var width: Int?

  @Flag(help: "Write JSON (schema trapline.diff).")
  var json = false

  @Option(help: ArgumentHelp("Where the result goes instead of standard output.", valueName: "file"))
  var output: String?

  @Option(
    help: ArgumentHelp("Write a page with the paths of the first 200 calls that differ.", valueName: "file"))
  var html: String?

  func validate() throws {
    if let limit, !(0...1_000_000).contains(limit) { throw ValidationError("--limit must be from 0 to 1000000") }
    if all, limit != nil { throw ValidationError("--all shows everything: leave --limit out") }
    if !(0...1_000_000).contains(context) { throw ValidationError("--context must be from 0 to 1000000") }
    if let width, !(40...1000).contains(width) { throw ValidationError("--width must be from 40 to 1000") }
  }

  // MARK: Running

  func run(on console: Console) throws -> Int32 {
    let (first, second) = (try DiffInput(path: left), try DiffInput(path: right))
    guard first.kind == second.kind else {
      let (events, instructions) = first.kind == .events ? (left, right) : (right, left)
      throw Refusal(
        "\(shown(events)) is a trace of events and \(shown(instructions)) one of instructions: they can't be compared")
    }
    if first.kind == .instructions, syscall != nil || html != nil {
      throw Refusal("--syscall and --html are for events: these are traces of instructions")
    }
    return first.kind == .events
      ? try compareEvents(first, second, on: console) : try compareInstructions(first, second, on: console)
  }

  /// The files' own names, where that tells them apart.
  private var names: (String, String) {
    let names = (lastName(left), lastName(right))
    return names.0 == names.1 || names.0.isEmpty || names.1.isEmpty ? (left, right) : names
  }

  private func compareInstructions(_ first: DiffInput, _ second: DiffInput, on console: Console) throws -> Int32 {
    let result = try InstructionDiff.compare(first, second)
    let file = try outputFile(on: console)
    (file?.sink ?? console.output).append(
      json ? result.json((left, right)) : result.text(names, paint(on: console)))
    try finish(file)
    return result.divergence == nil ? Status.same : Status.differ
  }

  private func compareEvents(_ first: DiffInput, _ second: DiffInput, on console: Console) throws -> Int32 {
    // They own the descriptors that are read from.
    defer { withExtendedLifetime((first, second)) {} }
    var diff = EventDiff(left: try side(first), right: try side(second))
    diff.diff.selection = syscall?.selection ?? .everything
    let file = try outputFile(on: console)
    let page = try html.map { path throws(Refusal) in try OutputFile(path: path, on: console, keepsOld: true) }
    let limits = DiffLimits(
      showsAll: false, spans: min(limit ?? DiffLimits.spansOnPage, DiffLimits.spansOnPage),
      rowsInSpan: DiffLimits.rowsInSpanOnPage)
    let result = try diff.run(
      report(into: file?.sink ?? console.output, on: console), pageLimits: page == nil ? nil : limits)
    try finish(file)
    if let page {
      page.replaceOld()
      page.sink.append(
        DiffPage(
          title: "\(diff.left.name) and \(diff.right.name)", names: (diff.left.name, diff.right.name),
          spans: result.spansForPage, totals: result.summary.totals
        ).text)
      try finish(page)
    }
    return result.summary.isSame ? Status.same : Status.differ
  }

  private func side(_ input: DiffInput) throws(Refusal) -> DiffSide {
    do throws(EventTraceError) {
      return DiffSide(
        name: json ? input.path : input.path == left ? names.0 : names.1,
        source: try EventTraceFile(fileDescriptor: input.descriptor, beginning: input.beginning))
    } catch {
      throw Refusal("\(shown(input.path)): \(error.description)")
    }
  }

  // MARK: Writing

  private func report(into sink: Tracing.ByteSink, on console: Console) -> any DiffReport {
    var limits = DiffLimits(showsAll: all)
    if json {
      limits.spans = limit ?? 200
      return DiffJSON(sink, limits)
    }
    limits.spans = limit ?? limits.spans
    return DiffText(
      sink, limits, paint: paint(on: console), width: width ?? terminalWidth(on: console) ?? 160, context: context)
  }

  private func paint(on console: Console) -> Paint { Paint(console.outputIsTerminal && output == nil) }

  private func terminalWidth(on console: Console) -> Int? {
    guard console.ownsProcess, output == nil else { return nil }
    var size = winsize()
    guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return min(max(Int(size.ws_col), 40), 1000)
  }

  private func outputFile(on console: Console) throws(Refusal) -> OutputFile? {
    guard let output else { return nil }
    return try OutputFile(path: output, on: console)
  }

  private func finish(_ file: OutputFile?) throws(Refusal) {
    if let problem = file?.finish() { throw Refusal(problem, status: Status.trouble) }
  }
}

/// What `--syscall` takes.
struct CallArgument: Equatable {
  var selection: TraceDiff.Selection

  init(parsing text: String) throws(QuantityError) {
    if text.lowercased() == "pagefault" {
      selection = .pageFaults
    } else if let number = UInt32(text) ?? LinuxSystemCalls.number(of: text) {
      selection = .call(number)
    } else {
      throw QuantityError(description: "there is no Linux system call '\(shown(text))': use its name, its number or pagefault")
    }
  }
}
