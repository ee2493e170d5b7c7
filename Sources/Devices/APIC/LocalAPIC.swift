// The local APIC of the one processor (SDM 3A, chapter 11), in xAPIC mode. Registers stand 16 bytes apart:
//
//   020  ID               0D0  logical destination    280  error status       350  LVT LINT0
//   030  version          0E0  destination format     300  command, low       360  LVT LINT1
//   080  task priority    0F0  spurious vector        310  command, high      370  LVT error
//   0A0  its own priority 100  in service (8)         320  LVT timer          380  initial count
//   0B0  end of interrupt 180  trigger mode (8)       330  LVT thermal        390  current count
//                         200  requests (8)           340  LVT counters       3E0  divide
//
//              18 17   16    15     14     13   12   11  10 9 8   7      0
//   LVT       | mode | mask | trig | rIRR | pol | status |  | mode | vector |   timer's mode: 0 one-shot, 1 periodic
//
// What there is one processor for isn't here: INIT, start-up and NMI messages go nowhere.

/// The processor's own interrupt controller.
public final class LocalAPIC: Device {
  public let name = "local apic"
  /// Where it stands after reset, and how many bytes it takes.
  public static let base: UInt64 = 0xfee0_0000
  public static let size: UInt64 = 0x1000
  /// Ticks a second of the timer before it is divided.
  public static let frequency: UInt64 = 1_000_000_000
  /// Integrated APIC with six local vectors.
  static let version: UInt32 = 0x0005_0014

  /// A fixed interrupt waits that the priorities let through.
  @exclusivity(unchecked) private(set) var hasFixedInterrupt = false
  /// The 8259s' output, at LINT0.
  @exclusivity(unchecked) private var externalLine = false

  private let clock: VirtualClock
  /// Told of the end of level triggered interrupts.
  weak var ioAPIC: IOAPIC?
  weak var observer: (any InterruptObserver)?

  private var id: UInt8 = 0
  private var taskPriority: UInt8 = 0
  private var logicalID: UInt8 = 0
  private var destinationFormat: UInt32 = 0xffff_ffff
  private var spurious: UInt32 = 0xff
  private var requests = VectorSet()
  private var inService = VectorSet()
  private var levelTriggered = VectorSet()
  /// Errors since ESR was last written, and the ones that it shows.
  private var newErrors: UInt32 = 0
  private var shownErrors: UInt32 = 0
  private var commandLow: UInt32 = 0
  private var commandHigh: UInt32 = 0
  private var localVectors = LocalVectors()
  private var initialCount: UInt32 = 0
  private var divide: UInt32 = 0
  private var timerStart: UInt64 = 0
  @exclusivity(unchecked) public private(set) var nextDeadline: UInt64?

  /// The local vector table, in the order of its registers from 320h.
  private struct LocalVectors {
    static let count = 6
    static let timer = 0, lint0 = 3, error = 5
    /// Bits of each that can be written.
    static let writable: [UInt32] = [0x3_00ff, 0x1_07ff, 0x1_07ff, 0x1_a7ff, 0x1_a7ff, 0x1_00ff]
    var entries = InlineArray<6, UInt32>(repeating: LocalAPIC.masked)
  }

  private static let masked: UInt32 = 1 << 16
  private static let periodic: UInt32 = 1 << 17
  private static let extINT: UInt32 = 0x700
  private enum ErrorBit {
    static let sentIllegalVector: UInt32 = 0x20
    static let receivedIllegalVector: UInt32 = 0x40
    static let illegalRegister: UInt32 = 0x80
  }

  public init(clock: VirtualClock) {
    self.clock = clock
    setResetState()
  }

  // MARK: The processor's side

  /// The 8259s' interrupt is wanted and comes through LINT0 as one of theirs ("virtual wire").
  var hasExternalInterrupt: Bool {
    externalLine && localVectors.entries[LocalVectors.lint0] & (Self.masked | 0x700) == Self.extINT
  }

  /// Takes the fixed interrupt with the highest priority into service.
  /// - Returns: its vector; the spurious one when there is none any more.
  func acknowledge() -> UInt8 {
    guard hasFixedInterrupt, let vector = requests.highest else { return UInt8(truncatingIfNeeded: spurious) }
    requests.remove(vector)
    inService.insert(vector)
    update()
    return vector
  }

  /// Leaves it as a PC's firmware does: on, LINT0 led to the 8259s, LINT1 to NMI.
  public func settleAsFirmware() {
    write(0x0f0, size: .dword, value: 0x1ff)
    write(0x350, size: .dword, value: 0x700)
    write(0x360, size: .dword, value: 0x400)
  }

  // MARK: Messages

  private var isSoftwareEnabled: Bool { spurious & 0x100 != 0 }

