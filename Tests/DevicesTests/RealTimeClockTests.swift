import Testing

@testable import Devices

@Suite struct RealTimeClockTests {
  /// 2026-02-28 23:59:58, a Saturday.
  let machine = TestMachine(unixTime: 1_772_323_198)
  var pic: InterruptController { machine.pc.interrupts }
  var isRequesting: Bool { pic.registers.requests & 1 << 8 != 0 }
  static let second: UInt64 = 1_000_000_000

  init() { machine.initializeInterruptsLikeLinux() }

  func time() -> [UInt32] { [0x32, 9, 8, 7, 6, 4, 2, 0].map { machine.readCMOS($0) } }

  @Test func `the clock shows its base in BCD and 24 hours, and runs by virtual time`() {
    #expect(time() == [0x20, 0x26, 0x02, 0x28, 7, 0x23, 0x59, 0x58])
    machine.run(for: 2 * Self.second)
    #expect(time() == [0x20, 0x26, 0x03, 0x01, 1, 0x00, 0x00, 0x00])
  }

  @Test func `binary and 12-hour formats`() {
    machine.writeCMOS(0x0b, 0x06)
    #expect(time() == [20, 26, 2, 28, 7, 23, 59, 58])
    machine.writeCMOS(0x0b, 0x00)
    #expect(machine.readCMOS(4) == 0x91)
    machine.run(for: 2 * Self.second)
    #expect(machine.readCMOS(4) == 0x12)
  }

  @Test func `the update in progress bit warns 244 microseconds before an update begins`() {
    machine.run(to: Self.second - 2_228_001)
    #expect(machine.readCMOS(0x0a) == 0x26)
    machine.run(to: Self.second - 2_228_000)
    #expect(machine.readCMOS(0x0a) == 0xa6)
    machine.run(to: Self.second)
    #expect(machine.readCMOS(0x0a) == 0x26)
  }

  @Test func `SET holds the registers, and clearing it starts from what they hold`() {
    machine.writeCMOS(0x0b, 0x82)
    machine.run(for: 5 * Self.second)
    #expect(machine.readCMOS(0) == 0x58)
    for (register, value) in [(0, 0x30), (2, 0x15), (4, 0x08), (7, 0x17), (8, 0x07), (9, 0x99), (0x32, 0x19)] {
      machine.writeCMOS(UInt32(register), UInt32(value))
    }
    machine.writeCMOS(0x0b, 0x02)
    #expect(time() == [0x19, 0x99, 0x07, 0x17, 7, 0x08, 0x15, 0x30])
    machine.run(for: Self.second)
    #expect(machine.readCMOS(0) == 0x31)
  }

  @Test func `Linux's way to set the time lets the first second be half a one`() {
    machine.writeCMOS(0x0b, 0x82)
    machine.writeCMOS(0x0a, 0x76)
    machine.writeCMOS(0, 0x10)
    machine.writeCMOS(0x0b, 0x02)
    machine.writeCMOS(0x0a, 0x26)
    let start = machine.bus.clock.now
    machine.run(to: start + Self.second / 2 - 1)
    #expect(machine.readCMOS(0) == 0x10)
    machine.run(to: start + Self.second / 2)
    #expect(machine.readCMOS(0) == 0x11)
  }

  @Test func `the update interrupt comes each second and register C takes it back`() {
    machine.writeCMOS(0x0b, 0x12)
    #expect(machine.bus.nextDeadline == Self.second)
    machine.run(to: Self.second)
    #expect(isRequesting)
    #expect(machine.bus.nextDeadline == nil, "until register C is read")
    #expect(machine.readCMOS(0x0c) & 0xb0 == 0x90)
    #expect(!isRequesting)
    #expect(machine.readCMOS(0x0c) == 0)
    #expect(machine.bus.nextDeadline == 2 * Self.second)
  }

  @Test func `the periodic interrupt has the rate that register A selects`() {
    machine.writeCMOS(0x0a, 0x26)
    machine.writeCMOS(0x0b, 0x42)
    var count = 0
    while let deadline = machine.bus.nextDeadline, deadline <= Self.second {
      machine.bus.advance(to: deadline)
      #expect(isRequesting)
      #expect(machine.readCMOS(0x0c) & 0xc0 == 0xc0)
      count += 1
    }
    #expect(count == 1024)
  }

  @Test(arguments: [
    (0x00, 0x00, 0x00, 2), (0xff, 0xff, 0xff, 1), (0xff, 0xff, 0x05, 7), (0xff, 0x01, 0x05, 67),
    (0x23, 0x59, 0x57, 86_399),
  ] as [(UInt32, UInt32, UInt32, UInt64)])
  func `an alarm comes at the next time that matches`(hour: UInt32, minute: UInt32, second: UInt32, after: UInt64) {
    machine.writeCMOS(5, hour)
    machine.writeCMOS(3, minute)
    machine.writeCMOS(1, second)
    machine.writeCMOS(0x0b, 0x22)
    #expect(machine.bus.nextDeadline == after * Self.second)
    machine.run(to: after * Self.second)
    #expect(isRequesting)
    #expect(machine.readCMOS(0x0c) & 0xa0 == 0xa0)
  }

  @Test func `an alarm at no time of day never comes`() {
    machine.writeCMOS(1, 0x77)
    machine.writeCMOS(0x0b, 0x22)
    #expect(machine.bus.nextDeadline == nil)
  }

  @Test func `memory sizes stand where a PC's firmware puts them, with the right checksum`() {
    let bytes = (0..<128).map { machine.readCMOS($0) }
    #expect(bytes[0x15] | bytes[0x16] << 8 == 640)
    #expect(bytes[0x17] | bytes[0x18] << 8 == 63 << 10)
    #expect(bytes[0x30] | bytes[0x31] << 8 == 63 << 10)
    #expect(bytes[0x34] | bytes[0x35] << 8 == 48 << 4)
    #expect(bytes[0x10...0x2d].reduce(0, +) == bytes[0x2e] << 8 | bytes[0x2f])
  }

  @Test func `the rest is memory, and port 0x70 only takes an index`() {
    machine.writeCMOS(0x7f, 0x5a)
    #expect(machine.readCMOS(0xff) == 0x5a, "bit 7 is the NMI mask")
    #expect(machine.pc.clock.isNMIMasked)
    #expect(machine.in(0x70) == 0xff)
    #expect(machine.readCMOS(0x0d) == 0x80)
  }

  @Test(arguments: [0, 951_782_400, 1_772_323_198, 4_107_542_399, -62_135_596_800, 253_402_300_799] as [Int64])
  func `a date is the inverse of its seconds`(unixTime: Int64) {
    #expect(CalendarTime(unixTime: unixTime).unixTime == unixTime)
  }

  @Test func `the leap day of 2000 was a Tuesday`() {
    let time = CalendarTime(unixTime: 951_782_400)
    #expect([time.year, time.month, time.day, time.dayOfWeek] == [2000, 2, 29, 3])
  }
}
