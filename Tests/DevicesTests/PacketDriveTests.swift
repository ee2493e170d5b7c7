import Testing

@testable import Devices

@Suite struct PacketDriveTests {
  let machine: StorageMachine
  static let sectors = 40

  init() throws {
    let image = try MemoryDiskImage(pattern(sectors: 0..<4 * Self.sectors))
    machine = try StorageMachine([Drive(image: image, medium: .cdrom)])
  }

  /// Sends a packet and takes the data in as many blocks as come.
  private func send(_ packet: [UInt8], limit: UInt32 = 0xfffe) -> (data: [UInt8], blocks: Int) {
    machine.command(0xa0, lba: limit << 8, device: 0xa0)
    #expect(machine.status == 0x58 && machine.in(0x1f2) & 3 == 1)
    machine.writeData(packet + [UInt8](repeating: 0, count: 12 - packet.count))
    var (data, blocks): ([UInt8], Int) = ([], 0)
    while machine.in(0x1f7) & 0x08 != 0 {
      #expect(machine.in(0x1f2) & 3 == 2)
      data += machine.readData(Int(machine.in(0x1f4) | machine.in(0x1f5) << 8))
      blocks += 1
    }
    #expect(machine.in(0x1f2) & 3 == 3)
    return (data, blocks)
  }

  @Test func `it shows its signature, and refuses to be identified as a disk`() {
    #expect(machine.in(0x1f4) == 0x14 && machine.in(0x1f5) == 0xeb && machine.in(0x1f7) == 0)
    machine.command(0xec, device: 0xa0)
    #expect(machine.status == 0x51 && machine.in(0x1f4) == 0x14 && machine.in(0x1f5) == 0xeb)
    machine.command(0xa1, device: 0xa0)
    #expect(machine.readData(512)[1] == 0x85)
    machine.command(0x08, device: 0xa0)
    #expect(machine.in(0x1f7) == 0 && machine.in(0x1f4) == 0x14)
  }

  @Test(arguments: [(UInt32(0xfffe), 1), (4096, 3), (2048, 5), (512, 20)])
  func `sectors come in blocks of the size that the host allows`(limit: UInt32, blocks: Int) {
    let answer = send([0x28, 0, 0, 0, 0, 3, 0, 0, 5], limit: limit)
    #expect(answer.data == pattern(sectors: 12..<32) && answer.blocks == blocks)
    #expect(machine.status == 0x50)
  }

  @Test func `it tells its size, its contents and what it is`() {
    #expect(send([0x25]).data == [0, 0, 0, UInt8(Self.sectors - 1), 0, 0, 8, 0])
    #expect(send([0x12, 0, 0, 0, 36]).data[0] == 5)
    #expect(send([0x43, 0, 0, 0, 0, 0, 0, 0, 20]).data.count == 20)
    #expect(send([0x00]).blocks == 0)
  }

  @Test func `an error is told by its sense`() {
    #expect(send([0x28, 0, 0, 0, 0, UInt8(Self.sectors), 0, 0, 1]).blocks == 0)
    #expect(machine.status == 0x51 && machine.in(0x1f1) == 0x54)
    let sense = send([0x03, 0, 0, 0, 18]).data
    #expect(sense[2] == 5 && sense[12] == 0x21)
    #expect(send([0x03, 0, 0, 0, 18]).data[2] == 0)
    _ = send([0x2a])
    #expect(machine.status == 0x51)
  }

  @Test func `a state taken in the middle of a packet's data goes on from there`() throws {
    machine.command(0xa0, lba: 0x10_00 << 8, device: 0xa0)
    machine.writeData([0x28, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0])
    #expect(machine.readData(100) == Array(pattern(sectors: 0..<1)[..<100]))
    let image = try MemoryDiskImage(pattern(sectors: 0..<4 * Self.sectors))
    let twin = try StorageMachine([Drive(image: image, medium: .cdrom)])
    try twin.bus.restore(machine.bus.save(), at: 0)
    #expect(twin.readData(8192 - 100) == Array(pattern(sectors: 0..<16)[100...]))
    #expect(twin.status == 0x50)
  }
}
