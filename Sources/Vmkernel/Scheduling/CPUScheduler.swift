// Who runs on the processor: proportional share by virtual time (stride scheduling: Waldspurger and Weihl, 1995), with
// reservations and limits as in ESX. Time is instructions: the order is the same in each run.
//
// Time is cut into windows. In each, worlds that haven't had their reservation yet go before all others; a world that
// has had its limit waits for the next. Whatever a world runs counts against its shares, so that its reservation is a
// floor and not a gift. A world that wakes is set to the virtual time of those that run: it has saved nothing up.

import Tracing

/// Divides one processor between worlds.
public final class CPUScheduler {
  public struct Configuration: Sendable {
    /// Instructions of the processor in a microsecond.
    public var megahertz = 1000
    /// Instructions that a world has at a time, at most: 50 ms at 1 GHz.
    public var quantum: UInt64 = 50_000_000
    /// Instructions in which reservations and limits must come right: 1 s at 1 GHz.
    public var window: UInt64 = 1_000_000_000
    public init() {}
  }

  /// A world's turn.
  public struct Turn {
    public let world: World
    /// At most this many instructions.
    public let instructions: UInt64
  }

  private struct Entry {
    let world: World
    var claim: ProcessorClaim
    let body: (any Schedulable)?
    /// When it is due, in virtual time.
    var pass: UInt64
    var isRunnable = false
    /// It has had its limit.
    var isHeld = false
    var total: UInt64 = 0
    /// In this window.
    var used: UInt64 = 0
    /// What it ran beyond its limit before this window.
    var debt: UInt64 = 0
  }

  /// Instructions since the start, of all worlds and of idling.
  public private(set) var now: UInt64 = 0
  private let configuration: Configuration
  private let idleWorld: World
  private let report: ActivityReport
  /// In order of admission.
  private var entries: [Entry] = []
  private var virtualTime: UInt64 = 0
  private var windowNumber: UInt64 = 0
  private var idled: UInt64 = 0

  /// Virtual time of an instruction at one share.
  private static let scale: UInt64 = 1 << 16
  /// Virtual times beyond this are all set back.
  private static let horizon: UInt64 = 1 << 60
  private static let mostCharge: UInt64 = 1 << 40

  init(_ configuration: Configuration, idleWorld: World, report: ActivityReport) {
    var configuration = configuration
    configuration.megahertz = min(max(configuration.megahertz, 1), 1_000_000)
    configuration.window = min(max(configuration.window, UInt64(configuration.megahertz)), Self.mostCharge)
    configuration.quantum = min(max(configuration.quantum, 1), configuration.window)
    self.configuration = configuration
    self.idleWorld = idleWorld
    self.report = report
  }

  // MARK: Worlds

  /// MHz that can be reserved in all: a twentieth stays for those that reserve nothing.
  public var reservable: Int { configuration.megahertz - configuration.megahertz / 20 }

  /// Lets a world in, blocked; or changes what it is to have.
  /// - Parameter body: what `runOnce` runs; kept from the first admission.
  public func admit(
    _ world: World, _ claim: ProcessorClaim, body: (any Schedulable)? = nil
  ) throws(AdmissionError) {
    let index = index(of: world)
    let others = entries.indices.reduce(0) { $1 == index ? $0 : $0 + entries[$1].claim.reservation }
    guard claim.reservation >= 0, claim.reservation <= reservable - others else {
      throw AdmissionError(
        description: "\(world.name) can't reserve \(claim.reservation) MHz: \(reservable - others) MHz are left")
    }
    if let limit = claim.limit, limit < max(claim.reservation, 1) {
      throw AdmissionError(
        description: "\(world.name) can't be limited to \(limit) MHz: it takes at least 1 MHz and its reservation")
    }
    if let index {
      entries[index].claim = claim
      entries[index].pass = virtualTime
    } else {
      entries.append(Entry(world: world, claim: claim, body: body, pass: virtualTime))
    }
  }

  public func remove(_ world: World) { entries.removeAll { $0.world === world } }

  /// The world has something to do.
  public func wake(_ world: World) {
    guard let index = index(of: world), !entries[index].isRunnable else { return }
    entries[index].isRunnable = true
    entries[index].pass = max(entries[index].pass, virtualTime)
  }

  /// The world has nothing to do.
  public func block(_ world: World) {
    guard let index = index(of: world) else { return }
    entries[index].isRunnable = false
  }

  /// Instructions that a world has had; the idle world's are those that nobody wanted.
  public func usage(of world: World) -> UInt64 {
    world === idleWorld ? idled : index(of: world).map { entries[$0].total } ?? 0
  }

  private func index(of world: World) -> Int? { entries.firstIndex { $0.world === world } }

