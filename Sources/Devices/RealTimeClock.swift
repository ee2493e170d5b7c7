// The MC146818 real-time clock with 128 bytes of CMOS memory, after Motorola's data sheet (and the DS12887's). The time
// is virtual: a base that is passed in, plus the virtual clock. Periodic and update flags are found when somebody looks
// or an enabled interrupt is due; nothing ticks in between.
//
//   registers  0  index (port 0x70); bit 7 masks NMI
//              1  data  (port 0x71)
//
//          7      6      5      4      3      2      1      0
//   A  | UIP  | DV2  | DV1  | DV0  | RS3  | RS2  | RS1  | RS0  |   divider (010 runs), periodic rate
//   B  | SET  | PIE  | AIE  | UIE  | SQWE | DM   | 24/12| DSE  |   DM 1: binary, 24/12 1: 24 hours
//   C  | IRQF | PF   | AF   | UF   |  0      0      0      0   |   reading clears
//   D  | VRT  |  0 ...                                         |

/// The real-time clock and CMOS memory.
public final class RealTimeClock: Device {
  public let name = "rtc"
  /// Port 0x70's bit 7: the guest doesn't want NMIs.
  public private(set) var isNMIMasked = false

  private let clock: VirtualClock
  private let line: InterruptLine
  private var memory: [UInt8]
  private let memoryAtReset: [UInt8]
  private var index: UInt8 = 0x0d
  private var statusA: UInt8 = 0x26
  private var statusB: UInt8 = 0x02
  private var flags: UInt8 = 0

  /// Unix time while the clock runs: `base` + whole seconds since virtual time `phase` (which may lie before 0).
  private var base: Int64
  private var phase: Int64 = 0
  /// The last instant up to which `flags` are true.
  private var checked: Int64 = 0
  public private(set) var nextDeadline: UInt64?

  private static let second: Int64 = 1_000_000_000
  /// UIP rises 244 microseconds before an update, which takes 1984.
  private static let updateLead: Int64 = 2_228_000
  private static let century: Int = 0x32
  private static let periodic: UInt8 = 0x40
  private static let alarm: UInt8 = 0x20
  private static let update: UInt8 = 0x10
  private static let set: UInt8 = 0x80
  private let oscillator = TickRate(hertz: 32_768)

  /// - Parameters:
  ///   - unixTime: what the clock shows at virtual time 0, in seconds since 1970 UTC.
  ///   - contents: CMOS memory as firmware leaves it; see `CMOSContents`. The clock's own registers are not taken.
  public init(clock: VirtualClock, line: InterruptLine, unixTime: Int64, contents: [UInt8] = []) {
    self.clock = clock
    self.line = line
    // Years 1 to 9999 keep every sum below far from overflow.
    base = min(max(unixTime, -62_135_596_800), 253_402_300_799)
    memory = Array((contents + Array(repeating: 0, count: 128)).prefix(128))
    memoryAtReset = memory
  }

  // MARK: Time

  private var now: Int64 { Int64(clamping: clock.now) }
  private var dividerRuns: Bool { statusA & 0x70 == 0x20 }
  private var isFrozen: Bool { statusB & Self.set != 0 || !dividerRuns }

  private func seconds(at time: Int64) -> Int64 {
    let since = time &- phase
    return since >= 0 ? since / Self.second : (since - Self.second + 1) / Self.second
  }

  private func unixTime(at time: Int64) -> Int64 { base + seconds(at: time) }

  /// Lets the time registers show the present.
  private func writeTimeRegisters() {
    let time = CalendarTime(unixTime: unixTime(at: now))
    memory[0] = encode(time.second)
    memory[2] = encode(time.minute)
    memory[4] = encodeHour(time.hour)
    memory[6] = encode(time.dayOfWeek)
    memory[7] = encode(time.day)
    memory[8] = encode(time.month)
    memory[9] = encode(time.year % 100)
    memory[Self.century] = encode(time.year / 100)
  }

