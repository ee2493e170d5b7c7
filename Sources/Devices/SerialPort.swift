// The 16550A UART, after National's data sheet (TL/C/8652). Output is immediate: the transmitter is always ready, and
// the interrupt that says so comes at once. Input waits in a queue and enters the receiver as the guest makes room, so
// nothing is lost to a slow guest.
//
//        register           7      6      5      4      3      2      1      0
//   0 R  RBR              data
//   0 W  THR              data                                  (DLAB: divisor, low byte)
//   1    IER               0      0      0      0    | MSI  | LSI  | THRI | RDAI   (DLAB: divisor, high byte)
//   2 R  IIR             | FIFO enabled |  0     0   | source             | none
//   2 W  FCR             | trigger      |  0     0   | DMA  | clrTX| clrRX| enable
//   3    LCR             | DLAB | break| stick| even | PEN  | STB  | word length
//   4    MCR               0      0      0    | loop | OUT2 | OUT1 | RTS  | DTR
//   5    LSR             | error| TEMT | THRE | BI   | FE   | PE   | OE   | DR
//   6    MSR             | DCD  | RI   | DSR  | CTS  | dDCD | TERI | dDSR | dCTS
//   7    SCR              scratch

/// A serial port.
public final class SerialPort: Device {
  public let name: String
  /// The other end of the line.
  public var backend: any SerialBackend

  private let clock: VirtualClock
  private let line: InterruptLine

  @exclusivity(unchecked) private var interruptEnable: UInt8 = 0
  @exclusivity(unchecked) private var fifoControl: UInt8 = 0
  @exclusivity(unchecked) private var lineControl: UInt8 = 0
  @exclusivity(unchecked) private var modemControl: UInt8 = 0
  @exclusivity(unchecked) private var lineErrors: UInt8 = 0
  @exclusivity(unchecked) private var modemStatus: UInt8 = SerialPort.connected
  private var scratch: UInt8 = 0
  @exclusivity(unchecked) private var divisor: UInt16 = 12
  @exclusivity(unchecked) private var received = ByteQueue(capacity: SerialPort.fifoDepth)
  /// Bytes that have come in from the back end and wait for the receiver.
  private var waiting = ByteQueue(capacity: SerialPort.queueDepth)
  @exclusivity(unchecked) private var transmitterInterrupt = false
  @exclusivity(unchecked) private var timedOut = false
  @exclusivity(unchecked) private var lastActivity: UInt64 = 0
  @exclusivity(unchecked) public private(set) var nextDeadline: UInt64?

  private static let requestToSend: UInt8 = 0x02
  private static let fifoDepth = 16
  private static let queueDepth = 4096
  private static let inputClock: UInt64 = 1_843_200
  /// CTS, DSR and DCD: somebody is there.
  private static let connected: UInt8 = 0xb0
  private static let overrun: UInt8 = 0x02

  public init(name: String, clock: VirtualClock, line: InterruptLine, backend: any SerialBackend = NullBackend()) {
    self.name = name
    self.clock = clock
    self.line = line
    self.backend = backend
  }

  // MARK: The machine's side

  /// Takes in what the back end has, without blocking. The machine calls this between time slices.
  /// - Returns: how many bytes came in.
  @discardableResult public func pollInput() -> Int {
    guard waiting.isEmpty else { return 0 }
    let count = withUnsafeTemporaryAllocation(byteCount: Self.queueDepth, alignment: 1) { buffer in
      let count = min(backend.poll(into: buffer), buffer.count)
      for index in 0..<count { _ = waiting.append(buffer[index]) }
      return count
    }
    if count > 0 { feed() }
    return count
  }

  /// Puts bytes on the line as if they had come from the back end (replay, tests).
  /// - Returns: how many there was room for.
  @discardableResult public func receive(_ bytes: some Sequence<UInt8>) -> Int {
    var count = 0
    for byte in bytes {
      guard waiting.append(byte) else { break }
      count += 1
    }
    feed()
    return count
  }

