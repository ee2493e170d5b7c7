import Testing

@testable import Devices

/// Expected values are the data sheet's (Intel 231164-005, "Mode Definitions"): a count written at tick t is loaded at
/// t + 1.
@Suite struct TimerChannelTests {
  static func channel(mode: UInt8, count: UInt16, gate: Bool = true, bcd: Bool = false) -> TimerChannel {
    var channel = TimerChannel(gate: gate)
    channel.control(0x30 | mode << 1 | (bcd ? 1 : 0), at: 0)
    channel.write(UInt8(count & 0xff), at: 0)
    channel.write(UInt8(count >> 8), at: 0)
    return channel
  }

  /// OUT from tick 1 (the load) on, as the data sheet draws it.
  static func wave(_ channel: TimerChannel, from start: UInt64 = 1, count: Int) -> String {
    String((0..<count).map { channel.output(at: start + UInt64($0)) ? "#" : "." })
  }

  @Test(
    arguments: [
      (0, 4, "....######"), (2, 3, "##.##.##.#"), (2, 2, "#.#.#.#.#."), (3, 4, "##..##..##"), (3, 5, "###..###.."),
      (4, 3, "###.######"),
    ] as [(UInt8, UInt16, String)])
  func `OUT follows the data sheet's diagram`(mode: UInt8, count: UInt16, wave: String) {
    #expect(Self.wave(Self.channel(mode: mode, count: count), count: 10) == wave)
  }

  @Test(
    arguments: [
      (0, 4, [4, 3, 2, 1, 0, 0xffff]), (2, 3, [3, 2, 1, 3, 2, 1]), (3, 4, [4, 2, 4, 2, 4, 2]),
      (3, 5, [4, 2, 0, 4, 2, 4]), (4, 3, [3, 2, 1, 0, 0xffff, 0xfffe]),
    ] as [(UInt8, UInt16, [UInt16])])
  func `the counting element follows the data sheet`(mode: UInt8, count: UInt16, values: [UInt16]) {
    let channel = Self.channel(mode: mode, count: count)
    #expect((1...6).map { channel.count(at: $0) } == values)
  }

  @Test(arguments: [0, 2, 3, 4] as [UInt8], [2, 3, 7, 0] as [UInt16])
  func `the next edge is where OUT changes next`(mode: UInt8, count: UInt16) {
    let channel = Self.channel(mode: mode, count: count)
    for tick: UInt64 in [0, 1, 2, 3, 5, 65_530, 65_536, 65_537, 70_000] {
      guard let edge = channel.nextEdge(after: tick) else { continue }
      #expect(edge > tick)
      #expect(channel.output(at: edge) != channel.output(at: edge - 1))
      #expect((tick..<edge).allSatisfy { channel.output(at: $0) == channel.output(at: tick) })
    }
  }

  @Test func `mode 1 needs a rising gate and can be triggered again`() {
    var channel = Self.channel(mode: 1, count: 3, gate: false)
    #expect(channel.output(at: 50))
    channel.setGate(true, at: 100)
    #expect(Self.wave(channel, from: 100, count: 6) == "#...##")
    channel.setGate(false, at: 101)
    channel.setGate(true, at: 102)
    #expect(Self.wave(channel, from: 102, count: 6) == "....##")
  }

  @Test func `mode 5 strobes a count after the gate rises`() {
    var channel = Self.channel(mode: 5, count: 3, gate: false)
    channel.setGate(true, at: 100)
    #expect(Self.wave(channel, from: 100, count: 6) == "####.#")
  }

  @Test(arguments: [0, 4] as [UInt8])
  func `a low gate holds the count in modes 0 and 4`(mode: UInt8) {
    var channel = Self.channel(mode: mode, count: 10)
    channel.setGate(false, at: 4)
    #expect(channel.count(at: 1000) == 7)
    #expect(channel.nextEdge(after: 1000) == nil)
    channel.setGate(true, at: 1000)
    #expect(channel.count(at: 1002) == 5)
    #expect(channel.nextEdge(after: 1000) == 1007)
  }

