// The address of a station on an Ethernet (IEEE 802.3, 3.2.3).

/// 48 bits; the first byte on the wire is the first.
public struct MACAddress: Equatable, Sendable, CustomStringConvertible {
  public let bytes: [UInt8]

  /// In the range that VMware gives to addresses set by hand.
  public static let usual = MACAddress(0x000c_2954_504c)

  /// The low 48 bits of `value`, the first byte highest.
  public init(_ value: UInt64) {
    bytes = (0..<6).map { UInt8(truncatingIfNeeded: value >> (40 - 8 * UInt64($0))) }
  }

  /// `00:0c:29:54:50:4c`; nil for what is none, or names a group.
  public init?(parsing text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 6, parts.allSatisfy({ $0.utf8.count == 2 && $0.first != "+" && $0.first != "-" }) else {
      return nil
    }
    let bytes = parts.compactMap { UInt8($0, radix: 16) }
    guard bytes.count == 6, bytes[0] & 1 == 0 else { return nil }
    self.bytes = bytes
  }

  public var description: String {
    bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined(separator: ":")
  }
}
