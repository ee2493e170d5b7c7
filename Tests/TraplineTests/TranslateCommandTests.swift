import Foundation
import ISA
import Processor
import Testing
import Trapline

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Guests whose translations are known.
private enum LoopGuest {
  /// Where the loop begins, in an ELF file of `TinyGuest`.
  static let loop: UInt32 = 0x10_000a
  /// mov esp, 0x80000; mov ecx, 1000; loop: add eax, ecx; push eax; pop eax; pusha; popa; dec ecx; jnz loop; jmp next; next:
  /// mov dx, 0x3f8; mov al, 'A'; out dx, al; mov al, 5; out 0xf4, al
  static let code: [UInt8] = [
    0xbc, 0x00, 0x00, 0x08, 0x00, 0xb9, 0xe8, 0x03, 0x00, 0x00,
    0x01, 0xc8, 0x50, 0x58, 0x60, 0x61, 0x49, 0x75, 0xf7, 0xeb, 0x00,
    0xba, 0xf8, 0x03, 0x00, 0x00, 0xb0, 0x41, 0xee, 0xb0, 0x05, 0xe6, 0xf4,
  ]
}

/// A loop of instructions that mustn't run on the host as they are.
private enum SensitiveGuest {
  static let code: [UInt8] = [
    0xbc, 0x00, 0x00, 0x08, 0x00, 0xbe, 0xe8, 0x03, 0x00, 0x00,  // mov esp, 0x80000; mov esi, 1000
    0x9c, 0x9d, 0x31, 0xc0, 0x0f, 0xa2,  // next: pushfd; popfd; xor eax, eax; cpuid
    0x8c, 0xc8, 0x0f, 0x20, 0xc0, 0xfa,  // mov eax, cs; mov eax, cr0; cli
    0x66, 0x9c, 0x66, 0x9d, 0x0f, 0x31, 0x0f, 0x01, 0x44, 0x24, 0xe0,  // pushf; popf; rdtsc; sgdt [esp - 0x20]
    0x0f, 0x01, 0xe0, 0x0f, 0x00, 0xc8, 0x0f, 0x02, 0xc0,  // smsw eax; str eax; lar eax, eax
    0x0e, 0x58, 0x4e, 0x75, 0xdb,  // push cs; pop eax; dec esi; jnz next
    0xb0, 0x05, 0xe6, 0xf4,  // mov al, 5; out 0xf4, al
  ]
}

