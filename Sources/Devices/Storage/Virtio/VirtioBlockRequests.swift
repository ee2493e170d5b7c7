// What the virtio block device does with a request (virtio 1.1, 5.2.6).
//
//   read by the device   | type (32) | 0 (32) | sector (64) | data of a write ... |
//   written by it        | data of a read ... | status (8): 0 done, 1 failed, 2 not known |

import Memory

/// Carries requests out on an image.
struct VirtioBlockRequests {
  let image: any DiskImage
  let isReadOnly: Bool
  let serialNumber: String
  private let bounce: UnsafeMutableRawBufferPointer

  /// Far more than a driver asks for at once (Linux: 1.25 MiB). A longer request fails.
  static let mostBytes: UInt64 = 16 << 20
  private static let bounceSize = 1 << 16
  private static let headerSize = 16
  private static let serialNumberSize = 20

  private enum Kind {
    static let read: UInt32 = 0
    static let write: UInt32 = 1
    static let flush: UInt32 = 4
    static let identify: UInt32 = 8
  }

  private enum Status: UInt8 {
    case done, failed, unknown
  }

  init(_ drive: Drive, serialNumber: String) {
    image = drive.image
    isReadOnly = drive.isReadOnly
    self.serialNumber = serialNumber
    bounce = .allocate(byteCount: Self.bounceSize, alignment: 16)
  }

  func deallocate() { bounce.deallocate() }

  /// - Parameter isWrittenThrough: the driver doesn't know of flushes, so that each write has to last.
  /// - Returns: bytes written into the request, and bytes of the disk that were moved.
  func carryOut(
    _ request: VirtioChain, isWrittenThrough: Bool, _ dma: any DMA
  ) throws(BrokenRing) -> (written: UInt32, moved: UInt64) {
    var (readable, writable) = (request.readable, request.writable)
    guard readable.total >= UInt64(Self.headerSize), let statusAt = writable.lastByte else { throw BrokenRing() }
    let header = UnsafeMutableRawBufferPointer(rebasing: bounce[..<Self.headerSize])
    _ = readable.read(into: header, dma)
    let kind = UInt32(littleEndian: header.load(as: UInt32.self))
    let sector = UInt64(littleEndian: header.load(fromByteOffset: 8, as: UInt64.self))

    var (status, data, moved) = (Status.done, UInt64(0), UInt64(0))
    do throws(DiskRequestError) {
      switch kind {
      case Kind.read:
        moved = try range(sector, bytes: writable.total - 1)
        try read(sector, moved, into: &writable, dma)
        data = moved
      case Kind.write:
        if isReadOnly { throw DiskRequestError() }
        moved = try range(sector, bytes: readable.total - UInt64(Self.headerSize))
        try write(sector, moved, from: &readable, dma)
        if isWrittenThrough { try image.flush() }
      case Kind.flush: try image.flush()
      case Kind.identify: data = identify(into: &writable, dma)
      default: status = .unknown
      }
    } catch {
      status = .failed
    }
    dma.store(status.rawValue, at: statusAt)
    return (UInt32(data) + 1, moved)
  }

  /// Refuses a range that isn't whole sectors on the disk.
  private func range(_ sector: UInt64, bytes: UInt64) throws(DiskRequestError) -> UInt64 {
    let size = UInt64(DiskLimits.sectorSize)
    guard bytes % size == 0, bytes <= Self.mostBytes, sector <= image.sectorCount,
      bytes / size <= image.sectorCount - sector
    else { throw DiskRequestError() }
    return bytes
  }

  private func read(
    _ sector: UInt64, _ count: UInt64, into target: inout GuestBuffers, _ dma: any DMA
  ) throws(DiskRequestError) {
    var done = 0
    while done < Int(count) {
      let part = UnsafeMutableRawBufferPointer(rebasing: bounce[..<min(Int(count) - done, Self.bounceSize)])
      try image.read(sector + UInt64(done / DiskLimits.sectorSize), into: part)
      target.write(UnsafeRawBufferPointer(part), dma)
      done += part.count
    }
  }

  private func write(
    _ sector: UInt64, _ count: UInt64, from source: inout GuestBuffers, _ dma: any DMA
  ) throws(DiskRequestError) {
    var done = 0
    while done < Int(count) {
      let part = UnsafeMutableRawBufferPointer(rebasing: bounce[..<min(Int(count) - done, Self.bounceSize)])
      _ = source.read(into: part, dma)
      try image.write(sector + UInt64(done / DiskLimits.sectorSize), from: UnsafeRawBufferPointer(part))
      done += part.count
    }
  }

  private func identify(into target: inout GuestBuffers, _ dma: any DMA) -> UInt64 {
    var text = Array(serialNumber.utf8.prefix(Self.serialNumberSize))
    text += [UInt8](repeating: 0, count: Self.serialNumberSize - text.count)
    let count = min(target.total - 1, UInt64(text.count))
    text.withUnsafeBytes { _ = target.write(UnsafeRawBufferPointer(rebasing: $0[..<Int(count)]), dma) }
    return count
  }
}
