// Who the monitor stands on. A platform owns the path from an exit to its effect: which part of the house serves a device,
// what is crossed on the way, and who makes the host's system calls. The guest computes the same on each of them.

import Devices
import Memory
import Tracing

/// The grounds to stand on.
public enum PlatformKind: String, CaseIterable, Sendable {
  /// No monitor: the guest on the simulated machine itself. What "native" means in each table.
  case bare
  /// A hosted monitor, after VMware Workstation: device back ends in a process of the host, behind a world switch.
  case workstation
  /// A monitor on a kernel of its own, after ESX.
  case esx
}

/// The platform could not be set up, or a part of it is gone; one sentence.
public struct PlatformError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// What a platform counts.
public struct PlatformCounter: Equatable, Sendable {
  public var name: String
  public var count: UInt64
  public var meaning: String
}

/// The machine, as its platform sees it.
public struct PlatformMachine {
  public var devices: PCDevices
  public var memory: GuestPhysicalMemory
  /// Tells the processor that a device has written guest memory: address and bytes.
  public var noteWrite: (GuestPhysicalAddress, UInt64) -> Void
  public var reporter: any EventReporter

  public init(
    devices: PCDevices, memory: GuestPhysicalMemory, noteWrite: @escaping (GuestPhysicalAddress, UInt64) -> Void,
    reporter: any EventReporter
  ) {
    self.devices = devices
    self.memory = memory
    self.noteWrite = noteWrite
    self.reporter = reporter
  }
}

/// The ground a monitor stands on. Defaults are those of a machine whose devices all live in this process.
public protocol Platform: AnyObject {
  var kind: PlatformKind { get }
  /// Whether the machine asks here for each access to a device; otherwise it goes straight to its bus.
  var routesAccesses: Bool { get }
  /// Whether somebody stands between the guest and the processor, who does privileged instructions for it.
  var hasMonitor: Bool { get }

  /// Changes what the devices are made with, before they are.
  func prepare(_ configuration: inout PCDevices.Configuration) throws(PlatformError)
  /// The devices are there, and nothing has run.
  func attach(_ machine: PlatformMachine) throws(PlatformError)
  /// The parts are to be left as firmware leaves them.
  func settle()

  func readPort(_ port: UInt16, size: AccessSize) -> UInt32
  func writePort(_ port: UInt16, size: AccessSize, value: UInt32)
  func readMemory(_ address: GuestPhysicalAddress, size: AccessSize) -> UInt32
  func writeMemory(_ address: GuestPhysicalAddress, size: AccessSize, value: UInt32)

  /// Takes in the outside's input, without blocking; between time slices, and while the guest idles.
  func pollInput(isIdle: Bool)
  /// More input may come.
  var mayGetInput: Bool { get }
  /// All output leaves.
  func flushOutput()
  func resetDevices()

  var outputState: SinkState { get }
  var storageFailure: HostStorageFailure? { get }
  /// Why the machine can't go on, if it can't.
  var failure: PlatformError? { get }
  /// The state of all devices, wherever they live, in the order of the bus.
  func saveDevices() -> [DeviceState]
  var counters: [PlatformCounter] { get }
  /// Nothing will run any more.
  func end()
}
