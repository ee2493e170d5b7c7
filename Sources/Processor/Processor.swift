// One virtual processor with its interpreter, as the machine sees it. It owns the state block, the block cache and the
// TLBs; everything else is shared by reference with the machine.

import ISA
import Memory
import Tracing

/// How the delivery of an exception or interrupt ended; `replaced` means that another one is pending now.
enum Delivery { case delivered, replaced, shutdown, needsDevice }

/// A delivery that must happen before the next instruction.
enum PendingDelivery {
  case nothing
  case fault(GuestFault)
  case debugTrap
  case interrupt(UInt8)
}

/// A virtual IA-32 processor.
public final class Processor {
  let cpu: CPU
  let blocks: BlockCache
  private let handlers: HandlerTable
  var codeSegments = CodeSegmentNumbers()
  #if TRANSLATOR
    /// Set while the engine is the translator.
    @exclusivity(unchecked) var translator: Translator? {
      didSet { cpu.s.pointee.translator = translator.map { Unmanaged.passUnretained($0).toOpaque() } }
    }
  #endif
  let deviceLog: UnsafeMutablePointer<DeviceAccess>
  @exclusivity(unchecked) var pending = PendingDelivery.nothing
  /// What is pending took the place of a delivery that failed (`FaultHistory` has it already).
  var deliversReplacement = false
  /// What was delivered last, and what came up on the way.
  public internal(set) var faultHistory = FaultHistory()
  /// `run` returns `.budget` after each delivery of an exception or interrupt, before the handler's first instruction:
  /// for debuggers and instruction traces.
  @exclusivity(unchecked) public var stopsAfterDelivery = false
  /// Calls in user mode that have not returned yet (`SystemCallEvents`).
  var systemCalls = OpenSystemCalls()
  /// Who carries out IN and OUT without an exit; nil for exits.
  @exclusivity(unchecked) public var portService: PortService?
  /// The access that `PortService` is asked for.
  public var portExit: Exit { deviceExit() }
  public let memory: GuestPhysicalMemory
  private var recorder: Recorder?
  /// How addresses are translated (`usePaging`).
  public internal(set) var paging = PagingConfiguration()

  /// A processor in its power-up state.
  public init(memory: GuestPhysicalMemory) {
    self.memory = memory
    handlers = HandlerTable()
    blocks = BlockCache(handlers: handlers)
    deviceLog = .allocate(capacity: CPU.deviceLogCapacity)
    deviceLog.initialize(repeating: DeviceAccess(), count: CPU.deviceLogCapacity)
    let region = StateRegion.allocate()
    let supervisor = StateRegion.tlb(region, user: false), user = StateRegion.tlb(region, user: true)
    let state = region.bindMemory(to: CPUState.self, capacity: 1)
    cpu = CPU(state)
    state.initialize(
      to: CPUState(
        tlb: supervisor, jumpCache: blocks.jumpCache, steps: blocks.steps, instructions: blocks.instructions,
        general: { c, step in
          let cpu = CPU(c)
          cpu.s.pointee.generalHandlers[Int(cpu.instruction(of: step).pointee.operation.rawValue)](c, step)
        },
        generalHandlers: handlers.general, supervisorTLB: supervisor, userTLB: user, pageEntries: memory.entries,
        codeGranules: memory.codeGranules, machineBase: memory.machine.base, writeHolders: WriteHolder.allocate(),
        owner: Unmanaged.passUnretained(self).toOpaque()))
    precondition(MemoryLayout<CPUState>.offset(of: \.registers) == 0 && MemoryLayout<CPUState>.offset(of: \.zero) == 64)
    state.pointee.context = EngineMode.generation
    cpu.reset()
  }

  deinit {
    endPaging()
    WriteHolder.deallocate(cpu.s.pointee.writeHolders)
    deviceLog.deallocate()
    handlers.general.deallocate()
    StateRegion.deallocate(cpu.raw)
  }

  /// Back to the power-up state; memory and the retired count stay.
  public func reset() {
    pending = .nothing
    cpu.forgetDeviceLog()
    cpu.reset()
  }

  // MARK: Devices and interrupts

  /// Carries the device's answer to the instruction that asked: the value for reads, anything for writes.
  public func answer(_ value: UInt32 = 0) {
    let access = cpu.s.pointee.exitAccess
    if cpu.s.pointee.leave == .portAccess {
      // IN or OUT, complete but for the register.
      cpu.s.pointee.leave = .resolve
      guard access.kind == .portRead else { return }
      switch access.size {
      case 1: cpu.al = UInt8(truncatingIfNeeded: value)
      case 2: cpu.ax = UInt16(truncatingIfNeeded: value)
      default: cpu.eax = value
      }
      return
    }
    cpu.answerDevice(value)
  }

