// A request as a world makes it, and the pieces of it that the adapter can carry out.

import Devices

/// What a world wants of a disk; its buffer must stay until it is done.
final class StorageRequest {
  enum Operation {
    case read(UnsafeMutableRawBufferPointer)
    case write(UnsafeRawBufferPointer)
    case flush
  }

  let operation: Operation
  let world: World
  /// Keeps the disk attached while the request is under way.
  let disk: VirtualDisk
  let sector: UInt64
  let sectors: UInt64
  /// Pieces that aren't done.
  fileprivate(set) var remaining = 0
  /// The first piece's that failed.
  private(set) var status = StorageStatus.good
  /// What the image said to it.
  private(set) var error: DiskRequestError?

  var isDone: Bool { remaining == 0 }

  init(_ operation: Operation, world: World, disk: VirtualDisk, sector: UInt64) {
    self.operation = operation
    self.world = world
    self.disk = disk
    self.sector = sector
    let bytes =
      switch operation {
      case .read(let target): target.count
      case .write(let source): source.count
      case .flush: 0
      }
    sectors = UInt64(bytes / DiskLimits.sectorSize)
  }

  /// One piece is done.
  func complete(_ status: StorageStatus, _ error: DiskRequestError?) {
    remaining -= 1
    guard self.status == .good, status != .good else { return }
    self.status = status
    self.error = error
  }
}

/// As much of a request as one command of the adapter carries.
struct StorageChunk {
  let request: StorageRequest
  let sector: UInt64
  /// 0 for a flush.
  let sectors: UInt32
  /// Where its bytes are in the request's buffer.
  let offset: Int

  var target: UInt16 { request.disk.target }
  var count: Int { Int(sectors) * DiskLimits.sectorSize }

  var isFlush: Bool {
    if case .flush = request.operation { true } else { false }
  }

  private var isWrite: Bool {
    if case .write = request.operation { true } else { false }
  }

  /// Their order matters: they touch the same sectors, and one of them writes.
  func conflicts(with other: StorageChunk) -> Bool {
    guard target == other.target, isWrite || other.isWrite else { return false }
    return sector < other.sector + UInt64(other.sectors) && other.sector < sector + UInt64(sectors)
  }

  /// Cuts a request into pieces of `most` sectors.
  static func pieces(of request: StorageRequest, most: UInt32) -> [StorageChunk] {
    var pieces: [StorageChunk] = []
    var done: UInt64 = 0
    while done < request.sectors {
      let sectors = UInt32(min(request.sectors - done, UInt64(most)))
      pieces.append(
        StorageChunk(
          request: request, sector: request.sector + done, sectors: sectors, offset: Int(done) * DiskLimits.sectorSize))
      done += UInt64(sectors)
    }
    if case .flush = request.operation {
      pieces.append(StorageChunk(request: request, sector: 0, sectors: 0, offset: 0))
    }
    request.remaining = pieces.count
    return pieces
  }
}