  /// Makes all output leave the process.
  public func flush() { backend.flush() }

  // MARK: Receiver

  private var hasFIFO: Bool { fifoControl & 1 != 0 }
  private var isLoopback: Bool { modemControl & 0x10 != 0 }
  private var depth: Int { hasFIFO ? Self.fifoDepth : 1 }
  private var trigger: Int {
    guard hasFIFO else { return 1 }
    switch fifoControl >> 6 {
    case 0: return 1
    case 1: return 4
    case 2: return 8
    default: return 14
    }
  }

  /// Moves waiting bytes into the receiver while it has room. In loopback the line is cut.
  private func feed() {
    guard !isLoopback, !backend.heedsRequestToSend || modemControl & Self.requestToSend != 0 else { return }
    var moved = false
    while received.count < depth, let byte = waiting.takeFirst() {
      _ = received.append(byte)
      moved = true
    }
    if moved {
      lastActivity = clock.now
      update()
    }
  }

  private func loopBack(_ byte: UInt8) {
    if received.count < depth {
      _ = received.append(byte)
    } else {
      lineErrors |= Self.overrun
      // Without a FIFO the newcomer overwrites; with one it is lost.
      if !hasFIFO {
        received.removeAll()
        _ = received.append(byte)
      }
    }
    lastActivity = clock.now
  }

  private func readReceiver() -> UInt8 {
    let byte = received.takeFirst() ?? 0
    timedOut = false
    lastActivity = clock.now
    feed()
    update()
    return byte
  }

  /// Nanoseconds of four characters: after that long without activity a FIFO below its trigger level interrupts too.
  private var timeout: UInt64 {
    let dataBits = UInt64(lineControl & 3) + 5
    let stopBits: UInt64 = lineControl & 4 != 0 ? 2 : 1
    let bits = 1 + dataBits + (lineControl & 8 != 0 ? 1 : 0) + stopBits
    return 4 * bits * 16 * UInt64(max(divisor, 1)) * 1_000_000_000 / Self.inputClock
  }

  // MARK: Interrupts

  private enum Source: UInt8 {
    case modemStatus = 0x00
    case none = 0x01
    case transmitterEmpty = 0x02
    case receivedData = 0x04
    case lineStatus = 0x06
    case timeout = 0x0c
  }

  /// The interrupt with the highest priority that is enabled and pending.
  private var source: Source {
    if interruptEnable & 4 != 0 && lineErrors != 0 { return .lineStatus }
    if interruptEnable & 1 != 0 {
      if received.count >= trigger { return .receivedData }
      if timedOut { return .timeout }
    }
    if interruptEnable & 2 != 0 && transmitterInterrupt { return .transmitterEmpty }
    if interruptEnable & 8 != 0 && modemStatus & 0x0f != 0 { return .modemStatus }
    return .none
  }

  private func update() {
    // The time-out runs whether or not its interrupt is enabled, so it may be over by the time that it is.
    let waits = hasFIFO && !received.isEmpty && received.count < trigger && !timedOut && interruptEnable & 1 != 0
    let end = lastActivity &+ timeout
    if waits && end <= clock.now { timedOut = true }
    // A PC wires the interrupt through OUT2.
    line.set(source != .none && modemControl & 0x08 != 0)
    let deadline = waits && !timedOut ? end : nil
    if deadline != nextDeadline {
      nextDeadline = deadline
      clock.deadlinesChanged()
    }
  }

  public func advance(to now: UInt64) { update() }

  // MARK: Registers

