import ISA
import Testing

@testable import Processor

@Suite("Bit instructions")
struct BitInstructionsTests {
  static let operations: [(name: String, digit: UInt8, apply: @Sendable (UInt32, UInt32) -> UInt32)] = [
    ("BT", 4, { a, _ in a }), ("BTS", 5, { $0 | $1 }), ("BTR", 6, { $0 & ~$1 }), ("BTC", 7, { $0 ^ $1 }),
  ]

  @Test("BT, BTS, BTR, BTC take the bit modulo the width, and leave the other flags", arguments: 0..<4)
  func registers(number: Int) throws {
    let (name, digit, apply) = Self.operations[number]
    let byRegister = try AllWays([0x0f, 0x83 | digit << 3, 0xd1])
    let narrow = try AllWays([0x66, 0x0f, 0x83 | digit << 3, 0xd1])
    for bit in [UInt32(0), 1, 15, 16, 31, 32, 63, 0xffff_ffff] {
      for value in [UInt32(0), 0xffff_ffff, 0x8000_8001] {
        let input = Input(ecx: value, edx: bit, flags: [.zf, .sf])
        let end = byRegister.run(input)
        #expect(end.ecx == apply(value, 1 << (bit & 31)), "\(name) \(value), \(bit)")
        #expect(end.flags == (value >> (bit & 31) & 1 != 0 ? [.zf, .sf, .cf] : [.zf, .sf]))
        let half = narrow.run(input)
        #expect(half.ecx == value & 0xffff_0000 | apply(value, 1 << (bit & 15)) & 0xffff, "\(name) \(value), \(bit)")
        let byNumber = try run([0x0f, 0xba, 0xc1 | digit << 3, UInt8(truncatingIfNeeded: bit)], input)
        #expect(byNumber.ecx == apply(value, 1 << (bit & 31)))
      }
    }
  }

  @Test("a register offset reaches beyond the operand in memory, both ways; a number does not", arguments: 0..<4)
  func bitStrings(number: Int) throws {
    let (_, digit, apply) = Self.operations[number]
    let byRegister = try AllWays([0x0f, 0x83 | digit << 3, 0x16])
    let data = (0..<32).map { UInt8($0 * 7) }
    for bit in [-64, -33, -1, 0, 31, 32, 100] {
      let end = byRegister.run(Input(edx: UInt32(bitPattern: Int32(bit)), esi: GuestCode.data + 16, data: data))
      let cell = 16 + (bit >> 5) * 4
      let old = (0..<4).reduce(UInt32(0)) { $0 | UInt32(data[cell + $1]) << UInt32($1 * 8) }
      #expect(end.data(cell, size: 4) == apply(old, 1 << UInt32(bit & 31)), "bit \(bit)")
      #expect(end.flags.contains(.cf) == (old >> UInt32(bit & 31) & 1 != 0))
    }
    let word = try run([0x66, 0x0f, 0x83 | digit << 3, 0x16], Input(edx: 0xffff_fff0, esi: GuestCode.data + 16, data: data))
    #expect(word.data(14, size: 2) == apply(UInt32(data[14]) | UInt32(data[15]) << 8, 1) & 0xffff)
    let byNumber = try run([0x0f, 0xba, 0x06 | digit << 3, 33], Input(data: data))
    #expect(byNumber.data(0, size: 4) == apply(0x150e_0700, 2) && byNumber.data(4, size: 1) == 28)
  }

  @Test("BSF and BSR find the lowest and the highest bit; of zero they set ZF and leave the destination")
  func scans() throws {
    let forward = try AllWays([0x0f, 0xbc, 0xca]), backward = try AllWays([0x0f, 0xbd, 0xca])
    for low in UInt32(0)..<32 {
      for high in low..<32 {
        let value = UInt32(1) << low | 1 << high
        let first = forward.run(Input(edx: value)), last = backward.run(Input(edx: value))
        #expect(first.ecx == low && !first.flags.contains(.zf))
        #expect(last.ecx == high && !last.flags.contains(.zf))
      }
    }
    for code in [forward, backward] {
      let end = code.run(Input(ecx: 0x77))
      #expect(end.ecx == 0x77 && end.flags.contains(.zf))
    }
    #expect(try run([0x66, 0x0f, 0xbd, 0x0e], Input(data: [UInt8](words: 0xffff_0100))).ecx == 8)
  }
}
