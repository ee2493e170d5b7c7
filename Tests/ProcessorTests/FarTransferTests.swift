import ISA
import Testing

@testable import Processor

@Suite("Far transfers")
struct FarTransferTests {
  @Test("JMP far loads CS, and a conforming segment keeps the privilege")
  func jump() throws {
    // jmp 0x30:0x9000 lies in the handlers' page: vector 0's HLT
    let guest = try ProtectedGuest([0xea, 0, 0x90, 0, 0, 0x30, 0])
    guest.define(6, SegmentDescriptor(base: 0, limit: 0xffff_ffff, type: 11))
    #expect(guest.run() == .halt)
    #expect(guest.processor.instructionPointer == 0x9001 && guest.processor[.cs].selector == 0x30)

    let user = try ProtectedGuest([0xea, 0x10, 0xc0, 0, 0, 0x30, 0], isUser: true)
    user.define(6, SegmentDescriptor(base: 0, limit: 0xffff_ffff, type: 15))
    user.put([0xf4], at: 0xc010)
    #expect(user.vectorOfHalt() == 13)
    #expect(user.stack(1) == 0xc010)
    #expect(user.stack(2) == 0x33, "CS of the fault in the conforming segment: RPL is the level that stays")
  }

  @Test("CALL far pushes CS and the next EIP, and RETF comes back", arguments: [false, true])
  func call(narrow: Bool) throws {
    let prefix: [UInt8] = narrow ? [0x66] : []
    // call 8:0xc000 (from memory); hlt. There: retf
    let guest = try ProtectedGuest(prefix + [0xff, 0x1d, 0, 0xd0, 0, 0, 0xf4])
    guest.put(narrow ? [0, 0xc0, 8, 0] : [0, 0xc0, 0, 0, 8, 0], at: 0xd000)
    guest.put(prefix + [0xcb], at: 0xc000)
    #expect(guest.run() == .halt)
    #expect(guest.processor.instructionPointer == ProtectedGuest.code + UInt32(prefix.count) + 7)
    #expect(guest.processor[register: 4] == ProtectedGuest.stack)
    #expect(guest.word(ProtectedGuest.stack - (narrow ? 2 : 4)) & 0xffff == 8)
  }

  @Test("a call gate takes ring 3 to ring 0 with its parameters copied, and RETF n takes it back")
  func callGate() throws {
    // push 0x11; push 0x22; call 0x33:0 ; hlt
    let guest = try ProtectedGuest([0x6a, 0x11, 0x6a, 0x22, 0x9a, 0, 0, 0, 0, 0x33, 0, 0xf4], isUser: true)
    guest.define(6, SegmentDescriptor(gate: .callGate32, selector: 8, offset: 0xc000, dpl: 3, parameters: 2))
    // mov eax, [esp + 8]; mov ecx, [esp + 12]; retf 8
    guest.put([0x8b, 0x44, 0x24, 8, 0x8b, 0x4c, 0x24, 12, 0xca, 8, 0], at: 0xc000)
    #expect(guest.vectorOfHalt() == 13)
    #expect(guest.stack(1) == ProtectedGuest.code + 11)
    #expect(guest.processor[register: 0] == 0x22 && guest.processor[register: 1] == 0x11)
    #expect(guest.stack(4) == ProtectedGuest.userStack, "RETF n drops the parameters from both stacks")
    // The inner stack held SS, ESP, the parameters, CS and EIP.
    let top = ProtectedGuest.stack
    #expect(guest.word(top - 4) == UInt32(ProtectedGuest.userData))
  }

  @Test("a gate that the caller may not use is #GP of its selector, an absent one #NP")
  func refusedGates() throws {
    for (gate, vector) in [
      (SegmentDescriptor(gate: .callGate32, selector: 8, offset: 0xc000, dpl: 0), UInt8(13)),
      (SegmentDescriptor(gate: .callGate32, selector: 8, offset: 0xc000, dpl: 3, isPresent: false), 11),
    ] {
      let guest = try ProtectedGuest([0x9a, 0, 0, 0, 0, 0x33, 0], isUser: true)
      guest.define(6, gate)
      #expect(guest.vectorOfHalt() == vector)
      #expect(guest.stack(0) == 0x30 && guest.stack(1) == ProtectedGuest.code)
    }
  }

  @Test("in real mode a far jump makes the base from the paragraph")
  func realMode() throws {
    // jmp 0x0c00:0x0010
    let guest = try GuestCode([0xea, 0x10, 0, 0, 0x0c], mode: .real)
    guest.guest.put([0xf4], at: 0xc010)
    let processor = guest.guest.processor
    processor.instructionPointer = GuestCode.code
    #expect(guest.guest.run() == .halt)
    #expect(processor[.cs].base == 0xc000 && processor.instructionPointer == 0x11)
  }

  @Test("CR0.PE makes no difference until CS is loaded; then the descriptor counts")
  func enteringProtectedMode() throws {
    // mov eax, cr0; or al, 1; mov cr0, eax; jmp 8:0xd000, in 16-bit code
    let guest = try GuestCode([0x0f, 0x20, 0xc0, 0x0c, 1, 0x0f, 0x22, 0xc0, 0x66, 0xea, 0, 0xd0, 0, 0, 8, 0], mode: .real)
    // mov eax, 0x12345678; hlt, in 32-bit code
    guest.guest.put([0xb8, 0x78, 0x56, 0x34, 0x12, 0xf4], at: 0xd000)
    guest.guest.processor.instructionPointer = GuestCode.code
    #expect(guest.guest.run() == .halt)
    #expect(guest.guest.processor[register: 0] == 0x1234_5678)
    #expect(guest.guest.processor[.cs].isBig)
  }
}