  @Test(arguments: [2, 3] as [UInt8])
  func `a low gate forces OUT high in modes 2 and 3, and a rising one starts over`(mode: UInt8) {
    var channel = Self.channel(mode: mode, count: 4)
    channel.setGate(false, at: 4)
    #expect(Self.wave(channel, from: 4, count: 4) == "####")
    channel.setGate(true, at: 20)
    #expect(channel.count(at: 21) == 4)
  }

  @Test func `a count written while mode 2 runs waits for the end of the period`() {
    var channel = Self.channel(mode: 2, count: 4)
    channel.write(2, at: 2)
    channel.write(0, at: 2)
    #expect(channel.nextEdge(after: 2) == 4)
    channel.settle(at: 5)
    #expect(Self.wave(channel, from: 5, count: 6) == "#.#.#.")
  }

  @Test func `a count written while mode 3 runs waits for the end of the half`() {
    var channel = Self.channel(mode: 3, count: 8)
    channel.write(4, at: 2)
    channel.write(0, at: 2)
    channel.settle(at: 5)
    #expect(Self.wave(channel, from: 5, count: 6) == "..##..")
  }

  @Test func `the first byte of a new count stops mode 0 with OUT low`() {
    var channel = Self.channel(mode: 0, count: 2)
    #expect(channel.output(at: 3))
    channel.write(5, at: 10)
    #expect(!channel.output(at: 10))
    #expect(channel.nextEdge(after: 10) == nil)
    channel.write(0, at: 12)
    #expect(channel.nextEdge(after: 12) == 18)
  }

  @Test func `a count of 0 is the largest, in binary and in BCD`() {
    #expect(Self.channel(mode: 0, count: 0).nextEdge(after: 0) == 65_537)
    #expect(Self.channel(mode: 0, count: 0, bcd: true).nextEdge(after: 0) == 10_001)
  }

  @Test func `BCD counts down in decimal`() {
    let channel = Self.channel(mode: 2, count: 0x1000, bcd: true)
    #expect((1...3).map { channel.count(at: $0) } == [0x1000, 0x0999, 0x0998])
    #expect(channel.count(at: 1001) == 0x1000)
  }

  @Test func `a single-byte access mode counts the other byte as zero`() {
    var channel = TimerChannel(gate: true)
    channel.control(0x24, at: 0)
    channel.write(0x12, at: 0)
    #expect(channel.count(at: 1) == 0x1200)
    #expect(channel.read(at: 1) == 0x12)
    channel.control(0x14, at: 10)
    channel.write(0x12, at: 10)
    #expect(channel.count(at: 11) == 0x12)
  }

  @Test func `a count of 1 in modes 2 and 3 makes no edges`() {
    for mode: UInt8 in [2, 3] { #expect(Self.channel(mode: mode, count: 1).nextEdge(after: 5) == nil) }
  }
}

@Suite struct IntervalTimerTests {
  let machine = TestMachine()
  /// Nanoseconds at which a tick has just gone by.
  func time(_ tick: UInt64) -> UInt64 { TickRate(hertz: IntervalTimer.frequency).time(of: tick) }

  @Test func `a latched count stays until both bytes are read`() {
    machine.out(0x43, 0x34)
    machine.out(0x40, 0x34)
    machine.out(0x40, 0x12)
    machine.run(to: time(1 + 0x34))
    machine.out(0x43, 0x00)
    machine.run(to: time(1 + 0x134))
    machine.out(0x43, 0x00)
    #expect(machine.in(0x40) == 0x00)
    #expect(machine.in(0x40) == 0x12)
    #expect(machine.in(0x40) == 0x00)
    #expect(machine.in(0x40) == 0x11)
  }

