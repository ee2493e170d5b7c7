// What a drive keeps its sectors in. Devices see sectors and a refusal; why the host refused is remembered here, for the
// machine to report.

/// The host could not do what a guest's drive asked.
public struct HostStorageFailure: Equatable, Sendable, CustomStringConvertible {
  public enum Operation: String, Sendable {
    case read, write, flush
  }
  public let image: String
  public let operation: Operation
  /// The first sector of the request.
  public let sector: UInt64
  /// The host's `errno`; 0 when the file has become shorter.
  public let errno: Int32
  public let description: String

  public init(image: String, operation: Operation, sector: UInt64, errno: Int32, description: String) {
    self.image = image
    self.operation = operation
    self.sector = sector
    self.errno = errno
    self.description = description
  }
}

/// A request that could not be carried out; the image remembers why.
public struct DiskRequestError: Error {}

/// Sectors of 512 bytes, as a drive's backend keeps them.
public protocol DiskImage: AnyObject {
  /// For people: the file's name.
  var label: String { get }
  /// At least 1, at most `DiskLimits.mostSectors`.
  var sectorCount: UInt64 { get }
  var isReadOnly: Bool { get }
  /// The first failure of the host.
  var failure: HostStorageFailure? { get }

  /// Fills `target`, whole sectors, from `sector` on. The caller stays within the image.
  func read(_ sector: UInt64, into target: UnsafeMutableRawBufferPointer) throws(DiskRequestError)
  /// Writes whole sectors from `sector` on. The caller stays within the image, and doesn't write to a read-only one.
  func write(_ sector: UInt64, from source: UnsafeRawBufferPointer) throws(DiskRequestError)
  /// What was written before survives the end of the host.
  func flush() throws(DiskRequestError)
}

/// Sizes of sectors and disks.
public enum DiskLimits {
  public static let sectorSize = 512
  /// A sector's number has 48 bits.
  public static let mostSectors: UInt64 = 1 << 48
}

/// Why an image or a drive is refused.
public enum DiskImageError: Error, Equatable, CustomStringConvertible {
  case cantOpen(image: String, reason: String)
  case notAFile(image: String)
  case inUse(image: String)
  case empty(image: String)
  case partialSector(image: String, size: UInt64, sectorSize: Int)
  case tooLarge(image: String, size: UInt64)
  case badGeometry(image: String, geometry: DiskGeometry, reason: String)
  case misplaced(image: String, medium: Drive.Medium, interface: Drive.Interface)
  case notAFloppy(image: String, size: UInt64)
  case wrongFloppy(image: String, size: UInt64)
  case noFloppyDrive(image: String, drive: Int)
  case tooManyDrives(interface: Drive.Interface, limit: Int)

  public var description: String {
    switch self {
    case .cantOpen(let image, let reason): "can't open the disk image \(image): \(reason)"
    case .notAFile(let image): "the disk image \(image) is neither a file nor a block device"
    case .inUse(let image):
      "the disk image \(image) is in use by another process; attach it read-only in both, or end the other"
    case .empty(let image): "the disk image \(image) is empty"
    case .partialSector(let image, let size, let sectorSize):
      "the disk image \(image) has \(size) bytes, which is not a multiple of \(sectorSize); truncated, or not a raw image?"
    case .tooLarge(let image, let size):
      "the disk image \(image) has \(size) bytes; a drive can address \(DiskLimits.mostSectors << 9) at most"
    case .badGeometry(let image, let geometry, let reason):
      "the geometry \(geometry) of the disk image \(image) can't be: \(reason)"
    case .misplaced(let image, let medium, let interface):
      "the \(medium.noun) image \(image) can't be attached to \(interface.rawValue); attach it to "
        + (medium == .floppy ? "floppy" : "ide")
    case .notAFloppy(let image, let size):
      "the image \(image) has \(size) bytes, which no floppy has: they have "
        + FloppyFormat.sizes.map { String($0) }.joined(separator: ", ") + " KiB"
    case .wrongFloppy(let image, let size):
      "the floppy image \(image) has \(size) bytes, which doesn't fit the drive: take one of the size that it began with"
    case .noFloppyDrive(let image, let drive):
      "the floppy image \(image) can't be put into drive \(drive): the machine has none of that number"
    case .tooManyDrives(let interface, let limit): "\(interface.rawValue) takes \(limit) drives at most"
    }
  }
}
