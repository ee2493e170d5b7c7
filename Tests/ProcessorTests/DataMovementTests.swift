import ISA
import Testing

@testable import Processor

@Suite("Data movement")
struct DataMovementTests {
  @Test("MOV moves bytes, words and doublewords between registers, memory and numbers, and leaves flags")
  func mov() throws {
    let cases: [(String, [UInt8], (Outcome) -> Bool)] = [
      ("mov ecx, edx", [0x89, 0xd1], { $0.ecx == 0x89ab_cdef }),
      ("mov ecx, edx the other way", [0x8b, 0xca], { $0.ecx == 0x89ab_cdef }),
      ("mov cx, dx", [0x66, 0x89, 0xd1], { $0.ecx == 0x1111_cdef }),
      ("mov cl, dh", [0x88, 0xf1], { $0.ecx == 0x1111_11cd }),
      ("mov ch, dl", [0x88, 0xd5], { $0.ecx == 0x1111_ef11 }),
      ("mov [esi], edx", [0x89, 0x16], { $0.data(0, size: 4) == 0x89ab_cdef }),
      ("mov [esi], dx", [0x66, 0x89, 0x16], { $0.data(0, size: 4) == 0x4444_cdef }),
      ("mov [esi], dl", [0x88, 0x16], { $0.data(0, size: 4) == 0x4444_44ef }),
      ("mov ecx, [esi]", [0x8b, 0x0e], { $0.ecx == 0x4444_4444 }),
      ("mov cx, [esi]", [0x66, 0x8b, 0x0e], { $0.ecx == 0x1111_4444 }),
      ("mov ch, [esi]", [0x8a, 0x2e], { $0.ecx == 0x1111_4411 }),
      ("mov ecx, [esi + edi * 8 + 4]", [0x8b, 0x4c, 0xfe, 0x04], { $0.ecx == 0x5555_5555 }),
      ("mov ecx, 0x12345678", [0xb9, 0x78, 0x56, 0x34, 0x12], { $0.ecx == 0x1234_5678 }),
      ("mov byte [esi], 0x80", [0xc6, 0x06, 0x80], { $0.data(0, size: 4) == 0x4444_4480 }),
      ("mov word [esi], 0x1234", [0x66, 0xc7, 0x06, 0x34, 0x12], { $0.data(0, size: 4) == 0x4444_1234 }),
      ("mov dword [esi], 0x12345678", [0xc7, 0x06, 0x78, 0x56, 0x34, 0x12], { $0.data(0, size: 4) == 0x1234_5678 }),
      ("mov eax, [0xc000]", [0xa1, 0x00, 0xc0, 0, 0], { $0.eax == 0x4444_4444 }),
      ("mov [0xc004], al", [0xa2, 0x04, 0xc0, 0, 0], { $0.data(4, size: 4) == 0x5555_5577 }),
    ]
    for (name, code, check) in cases {
      let end = try run(
        code,
        Input(
          eax: 0x7777_7777, ecx: 0x1111_1111, edx: 0x89ab_cdef, flags: [.cf, .sf, .af],
          data: [UInt8](words: 0x4444_4444, 0x5555_5555)))
      #expect(check(end), "\(name): \(end)")
      #expect(end.flags == [.cf, .sf, .af], "\(name)")
    }
  }

