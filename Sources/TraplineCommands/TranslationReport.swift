// What `trapline translate` shows, before it is text or a page: translations chosen and named, host code in lines beside
// the guest instruction that it came from.

import ISA
import Loading
import Processor
import Trapline

extension TranslationKind {
  /// As the column has it; IDENT is the name that Adams and Agesen gave it.
  var title: String {
    switch self {
    case .identical: "IDENT"
    case .inline: "inline"
    case .callout: "callout"
    case .branch: "branch"
    }
  }

  var meaning: String {
    switch self {
    case .identical: "the guest's own instruction, its operands where they are on the host"
    case .inline: "several host instructions with the same effect"
    case .callout: "left to the monitor, which interprets it and comes back"
    case .branch: "a transfer, rewritten to lead from translation to translation"
    }
  }
}

struct TranslationReport {
  var file: String
  var instructions: UInt64
  var outcome: RunOutcome
  /// All that there are.
  let fragments: [FragmentView]
  /// Those to show, in their order.
  let shown: [FragmentView]
  let symbols: SymbolTable
  private let names: TranslationNames
  /// Who leads to a fragment by a link.
  private let origins: [Int: [Int]]
  private let guestText = Disassembler()
  private let hostText = HostDisassembler()

  /// - Parameter range: guest code to show the translations of, by address; nil for the hottest of all.
  init(
    file: String, instructions: UInt64, outcome: RunOutcome, fragments: [FragmentView], names: TranslationNames,
    symbols: SymbolTable, range: Range<UInt64>?, most: Int
  ) {
    self.file = file
    self.instructions = instructions
    self.outcome = outcome
    self.fragments = fragments
    self.names = names
    self.symbols = symbols
    var origins: [Int: [Int]] = [:]
    for fragment in fragments {
      for case let target? in fragment.exits.map(\.fragment) where origins[target]?.last != fragment.number {
        origins[target, default: []].append(fragment.number)
      }
    }
    self.origins = origins
    let hottest = fragments.filter { range?.overlaps($0.range) ?? true }
      .sorted { ($0.hits ?? 0, $1.number) > ($1.hits ?? 0, $0.number) }.prefix(most)
    shown = range == nil ? Array(hottest) : hottest.sorted { ($0.eip, $0.number) < ($1.eip, $1.number) }
  }

  /// ` <main+0x12>`, or nothing.
  func label(_ address: UInt32) -> String {
    symbols.isEmpty ? "" : symbols.location(of: address).map { " <\($0)>" } ?? ""
  }

  func mode(_ fragment: FragmentView) -> String {
    "\(fragment.isUser ? "user" : "supervisor"), memory by \(fragment.usesWindow ? "window" : "software TLB")"
  }

  func length(_ fragment: FragmentView) -> String {
    "\(fragment.instructions.count) instruction\(fragment.instructions.count == 1 ? "" : "s")"
  }

  /// Fragments that lead here.
  func origins(of fragment: FragmentView) -> [Int] { origins[fragment.number] ?? [] }

  // MARK: Lines

  /// A piece of host code, and what it came from.
  struct Block {
    enum Source {
      case guest(address: UInt32, bytes: String, text: String, TranslationKind)
      /// What the code is for, where no guest instruction stands for it.
      case purpose(String)
    }
    var source: Source
    var host: [Line]
  }

  struct Line {
    var offset: Int
    var text: String
    /// What a number in it means, or where it leads.
    var note: String
    /// The fragment that it leads to.
    var fragment: Int?
  }

  func blocks(of fragment: FragmentView) -> [Block] {
    var blocks: [Block] = []
    for part in fragment.parts {
      let host = hostText.disassemble(part.bytes, at: part.offset).map { line($0, in: fragment) }
      // An instruction that became nothing has no part: it is shown with no code beside it.
      switch part.role {
      case .instruction(let n): addInstructions(of: fragment, to: &blocks, before: n)
      case .exit, .stub: addInstructions(of: fragment, to: &blocks, before: fragment.instructions.count)
      case .keyCheck, .hitCounter, .budget: break
      }
      blocks.append(Block(source: source(of: part, in: fragment), host: host))
    }
    addInstructions(of: fragment, to: &blocks, before: fragment.instructions.count)
    return blocks
  }

  private func source(of part: HostCodePart, in fragment: FragmentView) -> Block.Source {
    switch part.role {
    case .keyCheck: .purpose("from another page: is this still the code?")
    case .hitCounter: .purpose("count this entry")
    case .budget:
      .purpose("pay for \(length(fragment))")
    case .instruction(let n): guest(fragment.instructions[n])
    case .exit(let n): .purpose("exit to 0x\(hex(fragment.exits[n].target, 8))\(label(fragment.exits[n].target))")
    case .stub(let n): .purpose("until linked: 0x\(hex(fragment.exits[n].target, 8))")
    }
  }

  private func guest(_ instruction: TranslatedInstruction) -> Block.Source {
    let line = guestText.one(
      instruction.bytes[...], at: instruction.address, size: .bits32,
      symbol: { symbols.isEmpty ? nil : symbols.location(of: $0)?.description })
    return .guest(
      address: instruction.address, bytes: instruction.bytes.map { hex($0, 2) }.joined(separator: " "),
      text: line.text + (instruction.isExplicit ? "  (by TLB)" : ""), instruction.kind)
  }

  /// Instructions that aren't there yet, up to one.
  private func addInstructions(of fragment: FragmentView, to blocks: inout [Block], before end: Int) {
    let present = blocks.count { if case .guest = $0.source { true } else { false } }
    for n in present..<max(end, present) {
      blocks.append(Block(source: guest(fragment.instructions[n]), host: []))
    }
  }

  /// A line with names in place of distances.
  private func line(_ host: HostInstruction, in fragment: FragmentView) -> Line {
    var line = Line(offset: host.offset, text: host.text, note: "")
    if let field = host.stateOffset.flatMap(names.field(at:)) { line.note = field }
    guard let target = host.target else { return line }
    line.text = "\(host.mnemonic) \(hex(UInt(target), 6))"
    if let part = fragment.parts.first(where: { $0.offset == target }), target != fragment.parts.first?.offset {
      switch part.role {
      case .stub(let n): line.note = "-> 0x\(hex(fragment.exits[n].target, 8)), not linked yet"
      case .exit(let n): line.note = exit(fragment.exits[n])
      default: line.note = names.code(at: target).map { "-> \($0)" } ?? ""
      }
    } else if let name = names.code(at: target) {
      line.note = "-> \(name)"
    }
    let end = host.end
    if let exit = fragment.exits.first(where: { $0.jumpEnd == end }), let number = exit.fragment {
      line.note = self.exit(exit)
      line.fragment = number
    }
    return line
  }

  /// `-> F12 0x00100334`, or what is missing.
  func exit(_ exit: FragmentExit) -> String {
    guard let number = exit.fragment else { return "-> 0x\(hex(exit.target, 8)), not linked yet" }
    return "-> F\(number) 0x\(hex(exit.target, 8))\(exit.isChecked ? ", checked" : "")"
  }

  /// Where a fragment without direct exits goes.
  func computedExit(of fragment: FragmentView) -> String {
    fragment.instructions.last?.kind == .callout ? "the monitor decides" : "a computed target, by the table"
  }
}
