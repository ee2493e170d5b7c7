// The hosted monitor, after VMware Workstation (Sugerman, Venkitachalam, Lim, USENIX ATC 2001). An access to a device that
// the monitor can't serve goes
//
//   guest -> monitor --world switch--> host: driver --doorbell--> VMX process: device, system calls
//                    <--world switch--            <--doorbell---
//
// and everything on that way is real: the processor state is switched (WorldSwitch), the other side is another process
// (VMXProcess), the system calls are made there. What it means for the guest comes back as interrupt wires and values.

import Devices
import Memory
import Tracing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What can be chosen about a hosted machine.
public struct WorkstationOptions: Sendable {
  public var serving = ServingTable()
  /// The host's clock interrupts in a virtual second; 0 for none.
  public var hostInterruptRate: UInt64 = 100
  /// `trapline` itself, as which the VMX process runs.
  public var executable = "/proc/self/exe"

  public init() {}
}

/// The hosted platform.
public final class Workstation: Platform {
  public let kind = PlatformKind.workstation
  public let routesAccesses = true
  public let hasMonitor = true
  public private(set) var failure: PlatformError?
  public private(set) var outputState = SinkState.open
  public private(set) var storageFailure: HostStorageFailure?
  public private(set) var mayGetInput = true

  private let options: WorkstationOptions
  private let page: SharedPage
  private var board = VMXConfiguration()
  private var lines: [(here: Int32, there: Int32)] = []
  private var machine: PlatformMachine?
  private var world: WorldSwitch?
  private var process: VMXProcess?
  private var deadline: VMXDeadline?
  private var timer: MachineTimer?
  /// By the bus's rows of ports: who serves them.
  private var isMonitorsRow = [Bool](repeating: false, count: 256)
  /// The row of the network adapter, and what the guest last wrote to its address register: that changes nothing by
  /// itself, so the monitor keeps it until something goes to the VMX anyway (Sugerman et al. 2001, section 3.2).
  private var adapterRow: UInt8?
  private var keptWrite: (port: UInt16, size: AccessSize, value: UInt32)?
  private var sequence: UInt64 = 0
  private var reasons = [UInt64](repeating: 0, count: WorldSwitchReason.allCases.count)
  private var hostCalls: UInt64 = 0
  /// Why the host has the processor; nil while it hasn't.
  private var reason: WorldSwitchReason?

  public init(_ options: WorkstationOptions = WorkstationOptions()) throws(PlatformError) {
    self.options = options
    do {
      page = try SharedPage()
    } catch {
      throw PlatformError(error.description)
    }
  }

  // MARK: Setting up

  public func prepare(_ configuration: inout PCDevices.Configuration) throws(PlatformError) {
    board.ramSize = configuration.ramSize
    board.unixTime = configuration.unixTime
    board.hasAPIC = configuration.hasAPIC
    board.bootMedium = configuration.bootMedium
    var place = VMXDescriptor.firstLine
    func hand(_ descriptor: Int32?) -> Int32? {
      guard let descriptor else { return nil }
      // The three streams keep their numbers; the rest follows in order.
      if descriptor <= 2 { return descriptor }
      defer { place += 1 }
      lines.append((descriptor, place))
      return place
    }
    for line in configuration.serial {
      let ends = try Self.descriptors(of: line)
      board.serial.append(.init(input: hand(ends.input), output: hand(ends.output)))
    }
    board.debugConsole = hand(try Self.descriptors(of: configuration.debugConsole).output)
    if let network = configuration.network {
      guard let parts = (network.backend as? any PartedNetwork)?.parts else {
        throw PlatformError("a network that isn't a file or a socket can't be given to the VMX process")
      }
      board.adapter = network.address
      board.network = parts.enumerated().map { index, part in
        let there = VMXDescriptor.firstNetwork + Int32(index)
        switch part {
        case .null, .loop: return part
        case .capture(let descriptor):
          lines.append((descriptor, there))
          return .capture(descriptor: there)
        case .socket(let descriptor, let peer):
          lines.append((descriptor, there))
          return .socket(descriptor: there, peer: peer)
        }
      }
    }
    for (index, drive) in configuration.drives.drives.enumerated() {
      guard let image = drive.image as? RawDiskImage else {
        throw PlatformError("the disk \(drive.image.label) isn't a file, and the VMX process can only be given files")
      }
      let there = VMXDescriptor.firstDrive + Int32(index)
      lines.append((image.descriptor, there))
      board.images.append(
        .init(
          descriptor: there, interface: drive.interface, medium: drive.medium, isReadOnly: drive.isReadOnly,
          imageIsReadOnly: image.isReadOnly, geometry: drive.geometry, label: image.label))
    }
  }

