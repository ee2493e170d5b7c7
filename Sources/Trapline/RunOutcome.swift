// How a run ended, and the exit status that says so (DESIGN: the guest's own is odd, ours are even).

import Devices
import Platforms

/// The end of a run.
public enum RunOutcome: Equatable, Sendable {
  /// The guest wrote v to the debug-exit port: the status is (v << 1) | 1.
  case guestExit(status: UInt32)
  /// HLT with interrupts off, or with nothing left that could interrupt.
  case halted
  /// The guest switched the machine off.
  case poweredOff
  /// The guest asked for a reset through this port and there is no firmware to start again.
  case reset(port: UInt16)
  case tripleFault
  case instructionLimit
  case timeLimit
  case stopped
  /// The host could not write the guest's output.
  case outputFailed(errno: Int32)
  /// The host could not read or write a disk image; the guest has seen a disk error.
  case storageFailed(HostStorageFailure)
  /// A part of what the monitor stands on is gone.
  case platformFailed(PlatformError)
  /// Nobody reads the guest's output any more.
  case outputClosed

  /// The exit status of `trapline run`.
  public var exitStatus: Int32 {
    switch self {
    case .guestExit(let status): Int32(truncatingIfNeeded: status & 0xff)
    case .halted, .poweredOff, .reset, .outputClosed: 0
    case .tripleFault: 4
    case .instructionLimit: 6
    case .outputFailed, .storageFailed, .platformFailed: 8
    case .timeLimit: 124
    case .stopped: 130
    }
  }

  /// A name for machines to read.
  public var name: String {
    switch self {
    case .guestExit: "guest-exit"
    case .halted: "halted"
    case .poweredOff: "powered-off"
    case .reset: "reset"
    case .tripleFault: "triple-fault"
    case .instructionLimit: "instruction-limit"
    case .timeLimit: "time-limit"
    case .stopped: "stopped"
    case .outputFailed: "output-failed"
    case .storageFailed: "storage-failed"
    case .platformFailed: "platform-failed"
    case .outputClosed: "output-closed"
    }
  }
}

/// Exits of the processor, counted by kind.
public struct ExitCounts: Equatable, Sendable {
  public var portReads: UInt64 = 0
  public var portWrites: UInt64 = 0
  public var memoryReads: UInt64 = 0
  public var memoryWrites: UInt64 = 0
  public var halts: UInt64 = 0
  public var interruptWindows: UInt64 = 0
  /// Ends of time slices: device deadlines and looks at the outside world.
  public var slices: UInt64 = 0

  /// Names and counts, in the order in which they are printed.
  public var all: [(name: String, count: UInt64)] {
    [
      ("port-read", portReads), ("port-write", portWrites), ("mmio-read", memoryReads), ("mmio-write", memoryWrites),
      ("halt", halts), ("interrupt-window", interruptWindows), ("slice", slices),
    ]
  }
}
