// Keeps virtual time from running ahead of the wall clock while a guest idles (`--realtime`).

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

/// The wall clock beside virtual time.
struct Pace {
  private let start: ContinuousClock.Instant
  private let virtual: UInt64

  init(start: ContinuousClock.Instant, virtual: UInt64) {
    self.start = start
    self.virtual = virtual
  }

  /// Sleeps a little if virtual time `deadline` lies in the wall clock's future.
  /// - Returns: whether it slept: look around and ask again.
  func hold(until deadline: UInt64) -> Bool {
    let elapsed = (ContinuousClock().now - start).components
    let wall = virtual &+ UInt64(elapsed.seconds) &* 1_000_000_000 &+ UInt64(elapsed.attoseconds / 1_000_000_000)
    guard deadline > wall else { return false }
    wait(nanoseconds: min(deadline - wall, 5_000_000))
    return true
  }

  func wait(nanoseconds: UInt64) {
    var request = timespec(tv_sec: 0, tv_nsec: Int(min(nanoseconds, 999_999_999)))
    nanosleep(&request, nil)
  }
}
