// One counter of an 8254, after Intel's data sheet (231164-005). Nothing ticks: count and output are computed from the
// tick at which the counting element was loaded. A count written at tick t is loaded by the next CLK, at t + 1; who reads
// before that sees the new count already, as on a PC, where an access takes longer than a CLK.
//
// OUT from the load on, with a count of N (. low, # high):
//
//   mode 0  ......N#########      interrupt on terminal count: high from tick N
//   mode 1  ......N#########      one-shot: as mode 0, but only a rising gate loads
//   mode 2  ####.####.####.#      rate generator: low in the last tick of each N
//   mode 3  ###...###...###.      square wave: high (N+1)/2, low N/2
//   mode 4  ######.#########      strobe: low in tick N
//   mode 5  ######.#########      as mode 4, but only a rising gate loads

struct TimerChannel {
  private(set) var mode: UInt8 = 0
  private var isBCD = false
  /// Bits 5-4 of the control word: 1 low byte, 2 high byte, 3 both.
  private var access: UInt8 = 3
  private(set) var gate: Bool

  /// CR: the count last written, 1...65536.
  private var countRegister: UInt32 = 0
  /// The count that the element was last loaded with, 1...65536.
  private var loaded: UInt32 = 1
  /// The tick of that load; may lie one tick ahead.
  private var loadTick: UInt64 = 0
  private var isCounting = false
  /// The gate holds the count at `heldElapsed`.
  private var isHeld = false
  private var heldElapsed: UInt64 = 0
  /// CR waits for the end of a period (modes 2, 3: at `switchTick`) or for the gate (modes 1, 5).
  private var awaitsLoad = false
  private var switchTick: UInt64 = 0
  private var switchesIntoLowHalf = false
  /// What is seen while the counter stands still for lack of a count.
  private var countAtRest: UInt16 = 0
  private var outputBeforeLoad = false

  private var firstByte: UInt8?
  private var readsHighNext = false
  private var latchedCount: UInt16?
  private var latchedStatus: UInt8?

  init(gate: Bool) { self.gate = gate }

  // MARK: What the counter shows

  private var modulus: UInt64 { isBCD ? 10_000 : 65_536 }

  /// Ticks since the load; negative while the load is still to come.
  private func elapsed(at tick: UInt64) -> Int64 {
    isHeld ? Int64(truncatingIfNeeded: heldElapsed) : Int64(truncatingIfNeeded: tick &- loadTick)
  }

  private var highHalf: UInt64 { (UInt64(loaded) + 1) / 2 }

  /// Level of the OUT pin.
  func output(at tick: UInt64) -> Bool {
    guard isCounting else { return mode != 0 }
    let elapsed = elapsed(at: tick)
    if elapsed < 0 { return outputBeforeLoad }
    let (e, n) = (UInt64(elapsed), UInt64(loaded))
    switch mode {
    case 0, 1: return e >= n
    // A count of 1 is illegal in modes 2 and 3; it leaves OUT high.
    case 2: return isHeld || n == 1 || e % n != n - 1
    case 3: return isHeld || n == 1 || e % n < highHalf
    default: return e != n
    }
  }

  /// The first tick after `tick` at which OUT changes; nil when it stays for good.
  func nextEdge(after tick: UInt64) -> UInt64? {
    guard isCounting, !isHeld else { return nil }
    let elapsed = elapsed(at: tick)
    if elapsed < 0 {
      return output(at: loadTick) != outputBeforeLoad ? loadTick : nextEdge(after: loadTick)
    }
    let (e, n) = (UInt64(elapsed), UInt64(loaded))
    switch mode {
    case 0, 1: return e < n ? loadTick &+ n : nil
    case 2, 3:
      if n == 1 { return awaitsLoad ? switchTick : nil }
      let start = loadTick &+ (e - e % n)
      let fall = mode == 2 ? n - 1 : highHalf
      return start &+ (e % n < fall ? fall : n)
    default: return e < n ? loadTick &+ n : e == n ? loadTick &+ n &+ 1 : nil
    }
  }

