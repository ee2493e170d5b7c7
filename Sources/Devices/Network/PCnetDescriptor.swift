// Descriptors of the PCnet's rings, in each of its software styles (Am79C970A data sheet 19436, "Receive Descriptors",
// "Transmit Descriptors"). Here they are all in style 2's form; style 0 has 16-bit fields, style 3 exchanges the first and
// the third word so that a burst can take what matters at once.
//
//   style 0   0 address 15-0 | 2 flags 15-8, address 23-16 | 4 1111, -count | 6 receive: bytes; transmit: errors
//   style 2   0 address | 4 flags 31-24, ..., 1111, -count 11-0 | 8 receive: bytes; transmit: errors 31-26 | 12 the driver's
//   style 3   0 as 8 of style 2 | 4 the same | 8 address | 12 the driver's
//
//               31    30    29       28      27    26    25    24    22    21     20
//   receive   | OWN | ERR | FRAM   | OFLO  | CRC | BUF | STP | ENP | PAM | LAFM | BAM |
//   transmit  | OWN | ERR | ADDFCS | LTINT | ONE | DEF | STP | ENP |

import Memory

/// How rings and the initialization block are laid out (BCR20).
enum PCnetStyle: UInt8 {
  case lance = 0
  case ilacc = 1
  case pci = 2
  case pciBurst = 3

  /// Whether addresses have 32 bits.
  var isWide: Bool { self != .lance }
  /// Bytes of a descriptor.
  var descriptorSize: UInt32 { isWide ? 16 : 8 }
}

/// A descriptor of either ring.
struct PCnetDescriptor {
  enum Flag {
    static let own: UInt32 = 1 << 31
    static let error: UInt32 = 1 << 30
    static let start: UInt32 = 1 << 25
    static let end: UInt32 = 1 << 24
    // Receive.
    static let overflow: UInt32 = 1 << 28
    static let buffer: UInt32 = 1 << 26
    static let physicalMatch: UInt32 = 1 << 22
    static let logicalMatch: UInt32 = 1 << 21
    static let broadcastMatch: UInt32 = 1 << 20
    // Transmit.
    static let addCheck: UInt32 = 1 << 29
    static let lastInterrupt: UInt32 = 1 << 28
    /// What the chip sets anew in each descriptor.
    static let status: UInt32 = error | 1 << 29 | overflow | 1 << 27 | buffer | start | end | 1 << 23 | 7 << 20
  }

  /// Bits of a transmit descriptor's `outcome`.
  enum TransmitError {
    static let buffer: UInt32 = 1 << 31
    static let underflow: UInt32 = 1 << 30
  }

  var address: UInt32
  /// Flags in the high byte, and the negative size of the buffer in the low 12 bits.
  var control: UInt32
  /// Bytes received, or errors of transmission.
  var outcome: UInt32

  func has(_ flag: UInt32) -> Bool { control & flag != 0 }
  /// Bytes of the buffer: 1 to 4096.
  var size: Int { 4096 - Int(control & 0xfff) }

  /// - Parameter highAddress: bits 31 to 24 of addresses in style 0.
  init(at place: UInt32, _ style: PCnetStyle, highAddress: UInt32, _ dma: any DMA) {
    let place = GuestPhysicalAddress(UInt64(place))
    if style == .lance {
      let value: UInt64 = dma.load(place)
      let flags = UInt32(truncatingIfNeeded: value >> 16)
      address = highAddress | (flags & 0xff) << 16 | UInt32(truncatingIfNeeded: value & 0xffff)
      control = (flags & 0xff00) << 16 | 0xf000 | UInt32(truncatingIfNeeded: value >> 32) & 0xfff
      outcome = UInt32(truncatingIfNeeded: value >> 48) << 16
      return
    }
    var words: (UInt32, UInt32, UInt32) = (0, 0, 0)
    withUnsafeMutableBytes(of: &words) { dma.read(place, into: $0) }
    control = UInt32(littleEndian: words.1)
    let (first, third) = (UInt32(littleEndian: words.0), UInt32(littleEndian: words.2))
    (address, outcome) = style == .pciBurst ? (third, first) : (first, third)
  }

  /// Puts back what the chip changes: the outcome before the word that gives the descriptor to the driver.
  /// - Parameter isReceive: `outcome` counts bytes, which style 0 has in other bits than errors.
  func store(at place: UInt32, _ style: PCnetStyle, isReceive: Bool, _ dma: any DMA) {
    let base = GuestPhysicalAddress(UInt64(place))
    if style == .lance {
      let last = isReceive ? UInt16(outcome & 0xfff) : UInt16(truncatingIfNeeded: outcome >> 16)
      dma.store(last, at: GuestPhysicalAddress(base.value + 6))
      dma.store(UInt8(control >> 24), at: GuestPhysicalAddress(base.value + 3))
      return
    }
    dma.store(outcome, at: GuestPhysicalAddress(base.value + (style == .pciBurst ? 0 : 8)))
    dma.store(control, at: GuestPhysicalAddress(base.value + 4))
  }
}

/// A ring of descriptors, as the chip goes round it.
struct PCnetRing {
  var base: UInt32 = 0
  /// The ring's length as CSR76 and CSR78 hold it: negative; 0 is 65,536 descriptors.
  var negativeLength: UInt16 = 0xffff
  /// The descriptor that is next. Smaller than the length, unless the driver has just changed that.
  private(set) var index: UInt16 = 0

  private var length: UInt32 { 65_536 - UInt32(negativeLength) }

  /// What CSR72 and CSR74 show: counted up to 0 from the negative length.
  var counter: UInt16 { negativeLength &+ index }

  func place(_ style: PCnetStyle) -> UInt32 { base &+ UInt32(index) &* style.descriptorSize }

  mutating func advance() {
    let next = UInt32(index) + 1
    index = next < length ? UInt16(next) : 0
  }

  mutating func rewind() { index = 0 }

  mutating func transferState(_ archive: inout StateArchive) {
    archive.field(&base)
    archive.field(&negativeLength)
    archive.field(&index)
  }
}
