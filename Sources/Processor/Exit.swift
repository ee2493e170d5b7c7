// Why the processor came back to the machine. An exit is one value, handled in one switch; nothing calls out of the
// engine in the middle of an instruction. Between two instructions one thing does: a machine may serve IN and OUT where
// they are, and let the processor go on without having left.

/// The end of a run.
public enum Exit: Equatable, Sendable {
  /// The retired count reached what was asked for.
  case budget
  /// An interrupt was requested and the guest now takes interrupts: the machine acknowledges and injects.
  case interruptWindow
  /// HLT: nothing will happen before an interrupt.
  case halt
  /// IN or INS. The machine calls `answer` with the value.
  case portRead(port: UInt16, size: UInt8)
  /// OUT or OUTS. The machine carries it out and calls `answer`.
  case portWrite(port: UInt16, size: UInt8, value: UInt32)
  /// A load from an address without memory. The machine calls `answer` with the value.
  case memoryRead(address: UInt64, size: UInt8)
  /// A store to an address without memory. The machine carries it out and calls `answer`.
  case memoryWrite(address: UInt64, size: UInt8, value: UInt32)
  /// A port access was carried out by `PortService`, which wants the machine to look at something.
  case served
  /// Triple fault: the processor waits for a reset.
  case shutdown
}

/// A machine that carries out port accesses without an exit. An exit and the way back cost as much as a simple device.
public struct PortService {
  /// For `serve`.
  var machine: UnsafeMutableRawPointer
  /// Carries out the processor's `portExit` and answers it.
  /// - Returns: the retired count until which the processor goes on; `leave` to come back with `.served`.
  var serve: @convention(c) (UnsafeMutableRawPointer) -> UInt64

  public static let leave = UInt64.max

  public init(machine: UnsafeMutableRawPointer, serve: @escaping @convention(c) (UnsafeMutableRawPointer) -> UInt64) {
    self.machine = machine
    self.serve = serve
  }
}
