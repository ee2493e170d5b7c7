import ISA
import Testing

@testable import Processor

@Suite("Exceptions")
struct ExceptionTests {
  @Test("faults show the instruction's own EIP, traps the next one's", arguments: [
    (UInt8(0), [0xf7, 0xf1], false), (3, [0xcc], true), (6, [0x0f, 0x0b], false), (1, [0xf1], true),
    (13, [0xcd, 0x81], false), (4, [0xce], true),
  ] as [(UInt8, [UInt8], Bool)])
  func addresses(vector: UInt8, code: [UInt8], isTrap: Bool) throws {
    for way in Way.allCases {
      // Only gate 0x81 is out of the table.
      let guest = try GuestCode([0x90] + code, way: way)
      guest.guest.cpu.s.pointee.idtr.limit = 0x81 * 8 - 1
      let end = guest.run(Input(flags: vector == 4 ? .of : []))
      #expect(end.fault?.vector == vector, "\(way)")
      #expect(end.fault?.at == 1 + (isTrap ? UInt32(code.count) : 0), "\(way)")
      #expect(end.retired == (isTrap ? 2 : 1), "\(way)")
    }
  }

  @Test("encodings that don't exist are #UD, and LOCK only goes with what it is made for")
  func undefined() throws {
    for code in [
      [0x0f, 0xff], [0xff, 0xf8], [0xfe, 0xd0], [0x8d, 0xc0], [0xf0, 0x90], [0xf0, 0x8b, 0x06], [0xf0, 0x01, 0xc8],
      [0xf0, 0x39, 0x06], [0x0f, 0xc7, 0xc8], [0x62, 0xc0], [0xc4, 0xc0], [0x8e, 0xc8], [0x0f, 0x20, 0xc8],
    ] as [[UInt8]] {
      #expect(try run(code).fault == Fault(vector: 6, errorCode: nil, at: 0), "\(code.hex)")
    }
    for code in [[0xf0, 0x01, 0x06], [0xf0, 0x87, 0x06], [0xf0, 0x0f, 0xb1, 0x0e], [0xf0, 0xff, 0x06]] as [[UInt8]] {
      #expect(try run(code).fault == nil, "\(code.hex)")
    }
  }

  @Test("fifteen bytes are an instruction, sixteen are #GP")
  func length() throws {
    #expect(try run([UInt8](repeating: 0x26, count: 14) + [0x90]).fault == nil)
    #expect(try run([UInt8](repeating: 0x26, count: 15) + [0x90]).fault == Fault(vector: 13, errorCode: 0, at: 0))
  }

  @Test("code that runs over the limit of CS is #GP at the instruction that crosses it")
  func codeLimit() throws {
    for way in [Way.general, .stepped] {
      let guest = try GuestCode([0x40, 0x40, 0xb8, 1, 0], way: way, mode: .code16)
      guest.guest.processor[.cs] = SegmentCache(selector: 8, base: 0, limit: GuestCode.code + 3, attributes: 0x9b)
      let end = guest.run(Input())
      #expect(end.fault == Fault(vector: 13, errorCode: 0, at: 2) && end.eax == 2, "\(way)")
    }
  }

  @Test("a fault in ring 3 goes to the stack that the TSS names, with SS and ESP saved")
  func innerStack() throws {
    let guest = try ProtectedGuest([0x0f, 0x0b], isUser: true)
    #expect(guest.vectorOfHalt() == 6)
    #expect(guest.processor[register: 4] == ProtectedGuest.stack - 20)
    #expect(guest.stack(0) == ProtectedGuest.code && guest.stack(1) == UInt32(ProtectedGuest.userCode))
    #expect(guest.stack(3) == ProtectedGuest.userStack && guest.stack(4) == UInt32(ProtectedGuest.userData))
    #expect(guest.processor.privilegeLevel == 0)
  }

  @Test("alignment is checked at ring 3 with AM and AC, and only there")
  func alignment() throws {
    for (isUser, mask, flag, vector) in [
      (true, true, true, UInt8(17)), (true, false, true, 6), (true, true, false, 6), (false, true, true, 6),
    ] {
      // mov eax, [0xc001]; ud2
      let guest = try ProtectedGuest([0xa1, 1, 0xc0, 0, 0, 0x0f, 0x0b], isUser: isUser)
      if mask { guest.cpu.s.pointee.cr0 |= CR0.am.rawValue }
      guest.processor.eflags = 2 | (flag ? EFlags.ac.rawValue : 0)
      #expect(guest.vectorOfHalt() == vector)
    }
  }

  @Test("virtual-8086 code faults to ring 0 with its segments on the stack")
  func virtual8086() throws {
    // mov ax, 0x1234; hlt, which is privileged
    let guest = try GuestCode([0xb8, 0x34, 0x12], way: .general, mode: .virtual8086)
    let processor = guest.guest.processor
    processor.instructionPointer = GuestCode.code
    processor[register: 4] = 0x6000
    #expect(guest.guest.vectorOfHalt() == 13)
    #expect(processor[register: 0] & 0xffff == 0x1234)
    #expect(guest.guest.stack(1) == GuestCode.code + 3)
    #expect(guest.guest.stack(3) & EFlags.vm.rawValue != 0)
    #expect(guest.guest.stack(4) == 0x6000)
    #expect(processor[register: 4] == ProtectedGuest.stack - 40)
    #expect(processor[.ds] == SegmentCache() && processor.eflags & EFlags.vm.rawValue == 0)
  }
}
