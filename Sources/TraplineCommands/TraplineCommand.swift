// The root of the command line, and the one place where arguments become an exit status.

import ArgumentParser
import Tracing

/// A subcommand that writes to a console.
protocol ConsoleCommand: ParsableCommand {
  /// Command lines that work as printed, at the end of `--help`.
  static var examples: [String] { get }
  /// - Returns: the exit status.
  mutating func run(on console: Console) throws -> Int32
}

/// The program: `trapline SUBCOMMAND ...`.
public struct TraplineCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "trapline",
    abstract: "A virtual machine monitor for x86 guests, made to be watched at work.",
    version: version,
    subcommands: subcommands)

  static let version = "0.1.0"
  static let subcommands: [any ParsableCommand.Type] = [
    RunCommand.self, TraceCommand.self, DiffCommand.self, LinuxCommand.self, MMUCommand.self, TranslateCommand.self,
    DisasmCommand.self, ISACommand.self, CostsCommand.self, NanoCommand.self, VMXCommand.self,
  ]
  static let examples = ["trapline run --help", "trapline isa --sensitive"]

  public init() {}

  /// Runs a command line, the program's own name left out.
  /// - Returns: the exit status.
  public static func run(_ arguments: [String], on console: Console) -> Int32 {
    let status = status(of: arguments, on: console)
    console.output.flush()
    console.errors.flush()
    // A reader that has gone is a quiet end.
    if let error = console.output.error, !error.isClosedPipe {
      console.say(error.description)
      return status == ExitStatus.success ? ExitStatus.inputOutput : status
    }
    return status
  }

  private static func status(of arguments: [String], on console: Console) -> Int32 {
    if arguments.isEmpty {
      console.say("a subcommand is missing")
      console.explain("\n" + helpMessage() + "\n\n\(exampleText(examples))\n")
      return ExitStatus.usage
    }
    if let first = arguments.first, !first.hasPrefix("-"), first != "help", command(named: first) == nil {
      let near = subcommands.map { $0._name }.filter { editDistance($0, first) <= 2 }
        .min { editDistance($0, first) < editDistance($1, first) }
      let names = subcommands.filter { $0.configuration.shouldDisplay }.map { $0._name }.joined(separator: ", ")
      let advice = near.map { "did you mean '\($0)'?" } ?? "there are \(names)"
      console.say("there is no subcommand '\(shown(first))'; \(advice)")
      return ExitStatus.usage
    }
    do {
      let command = try parseAsRoot(arguments)
      if let command = command as? any ConsoleCommand { return try execute(command, on: console) }
      try execute(command)
      return ExitStatus.success
    } catch let refusal as Refusal {
      console.say(refusal.description)
      return refusal.status
    } catch {
      return report(error, arguments, on: console)
    }
  }

  private static func execute<Command: ConsoleCommand>(_ command: Command, on console: Console) throws -> Int32 {
    var command = command
    return try command.run(on: console)
  }

  /// ArgumentParser's own commands: help throws itself.
  private static func execute<Command: ParsableCommand>(_ command: Command) throws {
    var command = command
    try command.run()
  }

  /// What ArgumentParser threw: a request for help or a version, or a mistake.
  private static func report(_ error: any Error, _ arguments: [String], on console: Console) -> Int32 {
    // What the user wrote may be in it.
    var message = message(for: error)
    while message.last == "\n" { message.removeLast() }
    // A missing argument would hide a mistyped option: look again as if it were there.
    if message.lowercased().hasPrefix("missing expected argument"), let second = mistake(in: arguments + ["x"]),
      second.hasPrefix("Unknown option")
    {
      message = second
    }
    let named = arguments.lazy.filter { !$0.hasPrefix("-") && $0 != "help" }.first.flatMap { command(named: $0) }
    guard exitCode(for: error) == .success else {
      // What the user wrote is in it.
      console.say(
        sentence(message).split(separator: "\n").map { shown(String($0), limit: 2000) }.joined(separator: "\n"))
      let name = named.map { " " + $0._name } ?? ""
      console.explain("see 'trapline\(name) --help'\n")
      return ExitStatus.usage
    }
    console.output.append(message + "\n")
    if message.hasPrefix("OVERVIEW:") {
      let lines = (named as? any ConsoleCommand.Type)?.examples ?? examples
      console.output.append("\n\(exampleText(lines))\n")
    }
    return ExitStatus.success
  }

  private static func mistake(in arguments: [String]) -> String? {
    do {
      _ = try parseAsRoot(arguments)
      return nil
    } catch {
      return message(for: error)
    }
  }

  private static func exampleText(_ lines: [String]) -> String {
    (lines.contains { $0.contains(".build/guests") }
      ? "EXAMPLES, with the guests that Tools/build-guests builds:\n" : "EXAMPLES:\n")
      + lines.map { "  " + $0 }.joined(separator: "\n")
  }

  private static func command(named name: String) -> (any ParsableCommand.Type)? {
    subcommands.first { $0._name == name }
  }

  /// ArgumentParser's message as one of our sentences.
  private static func sentence(_ message: String) -> String {
    var text = message.split(separator: "\n").map { $0.trimmingSpaces() }.joined(separator: " ")
    while text.hasSuffix(".") { text.removeLast() }
    guard let first = text.first else { return "the command line makes no sense" }
    return first.lowercased() + text.dropFirst()
  }

  private static func editDistance(_ a: String, _ b: String) -> Int {
    let a = Array(a.utf8.prefix(32))
    let b = Array(b.utf8.prefix(32))
    var row = Array(0...b.count)
    for (i, x) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, y) in b.enumerated() {
        let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
        diagonal = row[j + 1]
        row[j + 1] = next
      }
    }
    return row[b.count]
  }
}

extension ParsableCommand {
  fileprivate static var _name: String { configuration.commandName ?? "" }
}

extension Substring {
  fileprivate func trimmingSpaces() -> Substring {
    var text = self.drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return text
  }
}

/// Somebody's text in a message: short, and without control characters.
func shown(_ text: String, limit: Int = 200) -> String {
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars.prefix(limit) {
    result.append(scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) ? "?" : scalar)
  }
  return String(result)
}
