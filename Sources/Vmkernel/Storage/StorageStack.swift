// From a world's request to the adapter and back: cut, queue, schedule, issue; then interrupt, reap, complete. All of
// it runs by function calls in the monitor's address space.

import Devices
import Memory

/// The vmkernel's storage.
final class StorageStack: InterruptReceiver {
  let controller: StorageController
  private let driver: StorageDriver
  private let report: ActivityReport
  private var scheduler = StorageScheduler()
  /// By target: where the last command ended.
  private var arms: [UInt64] = []
  /// Commands that the adapter has at a time: more would take the choice from the scheduler.
  private let depth: Int

  /// - Parameters:
  ///   - area: `StorageDriver.frames` frames.
  ///   - depth: commands at the adapter at a time.
  init(bus: MachineBus, report: ActivityReport, area: MachineAddress, depth: Int) {
    self.report = report
    self.depth = min(max(depth, 1), Int(StorageDriver.entries))
    controller = StorageController(bus: bus, report: report)
    driver = StorageDriver(controller: controller, bus: bus, report: report, area: area)
    controller.receiver = self
  }

  func attach(_ image: any DiskImage) -> UInt16 {
    guard let target = controller.attach(image) else { preconditionFailure("no adapter has 65,537 disks") }
    if Int(target) == arms.count { arms.append(0) } else { arms[Int(target)] = 0 }
    return target
  }

  func detach(_ target: UInt16) { controller.detach(target) }

  func remove(_ world: World) { scheduler.remove(world) }

  /// Takes a request; `step` carries it on.
  func submit(_ request: StorageRequest) {
    report.service(.storageRequest, a: request.sector, b: request.sectors)
    for chunk in StorageChunk.pieces(of: request, most: StorageController.mostSectors) {
      scheduler.enqueue(chunk)
      report.service(.storageEnqueue, a: UInt64(scheduler.waiting), b: UInt64(request.world.identifier))
    }
  }

  /// Fills the adapter, and lets it carry out one command.
  /// - Returns: false when nothing is under way.
  @discardableResult
  func step() -> Bool {
    var chunks: [StorageChunk] = []
    while driver.inFlight + chunks.count < depth, let chunk = scheduler.next(arm: { arms[Int($0)] }) {
      report.service(.storageDispatch, a: chunk.sector, b: UInt64(chunk.request.world.identifier))
      if !chunk.isFlush { arms[Int(chunk.target)] = chunk.sector + UInt64(chunk.sectors) }
      chunks.append(chunk)
    }
    driver.issue(chunks)
    return controller.step()
  }

  /// The adapter's interrupt.
  func interrupt() {
    report.interrupt(.storage)
    driver.reap { chunk, status, error in
      scheduler.complete(chunk)
      chunk.request.complete(status, error)
    }
  }

  /// Runs the machine until a request is done.
  func wait(for request: StorageRequest) {
    while !request.isDone {
      guard step() else { preconditionFailure("the storage adapter stopped with a request under way") }
    }
  }
}