  /// The counting element, in binary.
  private func binaryCount(at tick: UInt64) -> UInt64 {
    let (e, n) = (UInt64(max(elapsed(at: tick), 0)), UInt64(loaded))
    switch mode {
    case 2: return n - e % n
    case 3:
      // Counts by twos, from N or (N odd) N - 1, in each half anew.
      let position = e % n
      let inHalf = position < highHalf ? position : position - highHalf
      return (n & ~1) &- 2 * inHalf
    default: return (n + modulus - e % modulus) % modulus
    }
  }

  /// The counting element as it is read: BCD when programmed so.
  func count(at tick: UInt64) -> UInt16 {
    if !isCounting { return countAtRest }
    let binary = binaryCount(at: tick) % modulus
    guard isBCD else { return UInt16(truncatingIfNeeded: binary) }
    return UInt16((binary / 1000) << 12 | (binary / 100 % 10) << 8 | (binary / 10 % 10) << 4 | binary % 10)
  }

  /// NULL COUNT: what was written is not yet in the counting element.
  private func isNull(at tick: UInt64) -> Bool { !isCounting || awaitsLoad || elapsed(at: tick) < 0 }

  /// Takes over a count that waited for the end of a period which is now past.
  mutating func settle(at tick: UInt64) {
    guard awaitsLoad, isCounting, !isHeld, mode == 2 || mode == 3 else { return }
    guard Int64(truncatingIfNeeded: tick &- switchTick) >= 0 else { return }
    loaded = countRegister
    loadTick = switchesIntoLowHalf ? switchTick &- highHalf : switchTick
    awaitsLoad = false
  }

  // MARK: Loading

  private mutating func load(at tick: UInt64) {
    outputBeforeLoad = mode == 0 ? false : output(at: tick)
    loaded = countRegister
    loadTick = tick &+ 1
    heldElapsed = 0
    isCounting = true
    awaitsLoad = false
  }

  private mutating func writeCount(_ value: UInt16, at tick: UInt64) {
    countRegister = Self.decode(value, isBCD: isBCD)
    switch mode {
    case 0, 4: load(at: tick)
    case 1, 5: awaitsLoad = true
    default:
      if !isCounting || elapsed(at: tick) < 0 {
        load(at: tick)
      } else if !awaitsLoad {
        schedule(at: tick)
      }
      return
    }
    if mode == 0 || mode == 4 { isHeld = !gate }
  }

  /// A new count for a running period takes over at its end (mode 3: of the half).
  private mutating func schedule(at tick: UInt64) {
    awaitsLoad = true
    let (e, n) = (UInt64(elapsed(at: tick)), UInt64(loaded))
    let start = loadTick &+ (e - e % n)
    switchesIntoLowHalf = mode == 3 && n > 1 && e % n < highHalf
    switchTick = start &+ (switchesIntoLowHalf ? highHalf : n)
  }

  private static func decode(_ value: UInt16, isBCD: Bool) -> UInt32 {
    guard isBCD else { return value == 0 ? 65_536 : UInt32(value) }
    let digits = UInt32(value)
    let number = (digits >> 12) * 1000 + (digits >> 8 & 15) * 100 + (digits >> 4 & 15) * 10 + (digits & 15)
    // Nibbles beyond 9 are undefined; they must only not exceed the modulus.
    return number % 10_000 == 0 ? 10_000 : number % 10_000
  }

  mutating func setGate(_ level: Bool, at tick: UInt64) {
    guard level != gate else { return }
    settle(at: tick)
    gate = level
    switch (mode, level) {
    case (1, true), (5, true):
      if countRegister != 0 { load(at: tick) }
    case (1, false), (5, false): break
    case (2, true), (3, true):
      guard countRegister != 0 else { break }
      load(at: tick)
      outputBeforeLoad = true
      isHeld = false
    case (_, true):
      if isCounting && isHeld { loadTick = tick &- heldElapsed }
      isHeld = false
    case (_, false):
      heldElapsed = UInt64(max(elapsed(at: tick), 0))
      isHeld = true
    }
  }

