import Memory
import Testing

@testable import Devices

/// Remembers what it was asked; answers with the offset in every byte.
private final class Probe: Device {
  let name: String
  var reads: [(UInt32, AccessSize)] = []
  var writes: [(UInt32, AccessSize, UInt32)] = []
  var deadline: UInt64?
  var advances: [UInt64] = []
  var log: ((String) -> Void)?
  init(_ name: String = "probe") { self.name = name }
  func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    reads.append((offset, size))
    return offset * 0x0101_0101
  }
  func write(_ offset: UInt32, size: AccessSize, value: UInt32) { writes.append((offset, size, value)) }
  func reset() {}
  var nextDeadline: UInt64? { deadline }
  func advance(to now: UInt64) {
    advances.append(now)
    deadline = nil
    log?(name)
  }
  func transferState(_ archive: inout StateArchive) { archive.field(&deadline) }
}

@Suite struct BusTests {
  @Test(arguments: [(AccessSize.byte, UInt32(0xff)), (.word, 0xffff), (.dword, 0xffff_ffff)])
  func `a port that nobody claims reads as all ones, and writes to it vanish`(size: AccessSize, ones: UInt32) {
    let bus = Bus()
    bus.writePort(0x1234, size: size, value: 0)
    #expect(bus.readPort(0x1234, size: size) == ones)
    #expect(bus.readPort(0xffff, size: size) == ones)
  }

  @Test func `a device sees its own register numbers, not ports`() {
    let bus = Bus(), probe = Probe()
    bus.claim(ports: 0x300...0x303, for: probe)
    bus.claim(ports: 0x400...0x401, for: probe, firstRegister: 4)
    #expect(bus.readPort(0x302, size: .byte) == 2)
    #expect(bus.readPort(0x401, size: .byte) == 5)
    bus.writePort(0x300, size: .byte, value: 0xffff_ff42)
    #expect(probe.writes[0] == (0, .byte, 0x42))
  }

  @Test func `wide accesses to byte-wide ports are split, low byte first`() {
    let bus = Bus(), probe = Probe()
    bus.claim(ports: 0x300...0x302, for: probe)
    #expect(bus.readPort(0x300, size: .dword) == 0xff02_0100)
    bus.writePort(0x300, size: .word, value: 0xbbaa)
    #expect(probe.writes.map(\.2) == [0xaa, 0xbb])
    #expect(probe.reads.map(\.0) == [0, 1, 2])
  }

  @Test func `a dword-wide device takes an aligned dword whole and others in parts`() {
    let bus = Bus(), probe = Probe()
    bus.claim(ports: 0x300...0x307, for: probe, widest: .dword)
    _ = bus.readPort(0x304, size: .dword)
    #expect(probe.reads.map(\.1) == [.dword])
    _ = bus.readPort(0x302, size: .dword)
    #expect(probe.reads.map(\.1) == [.dword, .word, .word])
    _ = bus.readPort(0x307, size: .word)
    #expect(probe.reads.map(\.1) == [.dword, .word, .word, .byte])
  }

  @Test func `an access past the last port doesn't come round to port 0`() {
    let bus = Bus(), low = Probe("low"), high = Probe("high")
    bus.claim(ports: 0...3, for: low)
    bus.claim(ports: 0xfffe...0xffff, for: high)
    #expect(bus.readPort(0xffff, size: .word) == 0xff01)
    bus.writePort(0xfffe, size: .dword, value: 0)
    #expect(low.reads.isEmpty && low.writes.isEmpty && high.writes.count == 2)
  }

  @Test func `device memory is found, split at its end, and floats elsewhere`() {
    let bus = Bus(), probe = Probe()
    bus.claim(memory: GuestPhysicalAddress(0xfe00_0000 as UInt64), count: 0x10, for: probe)
    #expect(bus.readMemory(GuestPhysicalAddress(0xfe00_0004 as UInt64), size: .dword) == 0x0404_0404)
    #expect(bus.readMemory(GuestPhysicalAddress(0xfe00_000e as UInt64), size: .dword) == 0xffff_0e0e)
    #expect(bus.readMemory(GuestPhysicalAddress(0xfd00_0000 as UInt64), size: .dword) == 0xffff_ffff)
    #expect(bus.readMemory(GuestPhysicalAddress(UInt64.max), size: .dword) == 0xffff_ffff)
    bus.writeMemory(GuestPhysicalAddress(0xfdff_fffe as UInt64), size: .dword, value: 0x4433_2211)
    #expect(probe.writes.map(\.2) == [0x4433])
  }

  @Test func `due devices are served in the order of their deadlines, each once`() {
    let bus = Bus(), late = Probe("late"), early = Probe("early")
    var order: [String] = []
    late.log = { order.append($0) }
    early.log = { order.append($0) }
    bus.attach(late)
    bus.attach(early)
    late.deadline = 200
    early.deadline = 100
    #expect(bus.nextDeadline == 100)
    bus.advance(to: 99)
    #expect(order == [])
    bus.advance(to: 250)
    #expect(order == ["early", "late"])
    #expect(bus.nextDeadline == nil)
    bus.advance(to: 10)
    #expect(bus.clock.now == 250)
  }

  @Test func `uses of a range are counted`() {
    let bus = Bus(), probe = Probe()
    bus.claim(ports: 0x300...0x301, for: probe)
    _ = bus.readPort(0x300, size: .word)
    bus.writePort(0x301, size: .byte, value: 1)
    #expect(bus.portStatistics == [PortStatistics(device: "probe", ports: 0x300...0x301, reads: 2, writes: 1)])
  }
}

@Suite struct TickRateTests {
  @Test(arguments: [UInt64(0), 1, 838, 839, 1_000_000_000, 3_600_000_000_000, .max / 2, .max])
  func `the time of a tick is the first nanosecond at which it has gone by`(nanoseconds: UInt64) {
    let rate = TickRate(hertz: 1_193_182)
    let tick = rate.ticks(at: nanoseconds)
    let time = rate.time(of: tick)
    #expect(time <= nanoseconds)
    #expect(rate.ticks(at: time) == tick)
    if time > 0 { #expect(rate.ticks(at: time - 1) == tick - 1) }
  }

  @Test func `a day has exactly its ticks`() {
    #expect(TickRate(hertz: 1_193_182).ticks(at: 86_400_000_000_000) == 1_193_182 * 86_400)
  }
}
