// The standard set of a PC's parts and the one table that says at which ports they stand.

/// The devices of a PC, wired to a bus.
public final class PCDevices {
  /// What can be chosen about them.
  public struct Configuration {
    /// Bytes of RAM, for CMOS memory.
    public var ramSize: UInt64
    /// What the real-time clock shows at virtual time 0, in seconds since 1970 UTC. A fixed date by default, so that
    /// runs repeat: 2026-01-01 00:00:00.
    public var unixTime: Int64
    /// The other ends of COM1 and COM2; a port without one isn't there.
    public var serial: [any SerialBackend]
    /// Where port 0xE9 leads.
    public var debugConsole: any ByteSink
    /// How the A20 gate stands at power-on.
    public var isA20Enabled: Bool
    /// Disks, CDs and floppies.
    public var drives: DriveList
    /// The memory that drives and fw_cfg read and write by themselves.
    public var dma: any DMA
    /// A local and an I/O APIC beside the 8259s.
    public var hasAPIC: Bool
    /// What the guest has at `VGA.memoryBase`, `VGA.memorySize` bytes for as long as the devices live; without it there is
    /// no display.
    public var videoMemory: UnsafeRawBufferPointer?
    /// What firmware boots from first.
    public var bootMedium: Drive.Medium
    /// The network that an adapter leads to; without it there is no adapter.
    public var network: NetworkConfiguration?

    public init(
      ramSize: UInt64, unixTime: Int64 = 1_767_225_600, serial: [any SerialBackend] = [NullBackend()],
      debugConsole: any ByteSink = NullBackend(), isA20Enabled: Bool = true, drives: DriveList = DriveList(),
      dma: any DMA = NoDMA(), hasAPIC: Bool = false, videoMemory: UnsafeRawBufferPointer? = nil,
      bootMedium: Drive.Medium = .disk, network: NetworkConfiguration? = nil
    ) {
      self.ramSize = ramSize
      self.unixTime = unixTime
      self.serial = serial
      self.debugConsole = debugConsole
      self.isA20Enabled = isA20Enabled
      self.drives = drives
      self.dma = dma
      self.hasAPIC = hasAPIC
      self.videoMemory = videoMemory
      self.bootMedium = bootMedium
      self.network = network
    }
  }

  public let bus: Bus
  public let requests: MachineRequests
  public let interrupts: InterruptController
  /// What of it the processor sees, with the APICs if there are any.
  public let processorInterrupts: ProcessorInterrupts
  public let timer: IntervalTimer
  public let clock: RealTimeClock
  public let keyboard: KeyboardController
  /// Somebody at the keyboard.
  public let typed: TypedInput
  public let display: VGA?
  /// COM1 first.
  public let serial: [SerialPort]
  public let debugConsole: DebugConsole
  public let postCode: PostCodePort
  public let numericError: NumericErrorPort
  public let pci: PCIBus
  public let hostBridge: HostBridge
  public let powerManagement: PowerManagementFunction
  /// The registers behind `powerManagement`.
  public let power: PowerManagement
  public let firmware: FirmwareConfiguration
  public let dmaController: DMAController
  public let ide: IDEController
  /// In the order of the drives.
  public let virtioDisks: [VirtioBlock]
  /// With floppy drives only.
  public let floppy: FloppyController?
  /// From the pins of PCI functions to the interrupt controllers.
  public let router: InterruptRouter
  public let network: PCnet?
  private let isaBridge: ISABridge
  private let drives: DriveList

  private static let serialWiring: [(ports: ClosedRange<UInt16>, irq: UInt8)] = [
    (0x3f8...0x3ff, 4), (0x2f8...0x2ff, 3),
  ]
  private static let firstVirtioSlot = 3
  /// Behind all disks that there can be, so that the adapter stays where it is.
  private static let networkSlot = firstVirtioSlot + DriveList.mostVirtio

