import ISA
import Testing

@testable import Processor

@Suite("Shift instructions")
struct ShiftInstructionsTests {
  static let names = ["ROL", "ROR", "RCL", "RCR", "SHL", "SHR", "SHL", "SAR"]

  /// In the register forms the operand is EDX, in the memory forms [ESI].
  private func check(_ number: Int, _ width: Width, _ code: [UInt8], counts: [UInt32], inMemory: Bool, byCL: Bool) throws {
    let code = try AllWays((width.bits == 16 ? [0x66] : []) + code)
    let reference = ReferenceALU(width: width)
    for value in width.samples {
      for count in counts {
        for old: EFlags in [[.of, .zf], [.cf, .af]] {
          var input = Input(ecx: byCL ? 0x100 + count : 0, flags: old)
          if inMemory { input.data = [UInt8](words: UInt32(value)) } else { input.edx = UInt32(value) }
          let end = code.run(input)
          let wanted = reference.shift(number, value, count: UInt64(count & 31), carry: old.contains(.cf))
          let got = inMemory ? UInt64(end.data(0, size: 4)) : UInt64(end.edx)
          #expect(got & width.mask == wanted.0, "\(Self.names[number]) \(value) by \(count) with \(old)")
          if count & 31 == 0 {
            #expect(end.flags == old)
          } else {
            #expect(
              end.flags.intersection(wanted.defined) == wanted.1.intersection(wanted.defined),
              "\(Self.names[number]) \(value) by \(count) with \(old)")
            // Rotates leave the rest.
            if number < 4 { #expect(end.flags.intersection([.zf, .af]) == old.intersection([.zf, .af])) }
          }
        }
      }
    }
  }

  @Test("shifts by one, by a number and by CL are those of one bit at a time", arguments: 0..<8, Width.all)
  func shifts(number: Int, width: Width) throws {
    let wide: UInt8 = width.bits == 8 ? 0 : 1, digit = UInt8(number) << 3
    for (inMemory, mode) in [(false, UInt8(0xc2)), (true, 0x06)] {
      try check(number, width, [0xd0 | wide, mode | digit], counts: [1], inMemory: inMemory, byCL: false)
      for count in [UInt8(1), 7, 8, 9, 16, 17, 31] {
        try check(
          number, width, [0xc0 | wide, mode | digit, count], counts: [UInt32(count)], inMemory: inMemory, byCL: false)
      }
      try check(
        number, width, [0xd2 | wide, mode | digit], counts: [0, 1, 3, 8, 15, 16, 24, 31, 32, 33, 255],
        inMemory: inMemory, byCL: true)
    }
  }

  @Test("a count of 0 changes no flag, whether it is a number or CL, and the next branch sees the old ones")
  func zeroCount() throws {
    // sub eax, eax sets ZF; shl edx, 0 leaves it; setz bl
    #expect(try run([0x29, 0xc0, 0xc1, 0xe2, 0x00, 0x0f, 0x94, 0xc3], Input(edx: 5)).ebx == 1)
    #expect(try run([0x29, 0xc0, 0xd3, 0xe2, 0x0f, 0x94, 0xc3], Input(ecx: 0x20, edx: 5)).ebx == 1)
    #expect(try run([0x29, 0xc0, 0xd3, 0xe2, 0x0f, 0x94, 0xc3], Input(ecx: 0x21, edx: 5)).ebx == 0)
  }

  @Test("SHLD and SHRD take bits from the register, in registers and memory", arguments: [1, 4, 15, 31] as [UInt8])
  func doubleShifts(count: UInt8) throws {
    let a: UInt32 = 0x8123_4567, b: UInt32 = 0x89ab_cdef, n = UInt32(count)
    let left = a << n | b >> (32 - n), right = a >> n | b << (32 - n)
    for (opcode, wanted, carry) in [(UInt8(0xa4), left, a >> (32 - n) & 1), (0xac, right, a >> (n - 1) & 1)] {
      let immediate = try run([0x0f, opcode, 0xc3, count], Input(eax: b, ebx: a))
      let byCL = try run([0x0f, opcode + 1, 0xc3], Input(eax: b, ecx: 0x20 + n, ebx: a))
      let memory = try run([0x0f, opcode, 0x06, count], Input(eax: b, data: [UInt8](words: a)))
      #expect(immediate.ebx == wanted && byCL.ebx == wanted && memory.data(0, size: 4) == wanted)
      for end in [immediate, byCL, memory] {
        #expect(end.flags.contains(.cf) == (carry != 0))
        #expect(end.flags.contains(.zf) == (wanted == 0) && end.flags.contains(.sf) == (wanted >> 31 != 0))
      }
    }
  }
}
