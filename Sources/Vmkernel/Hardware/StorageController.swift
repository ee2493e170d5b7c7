// The machine's host bus adapter: fetches commands by DMA, does them on the images that are its disks, and
// interrupts. It believes nothing that it finds in memory. What it asks of the host stands for what a real adapter
// does on its wires.

import Devices
import Memory

/// A storage adapter with disks as targets.
final class StorageController: HostCallObserver {
  /// Sectors that one command may move.
  static let mostSectors: UInt32 = 128
  static let mostEntries: UInt32 = 1024
  /// Completions that wait at most for one interrupt.
  static let coalescing = 8

  weak var receiver: (any InterruptReceiver)?
  /// The driver wrote nonsense into a register; the controller does nothing until it is programmed again.
  private(set) var isFaulted = false

  private let bus: MachineBus
  private let report: ActivityReport
  private var targets: [(any DiskImage)?] = []
  private var rings: StorageRings?
  // The indices run freely; an entry is an index modulo the ring's size.
  private var producer: UInt32 = 0
  private var consumer: UInt32 = 0
  private var completed: UInt32 = 0
  private var reaped: UInt32 = 0
  private var unannounced = 0
  private var sense: [DiskRequestError?] = []
  private var activeTarget: UInt16 = 0

  init(bus: MachineBus, report: ActivityReport) {
    self.bus = bus
    self.report = report
  }

  // MARK: Cabling

  /// Connects a disk; nil when all targets are taken.
  func attach(_ image: any DiskImage) -> UInt16? {
    (image as? RawDiskImage)?.observer = self
    if let free = targets.firstIndex(where: { $0 == nil }) {
      targets[free] = image
      return UInt16(free)
    }
    guard targets.count <= Int(UInt16.max) else { return nil }
    targets.append(image)
    sense.append(nil)
    return UInt16(targets.count - 1)
  }

  func detach(_ target: UInt16) {
    guard Int(target) < targets.count else { return }
    targets[Int(target)] = nil
    sense[Int(target)] = nil
  }

  // MARK: Registers

  /// Programs the rings, and forgets all that was before. Rings that aren't in memory are a fault.
  func program(_ rings: StorageRings) {
    (producer, consumer, completed, reaped, unannounced) = (0, 0, 0, 0, 0)
    let entries = rings.entries
    let isPossible =
      (1...Self.mostEntries).contains(entries) && entries & (entries - 1) == 0
      && bus.bytes(at: rings.commands, count: Int(entries) * StorageCommand.size) != nil
      && bus.bytes(at: rings.completions, count: Int(entries) * StorageCompletion.size) != nil
    isFaulted = !isPossible
    self.rings = isPossible ? rings : nil
  }

  /// Commands up to this index are in the ring.
  func doorbell(_ index: UInt32) {
    guard let rings, index &- consumer <= rings.entries else {
      isFaulted = true
      return
    }
    producer = index
  }

  /// The driver has seen the completions up to this index.
  func acknowledge(_ index: UInt32) {
    guard index &- reaped <= completed &- reaped else {
      isFaulted = true
      return
    }
    reaped = index
  }

  /// Why the medium refused the target's last failed command.
  func sense(of target: UInt16) -> DiskRequestError? { Int(target) < sense.count ? sense[Int(target)] : nil }

  // MARK: Work

  /// Carries out one command, and interrupts when nothing more is in the ring, or enough has been done.
  /// - Returns: false when there was nothing that could be done.
  func step() -> Bool {
    guard !isFaulted, let rings, consumer != producer, completed &- reaped < rings.entries else { return false }
    let entry = rings.commands.element(consumer & (rings.entries - 1), size: StorageCommand.size)
    guard let place = bus.bytes(at: entry, count: StorageCommand.size) else { return false }
    report.transfer(.fromMemory, at: entry.value, bytes: StorageCommand.size)
    let command = StorageCommand(place)
    consumer &+= 1
    complete(command.tag, execute(command), rings)
    return true
  }

  private func complete(_ tag: UInt32, _ status: StorageStatus, _ rings: StorageRings) {
    let entry = rings.completions.element(completed & (rings.entries - 1), size: StorageCompletion.size)
    if let place = bus.bytes(at: entry, count: StorageCompletion.size) {
      let phase = StorageCompletion.phase(ofIndex: completed, entries: rings.entries)
      StorageCompletion(tag: tag, status: status, consumer: consumer, phase: phase).store(place)
      report.transfer(.toMemory, at: entry.value, bytes: StorageCompletion.size)
    }
    completed &+= 1
    unannounced += 1
    if consumer == producer || unannounced >= Self.coalescing || completed &- reaped == rings.entries {
      unannounced = 0
      receiver?.interrupt()
    }
  }

  private func execute(_ command: StorageCommand) -> StorageStatus {
    guard let operation = StorageCommand.Operation(rawValue: command.operation) else { return .badCommand }
    guard Int(command.target) < targets.count, let image = targets[Int(command.target)] else { return .badTarget }
    activeTarget = command.target
    do throws(DiskRequestError) {
      if operation == .flush {
        try image.flush()
        return .good
      }
      guard (1...Self.mostSectors).contains(command.sectors) else { return .badCommand }
      guard command.sector <= image.sectorCount, UInt64(command.sectors) <= image.sectorCount - command.sector else {
        return .outOfRange
      }
      let count = Int(command.sectors) * DiskLimits.sectorSize
      guard let buffer = bus.bytes(at: command.buffer, count: count) else { return .badAddress }
      if operation == .read {
        try image.read(command.sector, into: buffer)
        report.transfer(.toMemory, at: command.buffer.value, bytes: count)
      } else {
        if image.isReadOnly { return .writeProtected }
        report.transfer(.fromMemory, at: command.buffer.value, bytes: count)
        try image.write(command.sector, from: UnsafeRawBufferPointer(buffer))
      }
      return .good
    } catch {
      sense[Int(command.target)] = error
      return .mediumError
    }
  }

  /// The adapter's wires know no descriptors: the target's number stands in the descriptor's place, the same in each
  /// run.
  func called(
    _ number: UInt32, _ arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32), result: Int64, nanoseconds: UInt32
  ) {
    var arguments = arguments
    arguments.0 = UInt32(activeTarget)
    report.hostCall(number, arguments, result: result, nanoseconds: nanoseconds)
  }
}