  /// - Parameter bus: an empty one; the devices live by its clock.
  public init(_ configuration: Configuration, on bus: Bus = Bus()) {
    self.bus = bus
    let time = bus.clock
    requests = MachineRequests(isA20Enabled: configuration.isA20Enabled)
    let interrupts = InterruptController()
    self.interrupts = interrupts
    timer = IntervalTimer(clock: time, line: interrupts.line(0))
    clock = RealTimeClock(
      clock: time, line: interrupts.line(8), unixTime: configuration.unixTime,
      contents: CMOSContents.firmware(
        ramSize: configuration.ramSize, bootMedium: configuration.bootMedium,
        floppies: configuration.drives.of(.floppy).compactMap {
          FloppyFormat.of(sectorCount: $0.image.sectorCount)?.drive
        }))
    processorInterrupts = ProcessorInterrupts(controller: interrupts, clock: time, hasAPIC: configuration.hasAPIC)
    keyboard = KeyboardController(
      requests: requests, line: interrupts.line(1), mouseLine: interrupts.line(12))
    typed = TypedInput(clock: time, keyboard: keyboard)
    display = configuration.videoMemory.map { VGA(clock: time, memory: $0) }
    debugConsole = DebugConsole(sink: configuration.debugConsole)
    postCode = PostCodePort()
    numericError = NumericErrorPort(line: interrupts.line(13), requests: requests)
    serial = zip(configuration.serial, Self.serialWiring).enumerated().map { index, port in
      SerialPort(
        name: "com\(index + 1)", clock: time, line: interrupts.line(port.1.irq), backend: port.0)
    }
    let router = InterruptRouter(interrupts: interrupts)
    self.router = router
    pci = PCIBus(router: router, requests: requests)
    hostBridge = HostBridge()
    isaBridge = ISABridge(router: router)
    powerManagement = PowerManagementFunction(bus: bus)
    power = PowerManagement(clock: time, line: interrupts.line(PowerManagement.interrupt), requests: requests)
    firmware = FirmwareConfiguration(dma: configuration.dma, ramSize: configuration.ramSize)
    dmaController = DMAController()
    drives = configuration.drives
    ide = IDEController(bus: bus, interrupts: interrupts, drives: drives.of(.ide), dma: configuration.dma)
    virtioDisks = drives.of(.virtio).enumerated().map { index, drive in
      VirtioBlock(drive, name: "virtio\(index)", bus: bus, dma: configuration.dma)
    }
    let floppies = drives.of(.floppy)
    floppy =
      floppies.isEmpty
      ? nil
      : FloppyController(
        clock: time, line: interrupts.line(6), dmaController: dmaController, memory: configuration.dma, drives: floppies
      )
    network = configuration.network.map { PCnet($0, bus: bus, dma: configuration.dma) }
    claimPorts()
    fillSlots()
    processorInterrupts.claimMemory(on: bus)
    router.listener = processorInterrupts.ioAPIC
    powerManagement.attachPowerRegisters(power)
    bus.attach(typed)
    describeBoard()
  }

  private func claimPorts() {
    // The port map. Byte-wide parts unless a width is named.
    bus.claim(ports: 0x00...0x0f, for: dmaController)
    bus.claim(ports: 0x20...0x21, for: interrupts)
    bus.claim(ports: 0x40...0x43, for: timer)
    bus.claim(ports: 0x60...0x60, for: keyboard)
    bus.claim(ports: 0x61...0x61, for: SpeakerPort(timer: timer))
    bus.claim(ports: 0x64...0x64, for: keyboard, firstRegister: 1)
    bus.claim(ports: 0x70...0x71, for: clock)
    bus.claim(ports: PostCodePort.port...PostCodePort.port, for: postCode)
    bus.claim(ports: 0x81...0x8f, for: dmaController, firstRegister: 0x11)
    bus.claim(ports: 0x92...0x92, for: SystemControlPort(requests: requests))
    bus.claim(ports: 0xa0...0xa1, for: interrupts, firstRegister: 2)
    bus.claim(ports: 0xb2...0xb3, for: power, firstRegister: PowerManagement.Register.command)
    bus.claim(ports: 0xc0...0xdf, for: dmaController, firstRegister: 0x20)
    bus.claim(ports: 0xe9...0xe9, for: debugConsole)
    bus.claim(ports: 0xf0...0xf1, for: numericError)
    bus.claim(ports: 0xf4...0xf7, for: DebugExit(requests: requests), widest: .dword)
    for (port, wiring) in zip(serial, Self.serialWiring) { bus.claim(ports: wiring.ports, for: port) }
    if let display {
      for ports: ClosedRange<UInt16> in [0x3b4...0x3b5, 0x3ba...0x3ba, 0x3c0...0x3cf, 0x3d4...0x3d5, 0x3da...0x3da] {
        bus.claim(ports: ports, for: display, firstRegister: UInt32(ports.lowerBound - VGA.firstPort))
      }
    }
    if let floppy {
      // 0x3F6 is IDE's.
      bus.claim(ports: 0x3f0...0x3f5, for: floppy)
      bus.claim(ports: 0x3f7...0x3f7, for: floppy, firstRegister: 7)
    }
    bus.claim(ports: 0x4d0...0x4d1, for: interrupts, firstRegister: 4)
    bus.claim(ports: 0x510...0x511, for: firmware, widest: .word)
    bus.claim(ports: 0x514...0x51b, for: firmware, firstRegister: 8, widest: .dword)
    bus.claim(ports: 0xcf8...0xcff, for: pci, widest: .dword)
  }

