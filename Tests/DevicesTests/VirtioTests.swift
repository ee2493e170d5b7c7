import Memory
import Testing

@testable import Devices

/// A small driver: the rings stand at 0x8000, in the layout that both kinds of driver can use.
private struct VirtioDriver {
  enum Layout: CaseIterable { case legacy, modern }

  let machine: StorageMachine
  let layout: Layout
  let slot = 3
  static let descriptors = 0x8000
  static let available = 0x8800
  static let used = 0x9000
  static let indirect = 0xa000
  static let header = 0xb000
  static let status = 0xb010
  static let data = 0x2_0000
  static let allFeatures: UInt64 = 1 << 32 | 1 << 29 | 1 << 28 | 1 << 9 | 1 << 6 | 1 << 2

  var ports: UInt16 { UInt16(machine.configuration(slot, 0, 0x10) & 0xfffc) }
  var base: UInt32 { machine.configuration(slot, 0, 0x20) }

  func load(_ offset: UInt32, _ size: AccessSize) -> UInt32 {
    machine.bus.readMemory(GuestPhysicalAddress(base + offset), size: size)
  }
  func store(_ offset: UInt32, _ value: UInt32, _ size: AccessSize) {
    machine.bus.writeMemory(GuestPhysicalAddress(base + offset), size: size, value: value)
  }

  func setStatus(_ value: UInt32) {
    if layout == .legacy { machine.out(ports + 0x12, value) } else { store(0x14, value, .byte) }
  }
  var deviceStatus: UInt32 { layout == .legacy ? machine.in(ports + 0x12) : load(0x14, .byte) }
  var interruptStatus: UInt32 { layout == .legacy ? machine.in(ports + 0x13) : load(0x1000, .byte) }

  func start(features: UInt64 = 1 << 32 | 1 << 9) {
    setStatus(0)
    setStatus(3)
    switch layout {
    case .legacy:
      machine.out(ports + 4, UInt32(truncatingIfNeeded: features), .dword)
      machine.out(ports + 0x0e, 0, .word)
      machine.out(ports + 8, UInt32(Self.descriptors >> 12), .dword)
    case .modern:
      for half: UInt32 in 0..<2 {
        store(0x08, half, .dword)
        store(0x0c, UInt32(truncatingIfNeeded: features >> (32 * UInt64(half))), .dword)
      }
      setStatus(0x0b)
      store(0x16, 0, .word)
      for (register, address) in [(0x20, Self.descriptors), (0x28, Self.available), (0x30, Self.used)] {
        store(UInt32(register), UInt32(address), .dword)
        store(UInt32(register) + 4, 0, .dword)
      }
      store(0x1c, 1, .word)
    }
    setStatus(deviceStatus | 0x04)
  }

  func describe(
    _ index: Int, _ address: UInt64, _ length: UInt32, _ flags: UInt16, next: UInt16 = 0,
    table: Int = VirtioDriver.descriptors
  ) {
    machine.memory.put(address, at: table + 16 * index)
    machine.memory.put(length, at: table + 16 * index + 8)
    machine.memory.put(flags, at: table + 16 * index + 12)
    machine.memory.put(next, at: table + 16 * index + 14)
  }

  func writeHeader(_ kind: UInt32, sector: UInt64) {
    machine.memory.put(kind, at: Self.header)
    machine.memory.put(UInt32(0), at: Self.header + 4)
    machine.memory.put(sector, at: Self.header + 8)
    machine.memory.put(UInt8(0xee), at: Self.status)
  }

  /// Header, data and status in three descriptors.
  func build(_ kind: UInt32, sector: UInt64, count: UInt32, table: Int = VirtioDriver.descriptors) {
    writeHeader(kind, sector: sector)
    describe(0, UInt64(Self.header), 16, 1, next: 1, table: table)
    describe(1, UInt64(Self.data), count, kind == 1 ? 1 : 3, next: 2, table: table)
    describe(2, UInt64(Self.status), 1, 2, table: table)
  }

