// What platforms share whose devices all live in this process.

import Devices
import Memory
import Tracing

/// A platform over the machine's own bus.
public class LocalPlatform: Platform {
  public let kind: PlatformKind
  public var routesAccesses: Bool { false }
  public var hasMonitor: Bool { kind != .bare }
  /// Set by `attach`, before anything runs.
  private(set) var machine: PlatformMachine?

  init(_ kind: PlatformKind) { self.kind = kind }

  public func prepare(_ configuration: inout PCDevices.Configuration) throws(PlatformError) {}
  public func attach(_ machine: PlatformMachine) throws(PlatformError) { self.machine = machine }
  public func settle() {}

  public func readPort(_ port: UInt16, size: AccessSize) -> UInt32 {
    machine?.devices.bus.readPort(port, size: size) ?? size.mask
  }

  public func writePort(_ port: UInt16, size: AccessSize, value: UInt32) {
    machine?.devices.bus.writePort(port, size: size, value: value)
  }

  public func readMemory(_ address: GuestPhysicalAddress, size: AccessSize) -> UInt32 {
    machine?.devices.bus.readMemory(address, size: size) ?? size.mask
  }

  public func writeMemory(_ address: GuestPhysicalAddress, size: AccessSize, value: UInt32) {
    machine?.devices.bus.writeMemory(address, size: size, value: value)
  }

  public func pollInput(isIdle: Bool) { machine?.devices.pollInput() }
  public var mayGetInput: Bool { machine.map { !$0.devices.serial.allSatisfy { $0.backend.inputEnded } } ?? false }
  public func flushOutput() { machine?.devices.flushOutput() }
  public func resetDevices() { machine?.devices.bus.reset() }
  public var outputState: SinkState { machine?.devices.outputState ?? .open }
  public var storageFailure: HostStorageFailure? { machine?.devices.storageFailure }
  public var failure: PlatformError? { nil }
  public func saveDevices() -> [DeviceState] { machine?.devices.bus.save() ?? [] }
  public var counters: [PlatformCounter] { [] }
  public func end() {}
}

/// No monitor: devices are the machine's own, and so are the system calls behind them.
public final class BarePlatform: LocalPlatform {
  public init() { super.init(.bare) }
}
