// Arithmetic the slow and plain way, to hold the processor's own to: sums in wide integers, flags one by one from their
// definitions (SDM 1, 3.4.3.1), shifts a bit at a time.

import ISA
import Testing

/// An operand width in bits, 8, 16 or 32, and what follows from it.
struct Width: CustomTestStringConvertible, Sendable {
  var bits: UInt64
  var mask: UInt64 { (1 << bits) - 1 }
  var top: UInt64 { 1 << (bits - 1) }
  var bytes: Int { Int(bits / 8) }
  var testDescription: String { "\(bits) bits" }
  static let all = [Width(bits: 8), Width(bits: 16), Width(bits: 32)]

  func signed(_ value: UInt64) -> Int64 { value & top != 0 ? Int64(value) - Int64(mask) - 1 : Int64(value) }

  /// Numbers at the edges, and some in between.
  var samples: [UInt64] {
    [0, 1, 0xf, 0x7f, 0x99, top - 1, top, top + 1, mask, 0x1234_5678 & mask]
  }
}

struct ReferenceALU {
  var width: Width

  func resultFlags(_ r: UInt64) -> EFlags {
    var flags: EFlags = []
    if r & width.mask == 0 { flags.insert(.zf) }
    if r & width.top != 0 { flags.insert(.sf) }
    if (0..<8).count(where: { r >> $0 & 1 != 0 }) % 2 == 0 { flags.insert(.pf) }
    return flags
  }

  func add(_ a: UInt64, _ b: UInt64, carry: UInt64 = 0) -> (UInt64, EFlags) {
    let sum = a + b + carry
    var flags = resultFlags(sum)
    if sum > width.mask { flags.insert(.cf) }
    if a & 15 + b & 15 + carry > 15 { flags.insert(.af) }
    let exact = width.signed(a) + width.signed(b) + Int64(carry)
    if exact != width.signed(sum & width.mask) { flags.insert(.of) }
    return (sum & width.mask, flags)
  }

  func subtract(_ a: UInt64, _ b: UInt64, borrow: UInt64 = 0) -> (UInt64, EFlags) {
    let difference = (a &- b &- borrow) & width.mask
    var flags = resultFlags(difference)
    if a < b + borrow { flags.insert(.cf) }
    if a & 15 < b & 15 + borrow { flags.insert(.af) }
    let exact = width.signed(a) - width.signed(b) - Int64(borrow)
    if exact != width.signed(difference) { flags.insert(.of) }
    return (difference, flags)
  }

  /// The operations ADD OR ADC SBB AND SUB XOR CMP, by their number in the encoding; TEST is 8.
  func apply(_ number: Int, _ a: UInt64, _ b: UInt64, carry: UInt64) -> (UInt64, EFlags) {
    switch number {
    case 0: add(a, b)
    case 1: (a | b, resultFlags(a | b))
    case 2: add(a, b, carry: carry)
    case 3: subtract(a, b, borrow: carry)
    case 4: (a & b, resultFlags(a & b))
    case 5: subtract(a, b)
    case 6: (a ^ b, resultFlags(a ^ b))
    case 7: (a, subtract(a, b).1)
    default: (a, resultFlags(a & b))
    }
  }

  /// What shifts and rotates do and which flags they define, by their number: ROL ROR RCL RCR SHL SHR SHL SAR.
  func shift(_ number: Int, _ value: UInt64, count: UInt64, carry: Bool) -> (UInt64, EFlags, defined: EFlags) {
    var r = value
    var carry = carry
    for _ in 0..<count {
      let high = r & width.top != 0, low = r & 1 != 0, old: UInt64 = carry ? 1 : 0
      switch number {
      case 0: (r, carry) = (r << 1 & width.mask | (high ? 1 : 0), high)
      case 1: (r, carry) = (r >> 1 | (low ? width.top : 0), low)
      case 2: (r, carry) = (r << 1 & width.mask | old, high)
      case 3: (r, carry) = (r >> 1 | old << (width.bits - 1), low)
      case 4, 6: (r, carry) = (r << 1 & width.mask, high)
      case 5: (r, carry) = (r >> 1, low)
      default: (r, carry) = (r >> 1 | r & width.top, low)
      }
    }
    var flags: EFlags = carry ? .cf : []
    var defined: EFlags = number == 4 || number == 5 || number == 6 ? (count < width.bits ? .cf : []) : .cf
    if number >= 4 {
      flags.formUnion(resultFlags(r))
      defined.formUnion([.zf, .sf, .pf])
    }
    if count == 1 {
      defined.insert(.of)
      let isOverflow =
        switch number {
        case 0, 2, 4, 6: (r & width.top != 0) != carry
        case 1, 3: (r & width.top != 0) != (r & width.top >> 1 != 0)
        case 5: value & width.top != 0
        default: false
        }
      if isOverflow { flags.insert(.of) }
    }
    return (r, flags, defined)
  }
}