  func offer(_ head: UInt16) {
    let index: UInt16 = machine.memory.get(Self.available + 2)
    machine.memory.put(head, at: Self.available + 4 + 2 * Int(index % 128))
    machine.memory.put(index &+ 1, at: Self.available + 2)
  }

  func notify() {
    if layout == .legacy { machine.out(ports + 0x10, 0, .word) } else { store(0x3000, 0, .word) }
  }

  var usedIndex: UInt16 { machine.memory.get(Self.used + 2) }
  func usedLength(_ index: Int) -> UInt32 { machine.memory.get(Self.used + 8 + 8 * index) }
  var result: UInt8 { machine.memory.bytes[Self.status] }

  func request(_ kind: UInt32, sector: UInt64, count: UInt32) {
    build(kind, sector: sector, count: count)
    offer(0)
    notify()
  }
}

@Suite struct VirtioTests {
  let disk: MemoryDiskImage
  let machine: StorageMachine

  init() throws {
    disk = try memoryDisk()
    machine = try StorageMachine([Drive(image: disk, interface: .virtio)])
  }

  private func driver(_ layout: VirtioDriver.Layout) -> VirtioDriver { VirtioDriver(machine: machine, layout: layout) }

  @Test(arguments: VirtioDriver.Layout.allCases)
  fileprivate func `a request goes out and comes back, with an interrupt`(layout: VirtioDriver.Layout) {
    let driver = driver(layout)
    driver.start()
    driver.request(0, sector: 20, count: 1024)
    #expect(driver.usedIndex == 1 && driver.usedLength(0) == 1025 && driver.result == 0)
    #expect(Array(machine.memory.bytes[VirtioDriver.data..<VirtioDriver.data + 1024]) == pattern(sectors: 20..<22))
    #expect(machine.takeInterrupt() == 11)
    #expect(driver.interruptStatus == 1 && driver.interruptStatus == 0)
    #expect(machine.takeInterrupt() == nil, "reading the status takes the interrupt back")

    let data = pattern(sectors: 0..<3, seed: 0x77)
    machine.memory.bytes.replaceSubrange(VirtioDriver.data..<VirtioDriver.data + 1536, with: data)
    driver.request(1, sector: 2013, count: 1536)
    #expect(driver.result == 0 && driver.usedIndex == 2 && driver.usedLength(1) == 1)
    #expect(Array(disk.bytes[2013 * 512..<2016 * 512]) == data)
    driver.request(4, sector: 0, count: 0)
    #expect(driver.result == 0 && disk.flushCount == 1)
    driver.request(8, sector: 0, count: 20)
    #expect(driver.result == 0)
    let name = machine.memory.bytes[VirtioDriver.data..<VirtioDriver.data + 20].prefix { $0 != 0 }
    #expect(String(decoding: name, as: UTF8.self) == "TL-virtio0")
  }

  @Test(arguments: VirtioDriver.Layout.allCases)
  fileprivate func `the device tells its features, its size and its queue`(layout: VirtioDriver.Layout) {
    let driver = driver(layout)
    if layout == .legacy {
      let features = machine.in(driver.ports, .dword)
      #expect(features == 1 << 2 | 1 << 4 | 1 << 6 | 1 << 9 | 1 << 27 | 1 << 28 | 1 << 29)
      #expect(machine.in(driver.ports + 0x14, .dword) == 2016 && machine.in(driver.ports + 0x20, .dword) == 126)
      #expect(machine.in(driver.ports + 0x0c, .word) == 128)
      machine.out(driver.ports + 0x0e, 1, .word)
      #expect(machine.in(driver.ports + 0x0c, .word) == 0)
    } else {
      driver.store(0, 1, .dword)
      #expect(driver.load(4, .dword) == 1)
      #expect(driver.load(0x2000, .dword) == 2016 && driver.load(0x2014, .dword) == 512)
      #expect(driver.load(0x12, .word) == 1 && driver.load(0x18, .word) == 128)
    }
  }