@Suite(.enabled(if: EngineKind.translator.isAvailable)) struct TranslateCommandTests {
  private let scratch = Scratch()

  private func translate(_ options: String..., code: [UInt8] = LoopGuest.code) -> CommandResult {
    trapline(["translate", scratch.file("guest", TinyGuest.elf(code)), "--memory-path", "tlb"] + options)
  }

  private func lines(_ result: CommandResult, _ text: String) -> [String] {
    result.output.split(separator: "\n").map(String.init).filter { $0.contains(text) }
  }

  @Test("each guest instruction is marked by how it was translated, and has host code beside it")
  func marks() {
    let result = translate()
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    for (text, mark) in [
      ("add eax, ecx", "IDENT"), ("push eax", "inline"), ("pop eax", "inline"), ("pushal", "callout"),
      ("popal", "callout"),
      ("dec ecx", "IDENT"), ("jne 0x10000a <main+0xa>", "branch"),
    ] {
      #expect(
        lines(result, "  \(text) ").contains { $0.contains("\(mark) ") && $0.contains("│ 00") },
        "\(text): \(result.output)")
    }
    #expect(lines(result, "0010000a  01 c8 ").count == 1)
    #expect(!result.output.contains("(bad)"))
    #expect(result.output.contains("; -> leave: callout") && result.output.contains("; -> TLB: write 4, supervisor"))
  }

  @Test("sensitive instructions become what the table of them says")
  func sensitive() throws {
    let result = translate(code: SensitiveGuest.code)
    for (text, operation) in [
      ("pushfd ", Operation.pushf), ("popfd ", .popf), ("cpuid ", .cpuid), ("mov eax, cs ", .movFromSegment),
      ("rdtsc ", .rdtsc), ("sgdt [esp - 0x20] ", .sgdt), ("smsw eax ", .smsw), ("str eax ", .str),
      ("lar eax, eax ", .lar), ("push cs ", .pushSegment),
    ] {
      let row = try #require(SensitiveInstructions.row(for: operation))
      let mark = row.translator == nil ? "callout" : "inline"
      #expect(lines(result, "  \(text)").contains { $0.contains("\(mark) ") }, "\(text): \(result.output)")
    }
    for (text, mark) in [("pushf ", "callout"), ("popf ", "callout"), ("mov eax, cr0 ", "inline"), ("cli ", "inline")] {
      #expect(lines(result, "  \(text)").contains { $0.contains("\(mark) ") }, "\(text): \(result.output)")
    }
  }

  @Test("chains and entries are shown, and what isn't linked is said to be so")
  func chains() throws {
    let result = translate()
    let head = try #require(lines(result, "<main+0xa>").first { $0.contains(" entries") })
    #expect(head.hasPrefix("F1  0x0010000a <main+0xa>  "))
    let entries = try #require(head.split(separator: " ").dropLast().last.flatMap { Int($0) })
    #expect((900...1000).contains(entries))
    #expect(lines(result, "  -> F1 0x0010000a <main+0xa>").count == 1)
    #expect(lines(result, "  -> 0x00100015, not linked yet <main+0x15>").count == 1)
    #expect(lines(result, "  <- F1").count == 1)
  }

  @Test("the listing repeats, and what the guest prints stays out of it")
  func repeats() {
    let result = translate()
    #expect(result.output == translate().output)
    #expect(result.output.hasPrefix(scratch.path))
  }

  @Test("a symbol or an address chooses what is shown", arguments: ["main", "0x10000a", "0x10000b", "1048588"])
  func at(place: String) { #expect(translate("--at", place).output.contains("\nF1  0x0010000a <main+0xa>")) }

  @Test(
    "what can't be shown is refused in one sentence",
    arguments: [
      ("mian", "has no symbol 'mian'"), ("0x100001", "nothing at 0x100001 is translated after"),
      ("", "has no symbol ''"),
    ])
  func refusals(place: String, sentence: String) {
    let result = translate("--at", place)
    #expect(result.status == 2 && result.output.isEmpty)
    #expect(result.errors.contains(sentence) && result.errors.split(separator: "\n").count == 1, "\(result.errors)")
  }

  @Test("a guest that ends before anything is warm has no translations") func cold() {
    let result = translate(code: TinyGuest.halting)
    #expect(result.status == 2 && result.output.isEmpty)
    #expect(result.errors.contains("nothing is translated after 2 instructions (halted)"))
    #expect(translate("--run", "100").status == 2)
  }

  @Test("the page for a browser is one well-formed file that asks for nothing else") func page() throws {
    let result = translate("--html", scratch.path + "/page.html")
    #expect(result.status == 0 && result.errors.isEmpty)
    let page = scratch.text("page.html")
    let parser = XMLParser(data: Data(page.utf8))
    #expect(parser.parse(), "\(String(describing: parser.parserError))")
    for text in ["http", "src=", "<script", "<link", "url(", "@import"] { #expect(!page.contains(text), "\(text)") }
    for text in ["prefers-color-scheme: dark", "id=\"F1\"", "href=\"#F1\"", "add eax, ecx", "&lt;main+0xa&gt;"] {
      #expect(page.contains(text), "\(text)")
    }
    let unwritable = translate("--html", "/nonexistent/page")
    #expect(unwritable.status == 2 && unwritable.errors.contains("can't write /nonexistent/page"))
  }

  @Test("a view's host code follows itself without a gap, and counting entries is a part of its own")
  func parts() throws {
    let machine = try VirtualMachine(MachineConfiguration())
    try machine.load(TinyGuest.elf(LoopGuest.code))
    machine.processor.countsTranslationHits = true
    _ = machine.run()
    let view = try #require(machine.processor.fragments.first { $0.eip == LoopGuest.loop })
    for (part, next) in zip(view.parts, view.parts.dropFirst()) {
      #expect(part.offset + part.bytes.count == next.offset)
    }
    #expect(view.parts.map(\.role).prefix(4) == [.keyCheck, .hitCounter, .budget, .instruction(0)])
    let text = HostDisassembler()
    #expect(view.parts.map { text.disassemble($0.bytes)[0].text }[2] == "lea r8, [r8 - 8]")
    #expect(view.instructions.flatMap(\.bytes) == Array(LoopGuest.code[10..<21]))
    #expect(
      view.instructions.map(\.kind) == [.identical, .inline, .inline, .callout, .callout, .identical, .branch, .branch])
    #expect(view.physical == UInt64(LoopGuest.loop) && !view.isUser)
  }

  // MARK: Statistics

  @Test("the statistics go to standard error, and the summary has them for machines") func statistics() throws {
    let path = scratch.file("guest", TinyGuest.elf(LoopGuest.code))
    let text = trapline("run", path, "--statistics")
    #expect(
      text.output == "A" && text.errors.hasPrefix("translator\n  translated blocks           1\n"), "\(text.errors)")
    #expect(text.errors.contains("\n    popa                      "))
    func summary(_ engine: String) throws -> [String: Any] {
      let result = trapline("run", path, "--serial", "none", "--json", "--engine", engine)
      return try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    }
    let translated = try summary("translator")
    #expect(translated["engine"] as? String == "translator")
    let counts = try #require(translated["translator"] as? [String: Any])
    for row in TranslatorStatistics.rows { #expect(counts[row.name] is Int, "\(row.name)") }
    #expect((counts["kinds"] as? [String: Int])?["callout"] == 2)
    #expect((counts["callouts"] as? [String: Int])?["popa"].map { (900...1000).contains($0) } == true)
    let interpreted = try summary("interpreter")
    #expect(interpreted["engine"] as? String == "interpreter" && interpreted["translator"] is NSNull)
  }
}
