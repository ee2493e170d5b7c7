import Foundation
import Testing

@Suite struct ListingTests {
  private let scratch = Scratch()
  /// pushf; cli; mov eax, cr0; ret; a byte that is no instruction
  private let code: [UInt8] = [0x9c, 0xfa, 0x0f, 0x20, 0xc0, 0xc3, 0xff]

  @Test("an ELF file is listed by section and symbol, with marks") func elf() {
    let result = trapline("disasm", scratch.file("g", TinyGuest.elf(code)), "--sensitive")
    #expect(result.status == 0)
    #expect(result.output.contains(".text at 0x100000:\n\n00100000 <main>:\n"))
    let lines = result.output.split(separator: "\n")
    func mark(_ address: String) -> Character? {
      lines.first { $0.hasPrefix(address + "  ") }.map { Array($0)[35] }
    }
    #expect(mark("00100000") == "S")
    #expect(mark("00100001") == "P")
    #expect(mark("00100002") == "P")
    #expect(mark("00100005") == " ")
    #expect(mark("00100006") == "U")
    #expect(lines.last == "5 instructions: 2 privileged (P), 1 sensitive (S), 1 undefined or data (U)")
  }

  @Test("flat binaries are listed in either size") func flat() {
    let path = scratch.file("g", [0xb8, 0x34, 0x12, 0x00, 0x00])
    let real = trapline("disasm", path, "--mode", "real", "--end", "0x7c03")
    #expect(real.output == "\nflat binary at 0x7c00:\n00007c00  b8 34 12                 mov ax, 0x1234\n")
    let wide = trapline("disasm", path, "--mode", "protected", "--load-address", "0x200000")
    #expect(wide.output == "\nflat binary at 0x200000:\n00200000  b8 34 12 00 00           mov eax, 0x1234\n")
  }

  @Test("a symbol can be asked for, and one that isn't there is refused") func symbol() {
    let path = scratch.file("g", TinyGuest.elf(code))
    #expect(trapline("disasm", path, "--symbol", "main").output.contains("00100005"))
    let missing = trapline("disasm", path, "--symbol", "mian")
    #expect(missing.status == 2)
    #expect(missing.errors.hasSuffix("has no symbol 'mian'\n"))
  }

  @Test("a listing as JSON Lines parses") func json() throws {
    let result = trapline("disasm", scratch.file("g", TinyGuest.elf(code)), "--json")
    let lines = try result.output.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(lines.first?["schema"] as? String == "trapline.disasm")
    #expect(lines.dropFirst().map { $0["property"] as? String } == ["sensitive", "privileged", "privileged", "control transfer", "undefined"])
    #expect(lines[1]["symbol"] as? String == "main")
  }

  @Test("any bytes can be listed", arguments: 0..<20) func anyBytes(seed: Int) {
    var state = UInt64(seed) &* 0x9e37_79b9_7f4a_7c15 | 1
    let bytes = (0..<2000).map { _ -> UInt8 in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
    #expect(trapline("disasm", scratch.file("g", bytes), "--mode", seed & 1 == 0 ? "real" : "protected").status == 0)
  }

  @Test("the instruction set is shown by class, and what is missing is marked") func isa() throws {
    let result = trapline("isa")
    #expect(result.status == 0)
    #expect(result.output.contains("\ndecimal                     daa das aaa aas aam aad\n"))
    #expect(!result.output.contains(":!"))
    #expect(result.output.contains("cli:P"))
    let json = try JSONSerialization.jsonObject(with: Data(trapline("isa", "--json").output.utf8)) as? [String: Any]
    let rows = try #require(json?["rows"] as? [[String: Any]])
    #expect(rows.filter { $0["implemented"] as? Bool == false }.compactMap { $0["operation"] as? String } == [])
  }

  @Test("the sensitive instructions of the paper are all there") func sensitive() throws {
    let result = trapline("isa", "--sensitive")
    for name in ["SGDT", "SMSW", "PUSHF", "POPF", "LAR", "LSL", "VERR", "POP DS", "PUSH CS", "CALL far", "STR", "INT n"] {
      #expect(result.output.contains(name))
    }
    #expect(result.output.split(separator: "\n").allSatisfy { $0.count <= 160 })
    let json = try JSONSerialization.jsonObject(with: Data(trapline("isa", "--sensitive", "--json").output.utf8))
    #expect((json as? [String: Any])?["schema"] as? String == "trapline.isa")
  }
}
