/// A disk in the host's memory, for tests and for embedders: what is written is gone with the object.
public final class MemoryDiskImage: DiskImage {
  public let label: String
  public let isReadOnly: Bool
  public private(set) var failure: HostStorageFailure?
  /// The content.
  public private(set) var bytes: [UInt8]
  /// How often the guest flushed.
  public private(set) var flushCount = 0
  /// Requests that touch this sector fail, as with a bad disk on the host.
  public var badSector: UInt64?
  /// Flushes fail.
  public var failsFlush = false

  /// - Parameter bytes: a multiple of 512.
  public init(_ bytes: [UInt8], label: String = "memory", isReadOnly: Bool = false) throws(DiskImageError) {
    guard !bytes.isEmpty else { throw .empty(image: label) }
    guard bytes.count % DiskLimits.sectorSize == 0 else {
      throw .partialSector(image: label, size: UInt64(bytes.count), sectorSize: DiskLimits.sectorSize)
    }
    self.bytes = bytes
    self.label = label
    self.isReadOnly = isReadOnly
  }

  public var sectorCount: UInt64 { UInt64(bytes.count / DiskLimits.sectorSize) }

  public func read(_ sector: UInt64, into target: UnsafeMutableRawBufferPointer) throws(DiskRequestError) {
    try check(.read, sector, target.count)
    let start = Int(sector) * DiskLimits.sectorSize
    bytes.withUnsafeBytes {
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + target.count]))
    }
  }

  public func write(_ sector: UInt64, from source: UnsafeRawBufferPointer) throws(DiskRequestError) {
    try check(.write, sector, source.count)
    let start = Int(sector) * DiskLimits.sectorSize
    bytes.withUnsafeMutableBytes {
      UnsafeMutableRawBufferPointer(rebasing: $0[start..<start + source.count]).copyMemory(from: source)
    }
  }

  public func flush() throws(DiskRequestError) {
    flushCount += 1
    if failsFlush { throw fail(.flush, 0) }
  }

  private func check(_ operation: HostStorageFailure.Operation, _ sector: UInt64, _ count: Int) throws(DiskRequestError)
  {
    let sectors = UInt64(count / DiskLimits.sectorSize)
    precondition(sector <= sectorCount && sectors <= sectorCount - sector, "the device asked for what isn't there")
    if let badSector, badSector >= sector, badSector - sector < sectors { throw fail(operation, sector) }
  }

  private func fail(_ operation: HostStorageFailure.Operation, _ sector: UInt64) -> DiskRequestError {
    if failure == nil {
      failure = HostStorageFailure(
        image: label, operation: operation, sector: sector, errno: 5,
        description: "can't \(operation.rawValue) the disk image \(label) at sector \(sector): it was told to fail")
    }
    return DiskRequestError()
  }
}
