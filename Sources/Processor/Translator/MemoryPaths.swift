// How translated code reaches memory: through a linear window, where the host's MMU translates and an access costs what it
// costs the host, but a page costs microseconds to bring in and to take away; or by the software TLB, where every access
// costs some cycles and a page next to nothing. What suits the guest is measured while it runs: a guest that leaves its
// translations alone gets windows, one that flushes and invalidates gets the TLB. (PROTOTYPE D: a page repays itself after
// some hundreds to thousands of accesses.)

#if TRANSLATOR

  /// The choice, and what it is made by.
  struct MemoryPaths {
    /// Instructions in a period.
    static let period: Int64 = 200_000
    /// Periods without a disturbance before windows are used.
    private static let quietPeriods = 2
    /// Disturbances in a period that windows are not worth.
    private static let mostDisturbances: UInt64 = 3
    /// Disturbances beyond those after which a period is over at once.
    private static let intolerable: UInt64 = 16

    /// What the choice is when somebody has made it: for tests and measurements.
    var choice = MemoryPathChoice.measured

    private var isWindowed = false
    private var periodStart: Int64 = 0
    private var countAtStart: UInt64 = 0
    private var quiet = 0
    /// Periods for which windows stay out of use, doubled each time that they proved wrong.
    private var wait = 0
    private var nextWait = 4

    var usesWindow: Bool {
      switch choice {
      case .measured: return isWindowed
      case .window: return true
      case .tlb: return false
      }
    }

    @inline(__always) func isDue(_ retired: Int64) -> Bool { retired &- periodStart >= Self.period }

    /// Disturbances that windows are worth since the period began.
    private func tolerable(at retired: Int64) -> UInt64 {
      Self.mostDisturbances &* UInt64(max(retired &- periodStart, Self.period) / Self.period)
    }

    /// Windows are in use and don't suit the guest at all: `review` will give them up.
    func isThrashing(retired: Int64, disturbances: UInt64) -> Bool {
      choice == .measured && isWindowed && disturbances &- countAtStart > tolerable(at: retired) &+ Self.intolerable
    }

    /// Looks at what was counted. Call it now and then.
    /// - Parameter disturbances: flushes, invalidations and the like, so far.
    /// - Returns: whether the choice has changed.
    mutating func review(retired: Int64, disturbances: UInt64) -> Bool {
      let most = tolerable(at: retired)
      let seen = disturbances &- countAtStart
      periodStart = retired
      countAtStart = disturbances
      if isWindowed {
        if seen <= most { return false }
        isWindowed = false
        quiet = 0
        wait = nextWait
        nextWait = min(nextWait * 2, 64)
        return true
      }
      quiet = seen == 0 ? quiet + 1 : 0
      if wait > 0 {
        wait -= 1
        return false
      }
      if quiet < Self.quietPeriods { return false }
      isWindowed = true
      return true
    }
  }

#endif