  /// An interrupt controller's output line. While it is up, `run` exits with `.interruptWindow` as soon as the guest
  /// takes interrupts.
  public var interruptRequested: Bool {
    get { cpu.s.pointee.interruptRequested }
    set { cpu.s.pointee.interruptRequested = newValue }
  }

  /// Delivers an external interrupt before the next instruction. Only after `.interruptWindow`, or after `.halt` when
  /// `takesInterrupts`.
  public func inject(vector: UInt8) {
    pending = .interrupt(vector)
  }

  /// There is a local APIC: CPUID says so, and IA32_APIC_BASE exists. Off at first; set it before the guest runs. The APIC
  /// itself is the machine's.
  public var hasLocalAPIC: Bool {
    get { cpu.s.pointee.hasLocalAPIC }
    set {
      cpu.s.pointee.hasLocalAPIC = newValue
      cpu.s.pointee.cpuidNumber = CPUIDTable.noLeaf
    }
  }

  /// The monitor shows itself as one of VMware's: CPUID has their leaves. Set it before the guest runs.
  public var vmware: VMwareFrequencies? {
    get { cpu.s.pointee.vmware }
    set {
      cpu.s.pointee.vmware = newValue
      cpu.s.pointee.cpuidNumber = CPUIDTable.noLeaf
    }
  }

  /// The guest has the APIC on in IA32_APIC_BASE. While it is off, INTR is the 8259s' again.
  public var isLocalAPICEnabled: Bool { cpu.isLocalAPICEnabled }

  /// EFLAGS.IF, and no shadow of STI or MOV SS.
  public var takesInterrupts: Bool {
    cpu.systemFlag(EFlags.if.rawValue) && cpu.s.pointee.shadowAt != cpu.retired
  }

  /// Address line 20: when shut, physical addresses lose bit 20.
  public var a20Enabled: Bool {
    get { cpu.s.pointee.addressMask & 1 << 20 != 0 }
    set {
      let mask: UInt64 = newValue ? ~0 : ~(1 << 20)
      if mask == cpu.s.pointee.addressMask { return }
      cpu.s.pointee.addressMask = mask
      cpu.flushTLB(keepingGlobal: false)
    }
  }

  // MARK: Inspection

  /// Instructions retired since the processor was made; iterations of repeated string instructions count one each.
  public var retired: UInt64 { UInt64(cpu.retired) }
  public var counters: Counters { cpu.s.pointee.counters }

  /// A general register: EAX ECX EDX EBX ESP EBP ESI EDI are 0 to 7.
  public subscript(register number: Int) -> UInt32 {
    get { cpu.register(UInt8(number & 7)) }
    set { cpu.setRegister(UInt8(number & 7), newValue) }
  }

  public var instructionPointer: UInt32 {
    get { cpu.s.pointee.eip }
    set { cpu.s.pointee.eip = newValue }
  }

  /// EFLAGS; setting it may change the mode (VM, TF).
  public var eflags: UInt32 {
    get { cpu.eflags }
    set {
      cpu.eflags = newValue
      cpu.updateContext()
    }
  }

  public var privilegeLevel: UInt8 { cpu.cpl }

  /// A segment register with its hidden part. Setting it checks nothing.
  public subscript(segment: SegmentRegister) -> SegmentCache {
    get { cpu.segment(segment).pointee }
    set {
      cpu.segment(segment).pointee = newValue
      if segment == .ss || segment == .cs { cpu.s.pointee.cpl = cpu.isProtected ? newValue.privilege : 0 }
      cpu.updateContext()
    }
  }

  /// The state block, to read what has no name of its own here.
  public var state: CPUState { cpu.s.pointee }

  /// Puts the processor into 32-bit protected mode with flat segments, paging off and interrupts off, as a multiboot
  /// loader hands over (Multiboot 0.6.96, 3.2; Linux's 32-bit boot protocol).
  public func enterFlatProtectedMode(codeSelector: UInt16 = 8, dataSelector: UInt16 = 16) {
    cpu.s.pointee.cr0 |= CR0.pe.rawValue
    let data = SegmentCache(selector: dataSelector, base: 0, limit: 0xffff_ffff, attributes: 0xc093)
    for register in [SegmentRegister.es, .ss, .ds, .fs, .gs] { cpu.segment(register).pointee = data }
    cpu.segment(.cs).pointee = SegmentCache(selector: codeSelector, base: 0, limit: 0xffff_ffff, attributes: 0xc09b)
    cpu.s.pointee.cpl = 0
    cpu.updateContext()
  }

  /// GDTR.
  public func setDescriptorTable(base: UInt32, limit: UInt32) {
    cpu.s.pointee.gdtr = DescriptorTable(base: base, limit: limit)
  }

