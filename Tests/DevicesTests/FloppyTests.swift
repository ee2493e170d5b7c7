import Memory
import Testing

@testable import Devices

/// A PC with floppy drives, whose time passes as the guest waits.
private struct FloppyMachine {
  let machine: StorageMachine
  var memory: TestMemory { machine.memory }
  var floppy: FloppyController { machine.pc.floppy! }

  /// - Parameter started: as firmware leaves it: out of reset, at the diskette's rate.
  init(_ drives: [Drive], started: Bool = true) throws {
    machine = try StorageMachine(drives)
    machine.out(0x21, 0x01)
    guard started else { return }
    out(2, 0x1c)
    wait()
    for unit in 0..<UInt8(4) { #expect(command([0x08]) == [0xc0 | unit, 0]) }
    out(7, 0)
    command([0x03, 0xaf, 0x02])
  }

  func out(_ register: UInt16, _ value: UInt32) { machine.out(0x3f0 + register, value) }
  func `in`(_ register: UInt16) -> UInt8 { UInt8(machine.in(0x3f0 + register)) }
  var status: UInt8 { self.in(4) }
  var isInterrupting: Bool { machine.isRequested(6) }

  /// Lets time pass until nothing is due any more.
  func wait() {
    while let deadline = floppy.nextDeadline { machine.bus.advance(to: deadline) }
  }

  func send(_ bytes: [UInt8]) {
    for byte in bytes {
      #expect(status & 0xc0 == 0x80, "ready for a command's byte")
      out(5, UInt32(byte))
    }
  }

  func results() -> [UInt8] {
    var bytes: [UInt8] = []
    while status & 0xd0 == 0xd0 { bytes.append(self.in(5)) }
    return bytes
  }

  /// Gives a command and reads its results.
  @discardableResult func command(_ bytes: [UInt8]) -> [UInt8] {
    send(bytes)
    wait()
    return results()
  }

  /// A seek or recalibration, with the question that must follow.
  func seek(_ bytes: [UInt8]) -> [UInt8] {
    send(bytes)
    wait()
    return command([0x08])
  }

  /// Sets channel 2 up: 1 to memory, 2 from memory, 0 verify.
  func setDMA(_ direction: UInt32, _ address: UInt32, count: Int) {
    machine.out(0x0a, 6)
    machine.out(0x0c, 0)
    machine.out(0x0b, 0x42 | direction << 2)
    for value in [address & 0xff, address >> 8 & 0xff] { machine.out(0x04, value) }
    machine.out(0x81, address >> 16)
    for value in [(count - 1) & 0xff, (count - 1) >> 8] { machine.out(0x05, UInt32(value)) }
    machine.out(0x0a, 2)
  }

  /// READ or WRITE of 512-byte sectors.
  func transfer(
    _ code: UInt8, unit: UInt8 = 0, _ cylinder: UInt8, _ head: UInt8, _ sector: UInt8, last: UInt8 = 18
  ) -> [UInt8] { command([code, head << 2 | unit, cylinder, head, sector, 2, last, 0x1b, 0xff]) }

  func bytes(_ address: Int, _ count: Int) -> [UInt8] { Array(memory.bytes[address..<address + count]) }
}

private func diskette(_ kibibytes: Int = 1440, seed: UInt8 = 0, isReadOnly: Bool = false) throws -> MemoryDiskImage {
  try MemoryDiskImage(pattern(sectors: 0..<kibibytes * 2, seed: seed), isReadOnly: isReadOnly)
}

private func floppyDrive(_ image: MemoryDiskImage, isReadOnly: Bool = false) -> Drive {
  Drive(image: image, interface: .floppy, isReadOnly: isReadOnly)
}

@Suite struct FloppyTests {
  private let disk: MemoryDiskImage
  private let machine: FloppyMachine

  init() throws {
    disk = try diskette()
    machine = try FloppyMachine([floppyDrive(disk)])
  }

  // MARK: Configuration

  @Test func `without a floppy drive there is no controller, and CMOS and ACPI know of none`() throws {
    let machine = try StorageMachine([Drive(image: disk)])
    #expect(machine.pc.floppy == nil && machine.in(0x3f4) == 0xff && !machine.pc.board.hasFloppy)
    machine.out(0x70, 0x10)
    #expect(machine.in(0x71) == 0)
    machine.out(0x70, 0x14)
    #expect(machine.in(0x71) & 0xc1 == 0)
  }

