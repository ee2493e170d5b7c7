import ISA
import Testing

@testable import Processor

@Suite("Decoded blocks and stores into code")
struct BlockCacheTests {
  static let code = GuestCode.code

  /// `mov byte [address], value`
  private func patch(_ address: UInt32, _ value: UInt8) -> [UInt8] { [0xc6, 0x05] + [UInt8](words: address) + [value] }

  @Test("a store to the next instruction of the same block is seen by it")
  func nextInstruction() throws {
    // mov byte [next], inc ebx; next: inc ecx
    let code = patch(Self.code + 7, 0x43) + [0x41]
    for way in Way.allCases {
      let guest = try GuestCode(code, way: way)
      let end = guest.run(Input())
      #expect(end.ebx == 1 && end.ecx == 0, "\(way)")
      #expect(end.retired == 2)
    }
  }

  @Test("every store instruction that can hit code does: MOV, ALU, XCHG, PUSH, STOS, MOVS, SETcc, BTS, XADD, CALL")
  func allStores() throws {
    // Each replaces byte 0x41 (inc ecx) at the target by 0x43 (inc ebx), with EDI at the target.
    let cases: [(String, [UInt8], Input)] = [
      ("mov [edi], al", [0x88, 0x07], Input(eax: 0x43)),
      ("mov [edi], ax", [0x66, 0x89, 0x07], Input(eax: 0xf443)),
      ("mov [edi], eax", [0x89, 0x07], Input(eax: 0x9090_f443)),
      ("mov byte [edi], n", [0xc6, 0x07, 0x43], Input()),
      ("or byte [edi], 2", [0x80, 0x0f, 2], Input()),
      ("add [edi], al", [0x00, 0x07], Input(eax: 2)),
      ("add [edi], eax", [0x01, 0x07], Input(eax: 2)),
      ("xor dword [edi], 2", [0x83, 0x37, 2], Input()),
      ("xchg [edi], al", [0x86, 0x07], Input(eax: 0x43)),
      ("xchg [edi], eax", [0x87, 0x07], Input(eax: 0x9090_f443)),
      ("xadd [edi], al", [0x0f, 0xc0, 0x07], Input(eax: 2)),
      ("bts dword [edi], 1", [0x0f, 0xba, 0x2f, 1], Input()),
      ("stosb", [0xaa], Input(eax: 0x43)),
      ("stosd", [0xab], Input(eax: 0x9090_f443)),
      ("movsb", [0xa4], Input(data: [0x43])),
      ("movsd", [0xa5], Input(data: [0x43, 0xf4, 0x90, 0x90])),
      ("cmpxchg [edi], dl", [0x0f, 0xb0, 0x17], Input(eax: 0x41, edx: 0x43)),
      ("push eax", [0x50], Input(eax: 0x9090_f443)),
    ]
    for (name, code, input) in cases {
      for way in Way.allCases {
        let guest = try GuestCode(code + [0x41], way: way)
        var input = input
        input.edi = Self.code + UInt32(code.count)
        if name.hasPrefix("push") { input.esp = input.edi + 4 }
        let end = guest.run(input)
        #expect(end.ebx == 1 && end.ecx == 0, "\(name), \(way)")
      }
    }
  }

  @Test("a store to an earlier instruction is seen when it runs again")
  func earlierInstruction() throws {
    // again: inc ecx; mov byte [again], inc ebx; dec edx; jnz again
    let code: [UInt8] = [0x41] + patch(Self.code, 0x43) + [0x4a, 0x75, 0xf5]
    for way in Way.allCases {
      let end = try GuestCode(code, way: way).run(Input(edx: 3))
      #expect(end.ecx == 1 && end.ebx == 2, "\(way)")
    }
  }

  @Test("of a function that is patched before each call the new bytes run, whichever they are")
  func patchedFunction() throws {
    // f: mov eax, imm32; inc ecx; ret. Patched: the immediate, the register, the next instruction, the immediate again.
    let guest = try PagedGuest([])
    let function: UInt32 = 0x18_0000
    guest.map(function, to: function)
    for (n, byte) in ([0xb8, 1, 0, 0, 0, 0x41, 0xc3] as [UInt8]).enumerated() {
      guest.cpu.writePhysical(UInt64(function) + UInt64(n), byte)
    }
    func call() -> [UInt32] {
      // xor ecx, ecx; xor edx, edx; call esi
      #expect(guest.run([0x31, 0xc9, 0x31, 0xd2, 0xff, 0xd6], esi: function) == nil)
      return [0, 1, 2].map { guest.processor[register: $0] }
    }
    #expect(call() == [1, 1, 0])
    guest.cpu.writePhysical(UInt64(function) + 1, UInt32(0x1234_5678))
    #expect(call() == [0x1234_5678, 1, 0])
    guest.cpu.writePhysical(UInt64(function), UInt8(0xba))
    #expect(call()[2] == 0x1234_5678)
    guest.cpu.writePhysical(UInt64(function) + 5, UInt8(0x49))
    #expect(call()[1] == 0xffff_ffff)
    guest.cpu.writePhysical(UInt64(function) + 2, UInt8(0))
    #expect(call() == [0, 0xffff_ffff, 0x1234_0078])
  }

