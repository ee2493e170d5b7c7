// One 8259A, after Intel's data sheet (231468-003). Pure state: the pair and its wiring are InterruptController.
//
// Initialization (A0 = 0 with bit 4 set starts it; ICW2-4 follow at A0 = 1):
//
//          7     6     5     4     3     2     1     0
//   ICW1 | A7  | A6  | A5  |  1  | LTIM| ADI | SNGL| IC4 |   LTIM level triggered, SNGL no cascade, IC4 ICW4 follows
//   ICW2 | T7  | T6  | T5  | T4  | T3  |  x  |  x  |  x  |   vector base
//   ICW3 | S7  | ...                                  S0 |   master: lines with a slave; slave: bits 2-0 its number
//   ICW4 |  0  |  0  |  0  | SFNM| BUF | M/S | AEOI| uPM |
//
// Operation:
//
//   OCW1 | M7  | ...                                  M0 |   A0 = 1: interrupt mask
//   OCW2 | R   | SL  | EOI |  0  |  0  | L2  | L1  | L0  |   A0 = 0: end of interrupt, rotation
//   OCW3 |  0  | ESMM| SMM |  0  |  1  | P   | RR  | RIS |   A0 = 0: special mask, poll, which register is read

struct InterruptChip {
  let isMaster: Bool

  /// Level of each input.
  private(set) var lines: UInt8 = 0
  /// Inputs that rose and were not yet acknowledged (edge triggered inputs only matter).
  private var edges: UInt8 = 0
  private(set) var mask: UInt8 = 0xff
  private(set) var inService: UInt8 = 0
  /// ELCR: inputs that are level triggered whatever ICW1 says.
  var levelControl: UInt8 = 0
  private(set) var vectorBase: UInt8 = 0
  /// ICW3: the master's lines with a slave, or the slave's number.
  private(set) var cascade: UInt8
  private(set) var isSingle = false

  /// The input with the lowest priority; the next one (modulo 8) has the highest.
  private var lowest: UInt8 = 7
  private var isLevelTriggered = false
  private var needsICW4 = false
  /// The initialization word that A0 = 1 takes next: 2, 3 or 4; 0 when operational.
  private var expected: UInt8 = 0
  private var isSpeciallyFullyNested = false
  private var endsAutomatically = false
  private var rotatesInAutomaticEnd = false
  private var isSpecialMask = false
  private var isPolled = false
  private var readsInService = false

  init(isMaster: Bool) {
    self.isMaster = isMaster
    cascade = isMaster ? 0x04 : 0x02
  }

  /// IRR: in edge mode a request lasts until it is acknowledged or its line falls; in level mode it is the line.
  var requests: UInt8 {
    let level = isLevelTriggered ? 0xff : levelControl
    return lines & (level | edges)
  }

  /// - Returns: whether the line rose.
  mutating func setLine(_ number: UInt8, _ level: Bool) -> Bool {
    let bit: UInt8 = 1 << (number & 7)
    if !level {
      lines &= ~bit
      edges &= ~bit
      return false
    }
    if lines & bit != 0 { return false }
    lines |= bit
    edges |= bit
    return true
  }

  /// The request that the INT output stands for, or nil when it is low.
  var pending: UInt8? {
    let ready = requests & ~mask
    if ready == 0 { return nil }
    // Special mask mode: a level that is in service and masked holds nobody back.
    let blocking = isSpecialMask ? inService & ~mask : inService
    for step: UInt8 in 1...8 {
      let number = (lowest &+ step) & 7
      let bit: UInt8 = 1 << number
      if blocking & bit != 0 {
        // Only a slave's line may interrupt itself, and only in special fully nested mode.
        let nests = isSpeciallyFullyNested && isMaster && cascade & ready & bit != 0
        return nests ? number : nil
      }
      if ready & bit != 0 { return number }
    }
    return nil
  }

  /// INTA or a poll: the pending request goes into service. Nil means a spurious one.
  mutating func accept() -> UInt8? {
    guard let number = pending else { return nil }
    let bit: UInt8 = 1 << number
    edges &= ~bit
    if endsAutomatically {
      if rotatesInAutomaticEnd { lowest = number }
    } else {
      inService |= bit
    }
    return number
  }

  // MARK: Registers

