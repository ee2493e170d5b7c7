// Why an instruction could not finish. A guest fault is an ordinary value: thrown by typed throws, it comes back in a
// register and costs one test.

import ISA

/// What stopped an instruction before its end. The processor's state is as it was before the instruction, except for
/// the completed iterations of a repeated string instruction.
public struct GuestFault: Error, BitwiseCopyable, Equatable {
  /// The kinds of end.
  public enum Kind: UInt8, Sendable, BitwiseCopyable {
    /// An exception for the guest, with a vector and perhaps an error code.
    case exception
    /// A device must answer first: the instruction is restarted when the answer is in the device log.
    case deviceAccess
    /// The processor waits for an external interrupt before it tries the instruction again (X87Errors.swift).
    case waitsForInterrupt
    /// Delivery of a fault failed beyond repair: triple fault.
    case shutdown
  }

  public var kind: Kind
  /// Exception vector, 0 to 31.
  public var vector: UInt8
  public var hasErrorCode: Bool
  public var errorCode: UInt32

  @usableFromInline
  init(kind: Kind, vector: UInt8 = 0, hasErrorCode: Bool = false, errorCode: UInt32 = 0) {
    self.kind = kind
    self.vector = vector
    self.hasErrorCode = hasErrorCode
    self.errorCode = errorCode
  }

  static func exception(_ vector: UInt8) -> GuestFault { GuestFault(kind: .exception, vector: vector) }
  static func exception(_ vector: UInt8, code: UInt32) -> GuestFault {
    GuestFault(kind: .exception, vector: vector, hasErrorCode: true, errorCode: code)
  }

  static var divideError: GuestFault { .exception(0) }
  static var breakpoint: GuestFault { .exception(3) }
  static var overflow: GuestFault { .exception(4) }
  static var boundRange: GuestFault { .exception(5) }
  static var invalidOpcode: GuestFault { .exception(6) }
  static var deviceNotAvailable: GuestFault { .exception(7) }
  static func invalidTSS(_ code: UInt32) -> GuestFault { .exception(10, code: code) }
  static func segmentNotPresent(_ code: UInt32) -> GuestFault { .exception(11, code: code) }
  static func stackFault(_ code: UInt32) -> GuestFault { .exception(12, code: code) }
  static func generalProtection(_ code: UInt32) -> GuestFault { .exception(13, code: code) }
  /// The faulting address is already in CR2.
  static func pageFault(_ code: UInt32) -> GuestFault { .exception(14, code: code) }
  static var alignmentCheck: GuestFault { .exception(17, code: 0) }
  static var deviceAccess: GuestFault { GuestFault(kind: .deviceAccess) }
  static var shutdown: GuestFault { GuestFault(kind: .shutdown) }
}
