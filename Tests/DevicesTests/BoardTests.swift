import Testing

@testable import Devices

@Suite struct BoardTests {
  let machine = TestMachine()
  var requests: MachineRequests { machine.pc.requests }

  @Test(arguments: [(AccessSize.byte, UInt32(0x10), UInt32(0x21)), (.word, 0x1234, 0x2469), (.dword, 0x8000_0000, 1)])
  func `the debug exit asks for (v << 1) | 1, at any width`(size: AccessSize, value: UInt32, status: UInt32) {
    machine.out(0xf4, value, size)
    #expect(requests.areWaiting)
    #expect(requests.exitStatus == status)
    machine.out(0xf4, 0x77)
    #expect(requests.exitStatus == status, "the first counts")
  }

  @Test func `the debug console writes to its sink and is found by reading 0xE9`() {
    let sink = MemoryBackend()
    machine.pc.debugConsole.sink = sink
    for byte in "ok".utf8 { machine.out(0xe9, UInt32(byte)) }
    #expect(sink.text == "ok")
    #expect(machine.in(0xe9) == 0xe9)
  }

  @Test func `0xFE to the keyboard controller and bit 0 of port 0x92 ask for a reset`() {
    machine.out(0x64, 0xfe)
    #expect(requests.resetRequestedBy == 0x64)
    requests.clear()
    #expect(!requests.areWaiting)
    machine.out(0x92, 0x03)
    #expect(requests.resetRequestedBy == 0x92)
    requests.clear()
    machine.out(0x64, 0xd1)
    machine.out(0x60, 0xde)
    #expect(requests.resetRequestedBy == 0x64)
  }

  @Test func `the A20 gate closes and opens by port 0x92, and both ports show it`() {
    #expect(requests.isA20Enabled)
    machine.out(0x92, 0x00)
    #expect(requests.a20Changed && !requests.isA20Enabled)
    requests.clear()
    machine.out(0x92, machine.in(0x92) | 0x02)
    #expect(requests.a20Changed && requests.isA20Enabled)
    machine.out(0x64, 0xd0)
    #expect(machine.in(0x60) & 0x02 != 0)
  }

  @Test func `the keyboard controller moves A20 by its output port and by its short commands`() {
    machine.out(0x64, 0xd1)
    machine.out(0x60, 0xdd)
    #expect(!requests.isA20Enabled)
    machine.out(0x64, 0xdf)
    #expect(requests.isA20Enabled)
    machine.out(0x64, 0xdd)
    #expect(machine.in(0x92) & 0x02 == 0)
  }

  @Test func `the keyboard controller passes its self-test and is always ready`() {
    #expect(machine.in(0x64) & 0x03 == 0)
    machine.out(0x64, 0xaa)
    #expect(machine.in(0x64) & 0x03 == 0x01)
    #expect(machine.in(0x60) == 0x55)
    #expect(machine.in(0x64) & 0x03 == 0)
  }

  @Test func `the command byte is read back as written`() {
    machine.out(0x64, 0x60)
    machine.out(0x60, 0x61)
    machine.out(0x64, 0x20)
    #expect(machine.in(0x60) == 0x61)
    machine.out(0x64, 0xad)
    machine.out(0x64, 0x20)
    #expect(machine.in(0x60) == 0x71)
  }

  @Test func `port 0x80 absorbs writes and shows the last`() {
    machine.out(0x80, 0x42)
    #expect(machine.pc.postCode.code == 0x42)
  }

  @Test func `a reset puts everything back, requests and A20 included`() {
    machine.out(0x92, 0x01)
    machine.out(0x3ff, 0x55)
    machine.bus.reset()
    #expect(requests.resetRequestedBy == nil && requests.isA20Enabled)
    #expect(machine.in(0x3ff) == 0)
    #expect(machine.in(0x21) == 0xff)
  }

  @Test func `firmware leaves the timer running at vector 8`() {
    machine.pc.settleAsFirmware()
    machine.run(for: 60_000_000)
    #expect(machine.pc.interrupts.hasPendingInterrupt)
    #expect(machine.pc.interrupts.acknowledge() == 0x08)
  }

  @Test func `closed output is told by the set`() {
    #expect(machine.pc.outputState == .open)
    machine.pc.flushOutput()
  }
}

@Suite struct HostilityTests {
  /// Ports where something answers, most of the time; any port at others.
  static func port(_ generator: inout SeededGenerator, _ known: [UInt16]) -> UInt16 {
    Int.random(in: 0..<8, using: &generator) == 0
      ? UInt16.random(in: 0...0xffff, using: &generator) : known.randomElement(using: &generator)!
  }

