import Memory
import Testing
import Tracing

@testable import Vmkernel

/// Runs for a while, then has nothing to do.
private final class Body: Schedulable {
  /// Instructions until it blocks; nil for never.
  var work: UInt64?
  /// It doesn't stop where it should: so many more instructions.
  var overrun: UInt64 = 0
  func run(instructions: UInt64) -> ScheduledRun {
    guard let work else { return ScheduledRun(used: instructions + overrun, isBlocked: false) }
    let used = min(work, instructions)
    self.work = work - used
    return ScheduledRun(used: used, isBlocked: used == work)
  }
}

@Suite struct CPUSchedulerTests {
  private let window: UInt64 = 1_000_000

  private func makeKernel() throws -> Vmkernel {
    var configuration = Vmkernel.Configuration()
    configuration.processor.window = window
    configuration.processor.quantum = 10_000
    return try Vmkernel(memory: MachineMemory(size: Vmkernel.memorySize), configuration: configuration)
  }

  private func admit(_ claims: [ProcessorClaim], _ kernel: Vmkernel) throws -> [(world: World, body: Body)] {
    try claims.enumerated().map { number, claim in
      let body = Body()
      let world = kernel.world(named: "guest \(number)")
      try kernel.scheduler.admit(world, claim, body: body)
      kernel.scheduler.wake(world)
      return (world, body)
    }
  }

  private func run(_ scheduler: CPUScheduler, until end: UInt64) { while scheduler.now < end, scheduler.runOnce() {} }

  @Test func `worlds have the processor by their shares`() throws {
    let kernel = try makeKernel()
    let worlds = try admit([1000, 2000, 4000].map { ProcessorClaim(shares: $0) }, kernel)
    run(kernel.scheduler, until: 10 * window)
    let used = worlds.map { kernel.scheduler.usage(of: $0.world) }
    #expect(used.reduce(0, +) == 10 * window)
    for (used, part) in zip(used, [1, 2, 4] as [UInt64]) {
      let due = Double(10 * window) * Double(part) / 7
      #expect(abs(Double(used) / due - 1) < 0.05)
    }
  }