  /// Whether a message with this destination is for this processor.
  func isDestination(_ destination: UInt8, isLogical: Bool) -> Bool {
    if !isLogical { return destination == id || destination == 0xff }
    if destination == 0xff { return true }
    if destinationFormat >> 28 == 0xf { return logicalID & destination != 0 }
    return logicalID >> 4 == destination >> 4 && logicalID & destination & 0x0f != 0
  }

  /// A fixed interrupt arrives.
  /// - Returns: whether it was accepted.
  @discardableResult func accept(_ vector: UInt8, isLevel: Bool) -> Bool {
    guard isSoftwareEnabled else { return false }
    guard vector >= 16 else {
      note(ErrorBit.receivedIllegalVector)
      return false
    }
    requests.insert(vector)
    if isLevel { levelTriggered.insert(vector) } else { levelTriggered.remove(vector) }
    update()
    return true
  }

  /// The 8259s' output changed.
  func setExternalLine(_ level: Bool) {
    let rose = level && !externalLine
    externalLine = level
    let entry = localVectors.entries[LocalVectors.lint0]
    // As a fixed interrupt LINT0 is taken by its edge.
    if rose, entry & (Self.masked | 0x700) == 0 { accept(UInt8(truncatingIfNeeded: entry), isLevel: false) }
  }

  private func note(_ error: UInt32) {
    let isNew = newErrors & error == 0
    newErrors |= error
    let entry = localVectors.entries[LocalVectors.error]
    // An illegal vector of its own must not come back as the next error.
    if isNew, entry & Self.masked == 0, entry & 0xff >= 16 { accept(UInt8(truncatingIfNeeded: entry), isLevel: false) }
  }

  private func endInterrupt() {
    guard let vector = inService.highest else { return }
    inService.remove(vector)
    if levelTriggered.contains(vector) { ioAPIC?.endInterrupt(vector) }
    if let observer, let irq = ioAPIC?.irq(for: vector) { observer.interruptEnded(irq: irq) }
    update()
  }

  /// An interrupt command: what is sent to this processor arrives, the rest has nobody to go to.
  private func send() {
    let vector = UInt8(truncatingIfNeeded: commandLow)
    let mode = commandLow >> 8 & 7
    guard mode < 2 else { return }
    if vector < 16 { return note(ErrorBit.sentIllegalVector) }
    let isForSelf =
      switch commandLow >> 18 & 3 {
      case 0: isDestination(UInt8(truncatingIfNeeded: commandHigh >> 24), isLogical: commandLow & 0x800 != 0)
      case 3: false
      default: true
      }
    if isForSelf { accept(vector, isLevel: false) }
  }

  // MARK: Priorities

  private var processorPriority: UInt8 {
    let serviced = (inService.highest ?? 0) & 0xf0
    return taskPriority & 0xf0 >= serviced ? taskPriority : serviced
  }

  private func update() {
    hasFixedInterrupt = requests.highest.map { $0 & 0xf0 > processorPriority & 0xf0 } ?? false
    schedule()
  }

  // MARK: The timer

  /// Nanoseconds a count; the divisor is 2 to 128 and then 1.
  private var countDuration: UInt64 {
    let code = divide & 3 | divide >> 1 & 4
    return code == 7 ? 1 : 2 << UInt64(code)
  }
  private var period: UInt64 { UInt64(initialCount) * countDuration }
  private var isPeriodic: Bool { localVectors.entries[LocalVectors.timer] & Self.periodic != 0 }
  private var elapsed: UInt64 { clock.now >= timerStart ? clock.now - timerStart : 0 }

  private var currentCount: UInt32 {
    if initialCount == 0 { return 0 }
    let gone = elapsed / countDuration
    if isPeriodic { return initialCount - UInt32(truncatingIfNeeded: gone % UInt64(initialCount)) }
    return gone >= UInt64(initialCount) ? 0 : initialCount - UInt32(truncatingIfNeeded: gone)
  }

  /// Finds when the timer will next do something that can be seen. While its last interrupt is still a request, one more
  /// makes no difference: a period of a nanosecond costs an event for each interrupt that is taken, no more. An illegal
  /// vector counts as masked.
  private func schedule() {
    let entry = localVectors.entries[LocalVectors.timer]
    var deadline: UInt64?
    let vector = UInt8(truncatingIfNeeded: entry)
    if initialCount > 0, entry & Self.masked == 0, vector >= 16, !requests.contains(vector) {
      if isPeriodic {
        deadline = timerStart &+ (elapsed / period &+ 1) &* period
      } else if elapsed < period {
        deadline = timerStart &+ period
      }
    }
    if deadline != nextDeadline {
      nextDeadline = deadline
      clock.deadlinesChanged()
    }
  }

  public func advance(to now: UInt64) {
    guard let deadline = nextDeadline, deadline <= now else { return }
    let entry = localVectors.entries[LocalVectors.timer]
    if entry & Self.masked == 0 { accept(UInt8(truncatingIfNeeded: entry), isLevel: false) }
    schedule()
  }

