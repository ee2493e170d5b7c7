import Testing

@testable import Loading

@Suite("Symbols")
struct SymbolTableTests {
  let table = SymbolTable([
    Symbol(name: "main", address: 0x1000, size: 0x100), Symbol(name: "loop", address: 0x1010),
    Symbol(name: "inner", address: 0x1020, size: 8), Symbol(name: "tail", address: 0x2000),
    Symbol(name: "_start", address: 0xfff0, size: 4),
  ])

  @Test(
    "an address belongs to the symbol that contains it, else to the label before it",
    arguments: [
      (UInt32(0xfff), nil), (0x1000, "main"), (0x100f, "main+0xf"), (0x1010, "loop"), (0x101f, "loop+0xf"),
      (0x1021, "inner+0x1"), (0x1028, "main+0x28"), (0x10ff, "main+0xff"), (0x1100, nil), (0x2000, "tail"),
      (0x2fff, "tail+0xfff"), (0xfff3, "_start+0x3"), (0xfff4, nil), (0, nil), (.max, nil),
    ] as [(UInt32, String?)])
  func location(address: UInt32, name: String?) {
    #expect(table.location(of: address)?.description == name)
  }

  @Test("a name has an address")
  func byName() {
    #expect(table.address(of: "tail") == 0x2000)
    #expect(table.address(of: "_start") == 0xfff0)
    #expect(table.address(of: "tai") == nil)
    #expect(table.address(of: "tails") == nil)
    #expect(table.address(of: "") == nil)
    #expect(SymbolTable.empty.address(of: "main") == nil)
    #expect(SymbolTable.empty.location(of: 0) == nil)
  }

  @Test("a function's name goes before an object's and a label's, a global one before a local one")
  func rank() {
    let names = Array("label\0local\0global\0".utf8)
    let table = SymbolTable(
      entries: [
        .init(address: 4, size: 0, name: 0, rank: 4), .init(address: 4, size: 0, name: 6, rank: 1),
        .init(address: 4, size: 0, name: 12, rank: 0),
      ], names: names)
    #expect(table.location(of: 4)?.symbol.name == "global")
    #expect(table.symbols.map(\.name) == ["global", "local", "label"])
  }

  @Test("control characters in names don't reach a terminal")
  func escapes() {
    let table = SymbolTable([Symbol(name: "a\u{1b}[2Jb", address: 0)])
    #expect(table.location(of: 1)?.description == "a?[2Jb+0x1")
  }

  @Test("symbols at the end of the address space don't overflow")
  func top() {
    let table = SymbolTable([Symbol(name: "top", address: .max, size: .max)])
    #expect(table.location(of: .max)?.description == "top")
  }
}
