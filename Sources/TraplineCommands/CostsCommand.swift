// `trapline costs`: the cost model, with who says so.

import ArgumentParser
import Platforms

/// Which cost model prices events.
struct CostArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp("Take this cost model instead of the one built in ('trapline costs --file').", valueName: "file"))
  var costs: String?

  func model() throws(Refusal) -> CostModel {
    guard let costs else { return .standard }
    do {
      return try CostModel(parsing: String(decoding: try contents(of: costs), as: UTF8.self))
    } catch let error as CostModelError {
      throw Refusal("\(shown(costs)): \(shown(error.description))")
    } catch {
      throw Refusal("\(error)")
    }
  }
}

struct CostsCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "costs",
    abstract: "Show what each event costs in modelled cycles, and the source of each figure.",
    discussion: "The model prices the events of traces. It is a text that can be changed: print it with --file, give it back with --costs.")

  static let examples = ["trapline costs", "trapline costs --json"]

  @OptionGroup var costs: CostArguments

  @Flag(help: "Write JSON (schema trapline.costs).")
  var json = false

  @Flag(help: "Write the model's own text, for --costs.")
  var file = false

  func validate() throws {
    if json, file { throw ValidationError("--json and --file are two forms of the same: choose one") }
  }

  mutating func run(on console: Console) throws -> Int32 {
    let model = try costs.model()
    if file {
      console.output.append(model.text)
    } else if json {
      console.output.append(Self.json(model).text + "\n")
    } else {
      let rows = model.entries.map { entry in
        let unit = entry.unit.map { " + \(entry.cyclesPerUnit) for each of \($0.rawValue)" } ?? ""
        return [entry.name, entry.event ?? "", "\(entry.cycles)\(unit)", entry.meaning, entry.source]
      }
      console.output.append(
        "Modelled cycles, by figures for: \(model.processor)\n\n"
          + TextTable(
            heading: ["name", "event", "cycles", "what it is", "source"], rows: rows, widths: [21, 26, 12, 40, 50]
          ).text)
    }
    return ExitStatus.success
  }

  private static func json(_ model: CostModel) -> JSONText {
    .object([
      ("schema", .string(CostModel.schema)), ("version", .number(CostModel.version)),
      ("processor", .string(model.processor)),
      (
        "costs",
        .array(
          model.entries.map { entry in
            .object([
              ("name", .string(entry.name)), ("event", entry.event.map { .string($0) } ?? .null),
              ("cycles", .number(entry.cycles)), ("unit", entry.unit.map { .string($0.rawValue) } ?? .null),
              ("cyclesPerUnit", .string("\(entry.cyclesPerUnit)")), ("meaning", .string(entry.meaning)),
              ("source", .string(entry.source)),
            ])
          })
      ),
    ])
  }
}