  @Test(arguments: 0..<200)
  func `no configuration breaks a share, a reservation or a limit, or starves a world`(seed: Int) throws {
    var numbers = Numbers(state: UInt64(seed))
    let kernel = try makeKernel()
    let scheduler = kernel.scheduler
    var left = scheduler.reservable
    let claims = (0..<Int.random(in: 1...8, using: &numbers)).map { _ in
      var claim = ProcessorClaim(shares: Int.random(in: 200...4000, using: &numbers))
      if Int.random(in: 0..<3, using: &numbers) == 0 {
        claim.reservation = Int.random(in: 0...left, using: &numbers)
        left -= claim.reservation
      }
      if Int.random(in: 0..<3, using: &numbers) == 0 {
        claim.limit = Int.random(in: max(claim.reservation, 1)...1000, using: &numbers)
      }
      return claim
    }
    let worlds = try admit(claims, kernel)
    var before = [UInt64](repeating: 0, count: worlds.count)
    for number in 1...20 as ClosedRange<UInt64> {
      run(scheduler, until: number * window)
      #expect(scheduler.now == number * window)
      let used = worlds.map { scheduler.usage(of: $0.world) }
      for (index, claim) in claims.enumerated() {
        let inWindow = used[index] - before[index]
        #expect(inWindow >= UInt64(claim.reservation) * window / 1000)
        if let limit = claim.limit { #expect(inWindow <= UInt64(limit) * window / 1000) }
      }
      before = used
    }
    #expect(before.allSatisfy { $0 > 0 })
    #expect(before.reduce(scheduler.usage(of: kernel.idleWorld), +) == 20 * window)
    // Between worlds that neither a reservation nor a limit binds, only the shares count.
    let free = claims.indices.filter { claims[$0].reservation == 0 && claims[$0].limit == nil }
    let rates = free.map { Double(before[$0]) / Double(claims[$0].shares) }
    if let least = rates.min(), let most = rates.max(), before[free[0]] > 40 * 10_000 {
      let quanta = 2 * 10_000 / Double(free.map { claims[$0].shares }.min() ?? 1)
      #expect(most - least <= max(0.05 * most, quanta))
    }
  }

  @Test func `what a limited world can't use goes to the others, and to nobody when there are none`() throws {
    let kernel = try makeKernel()
    let worlds = try admit([ProcessorClaim(limit: 100), ProcessorClaim()], kernel)
    run(kernel.scheduler, until: 5 * window)
    #expect(kernel.scheduler.usage(of: worlds[0].world) == 500_000)
    #expect(kernel.scheduler.usage(of: worlds[1].world) == 4_500_000)
    kernel.scheduler.block(worlds[1].world)
    run(kernel.scheduler, until: 10 * window)
    #expect(kernel.scheduler.usage(of: worlds[0].world) == 1_000_000)
    #expect(kernel.scheduler.usage(of: kernel.idleWorld) == 4_500_000)
  }

  @Test func `a world that slept has saved nothing up`() throws {
    let kernel = try makeKernel()
    let worlds = try admit([ProcessorClaim(), ProcessorClaim()], kernel)
    worlds[0].body.work = 10_000
    run(kernel.scheduler, until: 5 * window)
    #expect(kernel.scheduler.usage(of: worlds[0].world) == 10_000)
    worlds[0].body.work = nil
    kernel.scheduler.wake(worlds[0].world)
    run(kernel.scheduler, until: 6 * window)
    let late = kernel.scheduler.usage(of: worlds[0].world) - 10_000
    #expect((490_000...510_000).contains(late))
  }

  @Test func `what a world ran beyond its limit is taken from its next windows`() throws {
    let kernel = try makeKernel()
    let worlds = try admit([ProcessorClaim(limit: 200)], kernel)
    worlds[0].body.overrun = 37_000
    run(kernel.scheduler, until: 50 * window)
    let used = kernel.scheduler.usage(of: worlds[0].world)
    #expect(used <= 50 * 200_000 + 47_000 && used > 45 * 200_000)
  }

  @Test func `a world that had its limit doesn't begin the next window with what it missed`() throws {
    let kernel = try makeKernel()
    let worlds = try admit([ProcessorClaim(limit: 400), ProcessorClaim()], kernel)
    run(kernel.scheduler, until: window)
    #expect(kernel.scheduler.usage(of: worlds[0].world) == 400_000)
    run(kernel.scheduler, until: window + 100_000)
    #expect((440_000...460_000).contains(kernel.scheduler.usage(of: worlds[0].world)))
  }

  @Test func `what a reservation gave beyond the shares isn't held against a world for ever`() throws {
    let kernel = try makeKernel()
    let scheduler = kernel.scheduler
    let worlds = try admit([ProcessorClaim(reservation: 300)] + .init(repeating: ProcessorClaim(), count: 4), kernel)
    run(scheduler, until: 100 * window)
    #expect(scheduler.usage(of: worlds[0].world) == 30 * window)
    for (world, _) in worlds[2...] { scheduler.block(world) }
    run(scheduler, until: 105 * window)
    let before = scheduler.usage(of: worlds[0].world)
    run(scheduler, until: 110 * window)
    let used = Double(scheduler.usage(of: worlds[0].world) - before)
    #expect(abs(used / Double(5 * window) - 0.5) < 0.025)
  }

  @Test func `reservations that can't all be kept are refused`() throws {
    let kernel = try makeKernel()
    _ = try admit([ProcessorClaim(reservation: 600)], kernel)
    let world = kernel.world(named: "late")
    let scheduler = kernel.scheduler
    let error = #expect(throws: AdmissionError.self) { try scheduler.admit(world, ProcessorClaim(reservation: 351)) }
    #expect(error?.description == "late can't reserve 351 MHz: 350 MHz are left")
    #expect(throws: AdmissionError.self) { try scheduler.admit(world, ProcessorClaim(reservation: -1)) }
    #expect(throws: AdmissionError.self) { try scheduler.admit(world, ProcessorClaim(reservation: 50, limit: 49)) }
    #expect(throws: AdmissionError.self) { try scheduler.admit(world, ProcessorClaim(limit: 0)) }
    try kernel.scheduler.admit(world, ProcessorClaim(reservation: 350))
    try kernel.scheduler.admit(world, ProcessorClaim(reservation: 100))
  }

  @Test func `all worlds blocked is nothing to run, and an ended world doesn't run`() throws {
    let kernel = try makeKernel()
    let worlds = try admit([ProcessorClaim(), ProcessorClaim()], kernel)
    kernel.end(worlds[0].world)
    worlds[1].body.work = 5
    #expect(kernel.scheduler.runOnce())
    #expect(!kernel.scheduler.runOnce() && kernel.scheduler.idleTime == nil && kernel.scheduler.next() == nil)
    #expect(kernel.scheduler.now == 5)
  }

  @Test func `turns and charges are told`() throws {
    let kernel = try makeKernel()
    let listener = Listener()
    kernel.reporter = listener
    _ = try admit([ProcessorClaim(), ProcessorClaim(limit: 1)], kernel)
    for _ in 0..<4 { _ = kernel.scheduler.runOnce() }
    #expect(listener.services(.schedulerDispatch).map(\.a) == [1, 2, 1, 1])
    #expect(listener.services(.schedulerCharge).map(\.b) == [10_000, 1000, 10_000, 10_000])
  }
}
