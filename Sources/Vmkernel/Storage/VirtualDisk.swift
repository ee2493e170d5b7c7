// What a world's device models get for a disk: an image like any other, whose requests go through the vmkernel.

import Devices

/// A disk of the machine, as one world sees it.
final class VirtualDisk: DiskImage {
  let target: UInt16
  private let image: any DiskImage
  private let world: World
  private let storage: StorageStack

  init(_ image: any DiskImage, world: World, storage: StorageStack) {
    self.image = image
    self.world = world
    self.storage = storage
    target = storage.attach(image)
  }

  deinit { storage.detach(target) }

  var label: String { image.label }
  var sectorCount: UInt64 { image.sectorCount }
  var isReadOnly: Bool { image.isReadOnly }
  var failure: HostStorageFailure? { image.failure }

  func read(_ sector: UInt64, into target: UnsafeMutableRawBufferPointer) throws(DiskRequestError) {
    try carryOut(.read(target), sector)
  }

  func write(_ sector: UInt64, from source: UnsafeRawBufferPointer) throws(DiskRequestError) {
    try carryOut(.write(source), sector)
  }

  func flush() throws(DiskRequestError) { try carryOut(.flush, 0) }

  private func carryOut(_ operation: StorageRequest.Operation, _ sector: UInt64) throws(DiskRequestError) {
    let request = submit(operation, sector)
    storage.wait(for: request)
    if let error = request.error { throw error }
    precondition(request.status == .good, "the device asked for what the disk doesn't have")
  }

  /// Takes a request without waiting for it; its buffer must stay until it is done.
  func submit(_ operation: StorageRequest.Operation, _ sector: UInt64) -> StorageRequest {
    let request = StorageRequest(operation, world: world, disk: self, sector: sector)
    storage.submit(request)
    return request
  }
}
