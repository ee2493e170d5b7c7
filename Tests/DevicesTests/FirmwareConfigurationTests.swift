import Memory
import Testing

@testable import Devices

@Suite struct FirmwareConfigurationTests {
  let machine: TestMachine
  private let memory = TestMemory(0x1_0000, filledWith: 0xcc)
  var firmware: FirmwareConfiguration { machine.pc.firmware }

  init() {
    machine = TestMachine(dma: memory)
    firmware.add(file: "bootorder", Array("/pci@i0cf8/ide@1,1/drive@0/disk@0\n\0".utf8))
  }

  func read(_ selector: UInt32, _ count: Int) -> [UInt8] {
    machine.out(0x510, selector, .word)
    return (0..<count).map { _ in UInt8(machine.in(0x511)) }
  }

  func big(_ value: UInt32) -> [UInt8] { AML.little(value.byteSwapped) }

  /// Runs a DMA transfer whose descriptor is at 0x100.
  func transfer(_ control: UInt32, _ length: UInt32, _ address: UInt64) -> UInt32 {
    let descriptor =
      big(control) + big(length) + big(UInt32(address >> 32)) + big(UInt32(truncatingIfNeeded: address))
    memory.bytes.replaceSubrange(0x100..<0x110, with: descriptor)
    machine.out(0x514, 0, .dword)
    machine.out(0x518, UInt32(0x100).byteSwapped, .dword)
    return memory.bytes[0x100..<0x104].reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// The directory, as SeaBIOS reads it.
  func files() -> [String: (selector: UInt32, size: Int)] {
    let count = read(0x19, 4).reduce(0) { $0 << 8 | Int($1) }
    var files: [String: (UInt32, Int)] = [:]
    for _ in 0..<count {
      let entry = (0..<64).map { _ in UInt8(machine.in(0x511)) }
      let name = String(decoding: entry[8...].prefix { $0 != 0 }, as: UTF8.self)
      files[name] = (UInt32(entry[4]) << 8 | UInt32(entry[5]), entry[..<4].reduce(0) { $0 << 8 | Int($1) })
    }
    return files
  }

  @Test func `SeaBIOS finds the interface and its DMA`() {
    #expect(read(0, 4) == Array("QEMU".utf8))
    #expect(read(1, 4) == [3, 0, 0, 0])
    #expect((0..<8).map { UInt8(machine.in(0x514 + UInt16($0))) } == Array("QEMU CFG".utf8))
    #expect(machine.in(0x514, .dword) == 0x554d_4551)
  }

  @Test func `the machine is one processor with its RAM, without menu and nodes`() {
    #expect(read(3, 8) == AML.little(UInt64(64 << 20)))
    #expect(read(5, 2) == [1, 0] && read(0x0f, 2) == [1, 0])
    #expect(read(0x0d, 8) == [UInt8](repeating: 0, count: 8) && read(0x0e, 2) == [0, 0])
    #expect(read(0x8002, 4) == [1, 0, 0, 0])
    #expect(read(0x8003, 4) == [0, 0, 0, 0], "items that aren't there are zeros")
  }

  @Test func `files are found by name and read to their end, and zeros follow`() throws {
    let entry = try #require(files()["bootorder"])
    #expect(entry.size == 35)
    let content = read(entry.selector, entry.size + 3)
    #expect(String(decoding: content.prefix(33), as: UTF8.self) == "/pci@i0cf8/ide@1,1/drive@0/disk@0")
    #expect(content.suffix(3) == [0, 0, 0])
    let map = try #require(files()["etc/e820"])
    #expect(read(map.selector, map.size) == AML.little(UInt64(0)) + AML.little(UInt64(64 << 20)) + [1, 0, 0, 0])
  }

  @Test func `DMA selects, reads, skips and goes on`() {
    #expect(transfer(0x0000_000a, 4, 0x2000) == 0)
    #expect(Array(memory.bytes[0x2000..<0x2005]) == Array("QEMU".utf8) + [0xcc])
    let selector = files()["bootorder"]!.selector
    #expect(transfer(selector << 16 | 0x0c, 5, 0) == 0)
    #expect(transfer(0x02, 5, 0x2000) == 0)
    #expect(String(decoding: memory.bytes[0x2000..<0x2005], as: UTF8.self) == "i0cf8")
    #expect(transfer(0x04, 1000, 0) == 0)
    #expect(transfer(0x02, 4, 0x2000) == 0)
    #expect(Array(memory.bytes[0x2000..<0x2004]) == [0, 0, 0, 0])
  }

  @Test func `nothing can be written, and a transfer of gigabytes is refused`() {
    #expect(transfer(0x0000_0018, 4, 0x2000) == 1)
    memory.written = 0
    #expect(transfer(0x0000_000a, 0xffff_ffff, 0x2000) == 1)
    #expect(memory.written < 2 << 20)
    #expect(transfer(0x0000_000a, 4, .max - 1) == 0)
  }

  @Test func `a descriptor outside memory does nothing`() {
    machine.out(0x514, 0xffff_ffff, .dword)
    machine.out(0x518, 0xffff_ffff, .dword)
    #expect(read(0, 4) == Array("QEMU".utf8))
  }

  @Test(arguments: [71, 72, 73] as [UInt64])
  func `no sequence of accesses hurts`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<20_000 {
      let port = UInt16.random(in: 0x510...0x51c, using: &generator)
      let size = AccessSize.allCases.randomElement(using: &generator)!
      let value = UInt32.random(in: 0...(.max), using: &generator) >> UInt32.random(in: 0..<32, using: &generator)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: _ = machine.in(port, size)
      case 1: _ = transfer(value, UInt32.random(in: 0...5000, using: &generator), UInt64(value) << 4)
      default: machine.out(port, value, size)
      }
    }
    var state = firmware.save()
    for _ in 0..<100 {
      for index in state.bytes.indices { state.bytes[index] = UInt8.random(in: 0...255, using: &generator) }
      try firmware.restore(state)
      _ = machine.in(0x511)
      _ = transfer(0x02, 100, 0x3000)
      _ = transfer(0x04, 100, 0x3000)
    }
  }
}

