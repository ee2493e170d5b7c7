// `trapline nano`: what each technique of virtualization makes of one cheap operation, counted, modelled and measured.

import ArgumentParser
import Platforms
import Trapline

extension Technique: ExpressibleByArgument {}

struct NanoCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "nano",
    abstract: "Show what techniques of virtualization make of single operations, beside what was published.",
    discussion: """
      The guest nano.elf is run with each pager, step by step, and what one turn of a loop does is counted: instructions, \
      exceptions, hidden faults, writes to traced page tables. Modelled cycles are these counts times the cost model's \
      figures ('trapline costs'). The published figures (Adams and Agesen, ASPLOS 2006; Pentium 4 672) stand in brackets. \
      Measured times are this host's, of Trapline's own engines, and say nothing about modelled hardware.

      NAMES are syscall, in, crwr, callret, pgfault, divzero, ptemod-same, ptemod-off and ptemod-on (default: all of \
      these), and pieces of the pocket kernel's bench: getppid-int80, forkwait, read, console and pagefault.
      """)

  static let examples = ["trapline nano", "trapline nano in pgfault --technique bare,translation --no-measure"]

  @Argument(help: ArgumentHelp("What to show.", valueName: "names"))
  var names: [String] = []

  @Option(
    help: ArgumentHelp(
      "Only these, with commas: bare, translation, trap, hardware-shadow, hardware-nested.", valueName: "list"))
  var technique: String?

  @OptionGroup var costs: CostArguments

  @Option(help: ArgumentHelp("Where the guests are (Tools/build-guests).", valueName: "folder"))
  var guests = ".build/guests"

  @Flag(inversion: .prefixedNo, help: "Measure nanoseconds on this host too.")
  var measure = true

  @Flag(help: "Write JSON (schema trapline.nano).")
  var json = false

  @Option(help: ArgumentHelp("Where the report goes.", valueName: "file"))
  var output: String?

  func validate() throws {
    for name in names where !NanoBenchmark.all.contains(where: { $0.name == name }) {
      throw ValidationError(
        "there is no nanobenchmark '\(name)'; there are \(NanoBenchmark.all.map(\.name).joined(separator: ", "))")
    }
    _ = try techniques()
  }

  private func techniques() throws -> [Technique] {
    guard let technique else { return Technique.allCases }
    return try technique.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let technique = Technique(rawValue: String(word)) else {
        throw ValidationError(
          "there is no technique '\(word)'; there are \(Technique.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      return technique
    }
  }

  mutating func run(on console: Console) throws -> Int32 {
    let model = try costs.model()
    let benchmarks = names.isEmpty ? NanoBenchmark.nano : NanoBenchmark.all.filter { names.contains($0.name) }
    let lab = try NanoLab(benchmarks, folder: guests)
    let file = try output.map { path throws(Refusal) in try OutputFile(path: path, on: console) }
    let report = try NanoReport(
      lab.results(benchmarks, try techniques(), model, measures: measure), try techniques(), processor: model.processor)
    (file?.sink ?? console.output).append(json ? report.json.text + "\n" : report.text)
    if let problem = file?.finish() { throw Refusal(problem, status: ExitStatus.inputOutput) }
    return ExitStatus.success
  }
}
