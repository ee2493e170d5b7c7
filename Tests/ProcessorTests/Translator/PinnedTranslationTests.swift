#if TRANSLATOR

  // The pinned table: for each form of a guest instruction that is translated, the host instructions that are emitted for
  // it, through the window and by way of the software TLB. It is reviewed like code: a change of the translator that makes
  // other code, better or worse, shows in its diff. To accept one: TRAPLINE_ACCEPT=1 swift test --filter PinnedTranslation.

  import Foundation
  import ISA
  import Testing
  import Translation

  @testable import Processor

  @Suite("Pinned translations", .enabled(if: EngineKind.translator.isAvailable))
  struct PinnedTranslationTests {
    private static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("PinnedTranslations.txt").path

    @Test("each guest instruction form becomes the host instructions that the table has for it")
    func table() throws {
      let made = try Self.make()
      if ProcessInfo.processInfo.environment["TRAPLINE_ACCEPT"] != nil {
        try made.joined(separator: "\n").appending("\n").write(toFile: Self.path, atomically: true, encoding: .utf8)
      }
      let pinned = try String(contentsOfFile: Self.path, encoding: .utf8).split(separator: "\n").map(String.init)
      #expect(made.count == pinned.count)
      for (new, old) in zip(made, pinned) where new != old {
        Issue.record("\(old)\nis now\n\(new)")
      }
      #expect(made.count > 400)
    }

    private static func make() throws -> [String] {
      let guest = try ProtectedGuest([])
      #expect(guest.processor.useEngine(.translator))
      let translator = try #require(guest.processor.translator)
      let names = Disassembler()
      var lines: [String] = []
      for bytes in PinnedForms.all {
        for (name, mode) in [("window", EngineMode.window), ("tlb   ", 0)] {
          let text = names.disassemble(bytes, at: 0x1000, size: .bits32).first?.text ?? "?"
          let made = Self.translate(bytes, mode, translator)
          lines.append("\(name)  \(text)  ->  \(made)")
        }
      }
      return lines
    }

    /// The code of one instruction, in a block of its own with a flag-setter behind it.
    private static func translate(_ bytes: [UInt8], _ mode: UInt64, _ translator: Translator) -> String {
      let decoder = Decoder()
      // add eax, ecx: the flags before it are dead.
      let padded = bytes + [0x01, 0xc8] + [UInt8](repeating: 0x90, count: 16)
      var instructions: [Instruction] = []
      padded.withUnsafeBytes { raw in
        let first = decoder.decode(raw.baseAddress!, count: 15, size: .bits32)
        instructions = [first, decoder.decode(raw.baseAddress! + bytes.count, count: 2, size: .bits32)]
      }
      let request = FragmentRequest(
        eip: 0x1000, mode: mode | EngineMode.kernel | EngineMode.openFS, number: 1, firstLink: 1, explicitAccesses: 0)
      return instructions.withUnsafeBufferPointer { buffer in
        var made = BlockTranslator(
          translator.cache.assembler, translator.cache.stubs, request, buffer.baseAddress!, count: 2)
        made.translate()
        let from = made.checkedEntry + Int(made.records[0].start), to = made.checkedEntry + Int(made.records[1].start)
        let code = UnsafePointer(translator.cache.writable)
        let kind = made.records[0].kind
        if kind == .callout { return "callout" }
        let text = HostDisassembler().instructions(code, from..<to).map { line -> String in
          // Where a field lies in the state block is the compiler's affair.
          guard let target = line.target else {
            return line.text.replacing(/\[r15 [+-] [0-9a-fx]+\]/, with: "[state]")
          }
          // Places in the cache move with every change of the shared code.
          let isInside = (made.checkedEntry..<made.asm.position).contains(target)
          return "\(line.mnemonic) \(isInside ? "+\(target - from)" : "shared code")"
        }
        return "\(kind): \(text.joined(separator: "; "))"
      }
    }
  }

  /// Encodings of the forms: every operation, with its operands in registers and in memory, in each size.
  enum PinnedForms {
    /// ModRM with reg = 3 (EBX, BL) or /digit: ECX; AH in byte forms; [EBX + 8]; [EBX + ESI*4 + 0x1000]; [0x2000]; [ESP + 4].
    private static func operands(_ digit: UInt8) -> [[UInt8]] {
      let reg = digit << 3
      return [
        [0xc1 | reg], [0x43 | reg, 8], [0x84 | reg, 0xb3, 0, 0x10, 0, 0], [0x05 | reg, 0, 0x20, 0, 0],
        [0x44 | reg, 0x24, 4],
      ]
    }

    private static func forms(_ opcode: [UInt8], _ digit: UInt8 = 3, immediate: [UInt8] = []) -> [[UInt8]] {
      operands(digit).map { opcode + $0 + immediate }
    }

    static let all: [[UInt8]] = {
      var all: [[UInt8]] = []
      for operation in UInt8(0)..<8 {
        for opcode in UInt8(0)..<4 { all += forms([operation << 3 | opcode]) }
        all += forms([0x80], operation, immediate: [0x7f]) + forms([0x81], operation, immediate: [0x78, 0x56, 0x34, 0x12])
          + forms([0x83], operation, immediate: [0xff])
        all += forms([0x66, operation << 3 | 1])
      }
      for opcode in [0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b] as [UInt8] { all += forms([opcode]) }
      all += forms([0x66, 0x89]) + forms([0x8a], 7) + forms([0x88], 4)
      all += forms([0xc6], 0, immediate: [1]) + forms([0xc7], 0, immediate: [1, 2, 3, 4])
      for digit in UInt8(2)..<8 { all += forms([0xf6], digit) + forms([0xf7], digit) }
      all += forms([0xf7], 0, immediate: [1, 2, 3, 4]) + forms([0xfe], 0) + forms([0xff], 0) + forms([0xff], 1)
      for digit in [0, 1, 2, 3, 4, 5, 7] as [UInt8] {
        all += forms([0xc1], digit, immediate: [5]) + forms([0xd1], digit) + [[0xd3, 0xc1 | digit << 3], [0xc0, 0xc1 | digit << 3, 3]]
      }
      for second in [0xa4, 0xac] as [UInt8] { all += forms([0x0f, second], immediate: [7]) }
      for second in [0xa3, 0xab, 0xaf, 0xb0, 0xb1, 0xb6, 0xb7, 0xbc, 0xbd, 0xbe, 0xbf, 0xc0, 0xc1, 0x44, 0x4f] as [UInt8] {
        all += forms([0x0f, second])
      }
      for digit in UInt8(4)..<8 { all += forms([0x0f, 0xba], digit, immediate: [9]) }
      all += forms([0x0f, 0x94], 0) + forms([0x69], immediate: [0, 0x10, 0, 0]) + forms([0x6b], immediate: [12])
      all += forms([0x8d]).dropFirst()
      // Short forms, the stack, flags.
      all += [
        [0x40], [0x4c], [0x50], [0x54], [0x58], [0x5c], [0x68, 1, 2, 3, 4], [0x6a, 0xff], [0x93], [0x94], [0x98], [0x99],
        [0x9c], [0x9d], [0x9e], [0x9f], [0xa1, 0, 0x20, 0, 0], [0xa3, 0, 0x20, 0, 0], [0xb8, 1, 2, 3, 4], [0xb4, 5],
        [0xc9], [0xf5], [0xf8], [0xf9], [0xfa], [0xfb], [0xfc], [0xfd], [0x0f, 0xc9], [0x0f, 0xcc], [0x0f, 0x06],
        [0x0f, 0xa2], [0x0f, 0x20, 0xd0], [0x8c, 0xd8], [0xf3, 0xa4], [0xf3, 0xa5], [0xf3, 0xab], [0xa4], [0xf3, 0xa6],
        [0x64, 0x8b, 0x03], [0x65, 0x8b, 0x03], [0x60], [0xcd, 0x80], [0x8e, 0xd8],
      ]
      all += forms([0xff], 6) + forms([0x8f], 0)
      // Transfers.
      all += [[0x74, 0x10], [0x0f, 0x8f, 0, 1, 0, 0], [0x74, 0xfe], [0xeb, 0x10], [0xe8, 0, 1, 0, 0], [0xc3], [0xc2, 8, 0], [0xe2, 0x10], [0xe3, 0x10]]
      all += forms([0xff], 2) + forms([0xff], 4)
      // x87 and SSE.
      all += [[0xd8, 0xc1], [0xd9, 0xc9], [0xde, 0xc1], [0xdb, 0xf1], [0xdf, 0xe0], [0x9b], [0xd9, 0x43, 8], [0xdd, 0x43, 8], [0xdd, 0x5b, 8], [0xdb, 0x6b, 8], [0xd9, 0x6b, 8], [0xd9, 0x7b, 8], [0xdc, 0x4b, 8]]
      for prefix in [[], [0x66], [0xf3], [0xf2]] as [[UInt8]] {
        for second in [0x10, 0x11, 0x58, 0x59, 0x6f, 0x7f] as [UInt8] {
          all += [prefix + [0x0f, second, 0xc1], prefix + [0x0f, second, 0x43, 8]]
        }
      }
      all += [[0x66, 0x0f, 0xef, 0xc1], [0x0f, 0x2e, 0xc1], [0xf2, 0x0f, 0x2a, 0xc1], [0xf2, 0x0f, 0x2c, 0xc1], [0x66, 0x0f, 0x6e, 0xc4], [0x0f, 0xae, 0xf0]]
      return all
    }()
  }

#endif
