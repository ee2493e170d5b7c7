// A network of one peer that has every address and answers at once, for guests without a network: address resolution
// (RFC 826), ICMP echo (RFC 792), and UDP's echo port (RFC 862); frames of other types it returns.
// Answers depend on the question alone, so runs repeat.
//
//   ARP    | 14: hardware 1, protocol 0800, 6, 4, operation | 22: sender's MAC, IP | 32: target's MAC, IP |
//   IPv4   | 14: 4, words | 23: protocol | 24: checksum | 26: source | 30: destination | header's end: data |

/// The echoing peer.
public final class LoopNetwork: NetworkBackend {
  /// The peer's own address.
  public static let address = MACAddress(0x0250_5600_0001)
  /// Answers beyond that are dropped: a guest that never takes any can't fill the host's memory.
  private static let capacity = 256

  private var answers: [[UInt8]] = []

  private enum EtherType {
    static let ipv4: UInt16 = 0x0800
    static let arp: UInt16 = 0x0806
    static let ipv6: UInt16 = 0x86dd
  }

  private enum IPProtocol {
    static let icmp: UInt8 = 1
    static let udp: UInt8 = 17
  }

  private static let echoPort: UInt16 = 7

  public init() {}

  public func send(_ frame: UnsafeRawBufferPointer) {
    guard frame.count >= FrameSize.header, answers.count < Self.capacity else { return }
    var bytes = Array(frame)
    let answered =
      switch Self.word(bytes, 12) {
      case EtherType.arp: Self.answerResolution(&bytes)
      case EtherType.ipv4: Self.answerEcho(&bytes)
      // A station that hears its own questions takes its address for somebody else's (RFC 4862, 5.4).
      case EtherType.ipv6: false
      default: true
      }
    guard answered else { return }
    bytes.replaceSubrange(0..<6, with: bytes[6..<12])
    bytes.replaceSubrange(6..<12, with: Self.address.bytes)
    answers.append(bytes)
  }

  public func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    while !answers.isEmpty {
      let frame = answers.removeFirst()
      guard frame.count <= buffer.count else { continue }
      buffer.copyBytes(from: frame)
      return frame.count
    }
    return 0
  }

  private static func word(_ bytes: [UInt8], _ at: Int) -> UInt16 { UInt16(bytes[at]) << 8 | UInt16(bytes[at + 1]) }

  private static func exchange(_ bytes: inout [UInt8], _ first: Int, _ second: Int, _ count: Int) {
    for index in 0..<count { bytes.swapAt(first + index, second + index) }
  }

  /// "Who has the target's address?" The peer has, unless the guest asks for its own, to see that nobody else has it.
  private static func answerResolution(_ bytes: inout [UInt8]) -> Bool {
    guard bytes.count >= 42, word(bytes, 14) == 1, word(bytes, 16) == EtherType.ipv4, word(bytes, 18) == 0x0604,
      word(bytes, 20) == 1, bytes[28..<32] != bytes[38..<42], bytes[28..<32].contains(where: { $0 != 0 })
    else { return false }
    bytes[21] = 2
    exchange(&bytes, 22, 32, 10)
    bytes.replaceSubrange(22..<28, with: address.bytes)
    return true
  }

  private static func answerEcho(_ bytes: inout [UInt8]) -> Bool {
    guard bytes.count >= 34, bytes[14] >> 4 == 4 else { return false }
    let data = FrameSize.header + Int(bytes[14] & 15) * 4
    // Fragments are answered by nobody.
    guard data >= 34, bytes.count >= data + 8, word(bytes, 20) & 0x3fff == 0 else { return false }
    switch bytes[23] {
    case IPProtocol.icmp:
      guard bytes[data] == 8, bytes[data + 1] == 0 else { return false }
      bytes[data] = 0
      // The sum loses what the type loses: RFC 1624, equation 3.
      var sum = UInt32(~word(bytes, data + 2)) + UInt32(~UInt16(0x0800))
      sum = (sum & 0xffff) + (sum >> 16)
      let checksum = ~UInt16(truncatingIfNeeded: (sum & 0xffff) + (sum >> 16))
      bytes[data + 2] = UInt8(checksum >> 8)
      bytes[data + 3] = UInt8(truncatingIfNeeded: checksum)
    case IPProtocol.udp:
      guard word(bytes, data + 2) == echoPort else { return false }
      // Exchanged words leave the sum as it is.
      exchange(&bytes, data, data + 2, 2)
    default: return false
    }
    exchange(&bytes, 26, 30, 4)
    return true
  }
}
