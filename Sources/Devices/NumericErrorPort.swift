// How a PC reports x87 errors to systems that leave CR0.NE clear, as since the AT: the processor's FERR# line raises
// IRQ 13, and a write to port 0xF0 takes it back and asserts IGNNE#, under which x87 instructions go on until the
// exception is cleared. The machine joins both lines to the processor.

/// Ports 0xF0 and 0xF1.
public final class NumericErrorPort: Device {
  public let name = "numeric error"
  private let line: InterruptLine
  private let requests: MachineRequests
  private var isRaised = false

  public init(line: InterruptLine, requests: MachineRequests) {
    self.line = line
    self.requests = requests
  }

  /// FERR# went up.
  public func raise() {
    isRaised = true
    line.set(true)
  }

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 { size.mask }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    guard isRaised else { return }
    isRaised = false
    line.set(false)
    requests.ignoreNumericErrors()
  }

  public func reset() {
    isRaised = false
    line.set(false)
  }

  public func transferState(_ archive: inout StateArchive) {
    archive.field(&isRaised)
    if archive.isRestoring { line.set(isRaised) }
  }
}
