// A machine: a processor, memory, and the devices of a PC, with the loop that carries exits from one to the other.

import Devices
import ISA
import Loading
import Memory
import Platforms
import Processor
import Tracing

/// A virtual PC with one processor.
public final class VirtualMachine {
  public let processor: Processor
  public let memory: GuestPhysicalMemory
  public let devices: PCDevices
  /// What was loaded; nil before `load`.
  public private(set) var image: GuestImage?
  /// Whom the monitor stands on.
  public let platform: any Platform
  /// Whether accesses to devices are the platform's to carry out.
  private let isRouted: Bool
  private let reporter: MachineReporter
  /// Nil where no monitor of VMware's is.
  private let backdoor: Backdoor?
  public var exits: ExitCounts { counts.pointee }
  /// Behind a pointer: an exit costs no exclusivity check.
  private let counts: UnsafeMutablePointer<ExitCounts>
  private let bus: Bus
  /// The devices own it.
  private let interrupts: Unmanaged<ProcessorInterrupts>
  private let firmwareSpace: FirmwareSpace
  // Both are touched at each exit, by this class alone and never twice at once: checking that at run time cost a third of
  // a port access.
  @exclusivity(unchecked) private var time: VirtualTime
  private let isRealtime: Bool
  @exclusivity(unchecked) private var recorder: Recorder?
  /// Where the present slice ends, and where the processor is to stop before that.
  @exclusivity(unchecked) private var sliceTarget: UInt64 = 0
  @exclusivity(unchecked) private var currentStop: UInt64 = 0
  /// Who watches the screen and types.
  public var attendant: (any Attendant)?
  private var nextAttendance = ContinuousClock().now

  /// Retired instructions between two looks at the outside world: input, the clock on the wall, the stop signal. It also
  /// bounds the host's stack: where handlers of the interpreter were merged by the optimiser, one that calls the next leaves
  /// a frame of 16 bytes until the slice is over.
  static let slice: UInt64 = 200_000
  /// Room in machine memory beside the RAM: ROMs, video memory, firmware's shadow.
  private static let boardMemory = 16 << 20 + VGA.memorySize + FirmwareSpace.pageCount << 12

  public convenience init(_ configuration: MachineConfiguration = MachineConfiguration()) throws(MachineSetupError) {
    do {
      try self.init(making: configuration)
    } catch {
      throw MachineSetupError(description: "\(error)")
    }
  }

