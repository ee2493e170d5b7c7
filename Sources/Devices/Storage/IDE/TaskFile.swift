// The registers by which a drive is given a command (ATA/ATAPI-6, clause 7). Each but the device register is two deep:
// a write pushes what was there before, and 48-bit commands take both.
//
//   register   read        write         bits 15-8 (previous)   7-0 (current)
//   1          error       features
//   2          sector count              count 15-8             count 7-0
//   3          LBA low                   LBA 31-24              LBA 7-0     (sector number)
//   4          LBA mid                   LBA 39-32              LBA 15-8    (cylinder low)
//   5          LBA high                  LBA 47-40              LBA 23-16   (cylinder high)
//   6          device      | 1 | LBA | 1 | DEV | LBA 27-24 or head |
//   7          status      command

struct TaskFile {
  private(set) var features: UInt16 = 0
  private(set) var count: UInt16 = 0
  private(set) var low: UInt16 = 0
  private(set) var mid: UInt16 = 0
  private(set) var high: UInt16 = 0
  var device: UInt8 = 0

  static let lbaBit: UInt8 = 0x40
  static let deviceBit: UInt8 = 0x10

  mutating func write(_ register: UInt32, _ byte: UInt8) {
    switch register {
    case 1: features = features << 8 | UInt16(byte)
    case 2: count = count << 8 | UInt16(byte)
    case 3: low = low << 8 | UInt16(byte)
    case 4: mid = mid << 8 | UInt16(byte)
    case 5: high = high << 8 | UInt16(byte)
    default: device = byte
    }
  }

  /// - Parameter previous: the older of the two bytes is wanted (the HOB bit of device control).
  func read(_ register: UInt32, previous: Bool) -> UInt8 {
    func byte(_ value: UInt16) -> UInt8 { UInt8(truncatingIfNeeded: previous ? value >> 8 : value) }
    switch register {
    case 2: return byte(count)
    case 3: return byte(low)
    case 4: return byte(mid)
    case 5: return byte(high)
    // Bits 7 and 5 are always set.
    default: return device | 0xa0
    }
  }

  /// Sectors that a command names; none means the most.
  func sectors(isExtended: Bool) -> Int {
    if isExtended { return count == 0 ? 1 << 16 : Int(count) }
    return count & 0xff == 0 ? 256 : Int(count & 0xff)
  }

  /// The sector's number, in 48 or 28 bits.
  func lba(isExtended: Bool) -> UInt64 {
    let lower = UInt64(low & 0xff) | UInt64(mid & 0xff) << 8 | UInt64(high & 0xff) << 16
    if !isExtended { return lower | UInt64(device & 0x0f) << 24 }
    return lower | UInt64(low >> 8) << 24 | UInt64(mid >> 8) << 32 | UInt64(high >> 8) << 40
  }

  /// Shows a sector's number in the registers.
  mutating func setLBA(_ lba: UInt64, isExtended: Bool) {
    func pair(_ shift: UInt64, _ previous: UInt64) -> UInt16 {
      UInt16(lba >> shift & 0xff) | (isExtended ? UInt16(lba >> previous & 0xff) << 8 : 0)
    }
    low = pair(0, 24)
    mid = pair(8, 32)
    high = pair(16, 40)
    if !isExtended { device = device & 0xf0 | UInt8(lba >> 24 & 0x0f) }
  }

  mutating func setCount(_ value: UInt8) { count = count & 0xff00 | UInt16(value) }

  /// The low bytes of LBA mid and high: a byte count or a signature.
  var byteCount: Int { Int(mid & 0xff) | Int(high & 0xff) << 8 }
  mutating func setByteCount(_ value: Int) {
    mid = UInt16(value & 0xff)
    high = UInt16(value >> 8 & 0xff)
  }

  /// What a drive shows after a reset: 0x0000 for a disk, 0xEB14 for a packet drive.
  mutating func setSignature(_ signature: Int) {
    count = 1
    low = 1
    setByteCount(signature)
    device &= Self.deviceBit
  }

  mutating func transferState(_ archive: inout StateArchive) {
    archive.field(&features)
    archive.field(&count)
    archive.field(&low)
    archive.field(&mid)
    archive.field(&high)
    archive.field(&device)
  }
}