  @Test func `an image is a floppy by its size, and none that has another`() throws {
    for size in [160, 180, 320, 360, 720, 1200, 1440, 1680, 2880] {
      let list = try DriveList([floppyDrive(try diskette(size))])
      #expect(list.drives[0].medium == .floppy)
    }
    #expect(throws: DiskImageError.notAFloppy(image: "memory", size: 2016 * 512)) {
      try DriveList([floppyDrive(try memoryDisk())])
    }
    #expect(
      DiskImageError.notAFloppy(image: "a.img", size: 512).description
        == "the image a.img has 512 bytes, which no floppy has: they have "
        + "160, 180, 320, 360, 720, 1200, 1440, 1680, 2880 KiB")
  }

  @Test func `two drives fit, a third doesn't, nor does a CD`() throws {
    let drive = floppyDrive(disk)
    #expect(throws: DiskImageError.tooManyDrives(interface: .floppy, limit: 2)) {
      try DriveList([drive, drive, drive])
    }
    #expect(throws: DiskImageError.misplaced(image: "memory", medium: .cdrom, interface: .floppy)) {
      try DriveList([Drive(image: disk, interface: .floppy, medium: .cdrom)])
    }
    #expect(throws: DiskImageError.misplaced(image: "memory", medium: .floppy, interface: .ide)) {
      try DriveList([Drive(image: disk, medium: .floppy)])
    }
  }

  @Test func `CMOS tells the kinds of the drives, their number, and what boots first`() throws {
    let bytes = CMOSContents.firmware(ramSize: 1 << 20, bootMedium: .floppy, floppies: [.small, .large])
    #expect(bytes[0x10] == 0x42 && bytes[0x14] == 0x43)
    #expect(bytes[0x3d] == 0x21 && bytes[0x38] == 0x30)
    let sum = bytes[0x10...0x2d].reduce(0) { $0 + Int($1) }
    #expect(Int(bytes[0x2e]) << 8 | Int(bytes[0x2f]) == sum)
    let one = CMOSContents.firmware(ramSize: 1 << 20, floppies: [.small])
    #expect(one[0x10] == 0x40 && one[0x14] == 0x03 && one[0x3d] == 0x32 && one[0x38] == 0x10)
    #expect(machine.machine.pc.board.hasFloppy)
  }

  // MARK: Registers and reset

  @Test func `out of reset comes an interrupt, and each of four drives tells of it`() throws {
    let machine = try FloppyMachine([floppyDrive(disk)], started: false)
    #expect(machine.status == 0)
    machine.out(2, 0x0c)
    #expect(!machine.isInterrupting)
    machine.wait()
    #expect(machine.isInterrupting && machine.status == 0x80)
    #expect(machine.machine.takeInterrupt() == 6)
    for unit in 0..<UInt8(4) { #expect(machine.command([0x08]) == [0xc0 | unit, 0]) }
    #expect(machine.command([0x08]) == [0x80])
    machine.out(4, 0x80)
    machine.wait()
    #expect(machine.machine.takeInterrupt() == 6, "the data rate register resets, too")
  }

  @Test func `with the gate closed no interrupt gets through`() throws {
    let machine = try FloppyMachine([floppyDrive(disk)], started: false)
    machine.out(2, 0x04)
    machine.wait()
    #expect(!machine.isInterrupting)
    machine.out(2, 0x0c)
    #expect(machine.isInterrupting)
  }

  @Test func `in reset the FIFO is closed, and a command that was begun is forgotten`() {
    machine.send([0x0f, 0])
    machine.out(2, 0x18)
    machine.out(5, 0x10)
    #expect(machine.status == 0 && machine.in(5) == 0)
    machine.out(2, 0x1c)
    machine.wait()
    #expect(machine.command([0x10]) == [0x90])
  }

  @Test func `version, lock, configure, perpendicular and dump tell of an 82077AA`() {
    #expect(machine.command([0x10]) == [0x90])
    #expect(machine.command([0x13, 0, 0x57, 0x05]) == [])
    #expect(machine.command([0x12, 0x87]) == [])
    #expect(machine.command([0x94]) == [0x10])
    #expect(machine.seek([0x0f, 0, 7]) == [0x20, 7])
    #expect(machine.command([0x0e]) == [7, 0, 0, 0, 0xaf, 0x02, 0, 0x87, 0x57, 0x05])
    machine.out(2, 0x18)
    machine.out(2, 0x1c)
    machine.wait()
    #expect(machine.command([0x0e]) == [0, 0, 0, 0, 0xaf, 0x02, 0, 0x84, 0x57, 0x05], "a lock outlives a reset")
    #expect(machine.command([0x14]) == [0])
    machine.out(4, 0x80)
    machine.wait()
    #expect(machine.command([0x0e]) == [0, 0, 0, 0, 0xaf, 0x02, 0, 0x04, 0x20, 0])
  }

  @Test(arguments: [UInt8(0x00), 0x01, 0x18, 0x1f, 0x2e, 0x54, 0xff])
  func `a command that there isn't answers 80, without an interrupt`(code: UInt8) {
    #expect(machine.command([code]) == [0x80])
    #expect(!machine.isInterrupting && machine.status == 0x80)
  }

  // MARK: Seeks

  @Test func `a seek keeps its drive busy, interrupts, and tells where the arm is`() {
    machine.send([0x0f, 0x04, 40])
    #expect(machine.status == 0x81 && !machine.isInterrupting)
    machine.wait()
    #expect(machine.status == 0x80 && machine.isInterrupting)
    #expect(machine.command([0x08]) == [0x24, 40])
    #expect(machine.command([0x08]) == [0x80], "there is nothing more to tell")
    #expect(machine.seek([0x07, 0]) == [0x20, 0])
  }

  @Test func `two drives seek at once, and each ends with an interrupt of its own`() throws {
    let machine = try FloppyMachine([floppyDrive(disk), floppyDrive(try diskette())])
    machine.send([0x0f, 0, 10])
    machine.send([0x0f, 1, 20])
    #expect(machine.status == 0x83)
    _ = machine.machine.takeInterrupt()
    machine.wait()
    #expect(machine.machine.takeInterrupt() == 6)
    #expect(machine.command([0x08]) == [0x20, 10])
    #expect(machine.machine.takeInterrupt() == 6)
    #expect(machine.command([0x08]) == [0x21, 20])
    #expect(machine.machine.takeInterrupt() == nil)
  }

  @Test func `a drive that isn't there never reaches track 0`() {
    #expect(machine.seek([0x07, 1]) == [0x71, 0])
    #expect(machine.command([0x04, 1]) == [0x29])
    #expect(machine.transfer(0xe6, unit: 1, 0, 0, 1) == [0x41, 1, 0, 0, 0, 1, 2])
    machine.out(2, 0x1d)
    #expect(machine.in(7) == 0)
  }

  @Test func `the drive's status tells of track 0, the head and write protection`() throws {
    #expect(machine.command([0x04, 0x04]) == [0x3c])
    _ = machine.seek([0x0f, 0, 3])
    #expect(machine.command([0x04, 0]) == [0x28])
    let machine = try FloppyMachine([floppyDrive(disk, isReadOnly: true)])
    #expect(machine.command([0x04, 0]) == [0x78])
  }

  // MARK: Transfers

  @Test func `a read goes by DMA from sector to sector until the count is over`() {
    machine.setDMA(1, 0x2_0000, count: 3 * 512)
    machine.send([0xe6, 0x04, 5, 1, 4, 2, 18, 0x1b, 0xff])
    #expect(machine.status == 0x10 && !machine.isInterrupting)
    machine.wait()
    #expect(machine.status == 0xd0 && machine.isInterrupting)
    #expect(machine.results() == [0x04, 0, 0, 5, 1, 7, 2])
    let first = (5 * 2 + 1) * 18 + 3
    #expect(machine.bytes(0x2_0000, 3 * 512) == pattern(sectors: first..<first + 3))
    #expect(machine.bytes(0x2_0600, 4) == [0, 0, 0, 0])
    #expect(machine.machine.in(0x08) & 4 != 0, "terminal count")
  }

  @Test func `the first byte of the results takes the interrupt back`() {
    machine.setDMA(1, 0x2_0000, count: 512)
    machine.send([0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff])
    machine.wait()
    #expect(machine.isInterrupting)
    _ = machine.in(5)
    #expect(!machine.isInterrupting && machine.results().count == 6)
  }

  @Test func `with MT a read goes on under the other head, and ends behind both`() {
    machine.setDMA(1, 0x2_0000, count: 36 * 512)
    #expect(machine.transfer(0xe6, 79, 0, 1) == [0x00, 0, 0, 80, 0, 1, 2])
    #expect(machine.bytes(0x2_0000, 36 * 512) == pattern(sectors: 79 * 36..<80 * 36))
    machine.setDMA(1, 0x2_0000, count: 37 * 512)
    #expect(machine.transfer(0xe6, 0, 0, 1) == [0x40, 0x80, 0, 1, 0, 1, 2], "the track ends before the count")
    machine.setDMA(1, 0x2_0000, count: 19 * 512)
    #expect(machine.transfer(0x66, 0, 0, 1) == [0x40, 0x80, 0, 1, 0, 1, 2], "without MT after one side")
  }

  @Test func `a write reaches the image, and a part of a sector is filled up with zeros`() {
    let data = pattern(sectors: 9..<11, seed: 0x77)
    machine.memory.bytes.replaceSubrange(0x3_0000..<0x3_0400, with: data)
    machine.setDMA(2, 0x3_0000, count: 700)
    #expect(machine.transfer(0xc5, 1, 0, 18) == [0x04, 0, 0, 1, 1, 2, 2])
    let (first, second) = (36 + 17, 36 + 18)
    #expect(Array(disk.bytes[first * 512..<(first + 1) * 512]) == Array(data[..<512]))
    #expect(
      Array(disk.bytes[second * 512..<(second + 1) * 512])
        == Array(data[512..<700]) + [UInt8](repeating: 0, count: 324))
  }

  @Test func `a channel that verifies moves nothing, and its page comes round`() {
    let writes = machine.memory.writes
    machine.setDMA(0, 0x2_0000, count: 512)
    #expect(machine.transfer(0xe6, 0, 0, 1) == [0, 0, 0, 0, 0, 2, 2])
    #expect(machine.memory.writes == writes)
    machine.setDMA(1, 0x2_ff00, count: 512)
    #expect(machine.transfer(0xe6, 0, 0, 1) == [0, 0, 0, 0, 0, 2, 2])
    #expect(machine.bytes(0x2_ff00, 256) + machine.bytes(0x2_0000, 256) == pattern(sectors: 0..<1))
    #expect(machine.bytes(0x3_0000, 4) == [0, 0, 0, 0])
  }

  @Test func `a channel that is masked or set up the other way is an overrun`() {
    machine.setDMA(2, 0x2_0000, count: 512)
    #expect(machine.transfer(0xe6, 0, 0, 1) == [0x40, 0x10, 0, 0, 0, 1, 2])
    machine.setDMA(1, 0x2_0000, count: 512)
    machine.machine.out(0x0a, 6)
    #expect(machine.transfer(0xe6, 0, 0, 1) == [0x40, 0x10, 0, 0, 0, 1, 2])
    #expect(machine.transfer(0xc5, 0, 0, 1) == [0x40, 0x10, 0, 0, 0, 1, 2])
    #expect(disk.bytes == pattern(sectors: 0..<2880))
  }

  @Test(
    arguments: [(80, 0, 1, 2), (0, 2, 1, 2), (0, 0, 0, 2), (0, 0, 19, 2), (0, 0, 1, 3), (255, 255, 255, 255)]
      as [(UInt8, UInt8, UInt8, UInt8)])
  func `a sector that isn't there is not found`(cylinder: UInt8, head: UInt8, sector: UInt8, size: UInt8) {
    for code: UInt8 in [0xe6, 0xc5] {
      machine.setDMA(code == 0xe6 ? 1 : 2, 0x2_0000, count: 512)
      let results = machine.command([code, 0, cylinder, head, sector, size, 18, 0x1b, 0xff])
      #expect(results == [0x40 | (head & 1) << 2, 0x04, 0, cylinder, head, sector, size])
    }
    #expect(disk.bytes == pattern(sectors: 0..<2880))
  }

  @Test func `at another data rate there are no marks to be read`() {
    for rate: UInt32 in 1...3 {
      machine.out(rate == 3 ? 4 : 7, rate)
      machine.setDMA(1, 0x2_0000, count: 512)
      #expect(machine.transfer(0xe6, 0, 0, 1) == [0x40, 0x01, 0, 0, 0, 1, 2])
      #expect(machine.command([0x4a, 0]).prefix(3) == [0x40, 0x01, 0])
    }
  }

  @Test(
    arguments: [(720, 2, 9, 79), (1200, 0, 15, 79), (360, 1, 9, 39), (2880, 3, 36, 79)]
      as [(Int, UInt32, UInt8, UInt8)])
  func `each format is read at its rate to its last sector`(
    size: Int, rate: UInt32, sectors: UInt8, last: UInt8
  ) throws {
    let machine = try FloppyMachine([floppyDrive(try diskette(size))])
    machine.out(7, rate)
    machine.setDMA(1, 0x2_0000, count: 512)
    #expect(machine.transfer(0xe6, last, 1, sectors, last: sectors) == [0, 0, 0, last + 1, 0, 1, 2])
    #expect(machine.bytes(0x2_0000, 512) == pattern(sectors: 2 * size - 1..<2 * size))
  }

  @Test func `READ ID tells where the arm is, and every sector comes by`() {
    _ = machine.seek([0x0f, 0, 33])
    var seen: Set<UInt8> = []
    for _ in 0..<40 {
      let results = machine.command([0x4a, 0x04])
      #expect(results.count == 7 && Array(results[..<5]) == [0x04, 0, 0, 33, 1] && results[6] == 2)
      seen.insert(results[5])
    }
    #expect(seen == Set(1...18))
  }

  @Test func `an implied seek moves the arm`() {
    machine.command([0x13, 0, 0x40, 0])
    machine.setDMA(1, 0x2_0000, count: 512)
    #expect(machine.transfer(0xe6, 12, 0, 1)[0] == 0)
    #expect(machine.command([0x0e])[0] == 12)
  }

  @Test func `a format fills the sectors whose addresses it is given`() {
    let addresses: [UInt8] = (1...18).flatMap { [3, 1, UInt8($0), 2] }
    machine.memory.bytes.replaceSubrange(0x2_0000..<0x2_0000 + addresses.count, with: addresses)
    machine.setDMA(2, 0x2_0000, count: addresses.count)
    #expect(machine.command([0x4d, 0x04, 2, 18, 0x54, 0xf6]).prefix(3) == [0x04, 0, 0])
    let first = (3 * 2 + 1) * 18
    #expect(Array(disk.bytes[first * 512..<(first + 18) * 512]) == [UInt8](repeating: 0xf6, count: 18 * 512))
    #expect(Array(disk.bytes[(first + 18) * 512..<(first + 19) * 512]) == pattern(sectors: first + 18..<first + 19))
    machine.memory.bytes[0x2_0003] = 3
    machine.setDMA(2, 0x2_0000, count: addresses.count)
    #expect(
      machine.command([0x4d, 0x04, 2, 18, 0x54, 0xf6]).prefix(3) == [0x44, 0x04, 0], "an image has no other sizes")
  }

  // MARK: Without DMA

  @Test func `without DMA a read interrupts for each sector, and the end of the track ends it`() {
    machine.command([0x03, 0xaf, 0x03])
    machine.send([0xe6, 0x04, 0, 1, 17, 2, 18, 0x1b, 0xff])
    #expect(machine.status == 0x30)
    for sector in 34..<36 {
      machine.wait()
      #expect(machine.isInterrupting && machine.status == 0xf0)
      #expect((0..<512).map { _ in machine.in(5) } == pattern(sectors: sector..<sector + 1))
      #expect(machine.status & 0x80 == 0 || sector == 35)
    }
    #expect(machine.results() == [0x00, 0, 0, 1, 0, 1, 2])
  }

  @Test func `without DMA a write takes its bytes from the FIFO`() {
    machine.command([0x03, 0xaf, 0x03])
    machine.send([0x45, 0, 0, 0, 18, 2, 18, 0x1b, 0xff])
    let data = pattern(sectors: 0..<1, seed: 0x3c)
    machine.wait()
    #expect(machine.isInterrupting && machine.status == 0xb0)
    for byte in data { machine.out(5, UInt32(byte)) }
    #expect(machine.isInterrupting)
    _ = machine.results()
    machine.send([0x4d, 0, 2, 1, 0x54, 0x11])
    machine.wait()
    for byte: UInt32 in [0, 0, 1, 2] { machine.out(5, byte) }
    #expect(machine.results().prefix(3) == [0, 0, 0])
    #expect(Array(disk.bytes[17 * 512..<18 * 512]) == data)
    #expect(Array(disk.bytes[..<512]) == [UInt8](repeating: 0x11, count: 512))
  }

  // MARK: The medium

  @Test func `a protected diskette is read, and refuses writes and formats`() throws {
    for drive in [floppyDrive(disk, isReadOnly: true), floppyDrive(try diskette(isReadOnly: true))] {
      let machine = try FloppyMachine([drive])
      machine.setDMA(1, 0x2_0000, count: 512)
      #expect(machine.transfer(0xe6, 0, 0, 1)[0] == 0)
      machine.setDMA(2, 0x2_0000, count: 512)
      #expect(machine.transfer(0xc5, 0, 0, 1) == [0x40, 0x02, 0, 0, 0, 1, 2])
      #expect(machine.command([0x4d, 0, 2, 18, 0x54, 0xf6]).prefix(3) == [0x40, 0x02, 0])
    }
    #expect(disk.bytes == pattern(sectors: 0..<2880))
  }

  @Test func `a diskette that is exchanged under a write isn't written`() throws {
    let other = try diskette(isReadOnly: true)
    machine.command([0x03, 0xaf, 0x03])
    machine.send([0x45, 0, 0, 0, 18, 2, 18, 0x1b, 0xff])
    machine.wait()
    for _ in 0..<511 { machine.out(5, 0xaa) }
    try machine.floppy.insert(other, into: 0)
    machine.out(5, 0xaa)
    #expect(machine.results() == [0x40, 0x02, 0, 0, 0, 18, 2])
    #expect(other.bytes == pattern(sectors: 0..<2880) && disk.bytes == other.bytes)
  }

  @Test func `the change line stays up until the arm has moved over a diskette`() throws {
    #expect(machine.in(7) == 0x80)
    _ = machine.seek([0x07, 0])
    #expect(machine.in(7) == 0x80, "at track 0 the arm needn't move")
    _ = machine.seek([0x0f, 0, 1])
    #expect(machine.in(7) == 0)
    machine.floppy.eject(0)
    #expect(machine.in(7) == 0x80)
    _ = machine.seek([0x0f, 0, 5])
    #expect(machine.in(7) == 0x80, "there is none")
    #expect(machine.transfer(0xe6, 0, 0, 1).prefix(3) == [0x40, 0x01, 0])
    #expect(machine.command([0x04, 0]) == [0x68], "an empty drive seems protected")
    try machine.floppy.insert(try diskette(720, seed: 0x55), into: 0)
    _ = machine.seek([0x0f, 0, 0])
    #expect(machine.in(7) == 0)
    machine.out(7, 2)
    machine.setDMA(1, 0x2_0000, count: 512)
    #expect(machine.transfer(0xe6, 0, 0, 1, last: 9)[0] == 0)
    #expect(machine.bytes(0x2_0000, 512) == pattern(sectors: 0..<1, seed: 0x55))
  }

  @Test func `a drive takes the diskettes that fit it`() throws {
    #expect(throws: DiskImageError.wrongFloppy(image: "memory", size: 1200 << 10)) {
      try machine.floppy.insert(try diskette(1200), into: 0)
    }
    #expect(throws: DiskImageError.noFloppyDrive(image: "memory", drive: 1)) {
      try machine.floppy.insert(disk, into: 1)
    }
    machine.floppy.eject(7)
  }

  @Test func `what the host can't read or write is the guest's bad sector, and is remembered`() {
    disk.badSector = 3
    machine.setDMA(1, 0x2_0000, count: 5 * 512)
    #expect(machine.transfer(0xe6, 0, 0, 2) == [0x40, 0x20, 0x20, 0, 0, 4, 2])
    #expect(machine.bytes(0x2_0000, 1024) == pattern(sectors: 1..<3))
    #expect(machine.machine.pc.storageFailure?.sector == 3)
    machine.setDMA(2, 0x2_0000, count: 512)
    #expect(machine.transfer(0xc5, 0, 0, 4) == [0x40, 0x20, 0x20, 0, 0, 4, 2])
  }

  // MARK: State

  @Test(arguments: [UInt8(0x02), 0x03])
  func `a state taken in the middle of a transfer goes on from there`(mode: UInt8) throws {
    machine.command([0x03, 0xaf, mode])
    machine.setDMA(1, 0x2_0000, count: 2 * 512)
    machine.send([0x66, 0, 0, 0, 17, 2, 18, 0x1b, 0xff])
    machine.machine.bus.advance(to: machine.floppy.nextDeadline ?? 0)
    var bytes = mode == 0x03 ? (0..<100).map { _ in machine.in(5) } : machine.bytes(0x2_0000, 512)
    let twin = try FloppyMachine([floppyDrive(try diskette())], started: false)
    let states = machine.machine.bus.save()
    try twin.machine.bus.restore(states, at: machine.machine.bus.clock.now)
    #expect(twin.machine.bus.save() == states)
    if mode == 0x03 {
      bytes += (0..<412).map { _ in twin.in(5) }
      twin.wait()
      bytes += (0..<512).map { _ in twin.in(5) }
    } else {
      twin.wait()
      bytes += twin.bytes(0x2_0200, 512)
    }
    #expect(bytes == pattern(sectors: 16..<18))
    #expect(twin.isInterrupting && twin.results() == [0, 0, 0, 1, 0, 1, 2])
  }

  @Test func `a damaged state is refused or lived with`() throws {
    machine.setDMA(1, 0x2_0000, count: 512)
    machine.send([0xe6, 0, 0, 0, 17, 2, 18, 0x1b, 0xff])
    let state = machine.floppy.save()
    var random = SeededGenerator(seed: 82077)
    for index in state.bytes.indices {
      var damaged = state
      damaged.bytes[index] = UInt8.random(in: 0...255, using: &random)
      let machine = try FloppyMachine([floppyDrive(try diskette(160))], started: false)
      try? machine.floppy.restore(damaged)
      pester(machine, &random, turns: 200)
    }
  }

  // MARK: Hostile guests

  private func pester(_ machine: FloppyMachine, _ random: inout SeededGenerator, turns: Int) {
    for _ in 0..<turns {
      switch UInt8.random(in: 0..<16, using: &random) {
      case 0: machine.out(2, UInt32.random(in: 0...255, using: &random))
      case 1: machine.out(4, UInt32.random(in: 0...255, using: &random))
      case 2: machine.out(7, UInt32.random(in: 0...3, using: &random))
      case 3:
        machine.setDMA(
          UInt32.random(in: 0...3, using: &random), .random(in: 0..<1 << 24, using: &random),
          count: .random(in: 1...65536, using: &random))
      case 4...5: if let deadline = machine.floppy.nextDeadline { machine.machine.bus.advance(to: deadline) }
      case 6...8: _ = machine.in(UInt16.random(in: 0...5, using: &random))
      case 9: machine.out(2, 0x1c)
      case 10...11:
        let codes: [UInt32] = [0xe6, 0xc5, 0x4d, 0x4a, 0x07, 0x0f, 0x08, 0x03]
        machine.out(5, codes.randomElement(using: &random) ?? 0)
      default: machine.out(5, UInt32.random(in: 0...255, using: &random) & (Bool.random(using: &random) ? 3 : 0xff))
      }
    }
  }

  @Test(arguments: [UInt64(1), 2, 3])
  func `whatever a guest writes, the controller comes to rest`(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let machine = try FloppyMachine([floppyDrive(try diskette(160)), floppyDrive(try diskette(2880))])
    pester(machine, &random, turns: 30_000)
    machine.wait()
    machine.out(2, 0x18)
    machine.out(2, 0x1c)
    machine.wait()
    #expect(machine.status == 0x80 && machine.command([0x10]) == [0x90])
  }
}