  private init(making configuration: MachineConfiguration) throws {
    // What is too much is refused below, with its reason; here it must only not overflow.
    let size = min(configuration.memorySize, GuestPhysicalMemory.largestRAM)
    let machine = try MachineMemory(size: Int(size) + Self.boardMemory + configuration.paging.tableMemory + ESX.memorySize)
    memory = try GuestPhysicalMemory(machine: machine, ramSize: configuration.memorySize)
    processor = Processor(memory: memory)
    processor.hasLocalAPIC = configuration.hasAPIC
    let video = try memory.addRAM(at: GuestPhysicalAddress(VGA.memoryBase), pages: VGA.memorySize >> 12)
    let firmwareSpace = try FirmwareSpace(memory, processor)
    self.firmwareSpace = firmwareSpace
    try processor.usePaging(configuration.paging)
    processor.useEngine(
      configuration.engine, paths: configuration.memoryPath, trapsSensitive: configuration.trapsSensitive)
    bus = Bus()
    let dma = GuestMemoryDMA(memory: memory)
    dma.wrote = { [unowned processor] address, count in processor.noteWrite(at: address, count: UInt64(count)) }
    reporter = MachineReporter(processor)
    backdoor = configuration.backdoor
    processor.vmware = backdoor.map { backdoor in
      VMwareFrequencies(
        processorKilohertz: UInt32(clamping: backdoor.processorHertz / 1000), busKilohertz: backdoor.busHertz / 1000)
    }
    platform = try configuration.makePlatform(machine)
    isRouted = platform.routesAccesses
    var board = PCDevices.Configuration(
      ramSize: configuration.memorySize, unixTime: configuration.unixTime,
      serial: [configuration.serial] + (configuration.secondSerial.map { [$0] } ?? []),
      debugConsole: configuration.debugConsole, drives: configuration.drives, dma: dma, hasAPIC: configuration.hasAPIC,
      videoMemory: UnsafeRawBufferPointer(start: video, count: VGA.memorySize), bootMedium: configuration.bootMedium,
      network: configuration.network)
    try platform.prepare(&board)
    devices = PCDevices(board, on: bus)
    interrupts = .passUnretained(devices.processorInterrupts)
    devices.network?.reporter = reporter
    devices.hostBridge.shadowChanged = { firmwareSpace.decode($0) }
    if let rom = configuration.videoBIOS { devices.firmware.add(file: "vgaroms/vgabios.bin", rom) }
    time = VirtualTime(instructionsPerSecond: configuration.instructionsPerSecond)
    isRealtime = configuration.isRealtime
    counts = .allocate(capacity: 1)
    counts.initialize(to: ExitCounts())
    processor.portService = PortService(machine: Unmanaged.passUnretained(self).toOpaque()) { machine in
      Unmanaged<VirtualMachine>.fromOpaque(machine)._withUnsafeGuaranteedRef { $0.servePort() }
    }
    try platform.attach(
      PlatformMachine(
        devices: devices, memory: memory,
        noteWrite: { [unowned processor] address, count in processor.noteWrite(at: address, count: count) },
        reporter: reporter))
  }

  deinit {
    platform.end()
    counts.deallocate()
  }

  /// Puts a guest into memory and the processor where it starts.
  public func load(_ bytes: [UInt8], _ request: LoadRequest = LoadRequest()) throws(LoadingError) {
    let image = try GuestLoader.load(bytes, request, into: memory)
    processor.reset()
    let entry = image.entry
    switch entry.mode {
    case .protected:
      processor.enterFlatProtectedMode(codeSelector: entry.codeSelector, dataSelector: entry.dataSelector)
      if let table = entry.descriptorTable { processor.setDescriptorTable(base: table.base, limit: table.limit) }
      processor.instructionPointer = entry.instructionPointer
    case .real:
      processor.enterRealMode(
        codeSelector: entry.codeSelector, codeBase: entry.codeBase, dataSelector: entry.dataSelector,
        instructionPointer: entry.instructionPointer)
    }
    if image.entry == .reset {
      firmwareSpace.takeROM()
    } else {
      // Nothing ran before this guest: leave the machine as firmware would.
      for piece in ACPITables.build(devices.board) { firmwareSpace.store(piece.bytes, at: piece.address) }
      devices.settleAsFirmware()
      platform.settle()
      processor[register: 6] = entry.esi
      processor[register: 0] = entry.eax
      processor[register: 3] = entry.ebx
    }
    processor.a20Enabled = devices.requests.isA20Enabled
    devices.requests.clear()
    self.image = image
  }

  /// Records events from now on; nil ends it. The caller flushes the recorder.
  public func record(with recorder: Recorder?) {
    self.recorder = recorder
    reporter.recorder = recorder
    processor.record(with: recorder, hasMonitor: platform.hasMonitor)
    devices.processorInterrupts.observer = recorder == nil ? nil : self
  }

  /// Virtual nanoseconds since the machine was made.
  public var now: UInt64 { time.nanoseconds(at: processor.retired) }

  // MARK: Running

