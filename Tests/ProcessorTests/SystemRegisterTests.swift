import ISA
import Testing

@testable import Processor

@Suite("Control, debug and model-specific registers")
struct SystemRegisterTests {
  @Test("RESET leaves the state of SDM 3A, table 9-1")
  func reset() throws {
    let processor = try ProtectedGuest([]).processor
    processor.reset()
    let state = processor.state
    #expect(state.eip == 0xfff0)
    #expect(state.cr0 == 0x6000_0010)
    #expect(state.dr6 == 0xffff_0ff0)
    #expect(state.dr7 == 0x400)
    #expect(processor.eflags == 2)
    #expect(processor[register: 2] == CPUIDTable.signature)
    #expect(
      processor[.cs] == SegmentCache(selector: 0xf000, base: 0xffff_0000, limit: 0xffff, attributes: 0x93))
    #expect(processor[.gs] == SegmentCache(limit: 0xffff, attributes: 0x93))
  }

  /// Code that must be #GP(0) at its last instruction, of which the length is given.
  static let refused: [(name: String, code: [UInt8], last: UInt32)] = [
    ("CR0.PG without PE", [0xb8, 0, 0, 0, 0x80, 0x0f, 0x22, 0xc0], 3),
    ("CR0.NW without CD", [0xb8, 1, 0, 0, 0x20, 0x0f, 0x22, 0xc0], 3),
    ("CR4.VME, which CPUID doesn't offer", [0xb8, 1, 0, 0, 0, 0x0f, 0x22, 0xe0], 3),
    ("CR4.PCE, which CPUID doesn't offer", [0xb8, 0, 1, 0, 0, 0x0f, 0x22, 0xe0], 3),
    ("EFER.LME", [0xb9, 0x80, 0, 0, 0xc0, 0xb8, 0, 1, 0, 0, 0x31, 0xd2, 0x0f, 0x30], 2),
    ("an MSR that doesn't exist", [0xb9, 0x1b, 0, 0, 0, 0x0f, 0x32], 2),
    ("SYSENTER without a code segment", [0x0f, 0x34], 2),
    ("RDPMC without counters", [0x31, 0xc9, 0x0f, 0x33], 2),
  ]

  @Test("values that the manual forbids are #GP(0)", arguments: refused)
  func refusals(_ refused: (name: String, code: [UInt8], last: UInt32)) throws {
    let guest = try ProtectedGuest(refused.code)
    #expect(guest.vectorOfHalt() == 13, "\(refused.name)")
    #expect(guest.stack(0) == 0, "\(refused.name)")
    #expect(guest.stack(1) == ProtectedGuest.code + UInt32(refused.code.count) - refused.last, "\(refused.name)")
  }

  @Test("a local APIC shows in CPUID and IA32_APIC_BASE, where it can be switched off but not moved")
  func localAPIC() throws {
    // mov ecx, 0x1b; rdmsr; mov edi, eax; and ah, 0xf7; wrmsr; mov eax, 1; cpuid; mov esi, edx; then on again and moved
    let code: [UInt8] =
      [0xb9, 0x1b, 0, 0, 0, 0x0f, 0x32, 0x89, 0xc7, 0x80, 0xe4, 0xf7, 0x0f, 0x30, 0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0x89, 0xd6]
      + [0xb9, 0x1b, 0, 0, 0, 0x31, 0xd2, 0x89, 0xf8, 0x0f, 0x30, 0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0x89, 0xd3]
      + [0xb9, 0x1b, 0, 0, 0, 0x31, 0xd2, 0xb8, 0, 9, 0xe1, 0xfe, 0x0f, 0x30]
    let guest = try ProtectedGuest(code)
    guest.processor.hasLocalAPIC = true
    #expect(guest.vectorOfHalt() == 13)
    #expect(guest.processor[register: 7] == 0xfee0_0900)
    #expect(guest.processor[register: 6] & 1 << 9 == 0)
    #expect(guest.processor[register: 3] & 1 << 9 != 0)
    #expect(guest.processor.isLocalAPICEnabled)
    #expect(CPUIDTable.leaf(1).edx & 1 << 9 == 0)
  }

  @Test("CPUID says that there is a monitor, and which") func monitor() {
    #expect(CPUIDTable.leaf(1).ecx == 1 << 31)
    let leaf = CPUIDTable.leaf(0x4000_0000)
    let name = [leaf.ebx, leaf.ecx, leaf.edx].flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
    #expect(leaf.eax == 0x4000_0000 && String(decoding: name, as: UTF8.self) == "Trapline VMM")
    let beyond = CPUIDTable.leaf(0x4000_0001)
    #expect(beyond.eax | beyond.ebx | beyond.ecx | beyond.edx == 0)
  }

  @Test(
    "ring 3 may execute none of the privileged instructions",
    arguments: [
      [0xf4], [0x0f, 0x06], [0x0f, 0x08], [0x0f, 0x09], [0x0f, 0x20, 0xc0], [0x0f, 0x22, 0xd8], [0x0f, 0x21, 0xc0],
      [0x0f, 0x30], [0x0f, 0x32], [0x0f, 0x01, 0x38], [0x0f, 0x01, 0x10], [0x0f, 0x01, 0xf0], [0x0f, 0x00, 0xd8],
      [0xfa], [0xfb], [0xe4, 0x10], [0xee], [0x0f, 0x35],
    ] as [[UInt8]])
  func privileged(_ code: [UInt8]) throws {
    let guest = try ProtectedGuest(code, isUser: true)
    #expect(guest.vectorOfHalt() == 13)
    #expect(guest.stack(0) == 0)
    #expect(guest.stack(1) == ProtectedGuest.code)
  }

  @Test("general detect is a #DB fault with BD, and delivery turns it off")
  func generalDetect() throws {
    // mov eax, dr0
    let guest = try ProtectedGuest([0x0f, 0x21, 0xc0])
    guest.cpu.s.pointee.dr7 |= DR7.gd.rawValue
    #expect(guest.vectorOfHalt() == 1)
    #expect(guest.stack(0) == ProtectedGuest.code)
    #expect(guest.processor.state.dr6 == DR6.fixed.rawValue | DR6.bd.rawValue)
    #expect(guest.processor.state.dr7 & DR7.gd.rawValue == 0)
  }

  @Test("a far RET to ring 3 nulls the segments that ring 3 may not keep")
  func returnNullsSegments() throws {
    // push 0x23; push 0xb000; push 0x1b; push 0x9000; retf
    let guest = try ProtectedGuest(
      [0x6a, 0x23, 0x68, 0, 0xb0, 0, 0, 0x6a, 0x1b, 0x68, 0, 0x90, 0, 0, 0xcb])
    #expect(guest.vectorOfHalt() == 13)
    #expect(guest.processor[.ds] == SegmentCache())
    #expect(guest.processor[.gs] == SegmentCache())
    #expect(guest.stack(4) == 0xb000)
  }
}
