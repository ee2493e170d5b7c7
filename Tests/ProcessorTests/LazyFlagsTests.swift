import ISA
import Testing

@testable import Processor

@Suite("Lazy flags")
struct LazyFlagsTests {
  @Test("any six flags survive being made lazy")
  func roundTrip() {
    for image in UInt32(0)..<0x1000 {
      #expect(LazyFlags(eflags: image).eflags == image & arithmeticFlags)
    }
  }

  @Test("all sums, differences and logic of bytes set the flags of the definitions")
  func bytes() {
    let reference = ReferenceALU(width: Width(bits: 8))
    for a in UInt8.min...UInt8.max {
      for b in UInt8.min...UInt8.max {
        for carry in [false, true] {
          let results = [
            (Arithmetic.adc(a, b, carry: carry), reference.add(UInt64(a), UInt64(b), carry: carry ? 1 : 0)),
            (Arithmetic.sbb(a, b, carry: carry), reference.subtract(UInt64(a), UInt64(b), borrow: carry ? 1 : 0)),
          ]
          for ((value, flags), (wanted, wantedFlags)) in results
          where UInt64(value) != wanted || flags.eflags != wantedFlags.rawValue {
            Issue.record("\(a), \(b), carry \(carry): \(value) [\(EFlags(rawValue: flags.eflags))], not \(wanted) [\(wantedFlags)]")
          }
        }
        let logic = Arithmetic.logic(a ^ b).eflags
        if logic != reference.resultFlags(UInt64(a ^ b)).rawValue { Issue.record("logic of \(a ^ b)") }
      }
    }
  }

  @Test("each condition is what the table of conditions says, and its odd neighbour the opposite")
  func conditions() {
    for image in UInt32(0)..<0x1000 where image & ~arithmeticFlags == 0 {
      let f = EFlags(rawValue: image), lazy = LazyFlags(eflags: image)
      let sign = f.contains(.sf) != f.contains(.of)
      let wanted = [
        f.contains(.of), f.contains(.cf), f.contains(.zf), f.contains(.cf) || f.contains(.zf), f.contains(.sf),
        f.contains(.pf), sign, sign || f.contains(.zf),
      ]
      for (n, holds) in wanted.enumerated() {
        #expect(lazy.holds(UInt8(n * 2)) == holds, "condition \(n * 2) with \(f)")
        #expect(lazy.holds(UInt8(n * 2 + 1)) == !holds, "condition \(n * 2 + 1) with \(f)")
      }
    }
  }

  @Test("replacing CF and OF leaves the other flags")
  func replaces() {
    for image in UInt32(0)..<0x1000 where image & ~arithmeticFlags == 0 {
      for (carry, overflow) in [(false, false), (false, true), (true, false), (true, true)] {
        let new = LazyFlags(eflags: image).with(carry: carry, overflow: overflow).eflags
        #expect(new == image & 0xd4 | (carry ? 1 : 0) | (overflow ? 0x800 : 0))
      }
    }
  }
}
