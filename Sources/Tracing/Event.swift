// One record of what the monitor did: fixed size, no strings; text and JSON are made by the sinks. A recorder that is
// off costs one predictable branch at an exit.

/// In whose time an event happened.
public enum EventContext: UInt8, CaseIterable, Sendable, BitwiseCopyable {
  case guestUser, guestKernel, monitor, device
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

  /// The kinds that happen while an instruction executes, and not when it is over: as in an event mask.
  public static let withinInstructions: UInt64 = [
    EventKind.tlbMiss, .tlbFlush, .pageInvalidation, .hiddenPageFault, .traceHit, .eptViolation,
  ].reduce(0) { $0 | 1 << UInt64($1.rawValue) }

  /// It happens in the monitor's time, whoever runs in the guest.
  public var isMonitors: Bool { self == .hiddenPageFault || self == .traceHit || self == .eptViolation }
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

  public init(
    kind: EventKind, context: EventContext, retired: UInt64, code: UInt32 = 0, a: UInt64 = 0, b: UInt64 = 0,
    arguments: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0, 0),
    instructionPointer: UInt32 = 0, addressSpace: UInt32 = 0, vcpu: UInt16 = 0, cycles: UInt64 = 0,
    sequence: UInt64 = 0
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
  }

  public static func == (x: Event, y: Event) -> Bool {
    x.sequence == y.sequence && x.retired == y.retired && x.cycles == y.cycles && x.a == y.a && x.b == y.b
      && x.arguments == y.arguments && x.instructionPointer == y.instructionPointer && x.code == y.code
      && x.kind == y.kind && x.context == y.context && x.vcpu == y.vcpu && x.addressSpace == y.addressSpace
  }
}