  /// Takes the present from the time registers, without touching the phase of the second.
  private func readTimeRegisters() {
    let time = CalendarTime(
      year: decode(memory[Self.century]) * 100 + decode(memory[9]), month: decode(memory[8]), day: decode(memory[7]),
      hour: decodeHour(memory[4]) ?? 0, minute: decode(memory[2]), second: decode(memory[0]))
    base = time.unixTime - seconds(at: now)
  }

  private var isBinary: Bool { statusB & 0x04 != 0 }
  private var has24Hours: Bool { statusB & 0x02 != 0 }

  private func encode(_ value: Int64) -> UInt8 {
    let value = UInt8(truncatingIfNeeded: max(value, 0) % 100)
    return isBinary ? value : (value / 10) << 4 | value % 10
  }

  private func decode(_ byte: UInt8) -> Int64 {
    isBinary ? Int64(byte) : Int64(byte >> 4) * 10 + Int64(byte & 15)
  }

  private func encodeHour(_ hour: Int64) -> UInt8 {
    if has24Hours { return encode(hour) }
    return encode((hour + 11) % 12 + 1) | (hour >= 12 ? 0x80 : 0)
  }

  /// Nil when it is no hour.
  private func decodeHour(_ byte: UInt8) -> Int64? {
    if has24Hours {
      let hour = decode(byte)
      return hour < 24 ? hour : nil
    }
    let hour = decode(byte & 0x7f)
    guard (1...12).contains(hour) else { return nil }
    return hour % 12 + (byte & 0x80 != 0 ? 12 : 0)
  }

  private var isUpdateInProgress: Bool {
    guard !isFrozen else { return false }
    let next = phase &+ (seconds(at: now) + 1) &* Self.second
    return next &- now <= Self.updateLead
  }

  // MARK: Flags and interrupts

  /// Ticks of 32768 Hz a period, or nil when the rate is off.
  private var periodTicks: UInt64? {
    guard dividerRuns else { return nil }
    let rate = statusA & 15
    return rate == 0 ? nil : 1 << UInt64(rate <= 2 ? rate + 6 : rate - 1)
  }

  private func oscillatorTicks(at time: Int64) -> UInt64 { oscillator.ticks(at: UInt64(clamping: time &- phase)) }

  /// Sets the flags of all that has happened since the last look.
  private func follow() {
    let now = now
    guard now > checked else { return }
    if let period = periodTicks, oscillatorTicks(at: now) / period != oscillatorTicks(at: checked) / period {
      flags |= Self.periodic
    }
    if !isFrozen && seconds(at: now) != seconds(at: checked) {
      flags |= Self.update
      if let distance = secondsToAlarm(from: unixTime(at: checked)), distance <= seconds(at: now) - seconds(at: checked) {
        flags |= Self.alarm
      }
    }
    checked = now
  }

  /// Seconds from `unixTime` to the next alarm after it; nil when the alarm registers match no time of day.
  private func secondsToAlarm(from unixTime: Int64) -> Int64? {
    /// Bits 7 and 6 both set match anything.
    func matches(_ byte: UInt8, _ value: Int64?, _ wanted: Int64) -> Bool { byte >= 0xc0 || value == wanted }
    let start = CalendarTime(unixTime: unixTime + 1)
    let from = start.hour * 3600 + start.minute * 60 + start.second
    let (hourByte, minuteByte, secondByte) = (memory[5], memory[3], memory[1])
    let (alarmHour, alarmMinute, alarmSecond) = (decodeHour(hourByte), decode(minuteByte), decode(secondByte))
    // Coarse to fine: at most 25 hours, and 60 minutes and seconds in the few hours that match first.
    for hour in start.hour...(start.hour + 24) where matches(hourByte, alarmHour, hour % 24) {
      for minute in Int64(0)..<60 where matches(minuteByte, alarmMinute, minute) {
        let minuteStart = hour * 3600 + minute * 60
        if minuteStart + 59 < from { continue }
        for second in Int64(0)..<60 where matches(secondByte, alarmSecond, second) {
          if minuteStart + second >= from { return minuteStart + second - from + 1 }
        }
        // A second that never matches in one minute never does.
        if minuteStart >= from { return nil }
      }
    }
    return nil
  }

