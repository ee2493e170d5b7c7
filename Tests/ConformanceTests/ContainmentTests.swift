#if TRANSLATOR

  // Containment: everything that was emitted in whole runs is read again and held to a list of what may be there.

  import Fuzzing
  import Testing
  import Trapline

  @testable import Processor

  @Suite("Containment of translated code", .enabled(if: EngineKind.translator.isAvailable))
  struct ContainmentTests {
    /// Guests of many kinds: arithmetic, x87, SSE, paging, segments, code that changes itself, system calls.
    private static let programs = GuestProgram.all.filter { $0.kind != .rom } + GuestProgram.pocket

    @Test(
      "no instruction that a run emits touches anything but its window, its state block and what was looked up",
      arguments: [MemoryPathChoice.window, .tlb, .measured])
    func wholeRuns(_ paths: MemoryPathChoice) throws {
      var checked = 0
      for program in Self.programs {
        let run = try GuestRun(program, warmth: 2) { $0.memoryPath = paths }
        var limits = run.limits
        limits.instructions = min(limits.instructions ?? .max, 2_000_000)
        _ = run.machine.run(limits)
        let translator = try #require(run.machine.processor.translator)
        let violations = HostCodeChecker(translator).violations()
        #expect(violations.isEmpty, "\(program): \(violations.prefix(5))")
        checked += translator.cache.codeBytes
      }
      #expect(checked > 100_000)
    }

    @Test(
      "an instruction that doesn't belong is found",
      arguments: [
        ("mov [rax], eax", [0x89, 0x00]), ("mov eax, [r14 + r13]", [0x43, 0x8b, 0x04, 0x2e]),
        ("mov eax, fs:[0]", [0x64, 0x8b, 0x04, 0x25, 0, 0, 0, 0]),
        ("mov rax, gs:[rax]", [0x65, 0x48, 0x8b, 0x00]), ("jmp rax", [0xff, 0xe0]), ("syscall", [0x0f, 0x05]),
        ("mov [r15 - 8], eax", [0x41, 0x89, 0x47, 0xf8]), ("mov r15, rax", [0x49, 0x89, 0xc7]),
        ("push rax", [0x50]), ("jmp far away", [0xe9, 0, 0, 1, 0]), ("rep stosb", [0xf3, 0xaa]),
        ("mov eax, [r15 + r13*8]", [0x43, 0x8b, 0x04, 0xef]),
      ] as [(String, [UInt8])])
    func planted(_ name: String, _ bytes: [UInt8]) throws {
      let program = try #require(Self.programs.first)
      let run = try GuestRun(program, warmth: 1) { $0.memoryPath = .window }
      _ = run.machine.run(RunLimits(instructions: 20_000))
      let translator = try #require(run.machine.processor.translator)
      var checker = HostCodeChecker(translator)
      #expect(checker.violations().isEmpty)
      let piece = try #require(checker.pieces.first)
      var code = checker.code
      code.replaceSubrange(piece.entry..<piece.entry + bytes.count, with: bytes)
      checker = HostCodeChecker(code: code, stubs: checker.stubs, pieces: checker.pieces)
      #expect(!checker.violations(of: piece).isEmpty, "\(name)")
    }
  }

#endif
