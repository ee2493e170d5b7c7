// The kernel below a bare-metal monitor, after ESX: its own storage, network, console and scheduler, and drivers for
// the (simulated) machine's devices. The monitor calls it in its own address space; there is no host in the path of a
// guest's request, other than where the simulated hardware has the host do its work.

import Devices
import Memory
import Tracing

/// Why there is no vmkernel; one sentence for people.
public struct VmkernelError: Error, CustomStringConvertible {
  public let description: String
}

/// A vmkernel on one machine. It isn't for several threads.
public final class Vmkernel {
  public struct Configuration: Sendable {
    /// Commands that the storage adapter has at a time.
    public var storageDepth = 4
    public var processor = CPUScheduler.Configuration()
    public init() {}
  }

  /// Machine memory that it takes for rings and buffers, in bytes.
  public static let memorySize = (StorageDriver.frames + 1) << 12
  /// What an uplink takes besides.
  public static let uplinkMemorySize = Uplink.frames << 12

  /// Told of all that it and its machine's devices do.
  public weak var reporter: (any EventReporter)? {
    get { report.reporter }
    set { report.reporter = newValue }
  }

  /// Who runs on the processor.
  public let scheduler: CPUScheduler
  /// The network between its worlds.
  public let network: VirtualSwitch
  /// Runs when no other world may.
  public let idleWorld: World
  let storage: StorageStack
  private let memory: MachineMemory
  private let bus: MachineBus
  private let report = ActivityReport()
  private let consoleBuffer: MachineAddress
  private var hasUplink = false
  private var worldCount: UInt32 = 1

  /// - Parameter memory: the machine's; `memorySize` of it are taken for good.
  public init(memory: MachineMemory, configuration: Configuration = .init()) throws(VmkernelError) {
    guard let area = memory.allocateFrames(StorageDriver.frames), let console = memory.allocateFrames(1) else {
      throw VmkernelError(
        description: "the machine has too little memory for a vmkernel: it takes \(Self.memorySize >> 10) KiB")
    }
    self.memory = memory
    bus = MachineBus(memory)
    consoleBuffer = console
    idleWorld = World(identifier: 0, name: "idle", kind: .idle, diskShares: 1)
    scheduler = CPUScheduler(configuration.processor, idleWorld: idleWorld, report: report)
    network = VirtualSwitch(report: report)
    storage = StorageStack(bus: bus, report: report, area: area, depth: configuration.storageDepth)
  }

  /// Makes a world.
  public func world(
    named name: String, kind: World.Kind = .machine, diskShares: Int = World.normalShares
  ) -> World {
    defer { worldCount += 1 }
    return World(identifier: worldCount, name: name, kind: kind, diskShares: diskShares)
  }

  /// Puts an image on the machine's storage adapter.
  /// - Returns: the disk as the world's device models see it; it goes through the vmkernel's storage stack.
  public func disk(_ image: any DiskImage, world: World) -> any DiskImage {
    VirtualDisk(image, world: world, storage: storage)
  }

  /// Puts a back end on the machine's serial controller.
  /// - Returns: the line as the world's device models see it.
  public func console(_ backend: any SerialBackend, world: World) -> any SerialBackend {
    ServiceConsole(backend, world: world, bus: bus, report: report, buffer: consoleBuffer)
  }

  /// A port of the virtual switch.
  /// - Throws: where the policy's address is another port's, or a group's.
  public func port(_ policy: PortPolicy, world: World) throws(VmkernelError) -> SwitchPort {
    guard let number = network.open(policy) else {
      throw VmkernelError(
        description: "\(world.name) can't have its Ethernet address: another port has it, or it is a group's")
    }
    return SwitchPort(number: number, world: world, network: network)
  }

  /// A port of the virtual switch that learns its world's address.
  public func port(world: World) -> any NetworkBackend {
    guard let number = network.open(PortPolicy()) else { preconditionFailure("a port without an address was refused") }
    return SwitchPort(number: number, world: world, network: network)
  }

  /// Puts the machine's network adapter on a wire, and the switch on the adapter.
  /// - Returns: whom a wire that has the host do something should tell of it: the adapter, whose doing it is.
  @discardableResult
  public func connectUplink(_ wire: any NetworkBackend) throws(VmkernelError) -> any HostCallObserver {
    guard !hasUplink else {
      throw VmkernelError(description: "the machine has one network adapter, and it is connected already")
    }
    guard let area = memory.allocateFrames(Uplink.frames) else {
      throw VmkernelError(
        description: "the machine has too little memory for an uplink: it takes \(Self.uplinkMemorySize >> 10) KiB")
    }
    let controller = NetworkController(wire: wire, bus: bus, report: report)
    hasUplink = true
    Uplink(controller: controller, network: network, bus: bus, report: report, area: area).connect()
    return controller
  }

  /// Forgets a world that has ended.
  public func end(_ world: World) {
    scheduler.remove(world)
    storage.remove(world)
  }
}
