// The seeded generator of everything random here (SplitMix64, G. Steele, D. Lea and C. Flood, OOPSLA 2014). A case's numbers
// follow from the seed and the case's number alone, so that each can be run again by itself.

/// A stream of random numbers.
package struct RandomSource {
  private var state: UInt64

  package init(seed: UInt64, stream: UInt64 = 0) {
    state = seed &* 0xd134_2543_de82_ef95 ^ stream &* 0x9e37_79b9_7f4a_7c15 ^ 0x5851_f42d_4c95_7f2d
    _ = next()
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  package mutating func word() -> UInt32 { UInt32(truncatingIfNeeded: next() >> 32) }
  package mutating func byte() -> UInt8 { UInt8(truncatingIfNeeded: next() >> 56) }

  /// 0 to `count - 1`.
  package mutating func below(_ count: Int) -> Int { Int(((next() >> 32) * UInt64(count)) >> 32) }

  /// True in `percent` of 100 cases.
  package mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

  package mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }
}
