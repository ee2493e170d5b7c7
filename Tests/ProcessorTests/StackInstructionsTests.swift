import ISA
import Testing

@testable import Processor

@Suite("Stack instructions")
struct StackInstructionsTests {
  static let top = GuestCode.stack

  @Test("PUSH lowers ESP by the operand's size, whatever is pushed")
  func push() throws {
    let cases: [(String, [UInt8], UInt32, size: UInt32)] = [
      ("push ecx", [0x51], 0x1234_5678, 4), ("push cx", [0x66, 0x51], 0x5678, 2), ("push esp", [0x54], Self.top, 4),
      ("push -2", [0x6a, 0xfe], 0xffff_fffe, 4), ("push word -2", [0x66, 0x6a, 0xfe], 0xfffe, 2),
      ("push 0x89abcdef", [0x68, 0xef, 0xcd, 0xab, 0x89], 0x89ab_cdef, 4),
      ("push [esi]", [0xff, 0x36], 0x5555_4444, 4), ("push word [esi]", [0x66, 0xff, 0x36], 0x4444, 2),
      ("push [esp]", [0xff, 0x34, 0x24], 0, 4), ("push ds", [0x1e], 16, 4), ("push ds, 16 bits", [0x66, 0x1e], 16, 2),
    ]
    for (name, code, value, size) in cases {
      let end = try run(code, Input(ecx: 0x1234_5678, data: [UInt8](words: 0x5555_4444)))
      #expect(end.esp == Self.top - size, "\(name)")
      #expect(end.stack(Self.top - size) & (size == 2 ? 0xffff : ~0) == value, "\(name)")
    }
  }

  @Test("POP raises ESP before it is used: POP ESP keeps what was popped, POP [ESP] uses the new one")
  func pop() throws {
    let pushed: [UInt8] = [0x68, 0x78, 0x56, 0x34, 0x12]
    let register = try run(pushed + [0x59])
    #expect(register.ecx == 0x1234_5678 && register.esp == Self.top)
    let half = try run(pushed + [0x66, 0x59], Input(ecx: 0x1111_1111))
    #expect(half.ecx == 0x1111_5678 && half.esp == Self.top - 2)
    #expect(try run(pushed + [0x5c]).esp == 0x1234_5678)
    let memory = try run(pushed + [0x8f, 0x04, 0x24])
    #expect(memory.stack(Self.top) == 0x1234_5678 && memory.esp == Self.top)
    #expect(try run(pushed + [0x8f, 0x06]).data(0, size: 4) == 0x1234_5678)
  }

  @Test("PUSHA stores the ESP from before, POPA skips it")
  func all() throws {
    let pushed = try run([0x60], Input(eax: 1, ecx: 2, edx: 3, ebx: 4, ebp: 5, edi: 7))
    #expect(pushed.esp == Self.top - 32)
    #expect((1...8).map { pushed.stack(Self.top - 4 * UInt32($0)) } == [1, 2, 3, 4, Self.top, 5, GuestCode.data, 7])
    // pusha; a new value for each register; popa
    let both = try run(
      [0x60, 0x31, 0xc0, 0x31, 0xc9, 0x31, 0xd2, 0x31, 0xdb, 0x31, 0xed, 0x31, 0xf6, 0x31, 0xff, 0x61],
      Input(eax: 1, ecx: 2, edx: 3, ebx: 4, ebp: 5, edi: 7))
    #expect(both.registers == [1, 2, 3, 4, Self.top, 5, GuestCode.data, 7])
    let narrow = try run([0x66, 0x60, 0x66, 0x61], Input(eax: 0xaaaa_0001))
    #expect(narrow.eax == 0xaaaa_0001 && narrow.esp == Self.top)
  }

  @Test("ENTER and LEAVE build and take down a frame; ENTER copies the display")
  func frames() throws {
    let plain = try run([0xc8, 0x10, 0, 0], Input(ebp: 0x1234))
    #expect(plain.ebp == Self.top - 4 && plain.esp == Self.top - 20 && plain.stack(Self.top - 4) == 0x1234)
    let both = try run([0xc8, 0x10, 0, 0, 0xc9], Input(ebp: 0x1234))
    #expect(both.ebp == 0x1234 && both.esp == Self.top)
    let nested = try run([0xc8, 0x04, 0, 3], Input(ebp: GuestCode.data + 16, data: [UInt8](words: 1, 2, 3, 4, 5)))
    #expect(nested.esp == Self.top - 20)
    #expect((1...4).map { nested.stack(Self.top - 4 * UInt32($0)) } == [GuestCode.data + 16, 4, 3, Self.top - 4])
    let narrow = try run([0x66, 0xc8, 0x02, 0, 1], Input(ebp: 0xaaaa_1234))
    #expect(narrow.esp == Self.top - 6 && narrow.ebp == 0xaaaa_0000 | (Self.top - 2))
  }

  @Test("with a 16-bit stack segment only SP moves, and wraps")
  func narrowStack() throws {
    // push eax with a 32-bit operand in 16-bit code
    let end = try run([0x66, 0x50], mode: .code16, Input(eax: 0x1234_5678, esp: 0xabcd_7000))
    #expect(end.esp == 0xabcd_6ffc && end.stack(0x6ffc) == 0x1234_5678)
    let wrapped = try run([0x50], mode: .real, Input(eax: 0x1234, esp: 0))
    #expect(wrapped.esp == 0xfffe)
  }

  @Test("a fault in the middle of PUSHA, POPA or ENTER leaves all registers", arguments: [[0x60], [0xc8, 4, 0, 2]] as [[UInt8]])
  func faults(code: [UInt8]) throws {
    for way in [Way.general, .stepped] {
      let guest = try GuestCode([0x90] + code, way: way)
      // An expand-down stack that ends at 0x6ff4 takes two or three pushes.
      guest.guest.processor[.ss] = SegmentCache(selector: 16, base: 0, limit: 0x6ff7, attributes: 0xc097)
      guest.guest.put(
        SegmentDescriptor(base: 0, limit: 0xffff_ffff, type: 3).rawValue, at: ProtectedGuest.gdt + 16)
      // #SS goes through a task-free interrupt gate on the same stack, which can't take it either: a triple fault.
      let processor = guest.guest.processor
      processor[register: 4] = GuestCode.stack
      processor[register: 5] = GuestCode.data
      processor.instructionPointer = GuestCode.code
      var exit = processor.run(until: processor.retired + 1)
      #expect(exit == .budget)
      exit = processor.run(until: processor.retired + 1)
      #expect(exit == .shutdown)
      #expect(processor[register: 4] == GuestCode.stack && processor[register: 5] == GuestCode.data)
      #expect(processor.instructionPointer == GuestCode.code + 1)
    }
  }
}