  /// Puts the processor into real mode at a place, as firmware hands over to a boot sector. The data segments and SS are
  /// all `dataSelector`.
  public func enterRealMode(codeSelector: UInt16, codeBase: UInt32, dataSelector: UInt16, instructionPointer: UInt32) {
    cpu.s.pointee.cr0 &= ~CR0.pe.rawValue
    for register in [SegmentRegister.es, .ss, .ds, .fs, .gs] {
      cpu.segment(register).pointee = SegmentCache(
        selector: dataSelector, base: UInt32(dataSelector) << 4, limit: 0xffff, attributes: 0x93)
    }
    cpu.segment(.cs).pointee = SegmentCache(selector: codeSelector, base: codeBase, limit: 0xffff, attributes: 0x93)
    cpu.s.pointee.cpl = 0
    cpu.s.pointee.eip = instructionPointer
    cpu.updateContext()
  }

  /// The x87, MMX and SSE registers.
  public var floatingPoint: FloatingPointState {
    get { cpu.fpu.pointee }
    set {
      cpu.fpu.pointee = newValue
      cpu.fpu.pointee.obstacles = 0
      cpu.settleX87Status()
    }
  }

  /// Puts the x87 state into the host's unit of this thread, if an x87 instruction would: so that the first one of a run
  /// takes its fast handler. `run` must follow, on this thread.
  package func prepareFloatingPoint() {
    typealias Obstacle = FloatingPointState.Obstacle
    if HostUnit.isAvailable, cpu.fpu.pointee.obstacles & (Obstacle.unavailable | Obstacle.pendingError) == 0 {
      cpu.unparkX87()
    }
  }

  /// The FERR# line: an x87 instruction waits, with CR0.NE clear, because an earlier one left an unmasked exception. A PC
  /// raises IRQ 13 when it goes up, and asserts IGNNE# (`ignoresNumericErrors`) when port F0h is written.
  public var numericErrorLine: Bool {
    get { cpu.s.pointee.numericError }
    set { cpu.s.pointee.numericError = newValue }
  }

  /// The IGNNE# line: x87 instructions go on in spite of a pending exception. It ends with the exception.
  public var ignoresNumericErrors: Bool {
    get { cpu.s.pointee.ignoresNumericErrors }
    set { cpu.s.pointee.ignoresNumericErrors = newValue }
  }

  /// Lets the time-stamp counter go on while no instruction runs.
  public func skipTime(cycles: UInt64) { cpu.s.pointee.timestampOffset &+= cycles }

  /// Translates a linear address without side effects; nil when an access would fault.
  public func inspect(_ address: LinearAddress) -> GuestPhysicalAddress? {
    let linear = UInt32(truncatingIfNeeded: address.value)
    guard let found = cpu.inspect(linear) else { return nil }
    return GuestPhysicalAddress(found.translation.page | UInt64(linear & 0xfff))
  }

  /// What the guest's page tables say of the page at a linear address, without side effects; nil when a read would fault.
  public func inspectPage(_ address: LinearAddress) -> GuestPage? {
    guard let found = cpu.inspect(UInt32(truncatingIfNeeded: address.value)) else { return nil }
    return GuestPage(
      physical: GuestPhysicalAddress(found.translation.page), rights: found.translation.rights,
      isLarge: found.translation.isLarge, isGlobal: found.translation.isGlobal,
      isAccessed: found.entry & PageEntry.accessed != 0, isDirty: found.entry & PageEntry.dirty != 0)
  }

  /// CR0.PG.
  public var isPaging: Bool { cpu.s.pointee.cr0 & CPU.pagingEnabled != 0 }

  // MARK: Events

  /// Starts recording events, or stops with nil.
  /// - Parameter hasMonitor: whether privileged instructions are callouts of a monitor.
  public func record(with recorder: Recorder?, hasMonitor: Bool = false) {
    self.recorder = recorder
    let callouts = UInt64(1) << UInt64(EventKind.callout.rawValue)
    cpu.s.pointee.eventMask = (recorder?.mask ?? 0) & (hasMonitor ? ~0 : ~callouts)
    cpu.s.pointee.tellsWithinInstructions = cpu.s.pointee.eventMask & EventKind.withinInstructions != 0
    cpu.updateContext()
  }

  @inline(never)
  func record(_ kind: EventKind, code: UInt32, a: UInt64, b: UInt64, eip: UInt32) {
    record(event: event(kind, code: code, a: a, b: b, eip: eip))
  }

  /// An event of this processor, as of now.
  public func event(
    _ kind: EventKind, code: UInt32 = 0, a: UInt64 = 0, b: UInt64 = 0, eip: UInt32? = nil
  ) -> Event {
    Event(
      kind: kind, context: kind.isMonitors ? .monitor : cpu.isUser ? .guestUser : .guestKernel, retired: UInt64(cpu.retired), code: code, a: a,
      b: b, instructionPointer: eip ?? cpu.s.pointee.eip, addressSpace: cpu.s.pointee.cr3)
  }

  func record(event: Event) {
    // A sink may do anything with the host's x87 unit.
    cpu.parkX87()
    recorder?.record(event)
  }
}