  @Test func `the capabilities lead to the parts of the device memory`() {
    var place = UInt16(machine.configuration(3, 0, 0x34, .byte))
    var parts: [UInt32: UInt32] = [:]
    for _ in 0..<8 where place != 0 {
      #expect(machine.configuration(3, 0, place, .byte) == 0x09)
      parts[machine.configuration(3, 0, place + 3, .byte)] = machine.configuration(3, 0, place + 8)
      place = UInt16(machine.configuration(3, 0, place + 1, .byte))
    }
    #expect(parts == [1: 0, 2: 0x3000, 3: 0x1000, 4: 0x2000, 5: 0] && place == 0)
    #expect(machine.configuration(3, 0, 0x06, .word) & 0x10 != 0)
    // Through the window of the last capability.
    machine.configure(3, 0, 0x88, 4, .byte)
    machine.configure(3, 0, 0x8c, 0x2000)
    machine.configure(3, 0, 0x90, 4)
    #expect(machine.configuration(3, 0, 0x94) == 2016)
    machine.configure(3, 0, 0x90, 3)
    #expect(machine.configuration(3, 0, 0x94) == 0)
  }

  @Test func `features that weren't offered are not agreed on`() {
    let driver = driver(.modern)
    driver.setStatus(3)
    driver.store(8, 0, .dword)
    driver.store(0x0c, 1 << 3, .dword)
    driver.setStatus(0x0b)
    #expect(driver.deviceStatus == 3)
  }