  private var divisorIsOpen: Bool { lineControl & 0x80 != 0 }

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    switch offset & 7 {
    case 0: return UInt32(divisorIsOpen ? UInt8(divisor & 0xff) : readReceiver())
    case 1: return UInt32(divisorIsOpen ? UInt8(divisor >> 8) : interruptEnable)
    case 2: return UInt32(readIdentification())
    case 3: return UInt32(lineControl)
    case 4: return UInt32(modemControl)
    case 5: return UInt32(readLineStatus())
    case 6: return UInt32(readModemStatus())
    default: return UInt32(scratch)
    }
  }

  private func readIdentification() -> UInt8 {
    let source = source
    if source == .transmitterEmpty {
      // Being named is what ends this one.
      transmitterInterrupt = false
      update()
    }
    return source.rawValue | (hasFIFO ? 0xc0 : 0)
  }

  private func readLineStatus() -> UInt8 {
    let status = 0x60 | lineErrors | (received.isEmpty ? 0 : 1)
    if lineErrors != 0 {
      lineErrors = 0
      update()
    }
    return status
  }

  private func readModemStatus() -> UInt8 {
    let status = modemStatus
    if status & 0x0f != 0 {
      modemStatus &= 0xf0
      update()
    }
    return status
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    switch offset & 7 {
    case 0 where divisorIsOpen: divisor = divisor & 0xff00 | UInt16(byte)
    case 0: transmit(byte)
    case 1 where divisorIsOpen: divisor = divisor & 0x00ff | UInt16(byte) << 8
    case 1: writeInterruptEnable(byte)
    case 2: writeFIFOControl(byte)
    case 3: lineControl = byte
    case 4: writeModemControl(byte)
    case 7: scratch = byte
    default: break
    }
    update()
  }

  private func transmit(_ byte: UInt8) {
    // The write takes the interrupt back, and the line falls; the byte is gone at once, and it rises again.
    transmitterInterrupt = false
    update()
    if isLoopback { loopBack(byte) } else { backend.write(byte) }
    transmitterInterrupt = true
  }

  private func writeInterruptEnable(_ byte: UInt8) {
    // Enabling the interrupt of an empty transmitter raises it.
    if byte & 2 != 0 && interruptEnable & 2 == 0 { transmitterInterrupt = true }
    interruptEnable = byte & 0x0f
  }

  private func writeFIFOControl(_ byte: UInt8) {
    let enableChanges = (byte ^ fifoControl) & 1 != 0
    if enableChanges || byte & 2 != 0 {
      received.removeAll()
      timedOut = false
    }
    // The other bits are only taken with bit 0 set.
    fifoControl = byte & 1 != 0 ? byte & 0xc9 : 0
    feed()
  }

  private func writeModemControl(_ byte: UInt8) {
    modemControl = byte & 0x1f
    var inputs = Self.connected
    if isLoopback {
      // DTR, RTS, OUT1 and OUT2 come back as DSR, CTS, RI and DCD.
      inputs = (byte & 0x01) << 5 | (byte & 0x02) << 3 | (byte & 0x0c) << 4
    }
    var changes = (inputs ^ modemStatus) >> 4
    // The ring indicator only counts when it ends.
    if inputs & 0x40 != 0 { changes &= ~0x04 }
    modemStatus = inputs | modemStatus & 0x0f | changes
    feed()
  }

  public func reset() {
    interruptEnable = 0
    fifoControl = 0
    lineControl = 0
    modemControl = 0
    lineErrors = 0
    modemStatus = Self.connected
    scratch = 0
    divisor = 12
    received.removeAll()
    transmitterInterrupt = false
    timedOut = false
    update()
  }

  public func transferState(_ archive: inout StateArchive) {
    archive.field(&interruptEnable)
    archive.field(&fifoControl)
    archive.field(&lineControl)
    archive.field(&modemControl)
    archive.field(&lineErrors)
    archive.field(&modemStatus)
    archive.field(&scratch)
    archive.field(&divisor)
    received.transferState(&archive)
    waiting.transferState(&archive)
    archive.field(&transmitterInterrupt)
    archive.field(&timedOut)
    archive.field(&lastActivity)
    if archive.isRestoring { update() }
  }
}