  private static func descriptors(
    of sink: any Devices.ByteSink
  ) throws(PlatformError) -> (input: Int32?, output: Int32?) {
    if sink is NullBackend { return (nil, nil) }
    guard let line = sink as? any DescriptorLine else {
      throw PlatformError("a serial line that isn't a file or a terminal can't be given to the VMX process")
    }
    return line.descriptors
  }

  public func attach(_ machine: PlatformMachine) throws(PlatformError) {
    self.machine = machine
    let bus = machine.devices.bus
    let table = options.serving
    for row in bus.portRows { isMonitorsRow[Int(row.row)] = table[row.device] == .monitor }
    adapterRow = bus.portRows.first { $0.device == "pcnet" }?.row
    bus.silence { table[$0.name] == .vmx }
    let deadline = VMXDeadline(clock: bus.clock) { [unowned self] _ in ask(.advance, because: .deadline) }
    self.deadline = deadline
    bus.attach(deadline)
    if options.hostInterruptRate > 0 {
      let timer = MachineTimer(clock: bus.clock, hertz: options.hostInterruptRate) { [unowned self] in takeHostInterrupt() }
      self.timer = timer
      bus.attach(timer)
    }
    board.machineSize = machine.memory.machine.size
    board.monitorDevices = bus.devices.map(\.name).filter { table[$0] == .monitor }
    page.request.pointee.bulkBytes = page.putBulk(Array(board.text.utf8))
    let memory: [(here: Int32, there: Int32)] = [
      (machine.memory.machine.file, VMXDescriptor.machineMemory), (machine.memory.map.file, VMXDescriptor.pageMap),
      (page.memory.file, VMXDescriptor.sharedPage),
    ]
    let process = try VMXProcess(executable: options.executable, descriptors: memory + lines)
    guard process.doorbell.wait() else {
      throw PlatformError("the VMX process didn't come up (\(process.waitForEnd()))")
    }
    self.process = process
    world = try WorldSwitch { [unowned self] in serveInHost() }
  }

  public func settle() { ask(.settle, because: .machine) }

  // MARK: Accesses

  public func readPort(_ port: UInt16, size: AccessSize) -> UInt32 {
    guard let machine else { return size.mask }
    if isMonitors(port) {
      report(.monitorService, in: .monitor, code: UInt32(port))
      return machine.devices.bus.readPort(port, size: size)
    }
    return ask(.portRead, UInt64(port), size, because: .port)
  }

  public func writePort(_ port: UInt16, size: AccessSize, value: UInt32) {
    guard let machine else { return }
    if isMonitors(port) {
      report(.monitorService, in: .monitor, code: UInt32(port), b: 1)
      return machine.devices.bus.writePort(port, size: size, value: value)
    }
    if isAdapterAddress(port, size) {
      report(.monitorService, in: .monitor, code: UInt32(port), b: 1)
      keptWrite = (port, size, value)
      return
    }
    // Where PCI functions stand, both sides must know.
    if PCIPorts.range.contains(port) { machine.devices.bus.writePort(port, size: size, value: value) }
    ask(.portWrite, UInt64(port), size, value: value, because: .port)
  }

  /// RAP of a PCnet, in its word or its dword layout; the adapter has 32 ports at a multiple of that.
  private func isAdapterAddress(_ port: UInt16, _ size: AccessSize) -> Bool {
    guard let adapterRow, let bus = machine?.devices.bus, bus.row(at: port) == adapterRow else { return false }
    return (port & 0x1f, size) == (0x12, .word) || (port & 0x1f, size) == (0x14, .dword)
  }

  private func isMonitors(_ port: UInt16) -> Bool {
    machine.map { isMonitorsRow[Int($0.devices.bus.row(at: port))] } ?? false
  }

