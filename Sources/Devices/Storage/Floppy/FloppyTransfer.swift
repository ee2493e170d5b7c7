// Where a read, write or format stands: the sector's address, and whether another follows (data sheet, table 6-1).

/// A command that moves data between the diskette and memory.
struct FloppyTransfer {
  enum Kind: UInt8 {
    case read, write, format, readID
  }

  var kind = Kind.read
  /// The drive, 0 to 3.
  var unit: UInt8 = 0
  var goesOnUnderOtherHead = false
  // The address of the sector, as it is written before it on the diskette.
  var cylinder: UInt8 = 0
  var head: UInt8 = 0
  var sector: UInt8 = 0
  /// 128 bytes, so often doubled.
  var sizeCode: UInt8 = 0
  /// The last sector of a track; for a format: how many are still to come.
  var last: UInt8 = 0
  /// What a format fills sectors with.
  var fill: UInt8 = 0

  /// Sectors of 512 bytes, the only ones there are in images.
  static let sizeCode: UInt8 = 2
  /// Bytes of a sector's address, which a format is given for each.
  static let addressLength = 4

  init() {}

  /// - Parameter command: both bytes of a READ ID.
  init(readID command: [UInt8]) {
    kind = .readID
    unit = command[1] & 3
    head = command[1] >> 2 & 1
    sizeCode = Self.sizeCode
  }

  /// - Parameter command: all bytes of a READ or WRITE.
  init(_ kind: Kind, command: [UInt8]) {
    self.kind = kind
    unit = command[1] & 3
    goesOnUnderOtherHead = command[0] & 0x80 != 0
    (cylinder, head, sector) = (command[2], command[3], command[4])
    (sizeCode, last) = (command[5], command[6])
  }

  /// - Parameter format: all bytes of a FORMAT TRACK.
  init(format command: [UInt8]) {
    kind = .format
    unit = command[1] & 3
    head = command[1] >> 2 & 1
    (sizeCode, last, fill) = (command[2], command[3], command[5])
  }

  /// Bytes that go between the diskette and memory at a time.
  var unitLength: Int { kind == .format ? Self.addressLength : DiskLimits.sectorSize }
  var isToMemory: Bool { kind == .read }
  /// What the DMA channel must be set to.
  var direction: UInt8 { isToMemory ? 1 : 2 }

  /// Takes the address that a format is given for its next sector.
  mutating func takeAddress(_ bytes: Slice<UnsafeMutableRawBufferPointer>) {
    (cylinder, head, sector, sizeCode) = (bytes[0], bytes[1], bytes[2], bytes[3])
  }

  /// The number of the sector in an image of the format; nil when it has no sector with this address.
  func sectorNumber(on format: FloppyFormat) -> UInt64? {
    guard sizeCode == Self.sizeCode else { return nil }
    return format.sector(cylinder: cylinder, head: head, sector: sector)
  }

  /// Goes to the next sector.
  /// - Returns: whether the command goes on there.
  mutating func goOn() -> Bool {
    if kind == .format {
      last &-= 1
      return last > 0
    }
    guard sector == last else {
      sector &+= 1
      return true
    }
    sector = 1
    if goesOnUnderOtherHead, head == 0 {
      head = 1
      return true
    }
    if goesOnUnderOtherHead { head = 0 }
    cylinder &+= 1
    return false
  }

  mutating func transferState(_ archive: inout StateArchive) {
    var number = kind.rawValue
    archive.field(&number)
    archive.field(&unit)
    archive.field(&goesOnUnderOtherHead)
    archive.field(&cylinder)
    archive.field(&head)
    archive.field(&sector)
    archive.field(&sizeCode)
    archive.field(&last)
    archive.field(&fill)
    if archive.isRestoring {
      kind = Kind(rawValue: number) ?? .read
      unit &= 3
    }
  }
}
