#if TRANSLATOR

  // What stands when windows are given up in the middle of a period: at a fault, with a string half copied or a budget used
  // up. The same guest on the interpreter says how it must be.

  import Testing

  @testable import Processor

  @Suite("windows that are given up at a fault", .enabled(if: EngineKind.translator.isAvailable))
  struct GivenUpWindowTests {
    /// mov ebx, 40; next: invlpg [0x50000000]; dec ebx; jnz next: more than windows are worth, and no fault yet.
    private static let disturbances: [UInt8] = [
      0xbb, 40, 0, 0, 0, 0x0f, 0x01, 0x3d, 0, 0, 0, 0x50, 0x4b, 0x75, 0xf6,
    ]

    /// A guest that was quiet for so long that the translator, if it is one, uses windows.
    private func quietGuest(_ engine: EngineKind) throws -> PagedGuest {
      let guest = try PagedGuest([])
      guest.processor.useEngine(engine, paths: .measured)
      guest.processor.translate(fromExecution: 1)
      for page in UInt32(0)..<2 {
        guest.map(0x4000_0000 + page << 12, to: 0x18_0000 + page << 12)
        guest.map(0x6000_0000 + page << 12, to: 0x19_0000 + page << 12)
      }
      for n in UInt32(0)..<0x800 { guest.put(n &* 0x0101_0101, at: 0x18_0000 + n * 4) }
      // mov ecx, 0x200000; again: dec ecx; jnz again
      for (n, byte) in ([0xb9, 0, 0, 0x20, 0, 0x49, 0x75, 0xfd] as [UInt8]).enumerated() {
        guest.cpu.writePhysical(UInt64(ProtectedGuest.code) + UInt64(n), byte)
      }
      for _ in 0..<6 { #expect(guest.guest.run(250_000) == .budget) }
      let isWindowed = guest.cpu.s.pointee.context & EngineMode.window != 0
      #expect(isWindowed == (engine == .translator))
      return guest
    }

    /// Puts the code in place and runs it for so many instructions at a time.
    /// - Returns: whether the translator still uses windows.
    private func expectSame(_ code: [UInt8], ecx: UInt32, esi: UInt32 = 0, cuts: [UInt64]) throws -> Bool {
      let guests = try [EngineKind.interpreter, .translator].map(quietGuest)
      for guest in guests {
        for (n, byte) in (code + [0xf4]).enumerated() {
          guest.cpu.writePhysical(UInt64(ProtectedGuest.code) + UInt64(n), byte)
        }
        guest.processor.instructionPointer = ProtectedGuest.code
        guest.processor[register: 1] = ecx
        guest.processor[register: 6] = esi
      }
      for cut in cuts {
        let exits = guests.map { $0.guest.run(cut) }
        #expect(exits[0] == exits[1])
        let differences = guests[0].processor.architecturalState.differences(from: guests[1].processor.architecturalState)
        #expect(differences.isEmpty, "after \(cut) more: \(differences)")
      }
      for page in [0x18_0000, 0x18_1000, 0x19_0000, 0x19_1000] as [UInt32] {
        for word in UInt32(0)..<1024 {
          #expect(guests[0].guest.word(page + word * 4) == guests[1].guest.word(page + word * 4))
        }
      }
      return withExtendedLifetime(guests) { guests[1].cpu.s.pointee.context & EngineMode.window != 0 }
    }

    @Test("a string that was being copied has the guest's registers, and is copied to its end")
    func strings() throws {
      // mov edi, 0x60000ff0; rep movsb
      let code = Self.disturbances + [0xbf, 0xf0, 0x0f, 0, 0x60, 0xf3, 0xa4]
      #expect(try !expectSame(code, ecx: 32, esi: 0x4000_0ff0, cuts: [1000]))
    }

    @Test("a budget that ends in a loop is all paid back")
    func budgets() throws {
      // again: inc eax; dec ecx; jnz again
      let code = Self.disturbances + [0x40, 0x49, 0x75, 0xfc]
      #expect(try expectSame(code, ecx: 5000, cuts: [500, 333, 1, 2, 1000]))
    }
  }

#endif
