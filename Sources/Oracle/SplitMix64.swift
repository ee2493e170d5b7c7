// The random numbers of every test: small, seeded, the same on every host. Steele, Lea and Flood, "Fast splittable
// pseudorandom number generators", OOPSLA 2014.

package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  /// A generator for one case of many, so that a case can be made again without those before it.
  package init(seed: UInt64, index: Int) {
    var outer = SplitMix64(seed: seed ^ (UInt64(bitPattern: Int64(index)) &* 0xd134_2543_de82_ef95))
    state = outer.next()
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  package mutating func word() -> UInt32 { UInt32(truncatingIfNeeded: next() >> 16) }

  /// 0 up to, not including, `bound`.
  package mutating func below(_ bound: Int) -> Int {
    Int(truncatingIfNeeded: (UInt64(word()) &* UInt64(bound)) >> 32)
  }

  /// True once in `n`.
  package mutating func oneIn(_ n: Int) -> Bool { below(n) == 0 }

  package mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }
}