  /// Runs until the guest ends, a limit is reached, or somebody raises the stop signal.
  public func run(_ limits: RunLimits = RunLimits()) -> RunOutcome {
    let clock = ContinuousClock()
    let start = clock.now
    let timeLimit = limits.time.map { start + $0 }
    var pace = Pace(start: start, virtual: now)
    var last: UInt64 = processor.retired
    var stalled: UInt64 = 0
    while true {
      if let limit = limits.instructions, processor.retired &+ stalled >= limit { return finish(.instructionLimit) }
      if let stop = limits.stop, stop.isRaised { return finish(.stopped) }
      if let timeLimit, clock.now >= timeLimit { return finish(.timeLimit) }
      if let outcome = lostOutcome() { return finish(outcome) }
      platform.pollInput(isIdle: false)
      attend(clock.now)
      bus.advance(to: now)

      var target = processor.retired &+ Self.slice
      if let limit = limits.instructions { target = min(target, limit) }
      switch runSlice(until: target) {
      case .sliceOver:
        counts.pointee.slices += 1
        // Exceptions without end retire nothing; they count against the limit all the same.
        if processor.retired == last { stalled &+= UInt64(Processor.deliveriesPerRun) }
        last = processor.retired
      case .ended(let outcome): return finish(outcome)
      case .idle:
        switch passTime(&pace, limits, timeLimit) {
        case .some(let outcome): return finish(outcome)
        case nil: continue
        }
      }
    }
  }

  /// Executes exactly one instruction, or takes one interrupt or exception, or lets time pass while the guest idles.
  /// - Parameters:
  ///   - limits: the stop signal ends a guest that idles; the other limits are the caller's to keep.
  ///   - deadline: when an idle guest's time is up.
  /// - Returns: how the run ended, if it did.
  public func step(_ limits: RunLimits = RunLimits(), until deadline: ContinuousClock.Instant? = nil) -> RunOutcome? {
    if let outcome = lostOutcome() { return finish(outcome) }
    platform.pollInput(isIdle: false)
    bus.advance(to: now)
    processor.stopsAfterDelivery = true
    defer { processor.stopsAfterDelivery = false }
    switch runSlice(until: processor.retired &+ 1) {
    case .sliceOver: return nil
    case .ended(let outcome): return finish(outcome)
    case .idle:
      var pace = Pace(start: ContinuousClock().now, virtual: now)
      return passTime(&pace, limits, deadline).map(finish)
    }
  }

  private enum SliceEnd {
    case sliceOver
    case idle
    case ended(RunOutcome)
  }

  /// Carries exits until `target`; device deadlines on the way are kept to the instruction.
  private func runSlice(until target: UInt64) -> SliceEnd {
    sliceTarget = target
    while true {
      let exit = processor.run(until: nextStop())
      switch exit {
      case .budget:
        if processor.retired < currentStop { return .sliceOver }
        bus.advance(to: now)
        if processor.retired >= target { return .sliceOver }
      case .interruptWindow:
        counts.pointee.interruptWindows += 1
        bus.advance(to: now)
        if devices.processorInterrupts.hasPendingInterrupt {
          processor.inject(vector: devices.processorInterrupts.acknowledge())
        }
      case .halt:
        counts.pointee.halts += 1
        bus.advance(to: now)
        if processor.numericErrorLine {
          // It stopped before an x87 instruction, not behind a HLT.
          processor.numericErrorLine = false
          devices.numericError.raise()
        }
        if let outcome = wake() { return outcome }
      case .portRead, .portWrite, .memoryRead, .memoryWrite:
        bus.advance(to: now)
        carryOut(exit)
        if devices.requests.areWaiting, let outcome = takeRequests() { return .ended(outcome) }
      case .served:
        if let outcome = takeRequests() { return .ended(outcome) }
      case .shutdown:
        return .ended(.tripleFault)
      }
    }
  }

