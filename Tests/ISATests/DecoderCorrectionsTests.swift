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

  @Test("over all opcodes and ModRM bytes, Capstone and the opcode map differ only where a row or an x87 encoding says so",
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