  public func readMemory(_ address: GuestPhysicalAddress, size: AccessSize) -> UInt32 {
    guard let machine else { return size.mask }
    if isMonitors(address) {
      report(.monitorService, in: .monitor, a: address.value)
      return machine.devices.bus.readMemory(address, size: size)
    }
    return ask(.memoryRead, address.value, size, because: .memory)
  }

  public func writeMemory(_ address: GuestPhysicalAddress, size: AccessSize, value: UInt32) {
    guard let machine else { return }
    if isMonitors(address) {
      report(.monitorService, in: .monitor, a: address.value, b: 1)
      return machine.devices.bus.writeMemory(address, size: size, value: value)
    }
    ask(.memoryWrite, address.value, size, value: value, because: .memory)
  }

  private func isMonitors(_ address: GuestPhysicalAddress) -> Bool {
    machine?.devices.bus.device(at: address).map { options.serving[$0.name] == .monitor } ?? false
  }

  // MARK: The machine as a whole

  public func pollInput(isIdle: Bool) {
    timer?.isPaused = isIdle
    // While the guest runs, input comes with the host's interrupts.
    if isIdle || options.hostInterruptRate == 0 { ask(.poll, value: isIdle ? 1 : 0, because: isIdle ? .idle : .machine) }
  }

  private func takeHostInterrupt() {
    guard reason == nil else { return }
    ask(.poll, because: .hostInterrupt)
  }

  public func flushOutput() { if process != nil { ask(.flush, because: .machine) } }

  public func resetDevices() {
    machine?.devices.bus.reset()
    ask(.reset, because: .machine)
  }

  public func saveDevices() -> [DeviceState] {
    guard let bus = machine?.devices.bus else { return [] }
    ask(.save, because: .machine)
    let theirs = DeviceStates.states(in: page.bulkBytes(page.answer.pointee.bulkBytes))
    return bus.devices.indices.map { index in
      let device = bus.devices[index]
      return bus.isServedHere(index) ? device.save() : theirs.first { $0.name == device.name } ?? device.save()
    }
  }

  public func end() {
    guard process != nil, failure == nil else { return }
    ask(.end, because: .machine)
    process = nil
  }

  deinit { end() }

  public var counters: [PlatformCounter] {
    [
      PlatformCounter(
        name: "world-switches", count: (world?.toHost ?? 0) + (world?.toMonitor ?? 0), meaning: "between monitor and host, both ways"),
      PlatformCounter(
        name: "world-switch-ns", count: world?.nanoseconds ?? 0, meaning: "nanoseconds in those switches, measured"),
      PlatformCounter(
        name: "world-switch-bytes", count: UInt64(WorldSwitch.stateSize),
        meaning: "processor state that one switch saves, and restores"),
    ]
      + WorldSwitchReason.allCases.map {
        PlatformCounter(
          name: "vmx-requests-\($0.name)", count: reasons[Int($0.rawValue)], meaning: "requests to the VMX process because of it")
      }
      + [PlatformCounter(name: "vmx-system-calls", count: hostCalls, meaning: "system calls of the VMX process, while recorded")]
  }

  // MARK: Across the worlds

  /// Has the VMX process do something.
  /// - Returns: what it answered; all ones when it is gone.
  @discardableResult
  private func ask(
    _ kind: VMXRequestKind, _ address: UInt64 = 0, _ size: AccessSize = .byte, value: UInt32 = 0,
    because reason: WorldSwitchReason
  ) -> UInt32 {
    guard let machine, let world, failure == nil else { return size.mask }
    let clock = machine.devices.bus.clock
    sequence += 1
    var request = VMXRequest()
    request.sequence = sequence
    request.now = clock.now
    request.kind = kind.rawValue
    request.address = address
    request.size = UInt32(size.rawValue)
    request.value = value
    request.recordsCalls = machine.reporter.wants(.hostSystemCall) ? 1 : 0
    if let kept = keptWrite {
      request.earlierAddress = UInt32(kept.port)
      request.earlierSize = UInt32(kept.size.rawValue)
      request.earlierValue = kept.value
      keptWrite = nil
    }
    page.request.pointee = request
    reasons[Int(reason.rawValue)] += 1
    self.reason = reason
    world.enterHost()
    self.reason = nil
    report(.worldSwitch, in: .hostKernel, code: 1, a: reason.rawValue, measured: world.last.toMonitor)
    if failure != nil { return size.mask }
    takeAnswer(machine)
    return page.answer.pointee.value
  }