  // MARK: Choice

  /// Whose turn it is; nil when no world may run now.
  public func next() -> Turn? {
    enterWindow()
    release()
    var best: (index: Int, isReserved: Bool)?
    for index in entries.indices where entries[index].isRunnable && !entries[index].isHeld {
      let isReserved = entries[index].used < quota(entries[index].claim.reservation)
      if let best {
        if best.isReserved && !isReserved { continue }
        if best.isReserved == isReserved && entries[best.index].pass <= entries[index].pass { continue }
      }
      best = (index, isReserved)
    }
    guard let best else { return nil }
    let entry = entries[best.index]
    var slice = min(configuration.quantum, windowEnd - now, allowance(of: entry))
    if best.isReserved { slice = min(slice, quota(entry.claim.reservation) - entry.used) }
    report.service(.schedulerDispatch, a: UInt64(entry.world.identifier), b: entry.pass)
    return Turn(world: entry.world, instructions: slice)
  }

  /// Holds worlds that have had their limit, lets those go on that may, and moves virtual time to the earliest of
  /// these.
  private func release() {
    for index in entries.indices {
      let isHeld = allowance(of: entries[index]) == 0
      if entries[index].isHeld && !isHeld { entries[index].pass = max(entries[index].pass, virtualTime) }
      entries[index].isHeld = isHeld
    }
    let earliest = entries.lazy.filter { $0.isRunnable && !$0.isHeld }.map(\.pass).min()
    if let earliest { virtualTime = max(virtualTime, earliest) }
    guard virtualTime > Self.horizon else { return }
    for index in entries.indices {
      entries[index].pass -= min(entries[index].pass, virtualTime)
    }
    virtualTime = 0
  }

  /// A world has run.
  public func charge(_ world: World, _ instructions: UInt64) {
    guard let index = index(of: world) else { return }
    let instructions = min(instructions, Self.mostCharge)
    enterWindow()
    entries[index].used += instructions
    entries[index].total += instructions
    // A reservation may run a world far ahead of its shares; a window's worth of that is held against it, and not more.
    let weight = World.weight(entries[index].claim.shares)
    let lead = virtualTime + configuration.window * Self.scale / weight
    let pass = entries[index].pass
    entries[index].pass = max(pass, min(pass + instructions * Self.scale / weight, lead))
    now += instructions
    report.service(.schedulerCharge, a: UInt64(world.identifier), b: instructions)
  }

  // MARK: Windows

  private var windowEnd: UInt64 { (windowNumber + 1) * configuration.window }

  /// Instructions of a window that are so many MHz.
  private func quota(_ megahertz: Int) -> UInt64 {
    UInt64(min(max(megahertz, 0), configuration.megahertz)) * configuration.window / UInt64(configuration.megahertz)
  }

  /// Instructions that the world may still run in this window.
  private func allowance(of entry: Entry) -> UInt64 {
    guard let limit = entry.claim.limit else { return .max }
    let quota = quota(limit)
    return quota - min(quota, entry.used + entry.debt)
  }

  private func enterWindow() {
    let passed = now / configuration.window - windowNumber
    guard passed > 0 else { return }
    windowNumber += passed
    for index in entries.indices {
      let entry = entries[index]
      entries[index].used = 0
      guard let limit = entry.claim.limit else { continue }
      let (paid, overflow) = quota(limit).multipliedReportingOverflow(by: passed)
      let due = entry.used + entry.debt
      entries[index].debt = overflow ? 0 : due - min(due, paid)
    }
  }

  // MARK: Running

  /// Instructions until a world that has had its limit may run again; nil when no world wants to.
  public var idleTime: UInt64? { entries.contains { $0.isRunnable } ? windowEnd - now : nil }

  /// Nobody ran for a time.
  public func idle(_ instructions: UInt64) {
    let instructions = min(instructions, Self.mostCharge)
    report.service(.schedulerDispatch, a: UInt64(idleWorld.identifier), b: virtualTime)
    now += instructions
    idled += instructions
    report.service(.schedulerCharge, a: UInt64(idleWorld.identifier), b: instructions)
  }

  /// Gives one world its turn, or idles until one may have it.
  /// - Returns: false when all worlds are blocked.
  public func runOnce() -> Bool {
    guard let turn = next(), let index = index(of: turn.world) else {
      guard let idleTime else { return false }
      idle(idleTime)
      return true
    }
    guard let body = entries[index].body else {
      preconditionFailure("a world without a body was told to run")
    }
    let run = body.run(instructions: turn.instructions)
    // A turn costs something even if nothing came of it, so that no world can keep the processor by doing nothing.
    charge(turn.world, max(run.used, 1))
    if run.isBlocked { block(turn.world) }
    return true
  }
}
