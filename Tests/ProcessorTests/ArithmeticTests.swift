import ISA
import Testing

@testable import Processor

@Suite("Pure arithmetic")
struct ArithmeticTests {
  @Test("all shifts and rotates of bytes by all counts are those of one bit at a time")
  func byteShifts() {
    let reference = ReferenceALU(width: Width(bits: 8))
    for value in UInt8.min...UInt8.max {
      for count in UInt32(1)..<32 {
        for old: EFlags in [[], .cf] {
          let lazy = LazyFlags(eflags: old.rawValue)
          let results = [
            Arithmetic.rol(value, count, lazy), Arithmetic.ror(value, count, lazy), Arithmetic.rcl(value, count, lazy),
            Arithmetic.rcr(value, count, lazy), Arithmetic.shl(value, count), Arithmetic.shr(value, count),
            Arithmetic.shl(value, count), Arithmetic.sar(value, count),
          ]
          for (number, result) in results.enumerated() {
            let wanted = reference.shift(number, UInt64(value), count: UInt64(count), carry: old.contains(.cf))
            let flags = EFlags(rawValue: result.1.eflags).intersection(wanted.defined)
            if UInt64(result.0) != wanted.0 || flags != wanted.1.intersection(wanted.defined) {
              Issue.record("operation \(number) of \(value) by \(count), CF \(old): \(result.0) [\(flags)], not \(wanted)")
            }
          }
        }
      }
    }
  }

  @Test("INC and DEC are ADD and SUB of one that leave CF", arguments: [false, true])
  func incrementAndDecrement(carry: Bool) {
    let reference = ReferenceALU(width: Width(bits: 8)), old = LazyFlags(eflags: carry ? 1 : 0)
    let kept: EFlags = carry ? .cf : []
    for a in UInt8.min...UInt8.max {
      let (up, upFlags) = Arithmetic.inc(a, old), (down, downFlags) = Arithmetic.dec(a, old)
      let sum = reference.add(UInt64(a), 1), difference = reference.subtract(UInt64(a), 1)
      #expect(UInt64(up) == sum.0)
      #expect(EFlags(rawValue: upFlags.eflags) == sum.1.subtracting(.cf).union(kept))
      #expect(UInt64(down) == difference.0)
      #expect(EFlags(rawValue: downFlags.eflags) == difference.1.subtracting(.cf).union(kept))
    }
  }

  @Test("all products of bytes are exact, and CF says whether the high half counts")
  func products() {
    for a in UInt8.min...UInt8.max {
      for b in UInt8.min...UInt8.max {
        let unsigned = Arithmetic.mul(a, b), exact = UInt16(a) * UInt16(b)
        if UInt16(unsigned.high) << 8 | UInt16(unsigned.low) != exact || unsigned.2.carry != (exact > 255)
          || unsigned.2.overflow != unsigned.2.carry
        {
          Issue.record("\(a) * \(b)")
        }
        let signed = Arithmetic.imul(a, b), signedExact = Int16(Int8(bitPattern: a)) * Int16(Int8(bitPattern: b))
        let counts = signedExact < -128 || signedExact > 127
        if Int16(bitPattern: UInt16(signed.high) << 8 | UInt16(signed.low)) != signedExact || signed.2.carry != counts
          || signed.2.overflow != counts
        {
          Issue.record("\(Int8(bitPattern: a)) * \(Int8(bitPattern: b))")
        }
      }
    }
  }

  @Test("a quotient times its divisor plus the remainder is the dividend, and what doesn't fit has no quotient")
  func quotients() {
    for dividend in stride(from: 0, through: 0xffff, by: 7) {
      let high = UInt8(dividend >> 8), low = UInt8(dividend & 0xff)
      for divisor in UInt8.min...UInt8.max {
        if let (q, r) = Arithmetic.div(high: high, low: low, by: divisor) {
          if Int(q) * Int(divisor) + Int(r) != dividend || r >= divisor { Issue.record("\(dividend) / \(divisor)") }
        } else if divisor != 0, dividend / Int(divisor) <= 255 {
          Issue.record("\(dividend) / \(divisor) has a quotient")
        }
        let a = Int(Int16(truncatingIfNeeded: dividend)), b = Int(Int8(bitPattern: divisor))
        if let (q, r) = Arithmetic.idiv(high: high, low: low, by: divisor) {
          let quotient = Int(Int8(bitPattern: q)), remainder = Int(Int8(bitPattern: r))
          if quotient * b + remainder != a || abs(remainder) >= abs(b) || remainder * a < 0 { Issue.record("\(a) / \(b)") }
        } else if b != 0, (-128...127).contains(a / b) {
          Issue.record("\(a) / \(b) has a quotient")
        }
      }
    }
  }

  @Test("the one signed quotient that overflows 64 bits is no trap of ours")
  func smallestBySmallest() {
    #expect(Arithmetic.idiv(high: UInt32(0x8000_0000), low: 0, by: 0xffff_ffff) == nil)
    #expect(Arithmetic.idiv(high: UInt32(0x8000_0000), low: 0, by: 1) == nil)
    let smallest = Arithmetic.idiv(high: UInt32.max, low: 0x8000_0000, by: UInt32(1))
    #expect(smallest?.quotient == 0x8000_0000)
  }

  @Test("double shifts move bits from the second operand, one at a time")
  func doubleShifts() {
    for count in UInt32(1)..<32 {
      var left: (UInt32, UInt32) = (0x8123_4567, 0x89ab_cdef), right = left
      var leftCarry = false, rightCarry = false
      for _ in 0..<count {
        leftCarry = left.0 >> 31 != 0
        left = (left.0 << 1 | left.1 >> 31, left.1 << 1)
        rightCarry = right.0 & 1 != 0
        right = (right.0 >> 1 | right.1 << 31, right.1 >> 1)
      }
      let shld = Arithmetic.shld(UInt32(0x8123_4567), 0x89ab_cdef, count)
      let shrd = Arithmetic.shrd(UInt32(0x8123_4567), 0x89ab_cdef, count)
      #expect(shld.0 == left.0 && shld.1.carry == leftCarry, "SHLD by \(count)")
      #expect(shrd.0 == right.0 && shrd.1.carry == rightCarry, "SHRD by \(count)")
    }
  }
}
