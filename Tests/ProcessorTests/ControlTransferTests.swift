import ISA
import Testing

@testable import Processor

@Suite("Control transfer")
struct ControlTransferTests {
  @Test("jumps skip what they jump over, near and far displacements alike")
  func jumps() throws {
    #expect(try run([0xeb, 0x02, 0xb3, 0x01]).ebx == 0)
    #expect(try run([0xe9, 0x02, 0, 0, 0, 0xb3, 0x01]).ebx == 0)
    // mov ecx, code + 9; jmp ecx; mov bl, 1
    #expect(try run([0xb9, 0x09, 0x80, 0, 0, 0xff, 0xe1, 0xb3, 0x01]).ebx == 0)
    #expect(try run([0xff, 0x26, 0xb3, 0x01], Input(data: [UInt8](words: GuestCode.code + 4))).ebx == 0)
  }

  @Test("CALL pushes the next instruction's address and RET goes there; RET n drops n bytes more")
  func calls() throws {
    // call +1; hlt-free: jmp over the function; the function: mov bl, 7; ret
    let end = try run([0xe8, 0x02, 0, 0, 0, 0xeb, 0x03, 0xb3, 0x07, 0xc3])
    #expect(end.ebx == 7 && end.esp == GuestCode.stack && end.stack(GuestCode.stack - 4) == GuestCode.code + 5)
    // push 1; push 2; call; jmp; ret 8
    let dropped = try run([0x6a, 1, 0x6a, 2, 0xe8, 0x02, 0, 0, 0, 0xeb, 0x03, 0xc2, 0x08, 0x00])
    #expect(dropped.esp == GuestCode.stack)
    let indirect = try run([0xff, 0x16, 0xeb, 0x01, 0xc3], Input(data: [UInt8](words: GuestCode.code + 4)))
    #expect(indirect.esp == GuestCode.stack && indirect.retired == 3)
    // call [esp] reads its target before it pushes.
    let fromStack = try run([0x68, 0x0a, 0x80, 0, 0, 0xff, 0x14, 0x24, 0xeb, 0x01, 0xc3])
    #expect(fromStack.esp == GuestCode.stack - 4)
  }

  @Test("LOOP counts ECX down, LOOPE and LOOPNE look at ZF too, and none touches flags")
  func loops() throws {
    // again: inc eax; loop again
    let plain = try run([0x40, 0xe2, 0xfd], Input(ecx: 1000))
    #expect(plain.eax == 1000 && plain.ecx == 0 && plain.retired == 2000)
    #expect(try run([0xe2, 0xfe], Input(ecx: 1, flags: .status)).flags == .status)
    // dec edx; loopne
    let found = try run([0x4a, 0xe0, 0xfd], Input(ecx: 10, edx: 3))
    #expect(found.ecx == 7 && found.edx == 0)
    let notFound = try run([0x4a, 0xe1, 0xfd], Input(ecx: 10, edx: 3))
    #expect(notFound.ecx == 9)
    // loop with an address of 16 bits counts CX
    let narrow = try run([0x40, 0x67, 0xe2, 0xfc], Input(ecx: 0x1_0003))
    #expect(narrow.eax == 3 && narrow.ecx == 0x1_0000)
  }

  @Test("JECXZ and JCXZ look at the counter of the address size")
  func counterJumps() throws {
    #expect(try run([0xe3, 0x02, 0xb3, 1], Input(ecx: 0)).ebx == 0)
    #expect(try run([0xe3, 0x02, 0xb3, 1], Input(ecx: 0x1_0000)).ebx == 1)
    #expect(try run([0x67, 0xe3, 0x02, 0xb3, 1], Input(ecx: 0x1_0000)).ebx == 0)
  }

  @Test("a branch with a 16-bit operand cuts EIP to 16 bits")
  func narrowBranch() throws {
    // In real mode a displacement wraps within the segment: jmp to 0x8002 + 0x8000 = 0x10002 -> 2.
    let guest = try GuestCode([0xe9, 0xff, 0x7f], way: .general, mode: .real)
    guest.guest.put([0xeb, 0x00, 0xf4], at: 2)
    let end = guest.run(Input())
    #expect(end.at == 4 &- GuestCode.code)
  }

  @Test("a target beyond the code segment's limit is #GP at the branch, and nothing is pushed or counted")
  func limits() throws {
    let cases: [(String, [UInt8])] = [
      ("jmp", [0x66, 0xe9, 0, 0x60, 0, 0]), ("call", [0x66, 0xe8, 0, 0x80, 0, 0]), ("jmp eax", [0x66, 0xff, 0xe0]),
      ("loop", [0x66, 0x67, 0xe2, 0x70]), ("jz", [0x66, 0x0f, 0x84, 0, 0x80, 0, 0]), ("ret", [0x66, 0xc3]),
    ]
    for (name, code) in cases {
      for way in [Way.general, .stepped] {
        let guest = try GuestCode(code, way: way, mode: .code16)
        guest.guest.processor[.cs] = SegmentCache(
          selector: 8, base: 0, limit: name == "loop" ? GuestCode.code + 8 : 0xbfff, attributes: 0x9b)
        var input = Input(eax: 0xc000, ecx: 5, flags: .zf)
        if name == "ret" { input.esp = GuestCode.data; input.data = [UInt8](words: 0xffff_ffff) }
        let end = guest.run(input)
        #expect(end.fault == Fault(vector: 13, errorCode: 0, at: 0), "\(name), \(way)")
        #expect(end.registers == input.registers, "\(name), \(way)")
        #expect(end.retired == 0, "\(name)")
      }
    }
  }

  @Test("INT3, INTO and BOUND trap or fault where the manual says")
  func softwareInterrupts() throws {
    let breakpoint = try run([0xcc])
    #expect(breakpoint.fault == Fault(vector: 3, errorCode: nil, at: 1))
    #expect(try run([0xce], Input(flags: .of)).fault == Fault(vector: 4, errorCode: nil, at: 1))
    #expect(try run([0xce]).fault == nil)
    #expect(try run([0x62, 0x0e], Input(ecx: 5, data: [UInt8](words: 1, 4))).fault == Fault(vector: 5, errorCode: nil, at: 0))
    #expect(try run([0x62, 0x0e], Input(ecx: 4, data: [UInt8](words: 1, 4))).fault == nil)
    #expect(try run([0x0f, 0x0b]).fault == Fault(vector: 6, errorCode: nil, at: 0))
  }

  @Test("a chain of returns finds its way after the same function was called from many places")
  func manyCallers() throws {
    // Ten calls to a function at the end that increments EAX, three times over.
    var code: [UInt8] = [0xb9, 3, 0, 0, 0]
    for n in 0..<10 { code += [0xe8] + [UInt8](words: UInt32((9 - n) * 5 + 4)) }
    code += [0xe2, UInt8(bitPattern: -52), 0xeb, 0x02, 0x40, 0xc3]
    let end = try run(code)
    #expect(end.eax == 30 && end.esp == GuestCode.stack)
  }
}
