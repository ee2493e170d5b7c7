import ISA
import Testing

@Suite("Decoder corrections")
struct DecoderCorrectionsTests {
  struct Sample: CustomTestStringConvertible, Sendable {
    var row: DecoderCorrection
    var bytes: [UInt8]
    var testDescription: String { "\(row.encodings): \(hex(bytes))" }
  }

  static let samples = DecoderCorrections.rows.flatMap { row in row.samples.map { Sample(row: row, bytes: $0) } }

  @Test("the decoder takes the processor's side", arguments: samples)
  func processor(sample: Sample) {
    let instruction = decode(sample.bytes)
    switch sample.row.processor {
    case .executes:
      #expect(instruction.operation.isInstruction)
      #expect(Int(instruction.length) == sample.bytes.count)
    case .invalidOpcode: #expect(instruction.operation == .undefined)
    case .generalProtection: #expect(instruction.operation == .tooLong)
    }
  }

  @Test("Capstone says what the row says it says", .enabled(if: Decoder.capstoneVersion.major == 4), arguments: samples)
  func capstone(sample: Sample) {
    // Bytes behind the instruction, for an answer that is too long.
    let bytes = sample.bytes + (sample.bytes.count > 15 ? [] : [0x90, 0x90, 0x90, 0x90])
    let answer = bytes.withUnsafeBytes {
      Decoder().capstoneAnswer($0.baseAddress!, count: $0.count, size: .bits32)
    }
    switch sample.row.capstone {
    case .refuses: #expect(answer == nil)
    case .accepts: #expect(answer == sample.bytes.count)
    case .wrongLength(let by): #expect(answer == sample.bytes.count + by)
    }
  }

  @Test(
    "Capstone and the opcode map differ only where a row, or a reserved x87 encoding, says so",
    arguments: [CodeSize.bits16, .bits32])
  func sweep(size: CodeSize) {
    let decoder = Decoder()
    let prefixes: [[UInt8]] = [[], [0x66], [0x67], [0xf2], [0x66, 0xf3], [0xf0]]
    var surprises: [String] = []
    for prefix in prefixes {
      for opcode in 0..<512 {
        for modRM in 0..<256 where modRM % 5 == 0 || modRM >= 0xc0 {
          let head = prefix + (opcode > 255 ? [0x0f] : []) + [UInt8(opcode & 255), UInt8(modRM)]
          let bytes = head + [UInt8](repeating: 0x11, count: 15 - head.count)
          bytes.withUnsafeBytes { buffer in
            let base = buffer.baseAddress!
            let byMap = decoder.decodeByMap(base, count: 15, size: size)
            guard byMap.operation.isInstruction, byMap.operation != .x87 else { return }
            if decoder.decode(base, count: 15, size: size) != byMap { surprises.append(hex(head)) }
          }
        }
      }
    }
    #expect(surprises.isEmpty, "\(surprises.prefix(10))")
  }
}

@Suite("Capstone's consent")
struct CapstoneConsentTests {
  @Test("a decoder that remembers Capstone's answers decodes as one that asks again")
  func remembered() {
    var generator = SplitMix(state: 0x6d65_6d6f)
    let decoder = Decoder()
    var differences: [String] = []
    for round in 0..<100_000 {
      let word = generator.next()
      var bytes = (0..<2).flatMap { _ in withUnsafeBytes(of: generator.next()) { Array($0) } }
      // Often an escape, a prefix or both, and few opcodes, so that shapes come again with other tails.
      if word & 3 == 0 { bytes[0] = 0x0f }
      if word & 12 == 0 { bytes[0] = [0x66, 0x67, 0x2e, 0x64][Int(word >> 8) & 3] }
      if word & 48 == 0 { bytes[1] = 0x0f }
      let size: CodeSize = round % 2 == 0 ? .bits32 : .bits16
      bytes.withUnsafeBytes { buffer in
        let base = buffer.baseAddress!
        let instruction = decoder.decode(base, count: 15, size: size)
        guard instruction.operation.isInstruction else { return }
        if decoder.capstoneAnswer(base, count: 15, size: size) != Int(instruction.length),
          decode(Array(bytes[..<15]), size) != instruction
        {
          differences.append(hex(bytes))
        }
      }
    }
    #expect(differences.isEmpty, "\(differences.prefix(10))")
  }
}
