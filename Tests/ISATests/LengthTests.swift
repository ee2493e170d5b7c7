import ISA
import Testing

@Suite("Lengths")
struct LengthTests {
  static let samples: [[UInt8]] = [
    [0x90], [0x01, 0xc0], [0x8b, 0x44, 0x24, 0xfc], [0x8b, 0x04, 0x25, 0, 0x10, 0, 0], [0x0f, 0xb6, 0xc1],
    [0x66, 0xc7, 0x84, 0x88, 1, 2, 3, 4, 5, 6], [0x64, 0xc7, 0x84, 0x88, 1, 2, 3, 4, 5, 6, 7, 8],
    [0x9a, 0, 0x10, 0, 0, 8, 0], [0xc8, 0x10, 0, 3], [0xa1, 0, 0, 0, 0], [0x67, 0xa1, 0, 0], [0xf0, 0x0f, 0xc7, 0x08],
    [0x0f, 0x84, 0, 0, 0, 0], [0xdd, 0x85, 0, 0, 0, 0], [0xf3, 0x0f, 0x1e, 0xfb], [0xcd, 0x80], [0xc2, 8, 0],
    [0x69, 0x44, 0x24, 0x10, 1, 2, 3, 4], [0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0], [0x0f, 0x0d, 0x40, 0x10],
  ]

  @Test("an instruction is truncated at each byte short of its length, and whole at it", arguments: samples)
  func truncation(bytes: [UInt8]) {
    for count in 0..<bytes.count {
      #expect(decode(Array(bytes[..<count])).operation == .truncated, "\(count) of \(hex(bytes))")
    }
    let whole = decode(bytes)
    #expect(whole.operation.isInstruction && Int(whole.length) == bytes.count)
    let followed = decode(bytes + Array(repeating: 0xff, count: 15))
    #expect(followed == whole, "what follows doesn't matter")
  }

  @Test("fifteen bytes are an instruction, sixteen are too long")
  func limit() {
    let fifteen = Array(repeating: 0x66, count: 14) + [0x90] as [UInt8]
    #expect(decode(fifteen).operation == .nop && decode(fifteen).length == 15)
    let sixteen = Array(repeating: 0x66, count: 15) + [0x90] as [UInt8]
    #expect(decode(sixteen).operation == .tooLong)
    #expect(decode(Array(sixteen[..<15])).operation == .tooLong)
    #expect(decode(Array(sixteen[..<14])).operation == .truncated)
    // The limit falls into the immediate.
    let immediate = Array(repeating: 0x2e, count: 12) + [0xb8, 1, 2, 3, 4] as [UInt8]
    #expect(decode(immediate).operation == .tooLong)
  }

  @Test("LOCK where it isn't allowed is #UD only when the instruction is all there")
  func fetchComesFirst() {
    #expect(decode(0xf0, 0x8b, 0x05, 0).operation == .truncated)
    #expect(decode(0xf0, 0x8b, 0x05, 0, 0, 0, 0).operation == .undefined)
  }

  @Test("UD2, UD1 and UD0 are two bytes", arguments: [0x0b, 0xb9, 0xff] as [UInt8])
  func undefinedByDefinition(opcode: UInt8) {
    #expect(decode(0x0f, opcode).operation == .undefined)
    #expect(decode(0x0f, opcode).length == 2)
  }

  @Test("any bytes decode to something, within their count")
  func garbage() {
    var generator = SplitMix(state: 0x7472_6170)
    let decoder = Decoder()
    let disassembler = Disassembler()
    for round in 0..<50_000 {
      let count = Int(generator.next() % 16)
      var bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
      if round % 2 == 0 && count > 2 { bytes[0] = 0x0f }
      let size: CodeSize = round % 3 == 0 ? .bits16 : .bits32
      let instruction = bytes.withUnsafeBytes { buffer in
        decoder.decode(buffer.baseAddress ?? UnsafeRawPointer(bitPattern: 16)!, count: count, size: size)
      }
      #expect(Int(instruction.length) <= count, "\(hex(bytes))")
      if round % 20 == 0 {
        let lines = disassembler.disassemble(bytes, size: size)
        #expect(lines.flatMap(\.bytes) == bytes)
      }
    }
  }
}

/// The generator of Steele, Lea and Flood (2014), so that a failure repeats.
struct SplitMix {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
