// When two events of different traces are the same: they say the same thing happened in the same context. When it happened,
// at which instruction, in which address space and at what cost may differ.

extension Event {
  /// Kind, context and details are the same. A return's CR3 is no detail: it says whose call it was.
  @inline(__always)
  public func matches(_ other: Event) -> Bool {
    kind == other.kind && context == other.context && code == other.code && a == other.a && b == other.b
      && (arguments == other.arguments || kind == .systemCallReturn)
  }

  /// Equal for events that match.
  var matchHash: UInt64 {
    var hash = UInt64(kind.rawValue) << 40 | UInt64(context.rawValue) << 32 | UInt64(code)
    hash = Self.mix(hash, a)
    hash = Self.mix(hash, b)
    if kind == .systemCallReturn { return hash }
    hash = Self.mix(hash, UInt64(arguments.0) << 32 | UInt64(arguments.1))
    hash = Self.mix(hash, UInt64(arguments.2) << 32 | UInt64(arguments.3))
    return Self.mix(hash, UInt64(arguments.4) << 32 | UInt64(arguments.5))
  }

  /// A step of a hash (the multiplier and shift are those of splitmix64's finalizer; Steele, Lea and Flood, 2014).
  @inline(__always)
  static func mix(_ hash: UInt64, _ value: UInt64) -> UInt64 {
    let product = (hash ^ value) &* 0xbf58_476d_1ce4_e5b9
    return product ^ (product >> 31) &+ 0x9e37_79b9_7f4a_7c15
  }
}
