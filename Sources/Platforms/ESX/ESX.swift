// The bare-metal monitor, after ESX: device models in the monitor, what is behind them in the vmkernel, one function call
// away. There is no world to be switched and no host to be asked; the only system calls are those by which the simulated
// machine's controllers do their work.
//
//   guest -> monitor: device model -> vmkernel: queue, scheduler, driver -> controller (DMA, interrupt) -> vmkernel -> monitor

import Devices
import Memory
import Tracing
import Vmkernel

/// What can be chosen about a machine on a vmkernel.
public struct ESXOptions: Sendable {
  /// The machine's clock interrupts in a virtual second, by which the vmkernel accounts and schedules; 0 for none.
  public var timerRate: UInt64 = 100

  public init() {}
}

/// The platform with a vmkernel.
public final class ESX: LocalPlatform {
  /// Machine memory that the vmkernel takes.
  public static let memorySize = Vmkernel.memorySize + Vmkernel.uplinkMemorySize

  public let kernel: Vmkernel
  private let world: World
  private let options: ESXOptions
  private var timer: MachineTimer?
  private var charged: UInt64 = 0
  private var interrupts: UInt64 = 0
  private var services: UInt64 = 0

  /// - Parameter memory: the machine's, `memorySize` of which is the vmkernel's.
  public init(_ options: ESXOptions, memory: MachineMemory) throws(PlatformError) {
    self.options = options
    do {
      kernel = try Vmkernel(memory: memory)
      world = kernel.world(named: "vm0")
      try kernel.scheduler.admit(world, ProcessorClaim())
    } catch {
      throw PlatformError("\(error)")
    }
    super.init(.esx)
    kernel.scheduler.wake(world)
  }

  override public var routesAccesses: Bool { true }

  override public func prepare(_ configuration: inout PCDevices.Configuration) throws(PlatformError) {
    configuration.serial = configuration.serial.map { line in
      line is NullBackend ? line : kernel.console(line, world: world)
    }
    do {
      if let network = configuration.network {
        let calls = try kernel.connectUplink(network.backend)
        (network.backend as? CaptureFile)?.observer = calls
        (network.backend as? PacketSocket)?.observer = calls
        configuration.network?.backend = kernel.port(world: world)
      }
      configuration.drives = try DriveList(
        configuration.drives.drives.map { drive in
          var drive = drive
          drive.image = kernel.disk(drive.image, world: world)
          return drive
        })
    } catch {
      throw PlatformError("\(error)")
    }
  }

  override public func attach(_ machine: PlatformMachine) throws(PlatformError) {
    try super.attach(machine)
    kernel.reporter = machine.reporter
    guard options.timerRate > 0 else { return }
    let bus = machine.devices.bus
    let timer = MachineTimer(clock: bus.clock, hertz: options.timerRate) { [unowned self] in takeTimerInterrupt() }
    self.timer = timer
    bus.attach(timer)
  }

  override public func pollInput(isIdle: Bool) {
    timer?.isPaused = isIdle
    super.pollInput(isIdle: isIdle)
  }

  /// The machine's clock: the vmkernel charges the world that ran, and chooses who runs next.
  private func takeTimerInterrupt() {
    guard let machine else { return }
    interrupts += 1
    if machine.reporter.wants(.hostInterrupt) {
      machine.reporter.report(.hostInterrupt, in: .vmkernel, code: HostInterruptSource.timer.rawValue)
    }
    let now = machine.devices.bus.clock.now
    kernel.scheduler.charge(world, now &- charged)
    charged = now
    _ = kernel.scheduler.next()
  }

  // MARK: Accesses: all device models are the monitor's

  override public func readPort(_ port: UInt16, size: AccessSize) -> UInt32 {
    report(code: UInt32(port))
    return super.readPort(port, size: size)
  }

  override public func writePort(_ port: UInt16, size: AccessSize, value: UInt32) {
    report(code: UInt32(port), isWrite: true)
    super.writePort(port, size: size, value: value)
  }

  override public func readMemory(_ address: GuestPhysicalAddress, size: AccessSize) -> UInt32 {
    report(address: address.value)
    return super.readMemory(address, size: size)
  }

  override public func writeMemory(_ address: GuestPhysicalAddress, size: AccessSize, value: UInt32) {
    report(address: address.value, isWrite: true)
    super.writeMemory(address, size: size, value: value)
  }

  private func report(code: UInt32 = 0, address: UInt64 = 0, isWrite: Bool = false) {
    services += 1
    guard let reporter = machine?.reporter, reporter.wants(.monitorService) else { return }
    reporter.report(.monitorService, in: .monitor, code: code, a: address, b: isWrite ? 1 : 0)
  }

  override public var counters: [PlatformCounter] {
    [
      PlatformCounter(name: "monitor-services", count: services, meaning: "accesses to devices that the monitor served"),
      PlatformCounter(
        name: "vmkernel-timer-interrupts", count: interrupts, meaning: "interrupts of the machine's clock"),
    ]
  }
}
