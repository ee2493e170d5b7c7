// What the driver tells the PCnet before it starts (Am79C970A data sheet 19436, "Initialization Block").
//
//   16 bits   00 mode | 02 MAC | 08 filter | 10 receive ring 15-0 | 12 RLEN 15-13, ring 23-16 7-0 | 14, 16 transmit the same |
//   32 bits   00 mode | 02 RLEN 7-4, TLEN 15-12 | 04 MAC | 0A 0 | 0C filter | 14 receive ring | 18 transmit ring |

import Memory

struct PCnetInitializationBlock {
  var mode: UInt16
  var physicalAddress: [UInt16]
  var logicalFilter: [UInt16]
  var receiveRing: UInt32
  var transmitRing: UInt32
  /// As CSR76 and CSR78 hold them: negative.
  var receiveLength: UInt16
  var transmitLength: UInt16

  private static let longestExponent: UInt16 = 9

  init(at place: UInt32, _ style: PCnetStyle, _ dma: any DMA) {
    var bytes = [UInt8](repeating: 0, count: 28)
    bytes.withUnsafeMutableBytes { dma.read(GuestPhysicalAddress(UInt64(place)), into: $0) }
    func word(_ at: Int) -> UInt16 { UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8 }
    func dword(_ at: Int) -> UInt32 { UInt32(word(at)) | UInt32(word(at + 2)) << 16 }
    /// The length is given as a power of two, of at most 512.
    func length(_ exponent: UInt16) -> UInt16 { 0 &- 1 << min(exponent, Self.longestExponent) }
    mode = word(0)
    if style.isWide {
      receiveLength = length(word(2) >> 4 & 15)
      transmitLength = length(word(2) >> 12)
      physicalAddress = [word(4), word(6), word(8)]
      logicalFilter = (0..<4).map { word(12 + 2 * $0) }
      // Descriptors of 16 bytes are aligned.
      receiveRing = dword(20) & ~15
      transmitRing = dword(24) & ~15
    } else {
      receiveLength = length(word(18) >> 13)
      transmitLength = length(word(22) >> 13)
      physicalAddress = [word(2), word(4), word(6)]
      logicalFilter = (0..<4).map { word(8 + 2 * $0) }
      // What is missing of an address comes from the block's own (CSR2).
      let high = place & 0xff00_0000
      receiveRing = high | dword(16) & 0x00ff_fff8
      transmitRing = high | dword(20) & 0x00ff_fff8
    }
  }
}
