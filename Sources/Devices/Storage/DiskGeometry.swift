// Cylinders, heads and sectors: how firmware and old systems count (ATA/ATAPI-6, 6.2 and annex B).

/// The geometry that a disk claims to have.
public struct DiskGeometry: Equatable, Sendable, CustomStringConvertible {
  public var cylinders: Int
  public var heads: Int
  public var sectors: Int

  public init(cylinders: Int, heads: Int, sectors: Int) {
    self.cylinders = cylinders
    self.heads = heads
    self.sectors = sectors
  }

  /// What a disk of so many sectors says by itself: 16 heads and 63 sectors, at most 16383 cylinders.
  public init(sectorCount: UInt64) {
    let track = 16 * 63
    if sectorCount >= UInt64(track) {
      self.init(cylinders: Int(min(sectorCount / UInt64(track), 16383)), heads: 16, sectors: 63)
    } else {
      let sectors = Int(min(sectorCount, 63))
      self.init(cylinders: Int(sectorCount) / sectors, heads: 1, sectors: sectors)
    }
  }

  public var description: String { "\(cylinders)/\(heads)/\(sectors)" }

  /// Refuses what can't be told to a guest, or is more than there is.
  func check(for image: any DiskImage) throws(DiskImageError) {
    func refusal(_ reason: String) -> DiskImageError {
      .badGeometry(image: image.label, geometry: self, reason: reason)
    }
    guard (1...16383).contains(cylinders) else { throw refusal("cylinders are 1 to 16383") }
    guard (1...16).contains(heads) else { throw refusal("heads are 1 to 16") }
    guard (1...63).contains(sectors) else { throw refusal("sectors are 1 to 63") }
    guard UInt64(cylinders * heads * sectors) <= image.sectorCount else {
      throw refusal("the image has only \(image.sectorCount) sectors")
    }
  }
}
