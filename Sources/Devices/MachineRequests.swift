// What devices ask of the machine as a whole: to end, to be reset, to open or close the A20 gate. The machine looks at
// `areWaiting` after a port write: one load.

/// Requests that devices have made and the machine has not yet taken.
public final class MachineRequests {
  /// Something below waits to be taken.
  @exclusivity(unchecked) private var isPending = false
  /// Somebody asked for something. (Computed, so that the machine's look at it isn't checked for exclusivity.)
  public var areWaiting: Bool { isPending }
  /// The exit status that the guest asked for through the debug-exit port, already (value << 1) | 1.
  public private(set) var exitStatus: UInt32?
  /// The guest switched the machine off.
  public private(set) var isPowerOffRequested = false
  /// The port through which the guest asked for a reset.
  public private(set) var resetRequestedBy: UInt16?
  /// Whether address line 20 is let through.
  public private(set) var isA20Enabled: Bool
  /// `isA20Enabled` changed since the machine last took the requests.
  public private(set) var a20Changed = false

  /// Port 0xF0 was written: x87 instructions may go on in spite of an error.
  public private(set) var ignoresNumericErrors = false

  private let a20AtReset: Bool

  /// - Parameter isA20Enabled: how the gate stands at power-on; firmware leaves it open.
  public init(isA20Enabled: Bool = true) {
    self.isA20Enabled = isA20Enabled
    a20AtReset = isA20Enabled
  }

  /// Asks the machine to end; the first request counts.
  func exit(status: UInt32) {
    if exitStatus == nil { exitStatus = status }
    isPending = true
  }

  /// Asks the machine to end for good, as a PC does whose power supply is switched off.
  func powerOff() {
    isPowerOffRequested = true
    isPending = true
  }

  func reset(from port: UInt16) {
    if resetRequestedBy == nil { resetRequestedBy = port }
    isPending = true
  }

  /// Opens or closes the A20 gate. Chipsets OR the keyboard controller's line with port 0x92's; here, as in QEMU and
  /// Bochs, the last writer decides, and both ports show the one gate.
  func setA20(_ enabled: Bool) {
    if enabled == isA20Enabled { return }
    isA20Enabled = enabled
    a20Changed = true
    isPending = true
  }

  func ignoreNumericErrors() {
    ignoresNumericErrors = true
    isPending = true
  }

  /// What is waiting, as one value: so it goes from one process to another.
  public struct Waiting: Equatable, Sendable {
    public var exitStatus: UInt32?
    public var isPowerOff = false
    public var resetPort: UInt16?
    public var a20: Bool?
    public var ignoresNumericErrors = false
    public init() {}
  }

  public var waiting: Waiting {
    var result = Waiting()
    result.exitStatus = exitStatus
    result.isPowerOff = isPowerOffRequested
    result.resetPort = resetRequestedBy
    result.a20 = a20Changed ? isA20Enabled : nil
    result.ignoresNumericErrors = ignoresNumericErrors
    return result
  }

  /// Makes the requests that wait elsewhere.
  public func add(_ requests: Waiting) {
    if let status = requests.exitStatus { exit(status: status) }
    if requests.isPowerOff { powerOff() }
    if let port = requests.resetPort { reset(from: port) }
    if let a20 = requests.a20 { setA20(a20) }
    if requests.ignoresNumericErrors { ignoreNumericErrors() }
  }

  /// The machine has seen to everything that was pending.
  public func clear() {
    isPending = false
    exitStatus = nil
    isPowerOffRequested = false
    resetRequestedBy = nil
    a20Changed = false
    ignoresNumericErrors = false
  }

  /// The machine is being reset: requests lapse, the gate goes back to how it stood at power-on.
  func machineWasReset() {
    clear()
    setA20(a20AtReset)
  }
}
