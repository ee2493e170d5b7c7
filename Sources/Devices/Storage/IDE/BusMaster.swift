// The bus master of one IDE channel (SFF-8038i; 82371SB data sheet, 2.7): the guest describes memory in a table of
// physical regions, starts the engine, and the drive's data goes there.
//
//             7        6       5      4  3   2      1      0
//   command |  -       -       -      -  | to memory  -   -   | start |
//   status  | simplex | DMA 1 | DMA 0 | 0  0 | interrupt | error | active |   interrupt and error: cleared by ones
//
//   a region  | address, even (32)                              |
//             | end of table (bit 31) ... | count, even; 0: 64 KiB |

import Memory

struct BusMaster {
  private(set) var command: UInt8 = 0
  private(set) var status: UInt8 = 0
  private(set) var table: UInt32 = 0

  private enum Bits {
    static let start: UInt8 = 0x01
    static let toMemory: UInt8 = 0x08
    static let active: UInt8 = 0x01
    static let error: UInt8 = 0x02
    static let interrupt: UInt8 = 0x04
    static let drivesCanDMA: UInt8 = 0x60
  }

  /// The table lies within 64 KiB, and comes round there.
  private static let mostRegions = 8192

  var isActive: Bool { status & Bits.active != 0 }

  func read(_ register: UInt32) -> UInt8 {
    switch register {
    case 0: command
    case 2: status
    case 4...7: UInt8(truncatingIfNeeded: table >> (8 * (register - 4)))
    default: 0
    }
  }

  mutating func write(_ register: UInt32, _ byte: UInt8) {
    switch register {
    case 0:
      let starts = byte & ~command & Bits.start != 0
      command = byte & (Bits.start | Bits.toMemory)
      if starts { status |= Bits.active }
      if command & Bits.start == 0 { status &= ~Bits.active }
    case 2:
      status &= ~(byte & (Bits.error | Bits.interrupt))
      status = status & ~Bits.drivesCanDMA | byte & Bits.drivesCanDMA
    case 4...7:
      let shift = 8 * (register - 4)
      table = (table & ~(0xff << shift) | UInt32(byte) << shift) & ~3
    default: break
    }
  }

  /// The drive's interrupt line rose.
  mutating func noteInterrupt() { status |= Bits.interrupt }

  /// The transfer is over.
  /// - Parameter isTableDone: the whole table was used; else the engine stays active, as the hardware does.
  mutating func finish(isTableDone: Bool) { if isTableDone { status &= ~Bits.active } }

  /// The table ended before the data: the engine stops, and no interrupt comes.
  mutating func stall() { status &= ~Bits.active }

  /// Reads the table as far as it is needed.
  /// - Parameter needed: bytes; reading stops when there are more.
  func regions(_ needed: UInt64, _ dma: any DMA) -> GuestBuffers {
    var buffers = GuestBuffers()
    for index in 0..<UInt32(Self.mostRegions) {
      let entry = table & 0xffff_0000 | (table &+ 8 * index) & 0xffff
      let address = dma.load(GuestPhysicalAddress(entry), as: UInt32.self) & ~1
      let word = dma.load(GuestPhysicalAddress(entry &+ 4), as: UInt32.self)
      let count = word & 0xfffe
      buffers.append(GuestPhysicalAddress(address), count: count == 0 ? 0x1_0000 : UInt64(count))
      if word & 0x8000_0000 != 0 || buffers.total > needed { break }
    }
    return buffers
  }

  mutating func reset() { self = BusMaster() }

  mutating func transferState(_ archive: inout StateArchive) {
    archive.field(&command)
    archive.field(&status)
    archive.field(&table)
    if archive.isRestoring {
      command &= Bits.start | Bits.toMemory
      status &= Bits.drivesCanDMA | Bits.interrupt | Bits.error | Bits.active
      table &= ~3
    }
  }
}
