import ISA
import Testing

@Suite("Disassembler")
struct DisassemblerTests {
  func text(_ bytes: [UInt8], _ size: CodeSize = .bits32) -> String {
    Disassembler().disassemble(bytes, at: 0x1000, size: size)[0].text
  }

  @Test("a line has address, bytes, mark and text")
  func line() {
    let lines = Disassembler().disassemble([0xfa, 0x9c, 0x89, 0xd8], at: 0x1000)
    #expect(
      lines.map(\.line) == [
        "00001000  fa                       P cli", "00001001  9c                       S pushfd",
        "00001002  89 d8                      mov eax, ebx",
      ])
  }

  @Test("branches show their target and its symbol")
  func branches() {
    let line = Disassembler().disassemble([0xe8, 0xfb, 0x0f, 0, 0], at: 0x1000) { $0 == 0x2000 ? "main" : nil }[0]
    #expect(line.text == "call 0x2000 <main>" && line.target == 0x2000)
    #expect(text([0x66, 0xe9, 0x00, 0xf0]) == "jmp 0x4")
    #expect(text([0x66, 0xf2, 0xe8, 0x00, 0x10]).hasSuffix("call 0x2005"))
    #expect(text([0xe3, 0x00]) == "jecxz 0x1002" && text([0x67, 0xe3, 0x00]) == "jcxz 0x1003")
  }

  @Test("what Capstone takes for another instruction has its true text")
  func corrected() {
    #expect(text([0x66, 0xf3, 0xa5]).hasPrefix("rep movsw"))
    #expect(text([0x66, 0xf2, 0xa1, 0x34, 0x12, 0, 0]).contains("mov ax, word ptr [0x1234]"))
    #expect(text([0x0f, 0x1f, 0xc1]) == "nop ecx")
    #expect(text([0x0f, 0x18, 0xc0], .bits16) == "nop ax")
    #expect(text([0x0f, 0x0d, 0x44, 0x24, 0x10]) == "nop dword ptr [esp + 0x10]")
  }

  @Test("garbage and cut-off instructions are lines too")
  func garbage() {
    #expect(text([0x8e, 0xc8]) == "(bad)")
    #expect(text([0xf0, 0x03, 0x00]) == "(bad)")
    #expect(text([0x0f]) == ".byte 0x0f")
    #expect(text([UInt8](repeating: 0x66, count: 16)) == "(bad)")
    #expect(Disassembler().disassemble([]).isEmpty)
  }

  @Test("instructions newer than the guests' processor keep their text and are marked")
  func newer() {
    let line = Disassembler().disassemble([0x66, 0x0f, 0x38, 0x00, 0xc1, 0x90])[0]
    #expect(line.text == "pshufb xmm0, xmm1" && line.mark == "U" && line.bytes.count == 5)
  }
}