  @Test("a store through another linear page of the same frame is seen")
  func alias() throws {
    let guest = try PagedGuest([])
    guest.map(0x4000_0000, to: 0x8000)
    // mov byte [0x40000007], inc ebx; inc ecx
    let code = patch(0x4000_0007, 0x43) + [0x41]
    #expect(guest.run(code) == nil)
    #expect(guest.processor[register: 3] == 1 && guest.processor[register: 1] == 0)
  }

  @Test("an instruction over the edge of a page sees stores to either part, and new neighbours")
  func crossing() throws {
    let edge: UInt32 = 0x4000_1000
    let guest = try PagedGuest([])
    guest.map(edge - 0x1000, to: 0x18_0000)
    guest.map(edge, to: 0x18_2000)
    // At edge - 2: mov eax, 0x44332211; ret
    guest.guest.put([0xb8, 0x11], at: 0x18_0ffe)
    guest.guest.put([0x22, 0x33, 0x44, 0xc3], at: 0x18_2000)
    guest.guest.put([0x55, 0x66, 0x77, 0xc3], at: 0x18_4000)
    let call: [UInt8] = [0xff, 0xd6]
    #expect(guest.run(call, esi: edge - 2) == nil)
    #expect(guest.processor[register: 0] == 0x4433_2211)
    // Twice in a row, the second time through the links; then with a store to the second page, then to the first.
    #expect(guest.run(call + patch(edge + 2, 0x99) + call, esi: edge - 2) == nil)
    #expect(guest.processor[register: 0] == 0x9933_2211)
    #expect(guest.run(call + patch(edge - 1, 0x88) + call, esi: edge - 2) == nil)
    #expect(guest.processor[register: 0] == 0x9933_2288)
    // The second page becomes another one.
    guest.map(edge, to: 0x18_4000)
    #expect(guest.run(call + [0xb8] + [UInt8](words: edge) + [0x0f, 0x01, 0x38] + call, esi: edge - 2) == nil)
    #expect(guest.processor[register: 0] == 0x7766_5588)
    // And none at all: the fault is that of the second page.
    guest.map(edge, to: 0, 0)
    #expect(guest.run([0xb8] + [UInt8](words: edge) + [0x0f, 0x01, 0x38] + call, esi: edge - 2) == 14)
    #expect(guest.cpu.s.pointee.cr2 == edge)
  }

  @Test("after a remap and INVLPG, code linked to the old page runs the new one; without INVLPG it may run the old")
  func staleLinks() throws {
    let place: UInt32 = 0x4000_0000
    let guest = try PagedGuest([])
    guest.map(place, to: 0x18_0000)
    guest.guest.put([0xb8, 1, 0, 0, 0, 0xc3], at: 0x18_0000)
    guest.guest.put([0xb8, 2, 0, 0, 0, 0xc3], at: 0x18_1000)
    // A direct call, ten times over, so that its link is set: mov ecx, 10; again: call place; loop again
    let back = UInt32(bitPattern: Int32(place) - Int32(GuestCode.code) - 10)
    let loop: [UInt8] = [0xb9, 10, 0, 0, 0, 0xe8] + [UInt8](words: back) + [0xe2, 0xf9]
    #expect(guest.run(loop) == nil)
    #expect(guest.processor[register: 0] == 1)
    guest.map(place, to: 0x18_1000)
    guest.cpu.invalidatePage(place)
    guest.processor.instructionPointer = GuestCode.code
    guest.processor[register: 4] = GuestCode.stack
    #expect(guest.guest.vectorOfHalt() == nil)
    #expect(guest.processor[register: 0] == 2)
  }