  private func refresh() {
    let isRequested = flags & statusB & 0x70 != 0
    line.set(isRequested)
    var deadline = Int64.max
    // A flag that is already up brings nothing new until register C is read.
    let wanted = statusB & ~flags
    if wanted & Self.periodic != 0, let period = periodTicks {
      let next = (oscillatorTicks(at: checked) / period + 1) * period
      deadline = phase &+ Int64(clamping: oscillator.time(of: next))
    }
    if !isFrozen {
      if wanted & Self.update != 0 { deadline = min(deadline, boundary(after: 1)) }
      if wanted & Self.alarm != 0, let distance = secondsToAlarm(from: unixTime(at: checked)) {
        deadline = min(deadline, boundary(after: distance))
      }
    }
    let result = deadline == .max || isRequested ? nil : UInt64(clamping: deadline)
    if result != nextDeadline {
      nextDeadline = result
      clock.deadlinesChanged()
    }
  }

  /// When the `count`-th second from the last look begins.
  private func boundary(after count: Int64) -> Int64 { phase &+ (seconds(at: checked) + count) &* Self.second }

  public func advance(to now: UInt64) {
    follow()
    refresh()
  }

  // MARK: Registers

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    guard offset == 1 else { return 0xff }
    switch index {
    case 0x0a: return UInt32(statusA | (isUpdateInProgress ? 0x80 : 0))
    case 0x0b: return UInt32(statusB)
    case 0x0c: return UInt32(takeFlags())
    case 0x0d: return 0x80
    default:
      if isTime(index) && !isFrozen { writeTimeRegisters() }
      return UInt32(memory[Int(index)])
    }
  }

  private func isTime(_ index: UInt8) -> Bool {
    switch index {
    case 0, 2, 4, 6, 7, 8, 9, UInt8(Self.century): true
    default: false
    }
  }

  private func takeFlags() -> UInt8 {
    follow()
    let value = flags | (flags & statusB & 0x70 != 0 ? 0x80 : 0)
    flags = 0
    refresh()
    return value
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    if offset == 0 {
      index = byte & 0x7f
      isNMIMasked = byte & 0x80 != 0
      return
    }
    follow()
    switch index {
    case 0x0a: writeStatusA(byte)
    case 0x0b: writeStatusB(byte)
    case 0x0c, 0x0d: break
    case let index where isTime(index):
      if !isFrozen { writeTimeRegisters() }
      memory[Int(index)] = byte
      if !isFrozen { readTimeRegisters() }
    default: memory[Int(index)] = byte
    }
    refresh()
  }

  private func writeStatusA(_ byte: UInt8) {
    let wasFrozen = isFrozen
    let divided = dividerRuns
    if !wasFrozen { writeTimeRegisters() }
    statusA = byte & 0x7f
    // The first update comes half a second after the divider is released.
    if dividerRuns && !divided { phase = now - Self.second / 2 }
    if !isFrozen && (wasFrozen || !divided) { readTimeRegisters() }
  }

  private func writeStatusB(_ byte: UInt8) {
    let wasFrozen = isFrozen
    if !wasFrozen { writeTimeRegisters() }
    // SET takes the update interrupt back.
    statusB = byte & Self.set != 0 ? byte & ~Self.update : byte
    if wasFrozen && !isFrozen { readTimeRegisters() }
  }

  /// A reset clears the interrupt enables and flags; time and memory have a battery.
  public func reset() {
    follow()
    statusB &= ~(Self.periodic | Self.alarm | Self.update | 0x08)
    flags = 0
    isNMIMasked = false
    refresh()
  }

  public func transferState(_ archive: inout StateArchive) {
    archive.field(&memory, limit: 128)
    archive.field(&index)
    archive.field(&isNMIMasked)
    archive.field(&statusA)
    archive.field(&statusB)
    archive.field(&flags)
    archive.field(&base)
    archive.field(&phase)
    archive.field(&checked)
    guard archive.isRestoring else { return }
    if memory.count != 128 { memory = memoryAtReset }
    index &= 0x7f
    base = min(max(base, -1 << 40), 1 << 40)
    phase = min(max(phase, -Self.second), now)
    checked = min(max(checked, phase), now)
    refresh()
  }
}
