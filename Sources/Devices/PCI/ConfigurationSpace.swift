// The 256 bytes in which a PCI function tells what it is and is told where to answer (PCI Local Bus 2.2, chapter 6).
// For each byte one mask says which bits the guest can set, and one which bits it clears by writing ones.
//
//         31            16 15             0
//   00   |   device       |   vendor       |
//   04   |   status       |   command      |    status: bits 15-11, 8 cleared by ones
//   08   |   class code            | rev   |
//   0C   | BIST | header | latency | line  |    header bit 7: the slot has several functions
//   10   |   base address registers 0-5    |
//   2C   |   subsystem    |   vendor       |
//   34   |                      | cap ptr  |
//   3C   | max | min | int pin | int line  |

/// What a function says about itself and never changes.
public struct PCIIdentity: Sendable {
  public var vendor: UInt16
  public var device: UInt16
  public var revision: UInt8
  /// Base class, subclass and programming interface, as in 0x01_01_80.
  public var classCode: UInt32
  /// The vendor and number of the board, by which guests know the platform.
  public var subsystem: (vendor: UInt16, device: UInt16) = (0x1af4, 0x1100)
  /// The slot has functions other than 0.
  public var hasOtherFunctions = false
  /// 1 for INTA#; 0 for a function without an interrupt.
  public var interruptPin: UInt8 = 0

  public init(vendor: UInt16, device: UInt16, revision: UInt8, classCode: UInt32) {
    self.vendor = vendor
    self.device = device
    self.revision = revision
    self.classCode = classCode
  }
}

struct ConfigurationSpace {
  static let size = 256
  private(set) var bytes = [UInt8](repeating: 0, count: size)
  private var atReset = [UInt8](repeating: 0, count: size)
  private var writable = [UInt8](repeating: 0, count: size)
  private var clearedByOnes = [UInt8](repeating: 0, count: size)

  enum Offset {
    static let command = 0x04
    static let status = 0x06
    static let baseAddresses = 0x10
    static let capabilities = 0x34
    static let interruptLine = 0x3c
    static let interruptPin = 0x3d
    /// Where what belongs to the device begins.
    static let deviceSpecific = 0x40
  }

  init(_ identity: PCIIdentity) {
    define(0x00, identity.vendor)
    define(0x02, identity.device)
    // I/O, memory, bus master, parity response, SERR, interrupt disable.
    define(Offset.command, UInt16(0), writable: 0x0547)
    define(0x08, UInt32(identity.revision) | identity.classCode << 8)
    define(0x0c, UInt8(0), writable: 0xff)
    define(0x0d, UInt8(0), writable: 0xff)
    define(0x0e, UInt8(identity.hasOtherFunctions ? 0x80 : 0))
    define(0x2c, identity.subsystem.vendor)
    define(0x2e, identity.subsystem.device)
    define(Offset.interruptLine, UInt8(0), writable: 0xff)
    define(Offset.interruptPin, identity.interruptPin)
    clearedByOnes[Offset.status + 1] = 0xf9
    for offset in Offset.deviceSpecific..<Self.size { writable[offset] = 0xff }
  }

  /// Sets what a register holds after a reset and which of its bits the guest can set.
  mutating func define<T: FixedWidthInteger>(_ offset: Int, _ value: T, writable mask: T = 0) {
    for index in 0..<T.bitWidth / 8 {
      atReset[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
      writable[offset + index] = UInt8(truncatingIfNeeded: mask >> (8 * index))
      bytes[offset + index] = atReset[offset + index]
    }
  }

  /// Links a capability into the list; `body` follows its ID and the pointer to the next.
  mutating func addCapability(_ id: UInt8, at offset: Int, body: [UInt8]) {
    define(offset, id)
    define(offset + 1, bytes[Offset.capabilities])
    for (index, byte) in body.enumerated() { define(offset + 2 + index, byte) }
    define(Offset.capabilities, UInt8(offset))
    define(Offset.status, UInt8(bytes[Offset.status] | 0x10))
  }

  func load<T: FixedWidthInteger>(_ offset: Int, as type: T.Type = T.self) -> T {
    var value: T = 0
    for index in 0..<T.bitWidth / 8 where offset + index < Self.size {
      value |= T(truncatingIfNeeded: bytes[offset + index]) << (8 * index)
    }
    return value
  }

  /// A write by the guest.
  mutating func write(_ offset: Int, size: AccessSize, value: UInt32) {
    for index in 0..<Int(size.rawValue) where offset + index < Self.size {
      let (at, byte) = (offset + index, UInt8(truncatingIfNeeded: value >> (8 * UInt32(index))))
      bytes[at] = (bytes[at] & ~writable[at] | byte & writable[at]) & ~(byte & clearedByOnes[at])
    }
  }

  /// Sets bits that the guest can't, such as status.
  mutating func set(_ offset: Int, bits: UInt8, to isSet: Bool) {
    bytes[offset] = isSet ? bytes[offset] | bits : bytes[offset] & ~bits
  }

  mutating func reset() { bytes = atReset }

  mutating func transferState(_ archive: inout StateArchive) {
    for offset in 0..<Self.size {
      // What the guest can't change is the device's, whatever a snapshot says.
      let kept = writable[offset] | clearedByOnes[offset] | (offset == Offset.status ? 0x08 : 0)
      if kept == 0 { continue }
      var byte = bytes[offset]
      archive.field(&byte)
      if archive.isRestoring { bytes[offset] = atReset[offset] & ~kept | byte & kept }
    }
  }
}