  /// What a write made of the chip.
  enum Effect: Equatable {
    case none
    /// This input's service ended.
    case ended(UInt8)
  }

  mutating func write(a0: Bool, _ value: UInt8) -> Effect {
    if a0 {
      writeHigh(value)
      return .none
    }
    if value & 0x10 != 0 {
      initialize(value)
    } else if value & 0x08 != 0 {
      writeOCW3(value)
    } else {
      return writeOCW2(value)
    }
    return .none
  }

  private mutating func initialize(_ icw1: UInt8) {
    // "The edge sense circuit is reset": a line that is high must fall before it counts again.
    edges = 0
    mask = 0
    inService = 0
    lowest = 7
    isSpecialMask = false
    isPolled = false
    readsInService = false
    isSpeciallyFullyNested = false
    endsAutomatically = false
    rotatesInAutomaticEnd = false
    isLevelTriggered = icw1 & 0x08 != 0
    isSingle = icw1 & 0x02 != 0
    needsICW4 = icw1 & 0x01 != 0
    expected = 2
  }

  private mutating func writeHigh(_ value: UInt8) {
    switch expected {
    case 2:
      vectorBase = value & 0xf8
      expected = !isSingle ? 3 : needsICW4 ? 4 : 0
    case 3:
      cascade = isMaster ? value : value & 7
      expected = needsICW4 ? 4 : 0
    case 4:
      // Buffered mode and the MCS-80 vector format make no difference on a PC; both are accepted.
      isSpeciallyFullyNested = value & 0x10 != 0
      endsAutomatically = value & 0x02 != 0
      expected = 0
    default:
      mask = value
    }
  }

  private mutating func writeOCW2(_ value: UInt8) -> Effect {
    let level = value & 7
    switch value >> 5 {
    case 0b000: rotatesInAutomaticEnd = false
    case 0b100: rotatesInAutomaticEnd = true
    case 0b001: return end(highestInService, rotating: false)
    case 0b101: return end(highestInService, rotating: true)
    case 0b011: return end(level, rotating: false)
    case 0b111: return end(level, rotating: true)
    case 0b110: lowest = level
    default: break
    }
    return .none
  }

  /// What a non-specific EOI ends: it passes over masked levels in special mask mode.
  private var highestInService: UInt8? {
    let candidates = isSpecialMask ? inService & ~mask : inService
    for step: UInt8 in 1...8 {
      let number = (lowest &+ step) & 7
      if candidates & 1 << number != 0 { return number }
    }
    return nil
  }

  private mutating func end(_ number: UInt8?, rotating: Bool) -> Effect {
    guard let number else { return .none }
    let wasInService = inService & 1 << number != 0
    inService &= ~(1 << number)
    if rotating { lowest = number }
    return wasInService ? .ended(number) : .none
  }

  private mutating func writeOCW3(_ value: UInt8) {
    if value & 0x04 != 0 { isPolled = true }
    if value & 0x02 != 0 { readsInService = value & 0x01 != 0 }
    if value & 0x40 != 0 { isSpecialMask = value & 0x20 != 0 }
  }

  /// Whether the next read is the poll's acknowledge; asking ends the poll command.
  mutating func takePoll() -> Bool {
    defer { isPolled = false }
    return isPolled
  }

  func read(a0: Bool) -> UInt8 { a0 ? mask : readsInService ? inService : requests }

  mutating func reset() {
    let lines = lines
    self = InterruptChip(isMaster: isMaster)
    self.lines = lines
  }

  mutating func transferState(_ archive: inout StateArchive) {
    archive.field(&lines)
    archive.field(&edges)
    archive.field(&mask)
    archive.field(&inService)
    archive.field(&levelControl)
    archive.field(&vectorBase)
    archive.field(&cascade)
    archive.field(&isSingle)
    archive.field(&lowest)
    archive.field(&isLevelTriggered)
    archive.field(&needsICW4)
    archive.field(&expected)
    archive.field(&isSpeciallyFullyNested)
    archive.field(&endsAutomatically)
    archive.field(&rotatesInAutomaticEnd)
    archive.field(&isSpecialMask)
    archive.field(&isPolled)
    archive.field(&readsInService)
    if archive.isRestoring {
      vectorBase &= 0xf8
      lowest &= 7
    }
  }
}
