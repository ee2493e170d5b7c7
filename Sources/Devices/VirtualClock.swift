// The only time there is for devices: virtual nanoseconds, which the machine derives from retired instructions. Nothing
// here looks at the wall clock, so a run repeats.

/// The machine's time, shared by its devices.
public final class VirtualClock {
  /// Virtual nanoseconds since power-on. Set through `Bus.advance(to:)`.
  public internal(set) var now: UInt64 = 0
  /// Some device's next deadline may have moved since the bus last looked.
  @usableFromInline var isStale = true

  public init() {}

  /// A device says that its `nextDeadline` may have changed.
  @inlinable public func deadlinesChanged() { isStale = true }
}

/// Converts between virtual nanoseconds and the ticks of an oscillator, exactly: 128-bit products, no drift.
struct TickRate {
  let hertz: UInt64
  private static let second: UInt64 = 1_000_000_000

  /// Whole ticks that have gone by at `nanoseconds`.
  func ticks(at nanoseconds: UInt64) -> UInt64 {
    // The quotient fits, because no oscillator here is faster than 1 GHz.
    Self.second.dividingFullWidth(nanoseconds.multipliedFullWidth(by: hertz)).quotient
  }

  /// The first nanosecond at which `tick` has gone by; `UInt64.max` when that is beyond the end of time.
  func time(of tick: UInt64) -> UInt64 {
    let product = tick.multipliedFullWidth(by: Self.second)
    guard product.high < hertz else { return .max }
    let (quotient, remainder) = hertz.dividingFullWidth(product)
    return remainder == 0 || quotient == .max ? quotient : quotient + 1
  }
}
