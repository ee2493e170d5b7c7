// The PC's pair of 8259As: the slave's output is the master's input 2, and each has an edge/level control register
// (as in the 82371 PIIX). Sixteen lines in, one out.
//
//   registers  0-1  master (ports 0x20-0x21)
//              2-3  slave  (ports 0xA0-0xA1)
//              4-5  ELCR   (ports 0x4D0-0x4D1); IRQ 0, 1, 2, 8 and 13 are always edge triggered

/// The interrupt controller. The machine polls `hasPendingInterrupt` (a stored property) and calls `acknowledge`.
public final class InterruptController: Device {
  public let name = "pic"

  /// The INTR line to the processor. It can fall again by itself: look at it right before `acknowledge`.
  @exclusivity(unchecked) public private(set) var hasPendingInterrupt = false
  /// Counts the changes of `hasPendingInterrupt`.
  @exclusivity(unchecked) public private(set) var outputChanges: UInt64 = 0
  /// On a board with APICs: what the output leads to, and what has the same lines.
  @exclusivity(unchecked) private var localAPIC: LocalAPIC?
  @exclusivity(unchecked) private(set) var ioAPIC: IOAPIC?
  /// Where the board's lines lead instead, when the controllers are another process's.
  @exclusivity(unchecked) public var remote: (any InterruptWiring)?
  /// Told of requests, acknowledgements and ends of interrupts.
  public weak var observer: (any InterruptObserver)?

  @exclusivity(unchecked) private var master = InterruptChip(isMaster: true)
  @exclusivity(unchecked) private var slave = InterruptChip(isMaster: false)

  /// What the board's own parts drive the lines to, and what the PCI interrupts that are routed there do; a line is high
  /// when either is.
  private var boardLevels: UInt16 = 0
  private var routedLevels: UInt16 = 0

  private static let cascadeLine: UInt8 = 2
  /// Bits of the ELCR that can be set.
  private static let levelMasks: (master: UInt8, slave: UInt8) = (0xf8, 0xde)

  public init() {}

  /// Joins the APICs to the output and to the lines.
  func lead(to localAPIC: LocalAPIC, _ ioAPIC: IOAPIC) {
    self.localAPIC = localAPIC
    self.ioAPIC = ioAPIC
  }

  /// The wire for an IRQ, 0 to 15. IRQ 2 is taken by the cascade; its wire does nothing.
  public func line(_ number: UInt8) -> InterruptLine { InterruptLine(controller: self, number: number & 15) }

  /// Requests, services and masks of all 16 lines (bit n is IRQ n), for debuggers.
  public var registers: (requests: UInt16, inService: UInt16, masks: UInt16) {
    func join(_ low: UInt8, _ high: UInt8) -> UInt16 { UInt16(low) | UInt16(high) << 8 }
    return (
      join(master.requests, slave.requests), join(master.inService, slave.inService), join(master.mask, slave.mask)
    )
  }

  func setLine(_ number: UInt8, _ level: Bool) {
    let bit: UInt16 = 1 << UInt16(number & 15)
    if let remote, (boardLevels & bit != 0) != level { remote.line(number, became: level) }
    boardLevels = level ? boardLevels | bit : boardLevels & ~bit
    drive(number, (boardLevels | routedLevels) & bit != 0)
  }

  /// What PCI interrupts drive the 16 lines to (bit n is IRQ n).
  func setRoutedLevels(_ levels: UInt16) {
    let changes = levels ^ routedLevels
    routedLevels = levels
    guard changes != 0 else { return }
    for number: UInt8 in 0..<16 where changes & 1 << UInt16(number) != 0 {
      drive(number, (boardLevels | levels) & 1 << UInt16(number) != 0)
    }
  }

  private func drive(_ number: UInt8, _ level: Bool) {
    let lines = number < 8 ? master.lines : slave.lines
    if number == Self.cascadeLine || (lines & 1 << (number & 7) != 0) == level { return }
    let rose = number < 8 ? master.setLine(number, level) : slave.setLine(number & 7, level)
    update()
    if rose { observer?.interruptRaised(irq: number) }
  }

  /// The processor takes the interrupt: both INTA cycles.
  /// - Returns: the vector. When nothing is pending any more that is IRQ 7's (or 15's) and nothing goes into service.
  public func acknowledge() -> UInt8 {
    guard let number = master.accept() else {
      return accepted(irq: 7, vector: master.vectorBase | 7)
    }
    if master.isSingle || master.cascade & 1 << number == 0 {
      return accepted(irq: number, vector: master.vectorBase | number)
    }
    // The master leaves the second INTA to a slave. With wrong numbers in ICW3 nobody answers, and the bus floats.
    guard number == Self.cascadeLine, slave.cascade == Self.cascadeLine else {
      return accepted(irq: number, vector: 0xff)
    }
    // Hardware gives a spurious IRQ 15 when the slave's request goes away between the two INTA cycles. Here both are one
    // step, so a request that is withdrawn takes the master's with it, and IRQ 7 is what the processor sees.
    let second = acceptFromSlave() ?? 7
    return accepted(irq: 8 + second, vector: slave.vectorBase | second)
  }

  private func accepted(irq: UInt8, vector: UInt8) -> UInt8 {
    update()
    observer?.interruptAccepted(irq: irq, vector: vector)
    return vector
  }

  private func acceptFromSlave() -> UInt8? {
    let number = slave.accept()
    // INT falls with INTA, so that the next request makes a new edge for the master.
    _ = master.setLine(Self.cascadeLine, false)
    return number
  }

  private func update() {
    _ = master.setLine(Self.cascadeLine, slave.pending != nil)
    let output = master.pending != nil
    if output != hasPendingInterrupt {
      hasPendingInterrupt = output
      outputChanges &+= 1
      localAPIC?.setExternalLine(output)
    }
  }

  // MARK: Device

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    switch offset {
    case 0, 1:
      if master.takePoll() { return poll(isMaster: true) }
      return UInt32(master.read(a0: offset == 1))
    case 2, 3:
      if slave.takePoll() { return poll(isMaster: false) }
      return UInt32(slave.read(a0: offset == 3))
    case 4: return UInt32(master.levelControl)
    default: return UInt32(slave.levelControl)
    }
  }

  /// A poll acknowledges by a read: bit 7 says whether there was a request, bits 2-0 which.
  private func poll(isMaster: Bool) -> UInt32 {
    let number = isMaster ? master.accept() : acceptFromSlave()
    update()
    return number.map { 0x80 | UInt32($0) } ?? 0
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    var ended: UInt8?
    switch offset {
    case 0, 1: if case .ended(let number) = master.write(a0: offset == 1, byte) { ended = number }
    case 2, 3: if case .ended(let number) = slave.write(a0: offset == 3, byte) { ended = 8 + number }
    case 4: master.levelControl = byte & Self.levelMasks.master
    default: slave.levelControl = byte & Self.levelMasks.slave
    }
    update()
    if let ended { observer?.interruptEnded(irq: ended) }
  }

  public func reset() {
    master.reset()
    slave.reset()
    update()
  }

  public var stateVersion: UInt32 { 2 }

  public func transferState(_ archive: inout StateArchive) {
    master.transferState(&archive)
    slave.transferState(&archive)
    archive.field(&boardLevels)
    archive.field(&routedLevels)
    if archive.isRestoring { update() }
  }
}