@Suite struct DMAControllerTests {
  let machine = TestMachine()
  var controller: DMAController { machine.pc.dmaController }

  @Test func `addresses and counts are read back, low byte first`() {
    machine.out(0x0c, 0)
    for value: UInt32 in [0x34, 0x12] { machine.out(0x04, value) }
    for value: UInt32 in [0xff, 0x01] { machine.out(0x05, value) }
    #expect([machine.in(0x04), machine.in(0x04), machine.in(0x05), machine.in(0x05)] == [0x34, 0x12, 0xff, 0x01])
    machine.out(0x81, 0x5a)
    machine.out(0x0b, 0x46)
    machine.out(0x0a, 0x02)
    #expect(machine.in(0x81) == 0x5a)
    #expect(
      controller.channel(2) == DMAController.Channel(address: 0x5a_1234, count: 512, direction: 1, isMasked: false))
  }

  @Test func `the floppy's transfer counts down and ends with TC and a mask`() {
    `addresses and counts are read back, low byte first`()
    #expect(!controller.advance(channel: 2, by: 511))
    #expect(controller.channel(2).address == 0x5a_1234 + 511 && controller.channel(2).count == 1)
    #expect(controller.advance(channel: 2, by: 1))
    #expect(machine.in(0x08) & 0x04 != 0)
    #expect(machine.in(0x08) == 0)
    #expect(controller.channel(2).isMasked)
  }

  @Test func `auto-initialization starts over`() {
    `addresses and counts are read back, low byte first`()
    machine.out(0x0b, 0x56)
    #expect(controller.advance(channel: 2, by: 10_000))
    #expect(
      controller.channel(2) == DMAController.Channel(address: 0x5a_1234, count: 512, direction: 1, isMasked: false))
  }

  @Test func `the second controller counts words, at every other port`() {
    machine.out(0xd8, 0)
    for value: UInt32 in [0x00, 0x80] { machine.out(0xc4, value) }
    for value: UInt32 in [0x01, 0x00] { machine.out(0xc6, value) }
    machine.out(0x8b, 0x03)
    #expect(controller.channel(5).address == 0x03_0000 && controller.channel(5).count == 4)
    #expect(controller.advance(channel: 5, by: 4))
    machine.out(0xd6, 0xc0)
    machine.out(0xd4, 0x00)
    #expect(machine.in(0xde) & 0x0f == 0x0e)
  }

  @Test func `SeaBIOS's master clear masks everything`() {
    machine.out(0x0e, 0)
    #expect(machine.in(0x0f) & 0x0f == 0)
    machine.out(0x0d, 0)
    #expect(machine.in(0x0f) & 0x0f == 0x0f)
    machine.out(0xda, 0)
    #expect(machine.in(0x80) == 0 && machine.in(0x84) == 0)
  }

  @Test(arguments: [81, 82] as [UInt64])
  func `nothing written here hurts`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<30_000 {
      let port = [0x00, 0x81, 0xc0].randomElement(using: &generator)! + UInt16.random(in: 0..<15, using: &generator)
      if Bool.random(using: &generator) {
        machine.out(port, UInt32.random(in: 0...255, using: &generator))
      } else {
        _ = machine.in(port)
      }
      _ = controller.channel(Int.random(in: -1...8, using: &generator))
      controller.advance(
        channel: Int.random(in: 0..<8, using: &generator), by: Int.random(in: -5...200_000, using: &generator))
    }
    let state = controller.save()
    let twin = DMAController()
    try twin.restore(state)
    #expect(twin.save() == state)
  }
}
