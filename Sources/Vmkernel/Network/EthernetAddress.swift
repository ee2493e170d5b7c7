// What the switch reads of a frame (IEEE 802.3): the two addresses it begins with.

/// A station's address, or a group's.
public struct EthernetAddress: Hashable, Sendable, BitwiseCopyable {
  /// 48 bits, the first byte on the wire uppermost.
  public let value: UInt64

  public init(_ value: UInt64) { self.value = value & 0xffff_ffff_ffff }

  /// The address at `offset`; the frame has at least `offset + 6` bytes.
  init(_ frame: UnsafeRawBufferPointer, at offset: Int) {
    self.init((0..<6).reduce(0) { $0 << 8 | UInt64(frame[offset + $1]) })
  }

  /// For several stations; the broadcast address is one of these.
  var isGroup: Bool { value >> 40 & 1 != 0 }
}

/// Lengths of frames, without check sequence.
enum EthernetFrame {
  static let header = 14
  /// With 1500 bytes of payload and a VLAN tag.
  static let mostBytes = 1518
}
