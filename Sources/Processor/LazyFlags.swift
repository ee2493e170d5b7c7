// Arithmetic flags, computed when somebody asks. An instruction that sets flags leaves its result, sign-extended to 32
// bits, and the carries out of each bit position; every flag follows from the two without knowing which operation
// it was (after D. Mihocka and S. Shwartsman, "Virtualization without direct execution", 2008).
//
//   auxiliary:
//     31 30 29                      16 15           8 7       4  3  2   1   0
//    +--+--+--------------------------+---------------+---------+--+------+----+
//    |CF|PO| 0                        | parity delta  | 0       |AF| 0    |SFD |
//    +--+--+--------------------------+---------------+---------+--+------+----+
//   CF = bit 31    OF = bit 31 ^ bit 30    AF = bit 3
//   ZF = (result == 0)    SF = result's sign ^ SFD    PF = even parity of (result ^ parity delta)'s low byte

import ISA

/// The six arithmetic flags in EFLAGS.
let arithmeticFlags: UInt32 = 0x8d5

/// The lazy pair: the result and the auxiliary word.
struct LazyFlags: BitwiseCopyable, Equatable {
  var result: UInt32
  var auxiliary: UInt32

  @inline(__always) init(result: UInt32, auxiliary: UInt32) {
    self.result = result
    self.auxiliary = auxiliary
  }

  /// From the six arithmetic flags of an EFLAGS image.
  @inline(__always) init(eflags: UInt32) {
    let carry = eflags & 1, parity = eflags >> 2 & 1, adjust = eflags >> 4 & 1
    let zero = eflags >> 6 & 1, sign = eflags >> 7 & 1, overflow = eflags >> 11 & 1
    // With ZF the result must be 0, without it 0x100: in both its sign is 0 and its low byte has even parity.
    result = (zero ^ 1) << 8
    auxiliary = carry << 31 | (carry ^ overflow) << 30 | (parity ^ 1) << 8 | adjust << 3 | sign
  }

  @inline(__always) var carry: Bool { Int32(bitPattern: auxiliary) < 0 }
  @inline(__always) var overflow: Bool { Int32(bitPattern: auxiliary ^ auxiliary << 1) < 0 }
  @inline(__always) var zero: Bool { result == 0 }
  @inline(__always) var sign: Bool { (result >> 31 ^ auxiliary) & 1 != 0 }
  @inline(__always) var adjust: Bool { auxiliary & 8 != 0 }
  @inline(__always) var parity: Bool { UInt8(truncatingIfNeeded: result ^ auxiliary >> 8).nonzeroBitCount & 1 == 0 }

  /// The six flags at their places in EFLAGS.
  @inline(__always) var eflags: UInt32 {
    (carry ? 1 : 0) | (parity ? 4 : 0) | (adjust ? 0x10 : 0) | (zero ? 0x40 : 0) | (sign ? 0x80 : 0)
      | (overflow ? 0x800 : 0)
  }

  /// The condition of Jcc, SETcc, CMOVcc (SDM 1, appendix B): bits 3-1 choose, bit 0 negates.
  @inline(__always) func holds(_ condition: UInt8) -> Bool {
    let plain: Bool
    switch condition >> 1 & 7 {
    case 0: plain = overflow
    case 1: plain = carry
    case 2: plain = zero
    case 3: plain = carry || zero
    case 4: plain = sign
    case 5: plain = parity
    case 6: plain = sign != overflow
    default: plain = zero || sign != overflow
    }
    return plain != (condition & 1 != 0)
  }

  /// With CF and OF replaced.
  @inline(__always) func with(carry: Bool, overflow: Bool) -> LazyFlags {
    let c: UInt32 = carry ? 1 : 0, o: UInt32 = overflow ? 1 : 0
    return LazyFlags(result: result, auxiliary: auxiliary & 0x3fff_ffff | c << 31 | (c ^ o) << 30)
  }
}