  static func attack(_ machine: TestMachine, accesses: Int, generator: inout SeededGenerator) {
    let known = machine.bus.portStatistics.flatMap { Array($0.ports) }
    for _ in 0..<accesses {
      let port = port(&generator, known)
      let size = AccessSize.allCases.randomElement(using: &generator)!
      switch Int.random(in: 0..<16, using: &generator) {
      case 0..<8: machine.bus.writePort(port, size: size, value: UInt32.random(in: 0...(.max), using: &generator))
      case 8..<13: _ = machine.bus.readPort(port, size: size)
      case 13:
        if machine.pc.interrupts.hasPendingInterrupt { _ = machine.pc.interrupts.acknowledge() }
      case 14: machine.pc.serial[0].receive([UInt8.random(in: 0...255, using: &generator)])
      default:
        let now = machine.bus.clock.now
        let step = UInt64(1) << UInt64.random(in: 0..<32, using: &generator)
        // Some deadlines as a machine would, then a leap.
        for _ in 0..<4 {
          guard let deadline = machine.bus.nextDeadline, deadline < now + step else { break }
          #expect(deadline > machine.bus.clock.now)
          machine.bus.advance(to: deadline)
        }
        machine.bus.advance(to: max(now + step, machine.bus.clock.now))
      }
      machine.pc.requests.clear()
    }
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `no sequence of port accesses hurts`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let machine = TestMachine()
    Self.attack(machine, accesses: 50_000, generator: &generator)
  }

  static func expectSame(_ a: [DeviceState], _ b: [DeviceState]) {
    for (a, b) in zip(a, b) where a != b { Issue.record("\(a.name): \(a.bytes) and \(b.bytes)") }
  }

  @Test(arguments: [11, 12, 13] as [UInt64])
  func `a restored machine goes on exactly as the saved one`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let (machine, twin) = (TestMachine(), TestMachine())
    for _ in 0..<20 {
      Self.attack(machine, accesses: 200, generator: &generator)
      // What is due now must not depend on who looks first.
      machine.bus.advance(to: machine.bus.clock.now)
      let states = machine.bus.save()
      try twin.bus.restore(states, at: machine.bus.clock.now)
      Self.expectSame(twin.bus.save(), states)
      #expect(twin.bus.nextDeadline == machine.bus.nextDeadline)
      #expect(twin.pc.interrupts.hasPendingInterrupt == machine.pc.interrupts.hasPendingInterrupt)
      var (here, there) = (generator, generator)
      Self.attack(machine, accesses: 200, generator: &here)
      Self.attack(twin, accesses: 200, generator: &there)
      Self.expectSame(twin.bus.save(), machine.bus.save())
      generator = here
    }
  }

  @Test func `a damaged or foreign state is refused and leaves a usable device`() throws {
    let machine = TestMachine()
    var state = machine.pc.timer.save()
    state.bytes.removeLast()
    #expect(throws: DeviceStateError.self) { try machine.pc.timer.restore(state) }
    #expect(throws: DeviceStateError.self) { try machine.pc.keyboard.restore(machine.pc.timer.save()) }
    state.version = 99
    #expect(throws: DeviceStateError.self) { try machine.pc.timer.restore(state) }
  }

  @Test(arguments: [21, 22, 23] as [UInt64])
  func `no state, however damaged, makes a device trap`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<40 {
      let machine = TestMachine()
      for device in machine.bus.devices {
        var state = device.save()
        for index in state.bytes.indices { state.bytes[index] = UInt8.random(in: 0...255, using: &generator) }
        try? device.restore(state)
      }
      for step in 0..<8 {
        // A deadline in the past is the state's fault; the machine must only not hang.
        machine.bus.advance(to: UInt64(step) << 30)
        _ = machine.bus.nextDeadline
        for port in machine.bus.portStatistics.flatMap({ Array($0.ports) }) { _ = machine.in(port) }
        Self.attackQuietly(machine, generator: &generator)
      }
    }
  }

  static func attackQuietly(_ machine: TestMachine, generator: inout SeededGenerator) {
    let known = machine.bus.portStatistics.flatMap { Array($0.ports) }
    for _ in 0..<100 {
      machine.out(port(&generator, known), UInt32.random(in: 0...255, using: &generator))
      _ = machine.in(port(&generator, known))
    }
  }
}
