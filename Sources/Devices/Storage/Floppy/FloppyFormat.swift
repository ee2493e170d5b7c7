// The formats that a raw floppy image can have: its size alone tells which, as in QEMU.

/// How a diskette is laid out.
struct FloppyFormat: Equatable {
  let cylinders: Int
  let heads: Int
  let sectors: Int
  /// The data rate at which it is read, as the controller's registers number it: 0 is 500 kbit/s, 1 300, 2 250, 3 1000.
  let rate: UInt8
  let drive: FloppyDriveKind

  private static let all = [
    FloppyFormat(cylinders: 80, heads: 2, sectors: 36, rate: 3, drive: .extra),
    FloppyFormat(cylinders: 80, heads: 2, sectors: 21, rate: 0, drive: .small),
    FloppyFormat(cylinders: 80, heads: 2, sectors: 18, rate: 0, drive: .small),
    FloppyFormat(cylinders: 80, heads: 2, sectors: 9, rate: 2, drive: .small),
    FloppyFormat(cylinders: 80, heads: 2, sectors: 15, rate: 0, drive: .large),
    // A drive for 1.2 MB turns faster than these were written.
    FloppyFormat(cylinders: 40, heads: 2, sectors: 9, rate: 1, drive: .large),
    FloppyFormat(cylinders: 40, heads: 2, sectors: 8, rate: 1, drive: .large),
    FloppyFormat(cylinders: 40, heads: 1, sectors: 9, rate: 1, drive: .large),
    FloppyFormat(cylinders: 40, heads: 1, sectors: 8, rate: 1, drive: .large),
  ]

  var sectorCount: UInt64 { UInt64(cylinders * heads * sectors) }

  /// Steps of the drive's arm from one cylinder to the next: drives are made for 80 cylinders.
  var stepsPerCylinder: Int { cylinders > 40 ? 1 : 2 }

  /// The sizes there are, in KiB, the smallest first.
  static var sizes: [UInt64] { all.map { $0.sectorCount / 2 }.sorted() }

  /// The format of an image of so many sectors; nil when no diskette has that many.
  static func of(sectorCount: UInt64) -> FloppyFormat? { all.first { $0.sectorCount == sectorCount } }

  /// The number of a sector in the image; nil when there is no such sector.
  func sector(cylinder: UInt8, head: UInt8, sector: UInt8) -> UInt64? {
    let (cylinder, head, sector) = (Int(cylinder), Int(head), Int(sector))
    guard cylinder < cylinders, head < heads, (1...sectors).contains(sector) else { return nil }
    return UInt64((cylinder * heads + head) * sectors + sector - 1)
  }
}

/// The drives of PCs, by the number that CMOS memory has for them.
enum FloppyDriveKind: UInt8 {
  /// 5.25 inches, up to 1.2 MB.
  case large = 2
  /// 3.5 inches, up to 1.44 MB.
  case small = 4
  /// 3.5 inches, up to 2.88 MB.
  case extra = 5

  /// Whether diskettes of the format fit.
  func takes(_ format: FloppyFormat) -> Bool {
    format.drive == self || (self == .extra && format.drive == .small)
  }
}
