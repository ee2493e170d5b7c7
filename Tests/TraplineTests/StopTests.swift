import Foundation
import Loading
import Synchronization
import Testing
import Trapline

/// A time that one thread notes and another reads.
private final class Instants: Sendable {
  private let noted = Mutex<ContinuousClock.Instant?>(nil)
  var last: ContinuousClock.Instant? { noted.withLock { $0 } }
  func note(_ instant: ContinuousClock.Instant) { noted.withLock { $0 = instant } }
}

@Suite struct StopTests {
  #if DEBUG
    // A slice takes that much longer without optimization.
    static let patience = Duration.seconds(2)
  #else
    static let patience = Duration.milliseconds(100)
  #endif

  private func machine(_ code: [UInt8]) throws -> VirtualMachine {
    let machine = try VirtualMachine()
    try machine.load(code, LoadRequest(mode: .protected))
    return machine
  }

  @Test("a running machine stops soon after the signal, busy or idle", arguments: [TinyGuest.endless, TinyGuest.idle])
  func stops(code: [UInt8]) throws {
    // The best of a few: what the host does with its cores meanwhile is not ours.
    var best = Duration.seconds(60)
    for _ in 0..<5 where best >= Self.patience { best = min(best, try timeToStop(code)) }
    #expect(best < Self.patience)
  }

  private func timeToStop(_ code: [UInt8]) throws -> Duration {
    let machine = try machine(code)
    let stop = StopSignal()
    let clock = ContinuousClock()
    let raised = Instants()
    // A thread of its own: the tests may keep all others busy.
    Thread.detachNewThread {
      Thread.sleep(forTimeInterval: 0.05)
      raised.note(clock.now)
      stop.raise()
    }
    #expect(machine.run(RunLimits(time: .seconds(20), stop: stop)) == .stopped)
    let end = clock.now
    return end - (try #require(raised.last))
  }

  @Test("a raised signal stops before the first instruction") func stopsAtOnce() throws {
    let machine = try machine(TinyGuest.endless)
    let stop = StopSignal()
    stop.raise()
    #expect(machine.run(RunLimits(stop: stop)) == .stopped)
    #expect(machine.processor.retired == 0)
  }

  @Test("a machine can go on after its budget, and counts exactly") func budget() throws {
    let machine = try machine(TinyGuest.endless)
    #expect(machine.run(RunLimits(instructions: 1000)) == .instructionLimit)
    #expect(machine.processor.retired == 1000)
    #expect(machine.run(RunLimits(instructions: 1500)) == .instructionLimit)
    #expect(machine.processor.retired == 1500)
  }

  @Test("a step is one instruction, or one delivery") func step() throws {
    // nop; ud2
    let machine = try machine([0x90, 0x0f, 0x0b, 0xf4])
    #expect(machine.step() == nil)
    #expect(machine.processor.retired == 1)
    // UD2 without an IDT: a triple fault, in one step.
    #expect(machine.step() == .tripleFault)
    #expect(machine.processor.faultHistory.chain.map(\.vector) == [6, 13, 13, 8, 13])
  }

  @Test("an endless fault is stopped, though it retires nothing") func endlessFault() throws {
    // Real mode: int 6's vector leads to UD2 itself.
    let machine = try VirtualMachine()
    // xor ax, ax; mov ds, ax; mov word [0x18], 0x7c12; mov [0x1a], ax; mov ah, 0x20; mov ss, ax; nop; at 0x7c12: ud2
    let code: [UInt8] = [
      0x31, 0xc0, 0x8e, 0xd8, 0xc7, 0x06, 0x18, 0x00, 0x12, 0x7c, 0xa3, 0x1a, 0x00, 0xb4, 0x20, 0x8e, 0xd0, 0x90,
      0x0f, 0x0b,
    ]
    try machine.load(code, LoadRequest(mode: .real))
    #expect(machine.run(RunLimits(instructions: 300_000)) == .instructionLimit)
    #expect(machine.processor.retired < 100)
  }
}