  /// Until where the processor may run now: the end of the slice or a device's deadline; and whether it is interrupted.
  private func nextStop() -> UInt64 {
    var stop = sliceTarget
    if let deadline = bus.nextDeadline {
      stop = min(stop, max(time.retired(at: deadline), processor.retired))
      if stop <= processor.retired {
        bus.advance(to: now)
        // A device whose deadline stays where it was would hold the machine up for ever.
        stop = processor.retired &+ 1
        if let next = bus.nextDeadline { stop = min(sliceTarget, max(stop, time.retired(at: next))) }
      }
    }
    // (Counting a reference here took a fifth of a port access.)
    interrupts._withUnsafeGuaranteedRef {
      processor.interruptRequested = $0.hasPendingInterrupt(isAPICEnabled: processor.isLocalAPICEnabled)
    }
    currentStop = stop
    return stop
  }

  /// Carries out a port access in the middle of a run.
  private func servePort() -> UInt64 {
    bus.advance(to: now)
    carryOut(processor.portExit)
    return devices.requests.areWaiting ? PortService.leave : nextStop()
  }

  /// After HLT: nil when an interrupt is at hand and the processor goes on.
  private func wake() -> SliceEnd? {
    guard processor.eflags & EFlags.if.rawValue != 0 else { return .ended(.halted) }
    guard devices.processorInterrupts.hasPendingInterrupt else { return .idle }
    processor.inject(vector: devices.processorInterrupts.acknowledge())
    return nil
  }

  /// The processor is halted with interrupts on: time passes until something comes.
  private func passTime(_ pace: inout Pace, _ limits: RunLimits, _ timeLimit: ContinuousClock.Instant?) -> RunOutcome? {
    platform.flushOutput()
    while !devices.processorInterrupts.hasPendingInterrupt {
      if let stop = limits.stop, stop.isRaised { return .stopped }
      if let timeLimit, ContinuousClock().now >= timeLimit { return .timeLimit }
      if let outcome = lostOutcome() { return outcome }
      let mayGetInput = platform.mayGetInput || attendant?.mayType == true
      platform.pollInput(isIdle: true)
      attend(ContinuousClock().now)
      guard let deadline = bus.nextDeadline else {
        // Without a timer only input can wake the guest.
        if !mayGetInput { return devices.processorInterrupts.hasPendingInterrupt ? nil : .halted }
        pace.wait(nanoseconds: 2_000_000)
        continue
      }
      if deadline > now {
        if isRealtime, pace.hold(until: deadline) { continue }
        skip(deadline - now)
      }
      bus.advance(to: now)
    }
    // HLT ends with the interrupt, if the guest still takes it.
    processor.inject(vector: devices.processorInterrupts.acknowledge())
    return nil
  }

  private func skip(_ nanoseconds: UInt64) {
    time.skip(nanoseconds)
    processor.skipTime(cycles: nanoseconds)
  }

  /// Lets the attendant look and type, some 30 times a second.
  private func attend(_ time: ContinuousClock.Instant) {
    guard let attendant, time >= nextAttendance else { return }
    nextAttendance = time + .milliseconds(33)
    attendant.attend(to: devices)
  }

  // MARK: Exits

  /// Does what a device access asks for and hands the answer to the processor: the one place where exits meet devices.
  private func carryOut(_ exit: Exit) {
    switch exit {
    case .portRead(Backdoor.port, 4) where callBackdoor(): counts.pointee.portReads += 1
    case .portRead(let port, let size):
      counts.pointee.portReads += 1
      let width = AccessSize(bytes: size)
      let value = isRouted ? platform.readPort(port, size: width) : bus.readPort(port, size: width)
      record(.portRead, code: UInt32(port), a: UInt64(value), b: UInt64(size))
      processor.answer(value)
    case .portWrite(let port, let size, let value):
      counts.pointee.portWrites += 1
      record(.portWrite, code: UInt32(port), a: UInt64(value), b: UInt64(size))
      let width = AccessSize(bytes: size)
      if isRouted {
        platform.writePort(port, size: width, value: value)
      } else {
        bus.writePort(port, size: width, value: value)
      }
      if port == PostCodePort.port { skip(PostCodePort.accessTime) }
      processor.answer()
    case .memoryRead(let address, let size):
      counts.pointee.memoryReads += 1
      let (place, width) = (GuestPhysicalAddress(address), AccessSize(bytes: size))
      let value = isRouted ? platform.readMemory(place, size: width) : bus.readMemory(place, size: width)
      record(.mmioRead, code: UInt32(size), a: address, b: UInt64(value))
      processor.answer(value)
    case .memoryWrite(let address, let size, let value):
      counts.pointee.memoryWrites += 1
      record(.mmioWrite, code: UInt32(size), a: address, b: UInt64(value))
      let (place, width) = (GuestPhysicalAddress(address), AccessSize(bytes: size))
      if isRouted {
        platform.writeMemory(place, size: width, value: value)
      } else {
        bus.writeMemory(place, size: width, value: value)
      }
      processor.answer()
    case .budget, .interruptWindow, .halt, .served, .shutdown:
      preconditionFailure("not a device access")
    }
  }

