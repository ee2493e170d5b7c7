// How the parts of the vmkernel, and of the machine below it, tell what they do.

import Tracing

/// Puts events together; costs one test where nobody listens.
final class ActivityReport {
  weak var reporter: (any EventReporter)?

  /// A service of the vmkernel; a and b as `VmkernelService` says.
  func service(_ service: VmkernelService, a: UInt64, b: UInt64) {
    tell(.vmkernelCall, .vmkernel, code: service.rawValue, a: a, b: b)
  }

  /// The vmkernel's handler of an interrupt runs.
  func interrupt(_ source: HostInterruptSource) { tell(.hostInterrupt, .vmkernel, code: source.rawValue) }

  /// A driver wrote to a doorbell.
  func command(_ controller: MachineController, ringIndex: UInt32, descriptors: Int) {
    tell(
      .controllerCommand, .vmkernel, code: controller.rawValue, a: UInt64(ringIndex), b: UInt64(clamping: descriptors))
  }

  enum Direction: UInt32 { case toMemory, fromMemory }

  /// A device moved bytes.
  func transfer(_ direction: Direction, at address: UInt64, bytes: Int) {
    tell(.dmaTransfer, .device, code: direction.rawValue, a: address, b: UInt64(clamping: bytes))
  }

  /// A frame was lost.
  func dropped(bytes: Int) {
    tell(.packet, .vmkernel, code: PacketStage.dropped.rawValue, a: UInt64(clamping: bytes), b: 1)
  }

  /// What a device of the machine had the host do in its place.
  func hostCall(
    _ number: UInt32, _ arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32), result: Int64, nanoseconds: UInt32
  ) {
    guard let reporter, reporter.wants(.hostSystemCall) else { return }
    reporter.report(
      .hostSystemCall, in: .device, code: number, a: UInt64(bitPattern: result), arguments: arguments,
      measured: nanoseconds)
  }

  private func tell(_ kind: EventKind, _ context: EventContext, code: UInt32, a: UInt64 = 0, b: UInt64 = 0) {
    guard let reporter, reporter.wants(kind) else { return }
    reporter.report(kind, in: context, code: code, a: a, b: b)
  }
}
