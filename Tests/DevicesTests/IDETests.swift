import Memory
import Testing

@testable import Devices

@Suite struct IDETests {
  let disk: MemoryDiskImage
  let machine: StorageMachine

  init() throws {
    disk = try memoryDisk()
    machine = try StorageMachine([Drive(image: disk)])
  }

  private func identify(_ machine: StorageMachine, _ command: UInt32 = 0xec) -> [UInt16] {
    machine.command(command)
    let bytes = machine.readData(512)
    return (0..<256).map { UInt16(bytes[2 * $0]) | UInt16(bytes[2 * $0 + 1]) << 8 }
  }

  // MARK: Identity

  @Test func `a disk tells its geometry, its size in 28 and 48 bits, and its name`() {
    let words = identify(machine)
    #expect(words[0] & 0x8000 == 0)
    #expect([words[1], words[3], words[6]] == [2, 16, 63])
    #expect([words[60], words[61]] == [2016, 0] && Array(words[100..<104]) == [2016, 0, 0, 0])
    #expect(words[49] & 0x0300 == 0x0300, "LBA and DMA")
    #expect(words[83] & 0x7400 == 0x7400, "48-bit addresses and flushes")
    let name = words[27..<47].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] }
    #expect(String(decoding: name, as: UTF8.self).hasPrefix("Trapline disk "))
    let sum = words.reduce(UInt8(0)) { $0 &+ UInt8($1 & 0xff) &+ UInt8($1 >> 8) }
    #expect(sum == 0 && words[255] & 0xff == 0xa5)
    #expect(machine.status == 0x50)
  }

  @Test(
    arguments: [
      (1, DiskGeometry(cylinders: 1, heads: 1, sectors: 1)),
      (1008, DiskGeometry(cylinders: 1, heads: 16, sectors: 63)),
      (524_288, DiskGeometry(cylinders: 520, heads: 16, sectors: 63)),
      (1 << 40, DiskGeometry(cylinders: 16383, heads: 16, sectors: 63)),
    ] as [(UInt64, DiskGeometry)])
  func `a geometry is never more than the disk`(count: UInt64, geometry: DiskGeometry) {
    #expect(DiskGeometry(sectorCount: count) == geometry)
  }

  @Test func `a configured geometry is what the disk says`() throws {
    let drive = Drive(image: disk, geometry: DiskGeometry(cylinders: 63, heads: 2, sectors: 16))
    let words = identify(try StorageMachine([drive]))
    #expect([words[1], words[3], words[6]] == [63, 2, 16] && [words[54], words[55], words[56]] == [63, 2, 16])
  }

  // MARK: PIO

  @Test(arguments: [AccessSize.word, .dword])
  func `what was written by PIO is read again`(size: AccessSize) {
    let data = pattern(sectors: 100..<103, seed: 0x5a)
    machine.command(0x30, lba: 7, count: 3)
    machine.writeData(data, size)
    #expect(machine.status == 0x50)
    #expect(Array(disk.bytes[7 * 512..<10 * 512]) == data)
    machine.command(0x20, lba: 6, count: 5)
    #expect(machine.readData(5 * 512, size) == pattern(sectors: 6..<7) + data + pattern(sectors: 10..<11))
    #expect(machine.status == 0x50)
  }

  @Test func `a read interrupts for each sector, a write after each`() {
    machine.command(0x20, lba: 0, count: 2)
    #expect(machine.takeInterrupt() == 14 && machine.in(0x1f7) == 0x58)
    _ = machine.readData(512)
    #expect(machine.takeInterrupt() == 14 && machine.in(0x1f7) == 0x58)
    _ = machine.readData(512)
    #expect(machine.takeInterrupt() == nil && machine.in(0x1f7) == 0x50)

    machine.command(0x30, lba: 0, count: 2)
    #expect(machine.takeInterrupt() == nil && machine.in(0x1f7) == 0x58, "the first block is asked for by DRQ alone")
    machine.writeData(pattern(sectors: 0..<1))
    #expect(machine.takeInterrupt() == 14 && machine.in(0x1f7) == 0x58)
    machine.writeData(pattern(sectors: 1..<2))
    #expect(machine.takeInterrupt() == 14 && machine.in(0x1f7) == 0x50)
    #expect(machine.takeInterrupt() == nil)
  }

  @Test func `multiple moves as many sectors at a time as were set, and fewer at the end`() {
    machine.command(0xc4, lba: 0, count: 2)
    #expect(machine.status & 1 != 0 && machine.in(0x1f1) == 0x04, "not set yet")
    machine.command(0xc6, count: 3)
    #expect(machine.status & 1 != 0)
    machine.command(0xc6, count: 4)
    #expect(machine.in(0x1f7) == 0x50)
    _ = machine.takeInterrupt()
    machine.command(0xc4, lba: 10, count: 6)
    #expect(machine.takeInterrupt() == 14)
    _ = machine.in(0x1f7)
    #expect(machine.readData(4 * 512) == pattern(sectors: 10..<14))
    #expect(machine.takeInterrupt() == 14)
    _ = machine.in(0x1f7)
    #expect(machine.readData(2 * 512) == pattern(sectors: 14..<16))
    #expect(machine.status == 0x50 && machine.takeInterrupt() == nil)
    machine.command(0xc5, lba: 20, count: 5)
    machine.writeData(pattern(sectors: 0..<5))
    #expect(machine.status == 0x50)
    #expect(Array(disk.bytes[20 * 512..<25 * 512]) == pattern(sectors: 0..<5))
    #expect(identify(machine)[59] == 0x0104)
  }

  @Test func `cylinders, heads and sectors are counted by the geometry that was set`() {
    machine.command(0x20, lba: 0x0000_0001, count: 1, device: 0xa1)
    #expect(machine.readData(512) == pattern(sectors: 63..<64), "cylinder 0, head 1, sector 1 of 63")
    machine.command(0x91, count: 16, device: 0xa3)
    machine.command(0x20, lba: 0x0001_02 << 0, count: 1, device: 0xa1)
    #expect(machine.readData(512) == pattern(sectors: 1 * 64 + 16 + 1..<1 * 64 + 16 + 2))
    machine.command(0x20, lba: 0, count: 1, device: 0xa0)
    #expect(machine.status & 1 != 0 && machine.in(0x1f1) == 0x10, "there is no sector 0")
  }

  @Test func `48-bit commands take both bytes of each register, and HOB shows the older`() {
    machine.commandExtended(0x34, lba: 1000, count: 2)
    machine.writeData(pattern(sectors: 0..<2, seed: 0xff))
    machine.commandExtended(0x24, lba: 999, count: 3)
    #expect(machine.readData(3 * 512) == pattern(sectors: 999..<1000) + pattern(sectors: 0..<2, seed: 0xff))
    machine.commandExtended(0x24, lba: 0x1_0000_0000, count: 1)
    #expect(machine.status & 1 != 0 && machine.in(0x1f1) == 0x10)
    machine.commandExtended(0x27, lba: 0xffff_ffff_ffff, count: 1)
    #expect((0..<3).map { machine.in(0x1f3 + $0) } == [0xdf, 0x07, 0])
    machine.out(0x3f6, 0x80)
    #expect((0..<3).map { machine.in(0x1f3 + $0) } == [0, 0, 0])
    machine.out(0x1f2, 0x12)
    machine.out(0x1f2, 0x34)
    #expect(machine.in(0x1f2) == 0x34, "a write takes HOB back")
    machine.out(0x3f6, 0x80)
    #expect(machine.in(0x1f2) == 0x12)
  }

  @Test(arguments: [UInt32(0x20), 0x30, 0xc8, 0xca, 0x40])
  func `beyond the last sector nothing is found`(code: UInt32) {
    machine.command(code, lba: 2015, count: 2)
    #expect(machine.status == 0x51 && machine.in(0x1f1) == 0x10)
    #expect(machine.takeInterrupt() == 14)
    machine.command(code, lba: 2016, count: 1)
    #expect(machine.status == 0x51 && machine.in(0x1f1) == 0x10)
  }

  @Test(arguments: [UInt32(0x00), 0xa0, 0xa1, 0xb0, 0xf9, 0xff, 0x08])
  func `a command that a disk hasn't is aborted`(code: UInt32) {
    machine.command(code)
    #expect(machine.status == 0x51 && machine.in(0x1f1) == 0x04)
  }

  @Test func `a count of 0 is 256 sectors`() {
    machine.command(0x20, lba: 0, count: 0)
    #expect(machine.readData(256 * 512) == pattern(sectors: 0..<256))
    #expect(machine.status == 0x50)
  }

  // MARK: Interrupt

  @Test func `reading status takes the interrupt back, reading the alternate doesn't`() {
    machine.command(0xe7)
    #expect(machine.isRequested(14))
    _ = machine.in(0x3f6)
    #expect(machine.isRequested(14))
    _ = machine.in(0x1f7)
    #expect(!machine.isRequested(14))
  }

  @Test func `with nIEN set the line stays low, and rises when it is cleared`() {
    machine.out(0x3f6, 0x02)
    machine.command(0xe7)
    #expect(!machine.isRequested(14))
    machine.out(0x3f6, 0x00)
    #expect(machine.isRequested(14))
    machine.out(0x1f7, 0xe7)
    #expect(machine.takeInterrupt() == 14)
  }

  // MARK: Two drives

  @Test func `an absent slave answers with nothing, and commands to it vanish`() {
    machine.out(0x1f6, 0xf0)
    #expect(machine.in(0x1f7) == 0 && machine.in(0x3f6) == 0)
    machine.out(0x1f7, 0xec)
    #expect(machine.in(0x1f7) == 0 && !machine.isRequested(14))
    #expect(machine.in(0x1f0, .word) == 0)
    machine.out(0x1f6, 0xe0)
    #expect(machine.in(0x1f7) == 0x50)
  }

  @Test func `an empty channel is never busy and remembers nothing`() {
    machine.out(0x172, 0x55)
    #expect(machine.in(0x172) == 0 && machine.in(0x177) == 0)
    machine.out(0x177, 0xec)
    #expect(machine.in(0x177) == 0 && !machine.isRequested(15))
  }

  @Test func `master, slave and the second channel are different disks`() throws {
    let disks = try (0..<3).map { try MemoryDiskImage([UInt8](repeating: UInt8($0 + 1), count: 1024)) }
    let machine = try StorageMachine(disks.map { Drive(image: $0) })
    machine.command(0x20, device: 0xe0)
    #expect(machine.readData(512)[0] == 1)
    machine.command(0x20, device: 0xf0)
    #expect(machine.readData(512)[0] == 2)
    machine.out(0x176, 0xe0)
    machine.out(0x172, 1)
    machine.out(0x177, 0x20)
    #expect(machine.takeInterrupt() == 14)
    #expect(machine.takeInterrupt() == 15)
    #expect(machine.in(0x170, .word) == 0x0303)
  }

  @Test func `a software reset shows the signature and forgets the command`() {
    machine.command(0x20, count: 2)
    machine.out(0x3f6, 0x04)
    #expect(machine.in(0x1f7) == 0x80 && !machine.isRequested(14))
    machine.out(0x3f6, 0x00)
    #expect(machine.in(0x1f7) == 0x50)
    #expect((1...6).map { machine.in(0x1f0 + $0) } == [1, 1, 1, 0, 0, 0xa0])
    #expect(machine.in(0x1f0, .word) == 0)
  }

  @Test func `a diagnostic passes and interrupts`() {
    machine.out(0x1f6, 0xf0)
    machine.out(0x1f7, 0x90)
    #expect(machine.takeInterrupt() == 14)
    #expect(machine.in(0x1f1) == 0x01 && machine.in(0x1f7) == 0x50)
  }

  // MARK: Other commands

  @Test func `features that are there can be set, others are aborted`() {
    machine.command(0xef, count: 0x45, features: 0x03)
    #expect(machine.in(0x1f7) == 0x50)
    #expect(identify(machine)[88] == 0x203f && identify(machine)[63] == 0x0007)
    machine.command(0xef, count: 0x22, features: 0x03)
    #expect(identify(machine)[63] == 0x0407)
    machine.command(0xef, count: 0x47, features: 0x03)
    #expect(machine.status == 0x51)
    machine.command(0xef, features: 0x5d)
    #expect(machine.status == 0x51)
  }

  @Test func `a flush reaches the image, and without a write cache every write does`() {
    machine.command(0xe7)
    machine.command(0xea)
    #expect(disk.flushCount == 2)
    machine.command(0xef, features: 0x82)
    #expect(disk.flushCount == 3 && identify(machine)[85] & 0x20 == 0)
    machine.command(0x30)
    machine.writeData(pattern(sectors: 0..<1))
    #expect(disk.flushCount == 4)
    disk.failsFlush = true
    machine.command(0xe7)
    #expect(machine.status == 0x51 && machine.pc.storageFailure?.operation == .flush)
  }

  @Test func `the power commands succeed, and the drive says that it runs`() {
    for code: UInt32 in [0xe0, 0xe1, 0xe2, 0xe3, 0x10, 0x70] {
      machine.command(code)
      #expect(machine.in(0x1f7) == 0x50)
    }
    machine.command(0xe5)
    #expect(machine.in(0x1f2) == 0xff)
  }

  @Test func `a read-only disk reads, and aborts writes of every kind`() throws {
    let disk = try memoryDisk()
    let machine = try StorageMachine([Drive(image: disk, isReadOnly: true)])
    machine.command(0x20)
    #expect(machine.readData(512) == pattern(sectors: 0..<1))
    for code: UInt32 in [0x30, 0x34, 0x35, 0xca] {
      machine.command(code)
      #expect(machine.status == 0x51 && machine.in(0x1f1) == 0x04)
    }
    #expect(disk.bytes == pattern(sectors: 0..<2016))
  }

  @Test func `what the host can't read is the guest's uncorrectable sector, and is remembered`() {
    disk.badSector = 5
    machine.command(0x20, lba: 4, count: 2)
    #expect(machine.readData(512) == pattern(sectors: 4..<5))
    #expect(machine.status == 0x51 && machine.in(0x1f1) == 0x40 && machine.in(0x1f3) == 5)
    #expect(machine.pc.storageFailure?.sector == 5)
    machine.command(0x30, lba: 5)
    machine.writeData(pattern(sectors: 0..<1))
    #expect(machine.status == 0x51 && machine.in(0x1f1) == 0x04)
  }

  // MARK: DMA

  @Test func `DMA scatters a read over the regions`() {
    machine.setRegions([(0x1_0000, 512), (0x2_0002, 1022), (0x3_0000, 514)])
    machine.out(machine.busMaster, 0x08)
    machine.command(0xc8, lba: 3, count: 4)
    #expect(machine.status & 0x80 != 0 && machine.takeInterrupt() == nil, "it waits for the engine")
    machine.out(machine.busMaster, 0x09)
    #expect(machine.in(machine.busMaster + 2) & 7 == 0x04)
    #expect(machine.takeInterrupt() == 14 && machine.in(0x1f7) == 0x50)
    let data = pattern(sectors: 3..<7)
    #expect(Array(machine.memory.bytes[0x1_0000..<0x1_0200]) == Array(data[..<512]))
    #expect(Array(machine.memory.bytes[0x2_0002..<0x2_0400]) == Array(data[512..<1534]))
    #expect(Array(machine.memory.bytes[0x3_0000..<0x3_0202]) == Array(data[1534...]))
    machine.out(machine.busMaster + 2, 0x04)
    #expect(machine.in(machine.busMaster + 2) & 7 == 0)
  }

  @Test func `DMA gathers a write, also when the engine starts before the command`() {
    let data = pattern(sectors: 500..<756)
    machine.memory.bytes.replaceSubrange(0x4_0000..<0x4_0000 + data.count, with: data)
    machine.setRegions([(0x4_0000, 0), (0x5_0000, 0)])
    machine.out(machine.busMaster, 0x01)
    #expect(machine.in(machine.busMaster + 2) & 7 == 0x01)
    machine.commandExtended(0x35, lba: 100, count: 256)
    #expect(machine.in(machine.busMaster + 2) & 7 == 0x04)
    #expect(Array(disk.bytes[100 * 512..<356 * 512]) == data)
  }

  @Test func `regions larger than the data leave the engine active, smaller ones leave the drive waiting`() {
    machine.setRegions([(0x1_0000, 4096)])
    machine.command(0xc8, lba: 0, count: 1)
    machine.out(machine.busMaster, 0x09)
    #expect(machine.in(machine.busMaster + 2) & 7 == 0x05)
    _ = machine.in(0x1f7)
    _ = machine.takeInterrupt()
    machine.out(machine.busMaster, 0x00)
    machine.out(machine.busMaster + 2, 0x04)
    machine.setRegions([(0x1_0000, 1024)])
    machine.command(0xc8, lba: 0, count: 4)
    machine.out(machine.busMaster, 0x09)
    #expect(machine.in(machine.busMaster + 2) & 7 == 0x00 && machine.takeInterrupt() == nil)
    #expect(machine.status & 0x80 != 0)
    machine.out(0x3f6, 0x04)
    machine.out(0x3f6, 0x00)
    #expect(machine.in(0x1f7) == 0x50)
  }

  @Test func `nothing moves until the function may be bus master`() {
    machine.configure(1, 1, 0x04, 0x0001, .word)
    machine.setRegions([(0x1_0000, 512)])
    machine.command(0xc8)
    let before = machine.memory.writes
    machine.out(machine.busMaster, 0x09)
    #expect(machine.status & 0x80 != 0 && machine.memory.writes == before)
    machine.configure(1, 1, 0x04, 0x0005, .word)
    #expect(machine.in(0x1f7) == 0x50)
  }

  @Test func `regions outside memory take data nowhere and bring all ones`() {
    machine.setRegions([(0xffff_fe00, 512)])
    machine.command(0xc8)
    machine.out(machine.busMaster, 0x09)
    #expect(machine.in(0x1f7) == 0x50)
    machine.out(machine.busMaster, 0)
    machine.command(0xca)
    machine.out(machine.busMaster, 0x01)
    #expect(Array(disk.bytes[..<512]) == [UInt8](repeating: 0xff, count: 512))
    // A table of endless regions of two bytes, all the same.
    machine.out(machine.busMaster, 0)
    machine.out(machine.busMaster + 4, 0xffff_0000, .dword)
    machine.commandExtended(0x25, lba: 0, count: 2016)
    machine.out(machine.busMaster, 0x09)
    #expect(machine.pc.storageFailure == nil)
  }

  @Test func `without the decode bit or the I/O bit the old ports float`() {
    machine.configure(1, 1, 0x40, 0x0000_8000)
    #expect(machine.in(0x1f7) == 0x50 && machine.in(0x177) == 0xff)
    machine.configure(1, 1, 0x04, 0x0000, .word)
    #expect(machine.in(0x1f7) == 0xff && machine.in(0x3f6) == 0xff)
  }

  // MARK: State

  @Test func `a state taken in the middle of a block goes on from there`() throws {
    machine.command(0xc6, count: 8)
    machine.command(0xc4, lba: 50, count: 12)
    #expect(machine.readData(1000) == Array(pattern(sectors: 50..<52)[..<1000]))
    let twin = try StorageMachine([Drive(image: try memoryDisk())])
    let states = machine.bus.save()
    try twin.bus.restore(states, at: machine.bus.clock.now)
    #expect(twin.bus.save() == states)
    #expect(twin.readData(12 * 512 - 1000) == Array(pattern(sectors: 50..<62)[1000...]))
    #expect(twin.status == 0x50)
  }

  @Test func `a state taken in the middle of a write goes on from there`() throws {
    let data = pattern(sectors: 7..<9, seed: 0x33)
    machine.command(0x30, lba: 1, count: 2)
    machine.writeData(Array(data[..<700]))
    let image = try MemoryDiskImage(disk.bytes)
    let twin = try StorageMachine([Drive(image: image)])
    try twin.bus.restore(machine.bus.save(), at: machine.bus.clock.now)
    twin.writeData(Array(data[700...]))
    #expect(twin.in(0x1f7) == 0x50 && Array(image.bytes[512..<1536]) == data)
  }

  @Test func `a transfer that waits for its engine is restored, and nothing moves meanwhile`() throws {
    machine.setRegions([(0x1_0000, 512)])
    machine.command(0xc8, lba: 9)
    let memory = TestMemory()
    memory.bytes = machine.memory.bytes
    let twin = try StorageMachine([Drive(image: try memoryDisk())], memory: memory)
    try twin.bus.restore(machine.bus.save(), at: machine.bus.clock.now)
    #expect(memory.writes == 0)
    twin.out(twin.busMaster, 0x09)
    #expect(Array(memory.bytes[0x1_0000..<0x1_0200]) == pattern(sectors: 9..<10))
    #expect(twin.takeInterrupt() == 14)
  }

  @Test func `a reset of the machine puts the drives back`() {
    machine.command(0xc6, count: 8)
    machine.command(0x20, count: 4)
    machine.bus.reset()
    machine.pc.settleAsFirmware()
    #expect(machine.in(0x1f7) == 0x50)
    #expect(identify(machine)[59] == 0)
  }
}
