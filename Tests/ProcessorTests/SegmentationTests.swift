import ISA
import Testing

@testable import Processor

extension ProtectedGuest {
  /// Puts a descriptor into the GDT, which grows to hold it.
  func define(_ number: UInt32, _ descriptor: SegmentDescriptor) {
    put(descriptor.rawValue, at: Self.gdt + number * 8)
    cpu.s.pointee.gdtr.limit = max(cpu.s.pointee.gdtr.limit, number * 8 + 7)
  }
}

@Suite("Segmentation")
struct SegmentationTests {
  /// Loads DS with 0x30, the descriptor of a test, then runs the code.
  private func guest(_ descriptor: SegmentDescriptor, _ code: [UInt8], isUser: Bool = false) throws -> ProtectedGuest {
    // mov ax, 0x33 or 0x30; mov ds, ax
    let guest = try ProtectedGuest([0x66, 0xb8, isUser ? 0x33 : 0x30, 0, 0x8e, 0xd8] + code + [0xf4], isUser: isUser)
    guest.define(6, descriptor)
    return guest
  }

  static let loads: [(what: String, descriptor: SegmentDescriptor, vector: UInt8?)] = [
    ("read-only data", SegmentDescriptor(base: 0, limit: 0xffff, type: 0), nil),
    ("readable code", SegmentDescriptor(base: 0, limit: 0xffff, type: 10), nil),
    ("execute-only code", SegmentDescriptor(base: 0, limit: 0xffff, type: 8), 13),
    ("a TSS", SegmentDescriptor(base: 0, limit: 0xffff, type: 9, isCodeOrData: false), 13),
    ("an absent segment", SegmentDescriptor(base: 0, limit: 0xffff, type: 3, isPresent: false), 11),
  ]

