// One record of what the monitor did: fixed size, no strings; text and JSON are made by the sinks. A recorder that is
// off costs one predictable branch at an exit.

/// In whose time an event happened.
public enum EventContext: UInt8, CaseIterable, Sendable, BitwiseCopyable {
  case guestUser, guestKernel, monitor
  /// The (simulated) machine's devices.
  case device
  /// The process beside a hosted monitor that holds the devices' back ends.
  case vmx
  /// The host's kernel, as a hosted monitor's driver and the VMX process meet it.
  case hostKernel
  /// The kernel below a bare-metal monitor.
  case vmkernel
}

/// What happened. `Event` says which of its details each kind fills.
public enum EventKind: UInt8, CaseIterable, Sendable, BitwiseCopyable {
  /// A system call: `code` = vector (0x80...) or 0xffff for SYSENTER; a = number, b = return address (linear),
  /// arguments follow in `arguments`.
  case systemCallEntry
  /// Its return to user mode: `code` as at entry, a = result (EAX), b = number.
  case systemCallReturn
  /// An exception delivered: `code` = vector, a = error code, b = CR2 for #PF else 0.
  case exception
  /// An interrupt line went up: `code` = IRQ.
  case interruptRaised
  /// An external interrupt delivered to the guest: `code` = vector.
  case interruptInjected
  /// The interrupt controller was told: `code` = IRQ.
  case interruptAcknowledged
  /// A software interrupt (INT n) that isn't taken for a system call: `code` = vector.
  case softwareInterrupt
  /// `code` = port, a = value, b = size in bytes.
  case portRead, portWrite
  /// a = guest-physical address, b = value, `code` = size in bytes.
  case mmioRead, mmioWrite
  /// CR3 written (or switched by a task switch): a = new CR3, b = old CR3.
  case addressSpaceSwitch
  /// The processor stopped until an interrupt: no details.
  case halt
  /// Triple fault.
  case shutdown
  /// The machine was reset: `code` = the port that asked.
  case reset
  /// A TLB miss, served by a walk: `code` = memory references, a = linear address, b = guest-physical page.
  case tlbMiss
  /// The TLB was flushed: `code` = 1 when global pages stayed.
  case tlbFlush
  /// INVLPG: a = linear address.
  case pageInvalidation
  /// A page fault of the shadow tables that the guest doesn't see: `code` = why (0 absent, 1 not dirty yet, 2 a device,
  /// 3 read-only memory), a = linear address, b = guest-physical page.
  case hiddenPageFault
  /// The guest wrote to a page table that the monitor watches: `code` = bytes, a = guest-physical address, b = the value.
  case traceHit
  /// EPT doesn't allow an access: `code` = the access (1 read, 2 write, 8 fetch, added), a = guest-physical address, b = 1
  /// when the page is mapped but not for that.
  case eptViolation
  /// Translated or trapped guest code left for the monitor, instead of executing an instruction: `code` = `CalloutReason`.
  case callout
  /// The monitor served an access to a device by itself: `code` = the port, or 0 for device memory; a = the guest-physical
  /// address, or 0; b = 1 for a write.
  case monitorService
  /// The whole processor changed hands between monitor and host: `code` = 0 to the host, 1 to the monitor; a =
  /// `WorldSwitchReason`.
  case worldSwitch
  /// The monitor's side and the VMX process wake each other: `code` = 0 towards the VMX, 1 back; a = the request's number.
  case doorbell
  /// What the VMX process was asked: `code` = `VMXRequestKind`; a = port or guest-physical address, b = value.
  case vmxRequest
  /// A system call that a process of the host made: `code` = its number on the host (x86-64), a = result (64 bits,
  /// negative ones in two's complement: -errno); its arguments in `arguments`, each cut to 32 bits, descriptors numbered
  /// as Trapline gave them.
  case hostSystemCall
  /// An interrupt of the (simulated) machine itself, not of the guest: `code` = `HostInterruptSource`.
  case hostInterrupt
  /// A service of the vmkernel: `code` = `VmkernelService`; a and b as the service says.
  case vmkernelCall
  /// A driver told a device of the machine that its ring has work: `code` = `MachineController`, a = ring index,
  /// b = descriptors.
  case controllerCommand
  /// A device moved bytes by itself: `code` = 0 into memory, 1 out of memory; a = machine address, b = bytes.
  case dmaTransfer
  /// The guest called the monitor through VMware's backdoor: `code` = command, a = EAX, b = EBX afterwards.
  case backdoorCall
  /// A packet on its way: `code` = `PacketStage`, a = bytes, b = packets that went with it, itself among them.
  case packet

  /// The kinds that happen while an instruction executes, and not when it is over: as in an event mask.
  public static let withinInstructions: UInt64 = [
    EventKind.tlbMiss, .tlbFlush, .pageInvalidation, .hiddenPageFault, .traceHit, .eptViolation, .callout,
  ].reduce(0) { $0 | 1 << UInt64($1.rawValue) }

  /// It happens in the monitor's time, whoever runs in the guest.
  public var isMonitors: Bool {
    self == .hiddenPageFault || self == .traceHit || self == .eptViolation || self == .callout || self == .monitorService
  }
}

/// A record of the event trace.
public struct Event: Sendable, BitwiseCopyable, Equatable {
  /// Position in the trace, from 0, without holes (events that a filter drops take no number).
  public var sequence: UInt64
  /// Retired guest instructions when it happened.
  public var retired: UInt64
  /// Modelled cycles when it happened.
  public var cycles: UInt64
  /// Details, by kind.
  public var a: UInt64
  public var b: UInt64
  /// System call arguments (EBX ECX EDX ESI EDI EBP); for a system call's return the caller's CR3 and zeros; else zero.
  public var arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
  /// EIP of the instruction it belongs to.
  public var instructionPointer: UInt32
  public var code: UInt32
  public var kind: EventKind
  public var context: EventContext
  /// The virtual processor.
  public var vcpu: UInt16
  /// The address space: CR3.
  public var addressSpace: UInt32
  /// Modelled cycles that it took; `cycles` is when they began. 0 without a cost model.
  public var cost: UInt32
  /// Nanoseconds that the real work took on this host, where they were asked for; else 0. The one field that isn't the
  /// same in each run.
  public var measured: UInt32

  public init(
    kind: EventKind, context: EventContext, retired: UInt64, code: UInt32 = 0, a: UInt64 = 0, b: UInt64 = 0,
    arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0, 0),
    instructionPointer: UInt32 = 0, addressSpace: UInt32 = 0, vcpu: UInt16 = 0, cycles: UInt64 = 0,
    sequence: UInt64 = 0, cost: UInt32 = 0, measured: UInt32 = 0
  ) {
    self.sequence = sequence
    self.retired = retired
    self.cycles = cycles
    self.a = a
    self.b = b
    self.arguments = arguments
    self.instructionPointer = instructionPointer
    self.code = code
    self.kind = kind
    self.context = context
    self.vcpu = vcpu
    self.addressSpace = addressSpace
    self.cost = cost
    self.measured = measured
  }

  public static func == (x: Event, y: Event) -> Bool {
    x.sequence == y.sequence && x.retired == y.retired && x.cycles == y.cycles && x.a == y.a && x.b == y.b
      && x.arguments == y.arguments && x.instructionPointer == y.instructionPointer && x.code == y.code
      && x.kind == y.kind && x.context == y.context && x.vcpu == y.vcpu && x.addressSpace == y.addressSpace
      && x.cost == y.cost && x.measured == y.measured
  }
}
