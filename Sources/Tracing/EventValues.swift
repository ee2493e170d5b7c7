// The numbers that stand in events' details, and what they are called. Traces have the numbers, people see the names.

/// Why translated or trapped guest code left for the monitor.
public enum CalloutReason: UInt32, CaseIterable, Sendable {
  case controlRegister, debugRegister, descriptorTable, taskRegister, modelSpecificRegister, segmentLoad, segmentStore
  case farTransfer, interruptReturn, softwareInterrupt, systemCallGate, systemCallExit, timeStamp, pageInvalidation
  case cacheControl, halt, port, selectorInspection, tableStore
}

/// What made a hosted monitor give the processor to the host.
public enum WorldSwitchReason: UInt64, CaseIterable, Sendable {
  /// An access to a port, or to device memory, that the VMX process serves.
  case port, memory
  /// A device's deadline in the VMX process.
  case deadline
  /// An interrupt of the host.
  case hostInterrupt
  /// The guest idles, and the host may have its processor.
  case idle
  /// Machine-wide requests: start, reset, end.
  case machine
  /// Packets that were gathered are to go.
  case packets
}

/// What the VMX process is asked.
public enum VMXRequestKind: UInt32, CaseIterable, Sendable {
  case portRead, portWrite, memoryRead, memoryWrite
  /// Devices do what is due.
  case advance
  /// Input of the host is looked for; a = whether the guest idles.
  case poll
  /// All output leaves the process.
  case flush
  /// The machine's reset line.
  case reset
  /// The parts are left as firmware leaves them.
  case settle
  /// The devices' state is wanted.
  case save
  /// Packets that the monitor has gathered go out; a = how many.
  case transmit
  case end
}

/// Who interrupts the machine itself.
public enum HostInterruptSource: UInt32, CaseIterable, Sendable {
  case timer, storage, network, terminal
}

/// The vmkernel's services.
public enum VmkernelService: UInt32, CaseIterable, Sendable {
  /// a = first sector, b = sectors.
  case storageRequest
  /// Into the adapter's queue: a = requests waiting, b = the world.
  case storageEnqueue
  /// The scheduler chose: a = first sector, b = the world.
  case storageDispatch
  /// The driver filled descriptors: a = ring index, b = descriptors.
  case storageIssue
  /// The interrupt handler found it done: a = ring index, b = status (0 good).
  case storageComplete
  /// a = bytes, b = port of the virtual switch.
  case networkTransmit
  /// a = port of the switch it goes to, b = bytes.
  case networkForward
  /// a = bytes, b = port.
  case networkReceive
  /// a = ring index, b = descriptors.
  case networkIssue
  case networkComplete
  /// The world that runs next: a = world, b = its pass.
  case schedulerDispatch
  /// a = world, b = instructions it used.
  case schedulerCharge
  /// a = world, b = bytes for the console's or a file's sake.
  case console
}

/// Devices of the simulated machine that the vmkernel drives.
public enum MachineController: UInt32, CaseIterable, Sendable {
  case storage, network, serial
}

/// Where a packet is.
public enum PacketStage: UInt32, CaseIterable, Sendable {
  /// The guest's adapter took it from its ring, or put it there.
  case adapterTransmit, adapterReceive
  /// It waits in the monitor for others to go with.
  case gathered
  /// It went to, or came from, the host's or the vmkernel's network.
  case networkTransmit, networkReceive
  /// Nobody had room for it.
  case dropped
}

/// Sets of names for `EventField`.
enum EventValueNames {
  case calloutReason, side, worldSwitchReason, doorbell, vmxRequest, hostSystemCall, hostInterrupt, vmkernelService
  case controller, dmaDirection, packetStage

  /// The name of a value; nil where it has none.
  func name(of value: UInt64) -> StaticString? {
    let small = UInt32(clamping: value)
    return switch self {
    case .calloutReason: CalloutReason(rawValue: small)?.name
    case .side: value == 0 ? "host" : value == 1 ? "monitor" : nil
    case .worldSwitchReason: WorldSwitchReason(rawValue: value)?.name
    case .doorbell: value == 0 ? "vmx" : value == 1 ? "monitor" : nil
    case .vmxRequest: VMXRequestKind(rawValue: small)?.name
    case .hostSystemCall: HostSystemCalls.name(of: value)
    case .hostInterrupt: HostInterruptSource(rawValue: small)?.name
    case .vmkernelService: VmkernelService(rawValue: small)?.name
    case .controller: MachineController(rawValue: small)?.name
    case .dmaDirection: value == 0 ? "toMemory" : value == 1 ? "fromMemory" : nil
    case .packetStage: PacketStage(rawValue: small)?.name
    }
  }
}

