/// A floppy drive, with a diskette in it or without.
final class FloppyDrive {
  /// A diskette.
  struct Medium {
    let image: any DiskImage
    let format: FloppyFormat
    let isReadOnly: Bool

    /// - Throws: when no diskette has the size of the image.
    init(_ image: any DiskImage, isReadOnly: Bool) throws(DiskImageError) {
      guard let format = FloppyFormat.of(sectorCount: image.sectorCount) else {
        throw .notAFloppy(image: image.label, size: image.sectorCount << 9)
      }
      self.image = image
      self.format = format
      self.isReadOnly = isReadOnly || image.isReadOnly
    }
  }

  let kind: FloppyDriveKind
  private(set) var medium: Medium?
  /// The change line: up from the exchange of the diskette until the arm moves over one.
  private(set) var hasChanged = true

  init(_ medium: Medium) {
    self.medium = medium
    kind = medium.format.drive
  }

  /// Exchanges the diskette, or takes it out.
  func change(to medium: Medium?) {
    self.medium = medium
    hasChanged = true
  }

  /// The arm has been stepped.
  func armMoved() { if medium != nil { hasChanged = false } }

  func transferState(_ archive: inout StateArchive) { archive.field(&hasChanged) }
}