  @Test("the same frame at two linear addresses runs at each with its own EIP")
  func twoPlaces() throws {
    let guest = try PagedGuest([])
    guest.map(0x4000_0000, to: 0x18_0000)
    guest.map(0x5000_0000, to: 0x18_0000)
    // call next; next: pop eax; ret
    guest.guest.put([0xe8, 0, 0, 0, 0, 0x58, 0xc3], at: 0x18_0000)
    #expect(guest.run([0xff, 0xd6], esi: 0x4000_0000) == nil)
    #expect(guest.processor[register: 0] == 0x4000_0005)
    #expect(guest.run([0xff, 0xd6], esi: 0x5000_0000) == nil)
    #expect(guest.processor[register: 0] == 0x5000_0005)
  }

  @Test("data beside code costs little: stores next to it throw no block away")
  func dataBesideCode() throws {
    // again: inc dword [code + 0x400]; add [code + 0x500], ecx; loop again: in the page of the code, not in its lines.
    let code: [UInt8] =
      [0xff, 0x05] + [UInt8](words: Self.code + 0x400) + [0x01, 0x0d] + [UInt8](words: Self.code + 0x500) + [0xe2, 0xf2]
    let guest = try GuestCode(code)
    _ = guest.run(Input(ecx: 10))
    let before = guest.guest.processor.counters
    let end = guest.run(Input(ecx: 10_000))
    let after = guest.guest.processor.counters
    #expect(end.ecx == 0)
    #expect(after.blocksInvalidated == before.blocksInvalidated)
    #expect(after.blocksDecoded - before.blocksDecoded < 10)
    #expect(after.pageWalks - before.pageWalks < 10)
  }

  @Test("data within a line of code throws away only the blocks that its bytes belong to")
  func dataWithinALine() throws {
    // jmp over a counter of four bytes; inc dword [counter]; loop
    let code: [UInt8] = [0xeb, 0x04, 0, 0, 0, 0, 0xff, 0x05] + [UInt8](words: Self.code + 2) + [0xe2, 0xf8]
    let guest = try GuestCode(code)
    _ = guest.run(Input(ecx: 5))
    let before = guest.guest.processor.counters.blocksInvalidated
    _ = guest.run(Input(ecx: 1000))
    #expect(guest.guest.processor.counters.blocksInvalidated == before)
    #expect(guest.guest.word(Self.code + 2) == 1005)
  }

  @Test("when the arena is full everything is decoded again, and nothing else happens")
  func overflow() throws {
    let guest = try ProtectedGuest([])
    // Far more code than the arena has slots for: 0x70000 bytes of inc eax in blocks of 64, three times over.
    let start: UInt32 = 0x10_0000, length: UInt32 = 0x8_0000
    guest.put([UInt8](repeating: 0x40, count: Int(length)), at: start)
    guest.put([0xf4], at: start + length)
    for round in UInt32(1)...3 {
      guest.processor.instructionPointer = start
      #expect(guest.run(UInt64(length) + 10) == .halt)
      #expect(guest.processor[register: 0] == round * length)
    }
    #expect(guest.processor.counters.blocksDecoded > 2 * UInt64(length) / 64)
  }

  @Test("when code generations are used up, every block proves itself again")
  func generations() throws {
    let guest = try PagedGuest([])
    guest.map(0x4000_0000, to: 0x18_0000)
    guest.guest.put([0xb8, 1, 0, 0, 0, 0xc3], at: 0x18_0000)
    guest.guest.put([0xb8, 2, 0, 0, 0, 0xc3], at: 0x18_1000)
    #expect(guest.run([0xff, 0xd6], esi: 0x4000_0000) == nil)
    let context = guest.cpu.s.pointee.context
    guest.map(0x4000_0000, to: 0x18_1000)
    guest.cpu.s.pointee.context = context | ~(EngineMode.generation - 1)
    guest.cpu.flushTLB(keepingGlobal: false)
    #expect(guest.cpu.s.pointee.context / EngineMode.generation == 0)
    while guest.cpu.s.pointee.context / EngineMode.generation != context / EngineMode.generation { guest.cpu.invalidateCodeTranslations() }
    #expect(guest.run([0xff, 0xd6], esi: 0x4000_0000) == nil)
    #expect(guest.processor[register: 0] == 2)
  }

  @Test("code beyond memory reads as ones: FF FF is an invalid opcode there")
  func nowhere() throws {
    // jmp esi into a hole
    let end = try run([0xff, 0xe6], Input(esi: 0xd000_0000))
    #expect(end.fault?.vector == 6)
  }
}
