// A drive as it is configured, and the list of them that a machine can have.

/// An image and how the guest sees it.
public struct Drive {
  public enum Interface: String, Sendable, CaseIterable {
    case ide, virtio, floppy
  }
  public enum Medium: Sendable {
    case disk
    /// 2048-byte sectors, read-only.
    case cdrom
    /// A diskette in its drive, which `Interface.floppy` takes alone.
    case floppy

    var noun: String {
      switch self {
      case .disk: "disk"
      case .cdrom: "CD"
      case .floppy: "floppy"
      }
    }
  }

  public var image: any DiskImage
  public var interface: Interface
  public var medium: Medium
  /// Also when the image could be written.
  public var isReadOnly: Bool
  /// What an IDE disk says of itself; nil to derive it from the size.
  public var geometry: DiskGeometry?

  /// Whether a diskette has so many sectors.
  public static func isFloppy(sectorCount: UInt64) -> Bool { FloppyFormat.of(sectorCount: sectorCount) != nil }

  public init(
    image: any DiskImage, interface: Interface = .ide, medium: Medium = .disk, isReadOnly: Bool = false,
    geometry: DiskGeometry? = nil
  ) {
    self.image = image
    self.interface = interface
    // What is in a floppy drive is a floppy, unless it is said to be something else.
    self.medium = interface == .floppy && medium == .disk ? .floppy : medium
    self.isReadOnly = isReadOnly || image.isReadOnly || medium == .cdrom
    self.geometry = geometry
  }
}

/// Drives in the order in which the guest meets them: IDE's go to the first channel's master and slave, then the
/// second's; floppies to drives A and B.
public struct DriveList {
  public private(set) var drives: [Drive] = []

  /// Places on the two IDE channels.
  public static let mostIDE = 4
  /// PCI slots that are kept for them.
  public static let mostVirtio = 16
  /// Drives A and B.
  public static let mostFloppy = 2
  private static let cdSectorSize = 2048

  public init() {}

  public init(_ drives: [Drive]) throws(DiskImageError) {
    for drive in drives { try add(drive) }
  }

  /// Adds a drive, or says why the machine can't have it.
  public mutating func add(_ drive: Drive) throws(DiskImageError) {
    let limit = Self.most(drive.interface)
    guard of(drive.interface).count < limit else {
      throw .tooManyDrives(interface: drive.interface, limit: limit)
    }
    let isPlaced =
      switch drive.medium {
      case .disk: true
      case .cdrom: drive.interface == .ide
      case .floppy: drive.interface == .floppy
      }
    guard isPlaced else {
      throw .misplaced(image: drive.image.label, medium: drive.medium, interface: drive.interface)
    }
    if drive.medium == .cdrom {
      guard drive.image.sectorCount % UInt64(Self.cdSectorSize / DiskLimits.sectorSize) == 0 else {
        throw .partialSector(
          image: drive.image.label, size: drive.image.sectorCount << 9, sectorSize: Self.cdSectorSize)
      }
    }
    if drive.interface == .floppy { _ = try FloppyDrive.Medium(drive.image, isReadOnly: drive.isReadOnly) }
    try drive.geometry?.check(for: drive.image)
    drives.append(drive)
  }

  private static func most(_ interface: Drive.Interface) -> Int {
    switch interface {
    case .ide: mostIDE
    case .virtio: mostVirtio
    case .floppy: mostFloppy
    }
  }

  func of(_ interface: Drive.Interface) -> [Drive] { drives.filter { $0.interface == interface } }

  /// The first failure of the host on any image.
  public var failure: HostStorageFailure? {
    for drive in drives { if let failure = drive.image.failure { return failure } }
    return nil
  }
}