  @Test("a data segment register takes what can be read and is there", arguments: 0..<5)
  func loading(number: Int) throws {
    let (what, descriptor, vector) = Self.loads[number]
    let guest = try guest(descriptor, [])
    #expect(guest.vectorOfHalt() == vector, "\(what)")
    if vector != nil { #expect(guest.stack(0) == 0x30 && guest.stack(1) == ProtectedGuest.code + 4) }
  }

  @Test("a load sets the accessed bit of the descriptor, once")
  func accessed() throws {
    let guest = try guest(SegmentDescriptor(base: 0, limit: 0xffff, type: 2), [])
    #expect(guest.word(ProtectedGuest.gdt + 0x34) & 0x100 == 0)
    #expect(guest.vectorOfHalt() == nil)
    #expect(guest.word(ProtectedGuest.gdt + 0x34) & 0x100 != 0)
  }

  @Test("bases are added, limits are kept to the byte, and writes need W")
  func bounds() throws {
    let cases: [(String, SegmentDescriptor, [UInt8], fails: Bool)] = [
      ("the last doubleword", SegmentDescriptor(base: 0xc000, limit: 0xff, type: 3), [0xa1, 0xfc, 0, 0, 0], false),
      ("one byte more", SegmentDescriptor(base: 0xc000, limit: 0xff, type: 3), [0xa1, 0xfd, 0, 0, 0], true),
      ("the last byte", SegmentDescriptor(base: 0xc000, limit: 0xff, type: 3), [0xa0, 0xff, 0, 0, 0], false),
      ("around 4 GiB", SegmentDescriptor(base: 0xc000, limit: 0xff, type: 3), [0xa1, 0xff, 0xff, 0xff, 0xff], true),
      ("a write", SegmentDescriptor(base: 0xc000, limit: 0xff, type: 3), [0xa3, 0, 0, 0, 0], false),
      ("a write to read-only data", SegmentDescriptor(base: 0xc000, limit: 0xff, type: 1), [0xa3, 0, 0, 0, 0], true),
      ("a write to code", SegmentDescriptor(base: 0xc000, limit: 0xff, type: 11), [0xa3, 0, 0, 0, 0], true),
      ("expand-down, at its limit", SegmentDescriptor(base: 0xc000, limit: 0xff, type: 7), [0xa0, 0xff, 0, 0, 0], true),
      ("expand-down, above it", SegmentDescriptor(base: 0xc000, limit: 0xff, type: 7), [0xa1, 0, 1, 0, 0], false),
      ("expand-down of 16 bits, its end",
        SegmentDescriptor(base: 0xc000, limit: 0xff, type: 7, is32Bit: false), [0xa1, 0xfc, 0xff, 0, 0], false),
      ("expand-down of 16 bits, beyond",
        SegmentDescriptor(base: 0xc000, limit: 0xff, type: 7, is32Bit: false), [0xa1, 0xfd, 0xff, 0, 0], true),
    ]
    for (what, descriptor, code, fails) in cases {
      let guest = try guest(descriptor, code)
      guest.put(0x1234_5678_1234_5678, at: 0xc0fc)
      #expect(guest.vectorOfHalt() == (fails ? 13 : nil), "\(what)")
      if fails { #expect(guest.stack(0) == 0 && guest.stack(1) == ProtectedGuest.code + 6, "\(what)") }
    }
    let offset = try guest(SegmentDescriptor(base: 0xc000, limit: 0xff, type: 3), [0xa1, 0xfc, 0, 0, 0])
    offset.put(0x1234_5678, at: 0xc0fc)
    #expect(offset.vectorOfHalt() == nil && offset.processor[register: 0] == 0x1234_5678)
  }

  @Test("ring 3 may load only what its privilege reaches")
  func privilege() throws {
    for (dpl, vector) in [(UInt8(3), UInt8(13)), (0, 13)] {
      // HLT is #GP in ring 3 too: it tells by its EIP.
      let guest = try guest(SegmentDescriptor(base: 0, limit: 0xffff, type: 3, dpl: dpl), [], isUser: true)
      #expect(guest.vectorOfHalt() == vector)
      #expect(guest.stack(1) == ProtectedGuest.code + (dpl == 3 ? 6 : 4))
      #expect(guest.stack(0) == (dpl == 3 ? 0 : 0x30))
    }
  }

  @Test("a null selector loads, and faults when it is used")
  func null() throws {
    let guest = try ProtectedGuest([0x31, 0xc0, 0x8e, 0xd8, 0x8b, 0x06, 0xf4])
    #expect(guest.vectorOfHalt() == 13)
    #expect(guest.stack(0) == 0 && guest.stack(1) == ProtectedGuest.code + 4)
    let stack = try ProtectedGuest([0x31, 0xc0, 0x8e, 0xd0, 0xf4])
    #expect(stack.vectorOfHalt() == 13 && stack.stack(1) == ProtectedGuest.code + 2)
  }

  @Test("LAR, LSL, VERR and VERW answer with ZF, and never fault for a bad selector")
  func inspection() throws {
    // lar ecx, ax; setz bl; lsl edx, ax; setz bh; verr ax; then setz [0xc000]; verw ax; setz [0xc001]
    let code: [UInt8] = [
      0x0f, 0x02, 0xc8, 0x0f, 0x94, 0xc3, 0x0f, 0x03, 0xd0, 0x0f, 0x94, 0xc7, 0x0f, 0x00, 0xe0, 0x0f, 0x94, 0x05, 0, 0xc0, 0, 0,
      0x0f, 0x00, 0xe8, 0x0f, 0x94, 0x05, 1, 0xc0, 0, 0, 0xf4,
    ]
    let cases: [(UInt32, rights: UInt32?, limit: UInt32?, read: Bool, write: Bool)] = [
      (0x10, 0xc0_9300, 0xffff_ffff, true, true), (0x08, 0xc0_9b00, 0xffff_ffff, true, false),
      (0x30, 0x00_8900, 0x67, false, false), (0, nil, nil, false, false), (0x1000, nil, nil, false, false),
      (0x38, 0x00_8e00, nil, false, false),
    ]
    for (selector, rights, limit, read, write) in cases {
      let guest = try ProtectedGuest(code)
      guest.define(6, SegmentDescriptor(base: 0, limit: 0x67, type: 9, isCodeOrData: false, is32Bit: false))
      guest.define(7, guest.gate(to: 0))
      guest.processor[register: 0] = selector
      #expect(guest.vectorOfHalt() == nil)
      // An interrupt gate is nothing that LAR knows.
      let wanted = selector == 0x38 ? nil : rights
      #expect(guest.processor[register: 3] & 0xff == (wanted == nil ? 0 : 1), "LAR \(selector)")
      #expect(guest.processor[register: 3] >> 8 == (limit == nil ? 0 : 1), "LSL \(selector)")
      // Bits 16 to 19 are undefined.
      if let wanted { #expect(guest.processor[register: 1] & ~0xf_0000 == wanted) }
      if let limit { #expect(guest.processor[register: 2] == limit) }
      #expect(guest.word(0xc000) & 0xffff == (read ? 1 : 0) | (write ? 0x100 : 0), "VERR, VERW \(selector)")
    }
  }
}