  // MARK: Registers

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    guard offset & 0x0c == 0 else { return 0 }
    return register(Int(offset >> 4 & 0xff)) >> (8 * (offset & 3))
  }

  private func register(_ number: Int) -> UInt32 {
    switch number {
    case 0x02: return UInt32(id) << 24
    case 0x03: return Self.version
    case 0x08: return UInt32(taskPriority)
    // Arbitration is a bus's matter; alone, a processor has its own priority.
    case 0x09, 0x0a: return UInt32(processorPriority)
    case 0x0b, 0x0c: return 0
    case 0x0d: return UInt32(logicalID) << 24
    case 0x0e: return destinationFormat
    case 0x0f: return spurious
    case 0x10...0x17: return inService[word: number]
    case 0x18...0x1f: return levelTriggered[word: number]
    case 0x20...0x27: return requests[word: number]
    case 0x28: return shownErrors
    case 0x30: return commandLow
    case 0x31: return commandHigh
    case 0x32...0x37: return localVectors.entries[number - 0x32]
    case 0x38: return initialCount
    case 0x39: return currentCount
    case 0x3e: return divide
    default:
      note(ErrorBit.illegalRegister)
      return 0
    }
  }

  /// Only whole registers can be written.
  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    guard size == .dword, offset & 0x0f == 0 else { return }
    switch offset >> 4 & 0xff {
    case 0x02:
      id = UInt8(truncatingIfNeeded: value >> 24)
      ioAPIC?.tryAgain()
    case 0x08:
      taskPriority = UInt8(truncatingIfNeeded: value)
      update()
    case 0x0b: endInterrupt()
    case 0x0d:
      logicalID = UInt8(truncatingIfNeeded: value >> 24)
      ioAPIC?.tryAgain()
    case 0x0e:
      destinationFormat = value | 0x0fff_ffff
      ioAPIC?.tryAgain()
    case 0x0f: writeSpurious(value)
    case 0x28:
      shownErrors = newErrors
      newErrors = 0
    case 0x30:
      // Sent at once, so that the delivery status is always idle.
      commandLow = value & 0x000c_cfff
      send()
    case 0x31: commandHigh = value & 0xff00_0000
    case let number where number >= 0x32 && number <= 0x37: writeLocalVector(Int(number) - 0x32, value)
    case 0x38:
      initialCount = value
      timerStart = clock.now
      schedule()
    case 0x3e:
      divide = value & 0x0b
      schedule()
    // These are there, but only to be read.
    case 0x03, 0x09, 0x0a, 0x0c, 0x10...0x27, 0x39: break
    default: note(ErrorBit.illegalRegister)
    }
  }

  private func writeSpurious(_ value: UInt32) {
    spurious = value & 0x3ff
    if !isSoftwareEnabled {
      for index in 0..<LocalVectors.count { localVectors.entries[index] |= Self.masked }
    }
    update()
    ioAPIC?.tryAgain()
  }

  private func writeLocalVector(_ index: Int, _ value: UInt32) {
    localVectors.entries[index] = value & LocalVectors.writable[index] | (isSoftwareEnabled ? 0 : Self.masked)
    schedule()
  }

  // MARK: Reset and snapshots

  private func setResetState() {
    id = 0
    taskPriority = 0
    logicalID = 0
    destinationFormat = 0xffff_ffff
    spurious = 0xff
    requests = VectorSet()
    inService = VectorSet()
    levelTriggered = VectorSet()
    newErrors = 0
    shownErrors = 0
    commandLow = 0
    commandHigh = 0
    localVectors = LocalVectors()
    // Silicon masks LINT0, too. But guests that know nothing of APICs live on the 8259s from the first instruction on;
    // QEMU and KVM let them.
    localVectors.entries[LocalVectors.lint0] = Self.extINT
    initialCount = 0
    divide = 0
  }

  public func reset() {
    setResetState()
    update()
  }

  public func transferState(_ archive: inout StateArchive) {
    archive.field(&externalLine)
    archive.field(&id)
    archive.field(&taskPriority)
    archive.field(&logicalID)
    archive.field(&destinationFormat)
    archive.field(&spurious)
    requests.transferState(&archive)
    inService.transferState(&archive)
    levelTriggered.transferState(&archive)
    archive.field(&newErrors)
    archive.field(&shownErrors)
    archive.field(&commandLow)
    archive.field(&commandHigh)
    for index in 0..<LocalVectors.count {
      var entry = localVectors.entries[index]
      archive.field(&entry)
      localVectors.entries[index] = entry & (LocalVectors.writable[index] | Self.masked)
    }
    archive.field(&initialCount)
    archive.field(&divide)
    archive.field(&timerStart)
    if archive.isRestoring {
      divide &= 0x0b
      update()
    }
  }
}