  @Test(arguments: VirtioDriver.Layout.allCases)
  fileprivate func `indirect descriptors and scattered data`(layout: VirtioDriver.Layout) {
    let driver = driver(layout)
    driver.start(features: VirtioDriver.allFeatures)
    driver.writeHeader(0, sector: 3)
    driver.describe(5, UInt64(VirtioDriver.indirect), 16 * 5, 4)
    let table = VirtioDriver.indirect
    driver.describe(0, UInt64(VirtioDriver.header), 16, 1, next: 3, table: table)
    driver.describe(3, 0x2_0000, 100, 3, next: 1, table: table)
    driver.describe(1, 0x3_0000, 412, 3, next: 4, table: table)
    driver.describe(4, 0x4_0000, 512, 3, next: 2, table: table)
    driver.describe(2, UInt64(VirtioDriver.status), 1, 2, table: table)
    driver.offer(5)
    driver.notify()
    let data = machine.memory.bytes
    #expect(driver.result == 0 && driver.usedLength(0) == 1025)
    #expect(
      Array(data[0x2_0000..<0x2_0064] + data[0x3_0000..<0x3_019c] + data[0x4_0000..<0x4_0200])
        == pattern(sectors: 3..<5))
  }

  @Test func `an interrupt comes when the event index asks for it, or the flag doesn't forbid it`() {
    let driver = driver(.modern)
    driver.start(features: VirtioDriver.allFeatures)
    machine.memory.put(UInt16(1), at: VirtioDriver.available + 4 + 2 * 128)
    driver.request(4, sector: 0, count: 0)
    #expect(machine.takeInterrupt() == nil, "wanted after the second")
    #expect(machine.memory.get(VirtioDriver.used + 4 + 8 * 128, as: UInt16.self) == 1, "tell me of the next")
    driver.request(4, sector: 0, count: 0)
    #expect(machine.takeInterrupt() == 11)
    machine.memory.put(UInt16(0), at: VirtioDriver.available + 2)
    driver.start()
    machine.memory.put(UInt16(1), at: VirtioDriver.available)
    driver.request(4, sector: 0, count: 0)
    #expect(machine.takeInterrupt() == nil)
  }

  @Test func `requests that were there before the driver was ready, or could be master, are served then`() {
    let driver = driver(.modern)
    machine.configure(3, 0, 0x04, 0x0003, .word)
    driver.build(0, sector: 0, count: 512)
    driver.offer(0)
    driver.start()
    #expect(driver.usedIndex == 0)
    machine.configure(3, 0, 0x04, 0x0007, .word)
    #expect(driver.usedIndex == 1)
  }

  // MARK: Refusals

  @Test(arguments: [
    (UInt32(0), UInt64(2015), UInt32(1024), UInt8(1)), (0, 2016, 512, 1), (0, .max, 512, 1), (0, 0, 100, 1),
    (1, 2016, 512, 1), (0, 0, 0xffff_fe00, 1), (11, 0, 512, 2), (99, 0, 512, 2),
  ])
  func `a request that can't be is answered so`(kind: UInt32, sector: UInt64, count: UInt32, result: UInt8) {
    let driver = driver(.modern)
    driver.start()
    driver.request(kind, sector: sector, count: count)
    #expect(driver.result == result && driver.usedIndex == 1)
    #expect(disk.bytes == pattern(sectors: 0..<2016))
  }

  @Test func `read-only media say so and refuse writes`() throws {
    let disk = try memoryDisk(isReadOnly: true)
    let machine = try StorageMachine([Drive(image: disk, interface: .virtio)])
    let driver = VirtioDriver(machine: machine, layout: .legacy)
    #expect(machine.in(driver.ports, .dword) & 1 << 5 != 0)
    driver.start()
    driver.request(1, sector: 0, count: 512)
    #expect(driver.result == 1)
    driver.request(0, sector: 0, count: 512)
    #expect(driver.result == 0)
  }

  @Test func `what the host can't do fails, and is remembered`() {
    disk.badSector = 130
    let driver = driver(.legacy)
    driver.start()
    driver.request(0, sector: 0, count: 200 * 512)
    #expect(driver.result == 1 && machine.pc.storageFailure?.operation == .read)
    disk.failsFlush = true
    driver.request(4, sector: 0, count: 0)
    #expect(driver.result == 1)
  }

  @Test func `a driver that doesn't know of flushes has its writes flushed`() {
    let driver = driver(.legacy)
    driver.start(features: 0)
    driver.request(1, sector: 0, count: 512)
    #expect(disk.flushCount == 1)
  }

  /// Each breaks the ring in its own way.
  fileprivate enum Attack: CaseIterable {
    case loop, nextOutside, headOutside, indexTooFar, indirectInIndirect, indirectWithNext, oddIndirect, hugeIndirect
    case readAfterWrite, noStatus, shortHeader, unofferedIndirect
  }

  @Test(arguments: Attack.allCases)
  fileprivate func `a broken ring stops the device until it is reset`(attack: Attack) {
    let driver = driver(.modern)
    driver.start(features: attack == .unofferedIndirect ? 1 << 32 : VirtioDriver.allFeatures)
    driver.build(0, sector: 0, count: 512)
    let table = UInt64(VirtioDriver.indirect)
    switch attack {
    case .loop: driver.describe(1, UInt64(VirtioDriver.data), 512, 3, next: 1)
    case .nextOutside: driver.describe(1, UInt64(VirtioDriver.data), 512, 3, next: 128)
    case .headOutside: driver.offer(200)
    case .indexTooFar: machine.memory.put(UInt16(1000), at: VirtioDriver.available + 2)
    case .indirectInIndirect:
      driver.describe(0, table, 32, 4)
      driver.describe(0, table, 32, 4, table: VirtioDriver.indirect)
    case .indirectWithNext: driver.describe(0, table, 32, 5, next: 1)
    case .oddIndirect: driver.describe(0, table, 33, 4)
    case .hugeIndirect: driver.describe(0, table, 0xffff_fff0, 4)
    case .readAfterWrite: driver.describe(2, UInt64(VirtioDriver.status), 1, 0)
    case .noStatus:
      driver.describe(1, UInt64(VirtioDriver.data), 0, 3, next: 2)
      driver.describe(2, UInt64(VirtioDriver.status), 0, 2)
    case .shortHeader: driver.describe(0, UInt64(VirtioDriver.header), 15, 1, next: 1)
    case .unofferedIndirect:
      driver.build(0, sector: 0, count: 512, table: VirtioDriver.indirect)
      driver.describe(0, table, 48, 4)
    }
    if attack != .headOutside, attack != .indexTooFar { driver.offer(0) }
    driver.notify()
    #expect(driver.deviceStatus & 0x40 != 0 && driver.usedIndex == 0)
    #expect(driver.interruptStatus == 2)
    driver.notify()
    #expect(driver.usedIndex == 0)

    machine.memory.bytes.replaceSubrange(0x8000..<0xa000, with: [UInt8](repeating: 0, count: 0x2000))
    driver.start()
    driver.request(0, sector: 0, count: 512)
    #expect(driver.result == 0 && driver.usedIndex == 1)
  }

  @Test func `a ring that feeds itself doesn't hold up the machine`() {
    let driver = driver(.modern)
    driver.start()
    // The data of each read is the ring's own index and heads: sector 0 says that there is always more.
    var sector = [UInt8](repeating: 0, count: 512)
    sector[2] = 0xff
    sector.withUnsafeBytes { try? disk.write(0, from: $0) }
    driver.writeHeader(0, sector: 0)
    driver.describe(0, UInt64(VirtioDriver.header), 16, 1, next: 1)
    driver.describe(1, UInt64(VirtioDriver.available), 512, 3, next: 2)
    driver.describe(2, UInt64(VirtioDriver.status), 1, 2)
    for turn in 1...200 {
      _ = turn
      driver.offer(0)
      driver.notify()
    }
    for _ in 0..<100 {
      guard let deadline = machine.bus.nextDeadline else { break }
      #expect(deadline > machine.bus.clock.now)
      machine.bus.advance(to: deadline)
    }
  }

  @Test func `a long queue is served in turns, the rest after a pause`() throws {
    let disk = try MemoryDiskImage([UInt8](repeating: 0, count: 9 << 20))
    let memory = TestMemory(16 << 20)
    let machine = try StorageMachine([Drive(image: disk, interface: .virtio)], memory: memory)
    let driver = VirtioDriver(machine: machine, layout: .modern)
    driver.start()
    driver.build(0, sector: 0, count: 9 << 20)
    for _ in 0..<3 { driver.offer(0) }
    driver.notify()
    #expect(driver.usedIndex == 2)
    let states = machine.bus.save()
    let twin = try StorageMachine([Drive(image: disk, interface: .virtio)], memory: memory)
    try twin.bus.restore(states, at: machine.bus.clock.now)
    #expect(twin.bus.save() == states && twin.bus.nextDeadline == machine.bus.nextDeadline)
    twin.bus.advance(to: twin.bus.clock.now + 2_000)
    #expect(driver.usedIndex == 3)
  }

  @Test func `a restored device goes on with its ring`() throws {
    let driver = driver(.modern)
    driver.start(features: VirtioDriver.allFeatures)
    driver.request(4, sector: 0, count: 0)
    #expect(machine.isRequested(11))
    let twinMachine = try StorageMachine([Drive(image: try memoryDisk(), interface: .virtio)], memory: machine.memory)
    let states = machine.bus.save()
    try twinMachine.bus.restore(states, at: machine.bus.clock.now)
    #expect(twinMachine.bus.save() == states && twinMachine.isRequested(11))
    let twin = VirtioDriver(machine: twinMachine, layout: .modern)
    #expect(twin.interruptStatus == 1 && !twinMachine.isRequested(11))
    twin.request(0, sector: 8, count: 512)
    #expect(twin.usedIndex == 2 && twin.result == 0)
  }
}

