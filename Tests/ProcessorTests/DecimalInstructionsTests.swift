import ISA
import Testing

@testable import Processor

@Suite("Decimal instructions")
struct DecimalInstructionsTests {
  private func packed(_ n: Int) -> UInt32 { UInt32(n / 10 % 10 * 16 + n % 10) }

  @Test("ADD and DAA add all packed numbers of two digits, CF being the hundred")
  func daa() throws {
    let code = try AllWays([0x00, 0xc8, 0x27])  // add al, cl; daa
    for a in stride(from: 0, to: 100, by: 3) {
      for b in 0..<100 {
        let end = code.run(Input(eax: packed(a), ecx: packed(b)))
        #expect(end.eax == packed(a + b), "\(a) + \(b)")
        #expect(end.flags.contains(.cf) == (a + b > 99), "\(a) + \(b)")
      }
    }
  }

  @Test("SUB and DAS subtract all packed numbers of two digits, CF being the borrow")
  func das() throws {
    let code = try AllWays([0x28, 0xc8, 0x2f])  // sub al, cl; das
    for a in stride(from: 0, to: 100, by: 3) {
      for b in 0..<100 {
        let end = code.run(Input(eax: packed(a), ecx: packed(b)))
        #expect(end.eax == packed((a - b + 100) % 100), "\(a) - \(b)")
        #expect(end.flags.contains(.cf) == (a < b), "\(a) - \(b)")
      }
    }
  }

  @Test("AAA and AAS carry from digit to digit, into AH")
  func unpacked() throws {
    let add = try AllWays([0x00, 0xc8, 0x37]), subtract = try AllWays([0x28, 0xc8, 0x3f])
    for a in UInt32(0)..<10 {
      for b in UInt32(0)..<10 {
        let sum = add.run(Input(eax: 0x500 | a, ecx: b))
        #expect(sum.eax == 0x500 + ((a + b) / 10) * 256 + (a + b) % 10, "\(a) + \(b)")
        #expect(sum.flags.isSuperset(of: [.cf, .af]) == (a + b > 9))
        let difference = subtract.run(Input(eax: 0x500 | a, ecx: b))
        #expect(difference.eax == (a < b ? 0x400 : 0x500) | (a + 10 - b) % 10, "\(a) - \(b)")
        #expect(difference.flags.contains(.cf) == (a < b))
      }
    }
  }

  @Test("AAM splits into digits of any base, and AAD puts them together", arguments: [2, 10, 16, 255] as [UInt8])
  func multiplication(base: UInt8) throws {
    let split = try AllWays([0xd4, base]), join = try AllWays([0xd5, base])
    for a in UInt32(0)..<256 {
      let digits = split.run(Input(eax: 0xaa00 | a))
      #expect(digits.eax == (a / UInt32(base)) * 256 + a % UInt32(base))
      #expect(join.run(Input(eax: digits.eax)).eax == a)
    }
  }

  @Test("AAM of base 0 is a divide error that changes nothing")
  func divideError() throws {
    let end = try run([0xd4, 0], Input(eax: 0x1234))
    #expect(end.fault == Fault(vector: 0, errorCode: nil, at: 0))
    #expect(end.eax == 0x1234)
  }
}