  /// The driver in the host's world: wakes the VMX process, and sleeps until that has done its work.
  private func serveInHost() {
    guard let process, let machine else { return }
    let request = page.request.pointee
    // Told on this side, where it is known how long it took; it was the monitor's doing.
    report(.worldSwitch, in: .monitor, code: 0, a: reason?.rawValue ?? 0, measured: world?.last.toHost ?? 0)
    if reason == .hostInterrupt {
      report(.hostInterrupt, in: .hostKernel, code: HostInterruptSource.timer.rawValue)
    }
    report(.doorbell, in: .hostKernel, code: 0, a: request.sequence)
    guard process.doorbell.ring(), process.doorbell.wait() else {
      let end = process.waitForEnd()
      failure = PlatformError(
        "the VMX process ended (\(end)) and the guest with it; its disks hold what it had written until then")
      return
    }
    if machine.reporter.wants(.vmxRequest) {
      report(.vmxRequest, in: .vmx, code: request.kind, a: request.address, b: UInt64(request.value))
    }
    let answer = page.answer
    hostCalls += UInt64(answer.pointee.callCount) + UInt64(answer.pointee.lostCalls)
    for index in 0..<min(Int(answer.pointee.callCount), SharedPage.mostCalls) {
      let call = page.calls[index]
      machine.reporter.report(
        .hostSystemCall, in: .hostKernel, code: call.number, a: UInt64(bitPattern: call.result), b: 0,
        arguments: call.arguments, measured: call.nanoseconds)
    }
    report(.doorbell, in: .vmx, code: 1, a: request.sequence)
  }

  /// Carries over what the devices of the VMX have done to the machine.
  private func takeAnswer(_ machine: PlatformMachine) {
    let answer = page.answer.pointee
    for index in 0..<min(Int(answer.wireCount), SharedPage.mostWires) {
      let change = page.wires[index]
      if change.pin != 0 {
        machine.devices.router.drive(change.pin, ofWire: Int(change.number), to: change.level != 0)
      } else {
        machine.devices.interrupts.line(UInt8(truncatingIfNeeded: change.number)).set(change.level != 0)
      }
    }
    if answer.writesOverflowed != 0 {
      machine.noteWrite(GuestPhysicalAddress(UInt64(0)), machine.memory.ramSize)
    } else {
      for index in 0..<min(Int(answer.writeCount), SharedPage.mostWrites) {
        let write = page.writes[index]
        machine.noteWrite(GuestPhysicalAddress(write.address), write.count)
      }
    }
    var requests = MachineRequests.Waiting()
    func has(_ bit: UInt32) -> Bool { answer.requests >> bit & 1 != 0 }
    requests.exitStatus = has(0) ? answer.exitStatus : nil
    requests.isPowerOff = has(1)
    requests.resetPort = has(2) ? UInt16(truncatingIfNeeded: answer.resetPort) : nil
    requests.a20 = has(3) ? has(4) : nil
    requests.ignoresNumericErrors = has(5)
    if answer.requests != 0 { machine.devices.requests.add(requests) }
    deadline?.set(answer.nextDeadline)
    mayGetInput = answer.inputEnded == 0
    outputState = answer.outputState == 0 ? .open : answer.outputState == 1 ? .closedByReader : .failed(errno: answer.outputError)
    if answer.hasStorageFailure != 0, storageFailure == nil {
      storageFailure = StorageFailures.failure(in: page.bulkBytes(answer.bulkBytes))
    }
  }

  private func report(
    _ kind: EventKind, in context: EventContext, code: UInt32 = 0, a: UInt64 = 0, b: UInt64 = 0, measured: UInt32 = 0
  ) {
    guard let reporter = machine?.reporter, reporter.wants(kind) else { return }
    reporter.report(kind, in: context, code: code, a: a, b: b, measured: measured)
  }
}

/// The ports of PCI configuration mechanism 1.
enum PCIPorts {
  static let range: ClosedRange<UInt16> = 0xcf8...0xcff
}