  /// IN EAX from VMware's port: a call, when EAX has the magic number and the platform is one of theirs.
  private func callBackdoor() -> Bool {
    guard let backdoor else { return false }
    // In the order of the register numbers: EAX ECX EDX EBX, and then ESI EDI.
    var registers = BackdoorRegisters(
      eax: processor[register: 0], ebx: processor[register: 3], ecx: processor[register: 1], edx: processor[register: 2],
      esi: processor[register: 6], edi: processor[register: 7])
    let command = registers.ecx & 0xffff
    guard backdoor.call(&registers, now: now) else { return false }
    record(.backdoorCall, code: command, a: UInt64(registers.eax), b: UInt64(registers.ebx))
    processor[register: 3] = registers.ebx
    processor[register: 1] = registers.ecx
    processor[register: 2] = registers.edx
    processor[register: 6] = registers.esi
    processor[register: 7] = registers.edi
    processor.answer(registers.eax)
    return true
  }

  private func takeRequests() -> RunOutcome? {
    let requests = devices.requests
    defer { requests.clear() }
    if requests.ignoresNumericErrors { processor.ignoresNumericErrors = true }
    if requests.a20Changed { processor.a20Enabled = requests.isA20Enabled }
    if requests.isPowerOffRequested { return .poweredOff }
    if let status = requests.exitStatus { return .guestExit(status: status) }
    if let port = requests.resetRequestedBy {
      record(.reset, code: UInt32(port))
      guard image?.entry == .reset else { return .reset(port: port) }
      platform.resetDevices()
      processor.reset()
      processor.a20Enabled = requests.isA20Enabled
    }
    return nil
  }

  @inline(__always)
  private func record(_ kind: EventKind, code: UInt32 = 0, a: UInt64 = 0, b: UInt64 = 0) {
    if let recorder, recorder.wants(kind) { recorder.record(processor.event(kind, code: code, a: a, b: b)) }
  }

  /// A part of the world around the machine is gone.
  private func lostOutcome() -> RunOutcome? {
    if let failure = platform.failure { return .platformFailed(failure) }
    return switch platform.outputState {
    case .open: nil
    case .closedByReader: .outputClosed
    case .failed(let errno): .outputFailed(errno: errno)
    }
  }

  /// The end of a run: all output leaves the process, and a failure to write is the outcome unless the guest had one.
  private func finish(_ outcome: RunOutcome) -> RunOutcome {
    platform.flushOutput()
    attendant?.attend(to: devices)
    if let failure = platform.failure { return .platformFailed(failure) }
    if case .failed(let errno) = platform.outputState { return .outputFailed(errno: errno) }
    if let failure = platform.storageFailure { return .storageFailed(failure) }
    return outcome
  }
}

extension VirtualMachine: InterruptObserver {
  public func interruptRaised(irq: UInt8) { record(.interruptRaised, code: UInt32(irq)) }
  public func interruptAccepted(irq: UInt8, vector: UInt8) {}
  public func interruptEnded(irq: UInt8) { record(.interruptAcknowledged, code: UInt32(irq)) }
}