  // MARK: Registers

  /// A control word for this counter, latch commands aside.
  mutating func control(_ word: UInt8, at tick: UInt64) {
    countAtRest = count(at: tick)
    access = word >> 4 & 3
    mode = word >> 1 & 7
    if mode > 5 { mode &= 3 }
    isBCD = word & 1 != 0
    isCounting = false
    awaitsLoad = false
    countRegister = 0
    isHeld = !gate && mode != 1 && mode != 5
    heldElapsed = 0
    firstByte = nil
    readsHighNext = false
    latchedCount = nil
    latchedStatus = nil
  }

  mutating func latchCount(at tick: UInt64) {
    settle(at: tick)
    if latchedCount == nil { latchedCount = count(at: tick) }
  }

  /// Status byte of the read-back command:
  ///
  ///      7      6     5     4     3    2    1     0
  ///   | OUT | NULL |  RW1 | RW0 | M2 | M1 | M0 | BCD |
  mutating func latchStatus(at tick: UInt64) {
    settle(at: tick)
    guard latchedStatus == nil else { return }
    latchedStatus =
      (output(at: tick) ? 0x80 : 0) | (isNull(at: tick) ? 0x40 : 0) | access << 4 | mode << 1 | (isBCD ? 1 : 0)
  }

  mutating func read(at tick: UInt64) -> UInt8 {
    settle(at: tick)
    if let status = latchedStatus {
      latchedStatus = nil
      return status
    }
    let value = latchedCount ?? count(at: tick)
    let high = access == 2 || (access == 3 && readsHighNext)
    if access == 3 { readsHighNext.toggle() }
    if access != 3 || high { latchedCount = nil }
    return UInt8(truncatingIfNeeded: high ? value >> 8 : value)
  }

  mutating func write(_ byte: UInt8, at tick: UInt64) {
    settle(at: tick)
    switch access {
    case 1: writeCount(UInt16(byte), at: tick)
    case 2: writeCount(UInt16(byte) << 8, at: tick)
    default:
      if let low = firstByte {
        firstByte = nil
        writeCount(UInt16(low) | UInt16(byte) << 8, at: tick)
      } else {
        firstByte = byte
        if mode == 0 {
          // "The first byte disables counting; OUT is set low immediately."
          countAtRest = count(at: tick)
          isCounting = false
        }
      }
    }
  }

  /// Virtual time never gets here: some 950 years.
  private static let latestTick: UInt64 = (1 << 55) - 1

  /// Ticks of loads may lie a period before 0 (modulo 2^64).
  private static func plausible(_ tick: UInt64) -> UInt64 {
    UInt64(bitPattern: min(max(Int64(bitPattern: tick), -65_536), Int64(latestTick)))
  }

  mutating func transferState(_ archive: inout StateArchive) {
    archive.field(&mode)
    archive.field(&isBCD)
    archive.field(&access)
    archive.field(&gate)
    archive.field(&countRegister)
    archive.field(&loaded)
    archive.field(&loadTick)
    archive.field(&isCounting)
    archive.field(&isHeld)
    archive.field(&heldElapsed)
    archive.field(&awaitsLoad)
    archive.field(&switchTick)
    archive.field(&switchesIntoLowHalf)
    archive.field(&countAtRest)
    archive.field(&outputBeforeLoad)
    archive.field(&firstByte)
    archive.field(&readsHighNext)
    archive.field(&latchedCount)
    archive.field(&latchedStatus)
    guard archive.isRestoring else { return }
    // A damaged snapshot must not become a division by zero, or a deadline that is never reached.
    mode = min(mode, 5)
    access = max(access & 3, 1)
    loaded = min(max(loaded, 1), 65_536)
    countRegister = min(countRegister, 65_536)
    if awaitsLoad && countRegister == 0 { awaitsLoad = false }
    heldElapsed &= Self.latestTick
    loadTick = Self.plausible(loadTick)
    switchTick = Self.plausible(switchTick)
  }
}