  @Test func `a count is read back at once, as by Linux, which measures its clock so`() {
    machine.out(0x61, 0x01)
    machine.out(0x43, 0xb0)
    machine.out(0x42, 0xff)
    machine.out(0x42, 0xff)
    #expect(machine.in(0x42) == 0xff)
    #expect(machine.in(0x42) == 0xff)
    machine.run(to: time(1 + 0x100))
    #expect(machine.in(0x42) == 0xff)
    #expect(machine.in(0x42) == 0xfe)
  }

  @Test func `read-back gives status first and then the count`() {
    machine.out(0x43, 0x36)
    machine.out(0x40, 0x10)
    machine.out(0x40, 0x00)
    machine.out(0x43, 0xe2)
    #expect(machine.in(0x40) == 0xf6, "OUT high, null count, both bytes, mode 3")
    machine.run(to: time(1 + 9))
    machine.out(0x43, 0xc2)
    #expect(machine.in(0x40) == 0x36, "OUT low, count loaded")
    #expect(machine.in(0x40) == 0x0e)
    #expect(machine.in(0x40) == 0x00)
  }

  @Test func `counter 0 in mode 2 raises IRQ 0 once a period, without drift`() {
    machine.initializeInterruptsLikeLinux()
    machine.out(0x21, 0xfe)
    machine.out(0x43, 0x34)
    machine.out(0x40, 0x9c)
    machine.out(0x40, 0x2e)
    // Setting mode 2 lets OUT go high, which is an edge; then comes one each 11932 ticks.
    #expect(machine.pc.interrupts.acknowledge() == 0x30)
    machine.out(0x20, 0x20)
    var interrupts: [UInt64] = []
    while interrupts.count < 100, let deadline = machine.bus.nextDeadline {
      machine.bus.advance(to: deadline)
      guard machine.pc.interrupts.hasPendingInterrupt else { continue }
      #expect(machine.pc.interrupts.acknowledge() == 0x30)
      machine.out(0x20, 0x20)
      interrupts.append(machine.bus.clock.now)
    }
    #expect(interrupts == (1...100).map { time(1 + $0 * 11_932) })
  }

  @Test func `periods that go by at once are one interrupt`() {
    machine.pc.settleAsFirmware()
    machine.bus.advance(to: 10_000_000_000)
    #expect(machine.pc.interrupts.hasPendingInterrupt)
    _ = machine.pc.interrupts.acknowledge()
    machine.out(0x20, 0x20)
    #expect(!machine.pc.interrupts.hasPendingInterrupt)
    #expect(machine.bus.nextDeadline! > 10_000_000_000)
  }

  @Test func `Linux's calibration sees counter 2's output in port 0x61 after its count`() {
    machine.out(0x61, machine.in(0x61) & ~0x02 | 0x01)
    machine.out(0x43, 0xb0)
    machine.out(0x42, 0x9b)
    machine.out(0x42, 0x2e)
    #expect(machine.in(0x61) & 0x20 == 0)
    machine.run(to: time(0x2e9b))
    #expect(machine.in(0x61) & 0x20 == 0)
    machine.run(to: time(0x2e9b + 1))
    #expect(machine.in(0x61) & 0x21 == 0x21)
  }

  @Test func `the gate in port 0x61 holds counter 2`() {
    machine.out(0x61, 0x00)
    machine.out(0x43, 0xb0)
    machine.out(0x42, 0x10)
    machine.out(0x42, 0x00)
    machine.run(for: 1_000_000)
    #expect(machine.in(0x61) & 0x20 == 0)
    machine.out(0x61, 0x01)
    machine.run(for: 1_000_000)
    #expect(machine.in(0x61) & 0x20 != 0)
  }

  @Test func `the refresh bit toggles each 15 microseconds`() {
    let first = machine.in(0x61) & 0x10
    machine.run(for: 15_086)
    #expect(machine.in(0x61) & 0x10 != first)
    machine.run(for: 15_086)
    #expect(machine.in(0x61) & 0x10 == first)
  }
}
