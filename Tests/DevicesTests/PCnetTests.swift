import Memory
import Testing

@testable import Devices

/// Memory that comes round after 64 KiB.
private final class RoundMemory: DMA {
  var bytes = [UInt8](repeating: 0, count: 1 << 16)

  func read(_ address: GuestPhysicalAddress, into target: UnsafeMutableRawBufferPointer) {
    for index in 0..<target.count { target[index] = bytes[(Int(address.value & 0xffff) + index) & 0xffff] }
  }

  func write(_ address: GuestPhysicalAddress, from source: UnsafeRawBufferPointer) {
    for index in 0..<source.count { bytes[(Int(address.value & 0xffff) + index) & 0xffff] = source[index] }
  }
}

@Suite("PCnet-PCI II") struct PCnetTests {
  private let memory = RoundMemory()
  private let devices: PCDevices
  private let base: UInt16

  init() throws {
    var configuration = PCDevices.Configuration(ramSize: 16 << 20)
    configuration.dma = memory
    configuration.network = NetworkConfiguration(backend: LoopNetwork())
    devices = PCDevices(configuration)
    devices.settleAsFirmware()
    let row = try #require(devices.bus.portRows.first { $0.device == "pcnet" }?.ports)
    base = row.lowerBound
    // I/O and bus mastering, in the command register of slot 19.
    devices.bus.writePort(0xcf8, size: .dword, value: 0x8000_0000 | 19 << 11 | 4)
    devices.bus.writePort(0xcfc, size: .dword, value: 5)
  }

  private func register(_ number: UInt32) -> UInt32 {
    devices.bus.writePort(base + 0x12, size: .word, value: number)
    return devices.bus.readPort(base + 0x10, size: .word)
  }

  private func setRegister(_ number: UInt32, _ value: UInt32) {
    devices.bus.writePort(base + 0x12, size: .word, value: number)
    devices.bus.writePort(base + 0x10, size: .word, value: value)
  }

  @Test("the address PROM has the station's address, its sum and the letters WW") func prom() {
    let bytes = (0..<16).map { UInt8(devices.bus.readPort(base + $0, size: .byte)) }
    #expect(Array(bytes.prefix(6)) == MACAddress.usual.bytes)
    #expect(bytes[14] == 0x57 && bytes[15] == 0x57)
    #expect(UInt16(bytes[12]) | UInt16(bytes[13]) << 8 == bytes.enumerated().reduce(UInt16(0)) { $1.offset == 12 || $1.offset == 13 ? $0 : $0 + UInt16($1.element) })
  }

  @Test("after a reset the chip is stopped, and says what it is") func identity() {
    _ = devices.bus.readPort(base + 0x14, size: .word)
    #expect(register(0) & 0xff == 4)
    // Part 2621, version and manufacturer's code (data sheet, CSR88).
    #expect(register(88) & 0xfff == 0x003)
    #expect(register(88) >> 12 | register(89) << 4 == 0x2621)
  }

  @Test("the chip starts from its block, and a frame of no protocol comes back from the loop")
  func loop() {
    // Software style 2: | mode, ring sizes | address | filter | receive ring | transmit ring |, rings of one entry.
    func store(_ value: UInt32, _ at: Int) { for n in 0..<4 { memory.bytes[at + n] = UInt8(truncatingIfNeeded: value >> (8 * n)) } }
    devices.bus.writePort(base + 0x12, size: .word, value: 20)
    devices.bus.writePort(base + 0x16, size: .word, value: 2)
    store(0x8000, 0x1000)
    for (index, byte) in MACAddress.usual.bytes.enumerated() { memory.bytes[0x1004 + index] = byte }
    store(0x2000, 0x1014)
    store(0x2010, 0x1018)
    let frame = [UInt8](repeating: 0xff, count: 6) + MACAddress.usual.bytes + [0xb5, 0x88] + (0..<46).map { UInt8($0) }
    for (index, byte) in frame.enumerated() { memory.bytes[0x3000 + index] = byte }
    // Receive: buffer 4000, owned by the chip, 1536 bytes. Transmit: buffer 3000, whole frame.
    store(0x4000, 0x2000)
    store(0x8000_f000 | 0x0a00, 0x2004)
    store(0x3000, 0x2010)
    store(0x8300_f000 | (0 &- UInt32(frame.count)) & 0xfff, 0x2014)
    setRegister(1, 0x1000)
    setRegister(2, 0)
    setRegister(0, 0x43)
    #expect(register(0) & 0x100 != 0, "IDON")
    setRegister(0, 0x48 | 0x02)
    for step in 1...20 { devices.bus.advance(to: UInt64(step) * 1_000_000) }
    #expect(memory.bytes[0x2017] & 0x80 == 0, "the transmit entry is the driver's again")
    #expect(memory.bytes[0x2007] & 0x80 == 0, "and the receive entry has a frame")
    #expect(Array(memory.bytes[0x4000..<0x4006]) == MACAddress.usual.bytes)
    #expect(Array(memory.bytes[0x400c..<0x403c]) == Array(frame[12...]))
    #expect(register(0) & 0x8000 == 0, "no error")
  }

  @Test("no driver, however wild, hangs or traps it", arguments: 0..<6) func hostile(seed: UInt64) {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    func random() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
    for index in memory.bytes.indices { memory.bytes[index] = UInt8(truncatingIfNeeded: random()) }
    var now: UInt64 = 0
    for step in 0..<4000 {
      let size = AccessSize.allCases[Int(random() % 3)]
      let port = base + UInt16(random() % 32)
      if random() % 4 == 0 {
        _ = devices.bus.readPort(port, size: size)
      } else if random() % 3 == 0 {
        setRegister(UInt32(random() % 128), UInt32(truncatingIfNeeded: random()))
      } else {
        devices.bus.writePort(port, size: size, value: UInt32(truncatingIfNeeded: random()))
      }
      if random() % 5 == 0 { setRegister(0, 0x4b) }
      if random() % 3 == 0 { memory.bytes[Int(random() & 0xffff)] = UInt8(truncatingIfNeeded: random()) }
      now += random() % 100_000
      devices.bus.advance(to: now)
      if step % 50 == 0 { devices.pollInput() }
    }
    let saved = devices.network?.save()
    devices.network?.reset()
    if let saved { #expect(throws: Never.self) { try devices.network?.restore(saved) } }
    #expect(devices.network?.save() == saved)
  }
}