@Suite struct StorageHostilityTests {
  /// A machine with every kind of drive, and memory full of numbers that look like rings and tables.
  static func machine(_ generator: inout SeededGenerator) throws -> StorageMachine {
    let memory = TestMemory(1 << 16)
    for index in memory.bytes.indices {
      memory.bytes[index] =
        Int.random(in: 0..<3, using: &generator) == 0 ? UInt8.random(in: 0...255, using: &generator) : 0
    }
    return try StorageMachine(
      [
        Drive(image: try memoryDisk(sectors: 300)), Drive(image: try memoryDisk(sectors: 40), medium: .cdrom),
        Drive(image: try memoryDisk(sectors: 64), interface: .virtio),
        Drive(image: try memoryDisk(sectors: 64), interface: .virtio, isReadOnly: true),
      ], memory: memory)
  }

  static func attack(_ machine: StorageMachine, accesses: Int, generator: inout SeededGenerator) {
    let known: [UInt16] =
      Array(0x1f0...0x1f7) + Array(0x1f0...0x1f7) + [0x3f6, 0xcf8, 0xcfc, 0xcfd, 0xcfe] + Array(0xc000...0xc0bf)
    for _ in 0..<accesses {
      let size = AccessSize.allCases.randomElement(using: &generator)!
      let port = known.randomElement(using: &generator)!
      var value = UInt32.random(in: 0...(.max), using: &generator)
      if Bool.random(using: &generator) { value &= 0x0000_00ff }
      if port == 0xcf8 {
        value = 0x8000_0000 | [0, 0x800, 0x900, 0xb00, 0x1800, 0x2000].randomElement(using: &generator)! | value & 0xfc
      }
      // Mostly leave the decoding on.
      if (0xcfc...0xcff).contains(port), Int.random(in: 0..<4, using: &generator) != 0 { continue }
      let memory = GuestPhysicalAddress(0xfe00_0000 + UInt64(value & 0x7fff & ~UInt32(size.rawValue - 1)))
      switch Int.random(in: 0..<12, using: &generator) {
      case 0..<5: machine.out(port, value, size)
      case 5..<8: _ = machine.in(port, size)
      case 8: machine.bus.writeMemory(memory, size: size, value: value)
      case 9: _ = machine.bus.readMemory(memory, size: size)
      case 10: _ = machine.takeInterrupt()
      default: machine.bus.advance(to: machine.bus.clock.now + UInt64.random(in: 0..<5_000, using: &generator))
      }
      machine.pc.requests.clear()
    }
  }

