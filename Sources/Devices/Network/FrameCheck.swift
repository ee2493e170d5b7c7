// The frame check sequence of Ethernet: CRC-32, low bit first (IEEE 802.3, 3.2.9).

enum FrameCheck {
  /// Bytes of the sequence on the wire, lowest first.
  static let size = 4

  private static let table: [UInt32] = (0..<256).map { index in
    var value = UInt32(index)
    for _ in 0..<8 { value = value & 1 != 0 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
    return value
  }

  /// The register after `bytes`, before it is inverted for the wire.
  static func register(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var value = UInt32.max
    for byte in bytes { value = value >> 8 ^ table[Int(UInt8(truncatingIfNeeded: value) ^ byte)] }
    return value
  }

  /// What follows `bytes` on the wire.
  static func sequence(of bytes: some Sequence<UInt8>) -> [UInt8] {
    let value = ~register(bytes)
    return (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * UInt32($0))) }
  }

  /// The bit of an adapter's 64-bit logical address filter that stands for a group's address.
  static func filterBit(of address: some Sequence<UInt8>) -> Int { Int(register(address) >> 26) }
}
