// The processor's own exceptions: which pushes an error code, where the saved EIP points, and which pairs make a
// double fault. SDM volume 3, chapter 6 (tables 6-1, 6-4, 6-5).

/// One of the exceptions that the processor itself raises (vectors 0 to 19).
public enum ExceptionVector: UInt8, CaseIterable, Sendable, BitwiseCopyable {
  case divideError = 0
  case debug = 1
  case nonMaskableInterrupt = 2
  case breakpoint = 3
  case overflow = 4
  case boundRangeExceeded = 5
  case invalidOpcode = 6
  case deviceNotAvailable = 7
  case doubleFault = 8
  case coprocessorSegmentOverrun = 9
  case invalidTSS = 10
  case segmentNotPresent = 11
  case stackFault = 12
  case generalProtection = 13
  case pageFault = 14
  case x87FloatingPoint = 16
  case alignmentCheck = 17
  case machineCheck = 18
  case simdFloatingPoint = 19

  /// Where the saved EIP points, and whether the program can go on.
  public enum Kind: Sendable, BitwiseCopyable {
    /// Reported before the instruction: EIP is its first byte, and it can be restarted.
    case fault
    /// Reported after the instruction: EIP is the next one.
    case trap
    /// The place isn't known, and the program can't go on.
    case abort
    /// From outside: taken between instructions.
    case interrupt
  }

  /// What a second exception does while the first is being delivered (table 6-4).
  public enum DoubleFaultClass: Sendable, BitwiseCopyable {
    /// Never takes part in a double fault: the second is delivered after the first.
    case benign
    /// Two of these make a double fault, and so does one after a page fault.
    case contributory
    /// Followed by another page fault or a contributory exception, makes a double fault.
    case pageFault
    /// Anything but a benign exception while this is delivered shuts the processor down.
    case doubleFault
  }

  /// The manual's name, as in `#GP`.
  public var mnemonic: String {
    switch self {
    case .divideError: "#DE"
    case .debug: "#DB"
    case .nonMaskableInterrupt: "NMI"
    case .breakpoint: "#BP"
    case .overflow: "#OF"
    case .boundRangeExceeded: "#BR"
    case .invalidOpcode: "#UD"
    case .deviceNotAvailable: "#NM"
    case .doubleFault: "#DF"
    case .coprocessorSegmentOverrun: "#MFO"
    case .invalidTSS: "#TS"
    case .segmentNotPresent: "#NP"
    case .stackFault: "#SS"
    case .generalProtection: "#GP"
    case .pageFault: "#PF"
    case .x87FloatingPoint: "#MF"
    case .alignmentCheck: "#AC"
    case .machineCheck: "#MC"
    case .simdFloatingPoint: "#XM"
    }
  }

  /// The manual's description.
  public var name: String {
    switch self {
    case .divideError: "divide error"
    case .debug: "debug exception"
    case .nonMaskableInterrupt: "non-maskable interrupt"
    case .breakpoint: "breakpoint"
    case .overflow: "overflow"
    case .boundRangeExceeded: "BOUND range exceeded"
    case .invalidOpcode: "invalid opcode"
    case .deviceNotAvailable: "device not available"
    case .doubleFault: "double fault"
    case .coprocessorSegmentOverrun: "coprocessor segment overrun"
    case .invalidTSS: "invalid TSS"
    case .segmentNotPresent: "segment not present"
    case .stackFault: "stack-segment fault"
    case .generalProtection: "general protection"
    case .pageFault: "page fault"
    case .x87FloatingPoint: "x87 floating-point error"
    case .alignmentCheck: "alignment check"
    case .machineCheck: "machine check"
    case .simdFloatingPoint: "SIMD floating-point exception"
    }
  }

  /// Delivery pushes an error code (in protected mode; never in real-address mode).
  @inlinable public var hasErrorCode: Bool {
    // Vectors 8, 10 to 14 and 17.
    (UInt32(0x2_7d00) >> UInt32(rawValue)) & 1 != 0
  }

  /// Fault, trap, abort or interrupt. #DB is a trap for data, I/O and single-step, and a fault for instruction
  /// breakpoints and general detect: this says `.trap`.
  public var kind: Kind {
    switch self {
    case .debug, .breakpoint, .overflow: .trap
    case .nonMaskableInterrupt: .interrupt
    case .doubleFault, .machineCheck: .abort
    default: .fault
    }
  }

  /// The class that decides about double faults.
  @inlinable public var doubleFaultClass: DoubleFaultClass {
    switch self {
    case .divideError, .invalidTSS, .segmentNotPresent, .stackFault, .generalProtection: .contributory
    case .pageFault: .pageFault
    case .doubleFault: .doubleFault
    default: .benign
    }
  }

  /// What comes of `next` while this exception is being delivered.
  @inlinable public func followed(by next: ExceptionVector) -> DoubleFaultOutcome {
    switch (doubleFaultClass, next.doubleFaultClass) {
    case (.contributory, .contributory), (.pageFault, .contributory), (.pageFault, .pageFault): .doubleFault
    case (.doubleFault, .contributory), (.doubleFault, .pageFault), (.doubleFault, .doubleFault): .shutdown
    default: .serial
    }
  }

  /// What comes of two exceptions on each other's heels.
  public enum DoubleFaultOutcome: Sendable, BitwiseCopyable {
    /// The second is delivered on its own.
    case serial
    /// #DF is delivered instead.
    case doubleFault
    /// Triple fault: the processor shuts down.
    case shutdown
  }
}

extension ExceptionVector: CustomStringConvertible {
  public var description: String { mnemonic }
}

/// The bits that a page fault's error code has, and those of the selector-shaped ones.
public struct FaultErrorCode: OptionSet, Sendable, BitwiseCopyable {
  public var rawValue: UInt32
  @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// #PF: the page was present, so it is the access that isn't allowed.
  @inlinable public static var present: FaultErrorCode { FaultErrorCode(rawValue: 1 << 0) }
  /// #PF: the access was a write.
  @inlinable public static var write: FaultErrorCode { FaultErrorCode(rawValue: 1 << 1) }
  /// #PF: the access came from ring 3.
  @inlinable public static var user: FaultErrorCode { FaultErrorCode(rawValue: 1 << 2) }
  /// #PF: a reserved bit was set in a paging entry.
  @inlinable public static var reserved: FaultErrorCode { FaultErrorCode(rawValue: 1 << 3) }
  /// #PF: the access was an instruction fetch (reported only with PAE and EFER.NXE).
  @inlinable public static var instructionFetch: FaultErrorCode { FaultErrorCode(rawValue: 1 << 4) }

  /// Selector form: an event from outside the program was being delivered.
  @inlinable public static var external: FaultErrorCode { FaultErrorCode(rawValue: 1 << 0) }
  /// Selector form: the index is one of the IDT.
  @inlinable public static var idt: FaultErrorCode { FaultErrorCode(rawValue: 1 << 1) }
  /// Selector form: the index is one of the LDT.
  @inlinable public static var ldt: FaultErrorCode { FaultErrorCode(rawValue: 1 << 2) }
}