  private func fillSlots() {
    // The slots of PCI bus 0. Slot 2 is left to a display.
    var functions: [(slot: Int, function: Int, device: any PCIDevice)] = [
      (0, 0, hostBridge), (1, 0, isaBridge), (1, 1, ide), (1, 3, powerManagement),
    ]
    for (index, disk) in virtioDisks.enumerated() { functions.append((Self.firstVirtioSlot + index, 0, disk)) }
    if let network { functions.append((Self.networkSlot, 0, network)) }
    for place in functions {
      bus.attach(place.device)
      pci.add(place.device, slot: place.slot, function: place.function)
    }
  }

  /// What ACPI tables say of the board.
  public var board: ACPITables.Configuration {
    ACPITables.Configuration(
      hasAPIC: processorInterrupts.localAPIC != nil, hasFloppy: floppy != nil, serialPorts: serial.count)
  }

  private func describeBoard() {
    for file in ACPITables.firmwareFiles(board) { firmware.add(file: file.name, file.bytes) }
  }

  /// Leaves the parts as a PC's firmware does before it loads a system: interrupts at vectors 0x08 and 0x70 with the
  /// timer, the keyboard and the cascade open, the timer at 18.2 Hz. Loaders that stand in for firmware call this.
  public func settleAsFirmware() {
    let writes: [(port: UInt16, value: UInt32)] = [
      (0x20, 0x11), (0x21, 0x08), (0x21, 0x04), (0x21, 0x01), (0x21, 0xf8),
      (0xa0, 0x11), (0xa1, 0x70), (0xa1, 0x02), (0xa1, 0x01), (0xa1, 0xff),
      (0x43, 0x36), (0x40, 0x00), (0x40, 0x00),
      (0x43, 0x54), (0x41, 0x12),
    ]
    for write in writes { bus.writePort(write.port, size: .byte, value: write.value) }
    processorInterrupts.localAPIC?.settleAsFirmware()
    PCIFirmware(bus: bus, pci: pci, powerPorts: UInt32(board.powerPorts)).layOut()
  }

  /// Takes in serial input and frames that have arrived, without blocking; call it between time slices.
  /// - Returns: whether any came.
  @discardableResult public func pollInput() -> Bool {
    var any = false
    for port in serial where port.pollInput() > 0 { any = true }
    if let network, network.pollInput() { any = true }
    return any
  }

  /// Makes all output leave the process. Call it when the guest idles, and always before the process ends.
  public func flushOutput() {
    for port in serial { port.flush() }
    debugConsole.sink.flush()
    network?.backend.flush()
  }

  /// The first thing that a disk image could not do for the guest because the host refused.
  public var storageFailure: HostStorageFailure? { drives.failure ?? floppy?.failure }

  /// The first way out that is no longer open, or `.open`.
  public var outputState: SinkState {
    let sinks = serial.map { $0.backend.sinkState } + [debugConsole.sink.sinkState]
      + (network.map { [$0.backend.sinkState] } ?? [])
    return sinks.first { $0 != .open } ?? .open
  }
}
