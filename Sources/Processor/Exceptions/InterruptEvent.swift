// What is delivered through the IDT, as data: one value for exceptions, external interrupts and INT n (SDM 3A, 6.3).

import ISA

/// An interrupt or exception on its way to its handler.
struct InterruptEvent: BitwiseCopyable {
  enum Origin: UInt8, BitwiseCopyable {
    /// INT n, INT3, INTO: the gate's privilege counts, and error codes don't have the EXT bit.
    case software
    /// The processor itself, INT1 included.
    case exception
    /// An interrupt controller.
    case external
  }

  var vector: UInt8
  var origin: Origin
  var hasErrorCode = false
  /// RF is set in the EFLAGS image: the instruction is to be restarted without meeting its breakpoint again.
  var setsResume = false
  var errorCode: UInt32 = 0

  /// The EXT bit of error codes.
  @inline(__always) var external: UInt32 { origin == .software ? 0 : 1 }

  static func software(_ vector: UInt8) -> InterruptEvent { InterruptEvent(vector: vector, origin: .software) }
  static func external(_ vector: UInt8) -> InterruptEvent { InterruptEvent(vector: vector, origin: .external) }

  /// The event that a guest fault becomes. For #DB the fault's error code holds bits for DR6 instead of one to push.
  init(_ fault: GuestFault) {
    vector = fault.vector
    origin = .exception
    hasErrorCode = fault.hasErrorCode
    errorCode = fault.errorCode
    // Instruction breakpoints are the one fault that leaves RF alone (SDM 3B, 17.3.1.1).
    setsResume = fault.vector != 1 || fault.errorCode & DR6.bd.rawValue != 0
  }

  init(vector: UInt8, origin: Origin) {
    self.vector = vector
    self.origin = origin
  }
}
