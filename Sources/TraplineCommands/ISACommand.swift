// `trapline isa`: what is implemented, class by class, and the table of instructions that break Popek and Goldberg's
// condition. Both are read from the tables that decoder and interpreter run by.

import ArgumentParser
import ISA
import Processor
import Tracing

struct ISACommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "isa",
    abstract: "Show which instructions are implemented, and which are sensitive.",
    discussion: """
      Behind each mnemonic stands how it relates to a monitor: P privileged (traps outside ring 0, or by IOPL), S \
      sensitive (shows or changes the processor's own state without always trapping), ! not implemented.
      """)

  static let examples = ["trapline isa", "trapline isa --sensitive --json"]

  @Flag(help: "Show the sensitive instructions instead: what breaks, whether they trap, and what is done about each.")
  var sensitive = false

  @Flag(help: "Write JSON (schema trapline.isa).")
  var json = false

  @Option(help: ArgumentHelp("Where the result goes instead of standard output.", valueName: "file"))
  var output: String?

  static let schema = "trapline.isa"
  static let version: UInt64 = 1

  func run(on console: Console) throws -> Int32 {
    let text =
      if json { (sensitive ? sensitiveJSON : operationJSON).text + "\n" } else {
        sensitive ? sensitiveText : operationText
      }
    return try deliver(text, to: output, on: console)
  }

  // MARK: Operations

  private var operationText: String {
    let implemented = Processor.implementedOperations()
    var table = TextTable(heading: ["class", "instructions"], widths: [28, 80])
    var total = 0
    var missing = 0
    for group in InstructionClass.allCases where group != .none {
      let members = Operation.table.filter { $0.instructionClass == group }
      // Several operations may share a mnemonic: MOV to and from segment, control and debug registers.
      var words: [String] = []
      for facts in members {
        let mark = implemented.contains(facts.operation) ? Self.mark(facts.property) : ":!"
        let word = facts.mnemonic.replacingSpaces() + mark
        if !words.contains(word) { words.append(word) }
      }
      total += members.count
      missing += members.count { !implemented.contains($0.operation) }
      table.rows.append([group.rawValue, words.joined(separator: " ")])
    }
    return table.text + "\n\(total - missing) of \(total) operations are implemented; "
      + "P privileged, S sensitive, ! not implemented.\n"
  }

  private static func mark(_ property: InstructionProperty) -> String {
    switch property {
    case .privileged: ":P"
    case .sensitive: ":S"
    case .ordinary, .controlTransfer: ""
    }
  }

  private var operationJSON: JSONText {
    let implemented = Processor.implementedOperations()
    return .object([
      ("schema", .string(Self.schema)), ("version", .number(Self.version)), ("table", .string("operations")),
      (
        "rows",
        .array(
          Operation.table.filter { $0.instructionClass != .none }.map { facts in
            .object([
              ("operation", .string("\(facts.operation)")), ("mnemonic", .string(facts.mnemonic)),
              ("class", .string(facts.instructionClass.rawValue)), ("property", .string(facts.property.rawValue)),
              ("implemented", .bool(implemented.contains(facts.operation))),
            ])
          })
      ),
    ])
  }

  // MARK: Sensitive instructions

  private var sensitiveText: String {
    var table = TextTable(
      heading: [
        "instruction", "rule", "what breaks", "traps in ring 3", "what the interpreter does",
        "what translated code does",
      ],
      widths: [16, 5, 40, 22, 34, 32])
    for row in SensitiveInstructions.rows {
      let traps: String =
        switch row.trapsInRing3 {
        case .never: "never"
        case .sometimes(let when): when
        }
      table.rows.append([
        row.mnemonics, row.requirement.rawValue + (row.isInPaper ? "" : "*"), row.violation, traps, row.interpreter,
        row.translator ?? "calls",
      ])
    }
    return table.text + """

      The rule is the one that the instruction breaks of Robin and Irvine's (USENIX Security 2000), after Popek and
      Goldberg: 3B shows or changes sensitive registers or memory, 3C refers to the protection system, the memory system
      or relocation. A star marks what the paper doesn't name.
      Translated code is flat 32-bit code; all else is interpreted. It calls the interpreter's handler for what isn't said
      here. Of the privileged instructions, which trap and so are no trouble, it does CLI, STI, CLTS and MOV from CRn itself,
      at level 0.

      """
  }

  private var sensitiveJSON: JSONText {
    .object([
      ("schema", .string(Self.schema)), ("version", .number(Self.version)), ("table", .string("sensitive")),
      (
        "rows",
        .array(
          SensitiveInstructions.rows.map { row in
            let traps: JSONText =
              switch row.trapsInRing3 {
              case .never: .null
              case .sometimes(let when): .string(when)
              }
            return .object([
              ("mnemonics", .string(row.mnemonics)),
              ("operations", .array(row.operations.map { .string("\($0)") })),
              ("requirement", .string(row.requirement.rawValue)), ("inPaper", .bool(row.isInPaper)),
              ("violation", .string(row.violation)), ("traps", traps), ("interpreter", .string(row.interpreter)),
              ("translator", row.translator.map { .string($0) } ?? .null),
            ])
          })
      ),
    ])
  }
}

extension ConsoleCommand {
  /// Writes a result where it belongs.
  func deliver(_ text: String, to path: String?, on console: Console) throws -> Int32 {
    guard let path else { return try deliver(text, into: nil, on: console) }
    return try deliver(text, into: OutputFile(path: path, on: console), on: console)
  }

  /// The same into a file that was opened before the work; nil is standard output.
  func deliver(_ text: String, into file: OutputFile?, on console: Console) throws -> Int32 {
    guard let file else {
      console.output.append(text)
      return ExitStatus.success
    }
    file.replaceOld()
    file.sink.append(text)
    if let problem = file.finish() { throw Refusal(problem, status: ExitStatus.inputOutput) }
    return ExitStatus.success
  }
}

extension String {
  /// In a list that is separated by spaces.
  fileprivate func replacingSpaces() -> String { String(map { $0 == " " ? "-" : $0 }) }
}
