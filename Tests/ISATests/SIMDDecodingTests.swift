import ISA
import Testing

@Suite("MMX, SSE and SSE2 encodings")
struct SIMDDecodingTests {
  @Test("each line of the table decodes to itself", arguments: [CodeSize.bits32, .bits16])
  func lines(size: CodeSize) {
    for (number, row) in SIMDTable.rows.enumerated() {
      let prefix = row.prefix.byte.map { [$0] } ?? []
      // [EBX], or [BP+DI] in 16-bit code, or a register.
      let modRM = (row.digit ?? 1) << 3 | (row.rm == .register ? 0xc3 : 0x03)
      let tail: [UInt8] = (row.operands == .emptyMM ? [] : [modRM]) + (row.hasImmediate ? [0x5a] : [])
      let bytes = prefix + [0x0f, row.opcode] + tail
      let instruction = decode(bytes, size)
      #expect(instruction.operation == .simd, "\(row.mnemonic) \(hex(bytes))")
      #expect(Int(instruction.selector) == number, "\(row.mnemonic) \(hex(bytes))")
      #expect(Int(instruction.length) == bytes.count, "\(row.mnemonic) \(hex(bytes))")
      if row.hasImmediate { #expect(instruction.immediate == 0x5a) }
      #expect(decode([0xf0] + bytes, size).operation == .undefined, "LOCK \(row.mnemonic)")
    }
  }

  @Test("of the prefixes F3 and F2 count before 66, and the last of them before the other")
  func prefixes() {
    #expect(decode(0x66, 0xf3, 0x0f, 0x58, 0xc1).simd?.mnemonic == "addss")
    #expect(decode(0xf2, 0x66, 0x0f, 0x58, 0xc1).simd?.mnemonic == "addsd")
    #expect(decode(0xf3, 0xf2, 0x0f, 0x58, 0xc1).simd?.mnemonic == "addsd")
    #expect(decode(0x66, 0x67, 0x0f, 0x58, 0x00).simd?.mnemonic == "addpd")
    #expect(decode(0x0f, 0x58, 0xc1).simd?.mnemonic == "addps")
  }

  @Test(
    "prefixes that select nothing, and wrong kinds of operand, are undefined",
    arguments: [
      [0xf3, 0x0f, 0x54, 0xc1], [0xf2, 0x0f, 0x28, 0xc1], [0xf3, 0x0f, 0xfc, 0xc1], [0x66, 0x0f, 0x12, 0xc1],
      [0x0f, 0x13, 0xc1], [0x0f, 0x2b, 0xc1], [0x0f, 0x50, 0x01], [0x0f, 0xd7, 0x01], [0x0f, 0xc3, 0xc1],
      [0x66, 0x0f, 0xc3, 0x01], [0x0f, 0x71, 0x10, 1], [0x0f, 0x73, 0xd8, 1], [0x0f, 0xd6, 0xc1], [0x0f, 0xe7, 0xc1],
      [0x0f, 0xf7, 0x01], [0x0f, 0xae, 0xd0], [0x0f, 0x6c, 0xc1],
    ] as [[UInt8]])
  func undefined(bytes: [UInt8]) { #expect(decode(bytes).operation == .undefined) }
}
