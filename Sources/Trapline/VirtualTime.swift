// Guest time is the retired-instruction count at a configured rate, plus the time that was skipped while the processor
// was halted. Nothing here looks at the host's clock.

/// The relation between retired instructions and virtual nanoseconds.
struct VirtualTime {
  private let instructionsPerSecond: UInt64
  /// Nanoseconds that passed without instructions.
  private var skipped: UInt64 = 0

  init(instructionsPerSecond: UInt64) { self.instructionsPerSecond = max(instructionsPerSecond, 1) }

  /// The time at a retired count.
  func nanoseconds(at retired: UInt64) -> UInt64 {
    if instructionsPerSecond == 1_000_000_000 { return retired &+ skipped }
    let (high, low) = retired.multipliedFullWidth(by: 1_000_000_000)
    guard high < instructionsPerSecond else { return .max }
    return instructionsPerSecond.dividingFullWidth((high, low)).quotient &+ skipped
  }

  /// The first retired count at which the time is `nanoseconds` or later.
  func retired(at nanoseconds: UInt64) -> UInt64 {
    guard nanoseconds > skipped else { return 0 }
    if instructionsPerSecond == 1_000_000_000 { return nanoseconds &- skipped }
    let (high, low) = (nanoseconds - skipped).multipliedFullWidth(by: instructionsPerSecond)
    guard high < 1_000_000_000 else { return .max }
    let (quotient, remainder) = UInt64(1_000_000_000).dividingFullWidth((high, low))
    return quotient &+ (remainder > 0 ? 1 : 0)
  }

  /// Lets time pass while no instruction runs.
  mutating func skip(_ nanoseconds: UInt64) { skipped &+= nanoseconds }
}