  @Test("MOVZX and MOVSX fill the upper bits, of 16-bit destinations only the lower half")
  func extensions() throws {
    let input = Input(ecx: 0x1111_1111, edx: 0x1234_80f0, data: [UInt8](words: 0xffff_fffe))
    let cases: [(String, [UInt8], UInt32)] = [
      ("movzx ecx, dl", [0x0f, 0xb6, 0xca], 0xf0), ("movzx ecx, dh", [0x0f, 0xb6, 0xce], 0x80),
      ("movzx ecx, dx", [0x0f, 0xb7, 0xca], 0x80f0), ("movsx ecx, dl", [0x0f, 0xbe, 0xca], 0xffff_fff0),
      ("movsx ecx, dx", [0x0f, 0xbf, 0xca], 0xffff_80f0), ("movzx cx, dl", [0x66, 0x0f, 0xb6, 0xca], 0x1111_00f0),
      ("movsx cx, dl", [0x66, 0x0f, 0xbe, 0xca], 0x1111_fff0), ("movzx ecx, byte [esi]", [0x0f, 0xb6, 0x0e], 0xfe),
      ("movsx ecx, byte [esi]", [0x0f, 0xbe, 0x0e], 0xffff_fffe), ("movzx ecx, word [esi]", [0x0f, 0xb7, 0x0e], 0xfffe),
      ("movsx ecx, word [esi]", [0x0f, 0xbf, 0x0e], 0xffff_fffe),
    ]
    for (name, code, wanted) in cases { #expect(try run(code, input).ecx == wanted, "\(name)") }
  }

  @Test("XCHG swaps, also a register with a part of itself")
  func xchg() throws {
    let registers = try run([0x87, 0xd1], Input(ecx: 1, edx: 2))
    #expect(registers.ecx == 2 && registers.edx == 1)
    let memory = try run([0x87, 0x0e], Input(ecx: 1, data: [UInt8](words: 9)))
    #expect(memory.ecx == 9 && memory.data(0, size: 4) == 1)
    #expect(try run([0x86, 0xe0], Input(eax: 0x1234)).eax == 0x3412)
    let accumulator = try run([0x93], Input(eax: 5, ebx: 6))
    #expect(accumulator.eax == 6 && accumulator.ebx == 5)
  }

  @Test("CMPXCHG stores on equality, else loads the accumulator; the flags are those of CMP")
  func cmpxchg() throws {
    let equal = try run([0x0f, 0xb1, 0x0e], Input(eax: 7, ecx: 9, data: [UInt8](words: 7)))
    #expect(equal.data(0, size: 4) == 9 && equal.eax == 7 && equal.flags.contains(.zf))
    let other = try run([0x0f, 0xb1, 0x0e], Input(eax: 6, ecx: 9, data: [UInt8](words: 7)))
    #expect(other.data(0, size: 4) == 7 && other.eax == 7)
    #expect(other.flags == ReferenceALU(width: Width(bits: 32)).subtract(6, 7).1)
    let byte = try run([0x0f, 0xb0, 0xca], Input(eax: 0xaa05, ecx: 1, edx: 0x1105))
    #expect(byte.edx == 0x1101 && byte.eax == 0xaa05)
    let wide = try run([0x0f, 0xc7, 0x0e], Input(eax: 1, ecx: 3, edx: 2, ebx: 4, flags: [.cf], data: [UInt8](words: 1, 2)))
    #expect(wide.data(0, size: 4) == 4 && wide.data(4, size: 4) == 3 && wide.flags == [.cf, .zf])
    let unequal = try run([0x0f, 0xc7, 0x0e], Input(eax: 1, ecx: 3, edx: 9, ebx: 4, data: [UInt8](words: 1, 2)))
    #expect(unequal.eax == 1 && unequal.edx == 2 && unequal.data(4, size: 4) == 2 && unequal.flags == [])
  }

  @Test("XADD leaves the sum in the destination and the old value in the source; one register twice keeps the sum")
  func xadd() throws {
    let registers = try run([0x0f, 0xc1, 0xd1], Input(ecx: 5, edx: 7))
    #expect(registers.ecx == 12 && registers.edx == 5)
    #expect(try run([0x0f, 0xc1, 0xc9], Input(ecx: 5)).ecx == 10)
    let memory = try run([0x0f, 0xc1, 0x16], Input(edx: 1, data: [UInt8](words: 0xffff_ffff)))
    #expect(memory.data(0, size: 4) == 0 && memory.edx == 0xffff_ffff && memory.flags.isSuperset(of: [.cf, .zf]))
  }

  @Test("LEA computes an address and touches no memory")
  func lea() throws {
    #expect(try run([0x8d, 0x8c, 0xbe, 0x10, 0, 0, 0], Input(esi: 0xffff_fff0, edi: 3)).ecx == 12)
    #expect(try run([0x66, 0x8d, 0x4e, 0x10], Input(ecx: 0x1111_1111, esi: 0xfff8)).ecx == 0x1111_0008)
    // lea ecx, [si + 0x10], an address of 16 bits
    #expect(try run([0x67, 0x8d, 0x4c, 0x10], Input(ecx: 0x1111_1111, esi: 0xfff8)).ecx == 8)
  }

  @Test("SETcc and CMOVcc follow the condition", arguments: UInt8(0)..<16)
  func conditional(condition: UInt8) throws {
    let set = try AllWays([0x0f, 0x90 | condition, 0xc1, 0x0f, 0x40 | condition, 0xda])
    let store = try AllWays([0x0f, 0x90 | condition, 0x06])
    for image in UInt32(0)..<0x1000 where image & ~EFlags.status.rawValue == 0 {
      let flags = EFlags(rawValue: image), holds = LazyFlags(eflags: image).holds(condition)
      let end = set.run(Input(ecx: 0xffff_ffff, edx: 5, ebx: 6, flags: flags))
      #expect(end.ecx == (holds ? 0xffff_ff01 : 0xffff_ff00))
      #expect(end.ebx == (holds ? 5 : 6))
      #expect(store.run(Input(flags: flags)).data[0] == (holds ? 1 : 0))
    }
  }

  @Test("the small ones: BSWAP, XLAT, LAHF, SAHF, CBW, CWDE, CWD, CDQ")
  func small() throws {
    #expect(try run([0x0f, 0xc9], Input(ecx: 0x1234_5678)).ecx == 0x7856_3412)
    #expect(try run([0xd7], Input(eax: 0xff02, ebx: GuestCode.data, data: [1, 2, 3])).eax == 0xff03)
    #expect(try run([0x9f], Input(flags: [.cf, .zf, .of])).eax == 0x4300)
    #expect(try run([0x9e], Input(eax: 0xd500, flags: [.of])).flags == [.cf, .pf, .af, .zf, .sf, .of])
    #expect(try run([0x9e], Input(eax: 0x2a00, flags: [.cf])).flags == [])
    #expect(try run([0x66, 0x98], Input(eax: 0x1111_1180)).eax == 0x1111_ff80)
    #expect(try run([0x98], Input(eax: 0x1111_8000)).eax == 0xffff_8000)
    #expect(try run([0x66, 0x99], Input(eax: 0x8000, edx: 0x1111_1111)).edx == 0x1111_ffff)
    #expect(try run([0x99], Input(eax: 0x8000_0000)).edx == 0xffff_ffff)
  }

  @Test("an access that reaches beyond its segment's limit is #GP and moves nothing")
  func limits() throws {
    // In the general way only is there a limit to reach: mov eax, [0xfffffffc] ends one byte beyond it.
    let guest = try GuestCode([0xa1, 0xfc, 0xff, 0xff, 0xff], way: .general)
    let end = guest.run(Input(eax: 5))
    #expect(end.fault == Fault(vector: 13, errorCode: 0, at: 0) && end.eax == 5)
    let real = try run([0xa1, 0xff, 0xff], mode: .real, Input(eax: 5))
    #expect(real.fault == Fault(vector: 13, errorCode: nil, at: 0) && real.eax == 5)
    // mov ax, [bp - 1] with BP = 0 is the stack segment's.
    let stack = try run([0x8b, 0x46, 0xff], mode: .code16, Input(eax: 5))
    #expect(stack.fault == Fault(vector: 12, errorCode: 0, at: 0))
  }
}