  @Test(arguments: [31, 32, 33] as [UInt64])
  func `no sequence of accesses hurts`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<4 {
      let machine = try Self.machine(&generator)
      Self.attack(machine, accesses: 10_000, generator: &generator)
    }
  }

  @Test(arguments: [41, 42, 43, 44] as [UInt64])
  func `a restored machine goes on exactly as the saved one`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var start = generator
    let machine = try Self.machine(&generator)
    for _ in 0..<10 {
      Self.attack(machine, accesses: 300, generator: &generator)
      machine.bus.advance(to: machine.bus.clock.now)
      let twin = try Self.machine(&start)
      twin.memory.bytes = machine.memory.bytes
      for (mine, other) in zip(machine.images, twin.images) {
        try mine.bytes.withUnsafeBytes { try other.write(0, from: $0) }
      }
      let states = machine.bus.save()
      try twin.bus.restore(states, at: machine.bus.clock.now)
      HostilityTests.expectSame(twin.bus.save(), states)
      var (here, there) = (generator, generator)
      Self.attack(machine, accesses: 300, generator: &here)
      Self.attack(twin, accesses: 300, generator: &there)
      HostilityTests.expectSame(twin.bus.save(), machine.bus.save())
      #expect(twin.memory.bytes == machine.memory.bytes)
      generator = here
    }
  }

  @Test(arguments: [51, 52] as [UInt64])
  func `no state, however damaged, makes a drive trap`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<60 {
      let machine = try Self.machine(&generator)
      for device in machine.bus.devices {
        var state = device.save()
        let whole = Bool.random(using: &generator)
        for index in state.bytes.indices where whole || Int.random(in: 0..<8, using: &generator) == 0 {
          state.bytes[index] = UInt8.random(in: 0...255, using: &generator)
        }
        try? device.restore(state)
      }
      // A deadline in the past is the state's fault; the attack's own time steps must only not hang.
      Self.attack(machine, accesses: 300, generator: &generator)
      machine.pc.settleAsFirmware()
      Self.attack(machine, accesses: 300, generator: &generator)
    }
  }
}
