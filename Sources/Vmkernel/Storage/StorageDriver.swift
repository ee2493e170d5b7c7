// The vmkernel's driver of the storage adapter: fills commands and buffers in machine memory, rings the doorbell, and
// reaps completions when the adapter interrupts.

import Devices
import Memory

/// Knows the adapter's rings; knows nothing of worlds.
final class StorageDriver {
  private let controller: StorageController
  private let bus: MachineBus
  private let report: ActivityReport
  private let rings: StorageRings
  /// A buffer of `bufferSize` for each slot of the ring.
  private let buffers: MachineAddress
  private var slots: [StorageChunk?]
  private var producer: UInt32 = 0
  private var reaped: UInt32 = 0

  static let entries: UInt32 = 32
  static let bufferSize = Int(StorageController.mostSectors) * DiskLimits.sectorSize
  /// Of machine memory: a frame for both rings, and the buffers.
  static let frames = 1 + Int(entries) * (bufferSize >> 12)

  /// - Parameter area: `frames` of them.
  init(controller: StorageController, bus: MachineBus, report: ActivityReport, area: MachineAddress) {
    self.controller = controller
    self.bus = bus
    self.report = report
    rings = StorageRings(
      commands: area, completions: area.element(Self.entries, size: StorageCommand.size), entries: Self.entries)
    buffers = area.element(1, size: 4096)
    slots = .init(repeating: nil, count: Int(Self.entries))
    controller.program(rings)
  }

  /// Commands at the adapter.
  var inFlight: Int { Int(producer &- reaped) }

  /// Gives pieces to the adapter with one doorbell.
  /// - Parameter chunks: at most as many as slots are free.
  func issue(_ chunks: [StorageChunk]) {
    guard !chunks.isEmpty else { return }
    let first = producer & (rings.entries - 1)
    for chunk in chunks {
      let slot = producer & (rings.entries - 1)
      let buffer = buffers.element(slot, size: Self.bufferSize)
      precondition(slots[Int(slot)] == nil, "the ring has no free slot")
      slots[Int(slot)] = chunk
      let operation: StorageCommand.Operation
      switch chunk.request.operation {
      case .read: operation = .read
      case .write(let source):
        operation = .write
        let part = UnsafeRawBufferPointer(rebasing: source[chunk.offset..<chunk.offset + chunk.count])
        bytes(at: buffer, chunk.count).copyMemory(from: part)
      case .flush: operation = .flush
      }
      let command = StorageCommand(
        operation, target: chunk.target, sector: chunk.sector, sectors: chunk.sectors, buffer: buffer, tag: slot)
      command.store(bytes(at: rings.commands.element(slot, size: StorageCommand.size), StorageCommand.size))
      producer &+= 1
    }
    report.service(.storageIssue, a: UInt64(first), b: UInt64(chunks.count))
    report.command(.storage, ringIndex: first, descriptors: chunks.count)
    controller.doorbell(producer)
  }

  /// Takes what the adapter has finished, its data already with the requests.
  func reap(_ done: (StorageChunk, StorageStatus, DiskRequestError?) -> Void) {
    while true {
      let entry = rings.completions.element(reaped & (rings.entries - 1), size: StorageCompletion.size)
      let completion = StorageCompletion(bytes(at: entry, StorageCompletion.size))
      guard completion.phase == StorageCompletion.phase(ofIndex: reaped, entries: rings.entries) else { break }
      reaped &+= 1
      // The adapter is one of ours: a completion without a command is our bug.
      guard let status = StorageStatus(rawValue: completion.status), completion.tag < rings.entries,
        let chunk = slots[Int(completion.tag)]
      else { preconditionFailure("the storage adapter completed what it wasn't given") }
      slots[Int(completion.tag)] = nil
      report.service(.storageComplete, a: UInt64(completion.tag), b: UInt64(completion.status))
      if case .read(let target) = chunk.request.operation, status == .good {
        let data = bytes(at: buffers.element(completion.tag, size: Self.bufferSize), chunk.count)
        UnsafeMutableRawBufferPointer(rebasing: target[chunk.offset..<chunk.offset + chunk.count])
          .copyMemory(from: UnsafeRawBufferPointer(data))
      }
      done(chunk, status, status == .mediumError ? controller.sense(of: chunk.target) : nil)
    }
    controller.acknowledge(reaped)
  }

  private func bytes(at address: MachineAddress, _ count: Int) -> UnsafeMutableRawBufferPointer {
    guard let bytes = bus.bytes(at: address, count: count) else {
      preconditionFailure("the driver's area isn't in machine memory")
    }
    return bytes
  }
}