/// The host's system calls that Trapline's processes make, by their numbers on x86-64 (asm/unistd_64.h).
public enum HostSystemCalls {
  public static func name(of number: UInt64) -> StaticString? {
    switch number {
    case 0: "read"
    case 1: "write"
    case 3: "close"
    case 5: "fstat"
    case 7: "poll"
    case 8: "lseek"
    case 17: "pread64"
    case 18: "pwrite64"
    case 19: "readv"
    case 20: "writev"
    case 44: "sendto"
    case 45: "recvfrom"
    case 73: "flock"
    case 74: "fsync"
    case 75: "fdatasync"
    case 77: "ftruncate"
    case 231: "exit_group"
    case 285: "fallocate"
    default: nil
    }
  }

  /// How many arguments a trace keeps: the buffers' addresses, which differ from run to run, are left out.
  public static func argumentCount(of number: UInt64) -> Int {
    switch number {
    // (descriptor), (descriptor, count)
    case 3, 5, 74, 75: 1
    // (descriptor, count, offset), (count, timeout)
    case 17, 18, 8, 285: 3
    default: 2
    }
  }
}

extension CalloutReason {
  public var name: StaticString {
    switch self {
    case .controlRegister: "controlRegister"
    case .debugRegister: "debugRegister"
    case .descriptorTable: "descriptorTable"
    case .taskRegister: "taskRegister"
    case .modelSpecificRegister: "modelSpecificRegister"
    case .segmentLoad: "segmentLoad"
    case .segmentStore: "segmentStore"
    case .farTransfer: "farTransfer"
    case .interruptReturn: "interruptReturn"
    case .softwareInterrupt: "softwareInterrupt"
    case .systemCallGate: "systemCallGate"
    case .systemCallExit: "systemCallExit"
    case .timeStamp: "timeStamp"
    case .pageInvalidation: "pageInvalidation"
    case .cacheControl: "cacheControl"
    case .halt: "halt"
    case .port: "port"
    case .selectorInspection: "selectorInspection"
    case .tableStore: "tableStore"
    }
  }
}

extension WorldSwitchReason {
  public var name: StaticString {
    switch self {
    case .port: "port"
    case .memory: "memory"
    case .deadline: "deadline"
    case .hostInterrupt: "hostInterrupt"
    case .idle: "idle"
    case .machine: "machine"
    case .packets: "packets"
    }
  }
}

extension VMXRequestKind {
  public var name: StaticString {
    switch self {
    case .portRead: "portRead"
    case .portWrite: "portWrite"
    case .memoryRead: "memoryRead"
    case .memoryWrite: "memoryWrite"
    case .advance: "advance"
    case .poll: "poll"
    case .flush: "flush"
    case .reset: "reset"
    case .settle: "settle"
    case .save: "save"
    case .transmit: "transmit"
    case .end: "end"
    }
  }
}

extension HostInterruptSource {
  public var name: StaticString {
    switch self {
    case .timer: "timer"
    case .storage: "storage"
    case .network: "network"
    case .terminal: "terminal"
    }
  }
}

extension VmkernelService {
  public var name: StaticString {
    switch self {
    case .storageRequest: "storageRequest"
    case .storageEnqueue: "storageEnqueue"
    case .storageDispatch: "storageDispatch"
    case .storageIssue: "storageIssue"
    case .storageComplete: "storageComplete"
    case .networkTransmit: "networkTransmit"
    case .networkForward: "networkForward"
    case .networkReceive: "networkReceive"
    case .networkIssue: "networkIssue"
    case .networkComplete: "networkComplete"
    case .schedulerDispatch: "schedulerDispatch"
    case .schedulerCharge: "schedulerCharge"
    case .console: "console"
    }
  }
}

extension MachineController {
  public var name: StaticString {
    switch self {
    case .storage: "storage"
    case .network: "network"
    case .serial: "serial"
    }
  }
}

extension PacketStage {
  public var name: StaticString {
    switch self {
    case .adapterTransmit: "adapterTransmit"
    case .adapterReceive: "adapterReceive"
    case .gathered: "gathered"
    case .networkTransmit: "networkTransmit"
    case .networkReceive: "networkReceive"
    case .dropped: "dropped"
    }
  }
}
