// `trapline disasm`: a listing of a guest's code, with symbols, and marks on what a monitor must care about.

import ArgumentParser
import ISA
import Loading
import Tracing

struct DisasmCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "disasm",
    abstract: "Disassemble a guest.",
    discussion: """
      FILE is a multiboot kernel or an ELF executable for the i386, of which the code sections are listed; with --mode \
      a flat binary; with --rom a ROM. A byte that begins no instruction of the guests' processor appears as (bad) or \
      .byte.
      """)

  static let examples = [
    "trapline disasm .build/guests/shutdown.elf --symbol main --sensitive",
    "trapline disasm --mode real .build/guests/hello-real.bin --end 0x7c2a",
  ]

  @Argument(help: "The image.")
  var file: String

  @Option(help: "The image is a flat binary: real for 16-bit code, protected for 32-bit code.")
  var mode: GuestArguments.EntryMode?

  @Option(
    help: ArgumentHelp(
      "Where a flat binary goes (default: 0x7c00 in real mode, 0x100000 in protected mode).", valueName: "address"),
    transform: { try AddressArgument(parsing: $0) })
  var loadAddress: AddressArgument?

  @Flag(help: "The image is a ROM that ends at 4 GiB: 16-bit code.")
  var rom = false

  @Option(help: ArgumentHelp("Begin here.", valueName: "address"), transform: { try AddressArgument(parsing: $0) })
  var start: AddressArgument?

  @Option(help: ArgumentHelp("End before this.", valueName: "address"), transform: { try AddressArgument(parsing: $0) })
  var end: AddressArgument?

  @Option(help: ArgumentHelp("List this symbol only.", valueName: "name"))
  var symbol: String?

  @Flag(help: "Mark privileged (P), sensitive (S) and undefined (U) instructions, and count them.")
  var sensitive = false

  @Flag(help: "Write JSON Lines (schema trapline.disasm), an instruction a line.")
  var json = false

  @Option(help: ArgumentHelp("Where the result goes instead of standard output.", valueName: "file"))
  var output: String?

  static let schema = "trapline.disasm"
  static let version: UInt64 = 1

  func validate() throws {
    if rom, mode != nil || loadAddress != nil {
      throw ValidationError("a ROM ends at 4 GiB: leave out --mode and --load-address")
    }
    if symbol != nil, start != nil || end != nil {
      throw ValidationError("--symbol says where to begin and end: leave out --start and --end")
    }
    if let start, let end, start.value >= end.value { throw ValidationError("--end must be above --start") }
  }

  func run(on console: Console) throws -> Int32 {
    let code: CodeFile
    do {
      let bytes = try ImageFile(path: file).bytes
      do {
        code = try CodeFile(
          bytes,
          LoadRequest(
            mode: mode.map { $0 == .real ? .real : .protected }, loadAddress: loadAddress?.value, isROM: rom))
      } catch {
        throw Refusal("\(shown(file)): \(error.description)")
      }
    } catch let error as LoadingError {
      throw Refusal(error.description)
    }
    for warning in code.warnings { console.say("\(shown(file)): \(warning)") }

    let range = try range(in: code)
    let file = try output.map { path throws(Refusal) in try OutputFile(path: path, on: console) }
    let sink = file?.sink ?? console.output
    if json {
      sink.append(
        JSONText.object([
          ("schema", .string(Self.schema)), ("version", .number(Self.version)), ("file", .string(self.file)),
          ("format", .string(code.format.rawValue)),
        ]).text + "\n")
    }
    let paint = Paint(file == nil && console.outputIsTerminal)
    var totals = Totals()
    for region in code.regions { list(region, range, code.symbols, to: sink, paint, &totals) }
    if totals.instructions == 0 { console.say("\(shown(self.file)): there is no code in that range") }
    if sensitive, !json { sink.append("\n\(totals.sentence)\n") }
    if let problem = file?.finish() { throw Refusal(problem, status: ExitStatus.inputOutput) }
    return ExitStatus.success
  }

  /// The addresses to list; the end is 64 bits wide to be able to lie past the last.
  private func range(in code: CodeFile) throws(Refusal) -> Range<UInt64> {
    guard let symbol else {
      let low = start?.value ?? 0
      return low..<max(low, end?.value ?? 1 << 32)
    }
    guard let range = code.symbols.range(of: symbol) else {
      throw Refusal(
        code.symbols.isEmpty
          ? "\(shown(file)) has no symbols" : "\(shown(file)) has no symbol '\(shown(symbol))'")
    }
    return range
  }

  // MARK: Listing

  private struct Totals {
    var instructions: UInt64 = 0
    var privileged: UInt64 = 0
    var sensitive: UInt64 = 0
    var undefined: UInt64 = 0

    var sentence: String {
      "\(grouped(instructions)) instructions: \(grouped(privileged)) privileged (P), \(grouped(sensitive)) sensitive "
        + "(S), \(grouped(undefined)) undefined or data (U)"
    }

    mutating func count(_ line: DisassembledInstruction) {
      instructions += 1
      switch line.mark {
      case "P": privileged += 1
      case "S": sensitive += 1
      case "U": undefined += 1
      default: break
      }
    }
  }

  /// Lists a region piece by piece: each symbol begins anew, so that data before it can't put it out of step.
  private func list(
    _ region: CodeRegion, _ range: Range<UInt64>, _ symbols: SymbolTable, to sink: Tracing.ByteSink,
    _ paint: Paint, _ totals: inout Totals
  ) {
    let low = max(UInt64(region.address), range.lowerBound)
    let high = min(UInt64(region.address) + UInt64(region.bytes.count), range.upperBound)
    guard low < high else { return }
    let size: CodeSize = mode == .real || rom ? .bits16 : .bits32
    let disassembler = Disassembler()
    func name(_ address: UInt32) -> String? { symbols.isEmpty ? nil : symbols.location(of: address)?.description }

    if !json { sink.append("\n\(region.name.isEmpty ? "code" : region.name) at 0x\(hex(region.address)):\n") }
    var labels = symbols.symbols.filter { UInt64($0.address) > low && UInt64($0.address) < high }.map(\.address)[...]
    var at = low
    var isLabel = true
    while at < high {
      // The reader has gone: nothing more to do.
      if sink.error != nil { return }
      let address = UInt32(truncatingIfNeeded: at)
      if isLabel, !json, let label = name(address) { sink.append("\n\(hex(address, 8)) <\(label)>:\n") }
      while let label = labels.first, UInt64(label) <= at { labels.removeFirst() }
      let stop = min(high, labels.first.map(UInt64.init) ?? high)
      let first = Int(at - UInt64(region.address))
      let bytes = region.bytes[first..<min(first + Decoder.maximumLength, first + Int(stop - at))]
      let line = disassembler.one(bytes, at: address, size: size, symbol: name)
      totals.count(line)
      write(line, to: sink, paint, symbol: name(address))
      at += UInt64(max(line.bytes.count, 1))
      isLabel = at == stop && stop < high
    }
  }

  private func write(_ line: DisassembledInstruction, to sink: Tracing.ByteSink, _ paint: Paint, symbol: String?) {
    let bytes = line.bytes.map { hex($0, 2) }
    if json {
      let property = line.isInstruction ? line.instruction.property.rawValue : "undefined"
      sink.append(
        JSONText.object([
          ("address", .number(UInt64(line.address))), ("bytes", .string(bytes.joined())), ("text", .string(line.text)),
          ("property", .string(property)), ("class", .string(line.instruction.operation.instructionClass.rawValue)),
          ("symbol", symbol.map { .string($0) } ?? .null),
          ("target", line.target.map { .number(UInt64($0)) } ?? .null),
        ]).text + "\n")
      return
    }
    let dump = bytes.joined(separator: " ").padded(to: 23)
    guard sensitive else {
      sink.append("\(hex(line.address, 8))  \(dump)  \(line.text)\n")
      return
    }
    var note = ""
    if line.mark == "S", let row = SensitiveInstructions.row(for: line.instruction.operation) {
      switch row.trapsInRing3 {
      case .never: note = "never traps (\(row.requirement.rawValue))"
      case .sometimes: note = "doesn't always trap (\(row.requirement.rawValue))"
      }
    }
    let text = note.isEmpty ? line.text : "\(line.text.padded(to: 34))  ; \(note)"
    let marked = "\(hex(line.address, 8))  \(dump)  \(line.mark) \(text)"
    switch line.mark {
    case "P": sink.append(paint.privileged(marked) + "\n")
    case "S": sink.append(paint.sensitive(marked) + "\n")
    default: sink.append(marked + "\n")
    }
  }
}
