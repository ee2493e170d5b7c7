import Memory
import Testing

@testable import Devices

/// A device that remembers nothing and answers with its offset.
private final class Echo: Device {
  let name: String
  init(_ name: String = "echo") { self.name = name }
  func read(_ offset: UInt32, size: AccessSize) -> UInt32 { offset }
  func write(_ offset: UInt32, size: AccessSize, value: UInt32) {}
  func reset() {}
  func transferState(_ archive: inout StateArchive) {}
}

private final class WireLog: InterruptWireListener {
  var log: [String] = []
  func interruptWire(_ number: Int, became level: Bool) { log.append("\(number) \(level)") }
}

@Suite struct WindowTests {
  @Test func `a window answers where it was last put, and nowhere before`() {
    let (bus, echo) = (Bus(), Echo())
    let window = bus.makeWindow(ports: 16, for: echo)
    #expect(bus.readPort(0xc004, size: .byte) == 0xff)
    window.place(at: 0xc000)
    #expect(bus.readPort(0xc004, size: .byte) == 4)
    window.place(at: 0xd000)
    #expect(bus.readPort(0xc004, size: .byte) == 0xff && bus.readPort(0xd00f, size: .byte) == 15)
    window.place(at: nil)
    #expect(bus.readPort(0xd00f, size: .byte) == 0xff)
    window.place(at: 0xfff8)
    #expect(window.base == nil, "past the last port")
  }

  @Test func `a window yields to fixed ports and to earlier windows, and covers them again when they go`() {
    let bus = Bus()
    bus.claim(ports: 0x3f8...0x3f9, for: Echo("fixed"), firstRegister: 0x40)
    let first = bus.makeWindow(ports: 4, for: Echo("first"), firstRegister: 0x50)
    let second = bus.makeWindow(ports: 16, for: Echo("second"), firstRegister: 0x60)
    second.place(at: 0x3f0)
    first.place(at: 0x3f4)
    #expect((0x3f3...0x3f9).map { bus.readPort($0, size: .byte) } == [0x63, 0x50, 0x51, 0x52, 0x53, 0x40, 0x41])
    first.place(at: nil)
    #expect(bus.readPort(0x3f4, size: .byte) == 0x64)
    bus.claim(ports: 0x3f0...0x3f0, for: Echo("late"), firstRegister: 0x70)
    #expect(bus.readPort(0x3f0, size: .byte) == 0x70 && bus.readPort(0x3f1, size: .byte) == 0x61)
  }

  @Test func `a memory window moves, and fixed memory stands before it`() {
    let bus = Bus()
    let window = bus.makeWindow(memory: 0x1000, for: Echo(), firstRegister: 0x100)
    window.place(at: GuestPhysicalAddress(0xe000_0000 as UInt32))
    #expect(bus.readMemory(GuestPhysicalAddress(0xe000_0ffc as UInt32), size: .dword) == 0x10fc)
    bus.claim(memory: GuestPhysicalAddress(0xe000_0000 as UInt32), count: 0x10, for: Echo("fixed"))
    #expect(bus.readMemory(GuestPhysicalAddress(0xe000_0004 as UInt32), size: .byte) == 4)
    window.place(at: GuestPhysicalAddress(UInt64.max - 4))
    #expect(window.base == nil)
  }
}

@Suite struct PCITests {
  /// The disk in slot 3 has both kinds of base address and an interrupt.
  let machine: StorageMachine
  init() throws { machine = try StorageMachine([Drive(image: try memoryDisk(), interface: .virtio)]) }

  @Test(arguments: [
    (0, 0, UInt32(0x1237_8086), UInt32(0x0600_0002)), (1, 0, 0x7000_8086, 0x0601_0000),
    (1, 1, 0x7010_8086, 0x0101_8000), (1, 3, 0x7113_8086, 0x0680_0003), (3, 0, 0x1001_1af4, 0x0100_0000),
  ])
  func `each function says what it is`(slot: Int, function: Int, identity: UInt32, class code: UInt32) {
    #expect(machine.configuration(slot, function, 0x00) == identity)
    #expect(machine.configuration(slot, function, 0x08) == code)
    machine.configure(slot, function, 0x00, 0)
    #expect(machine.configuration(slot, function, 0x00) == identity)
  }

  @Test func `what isn't there reads as all ones`() {
    #expect(machine.configuration(2, 0, 0) == 0xffff_ffff)
    #expect(machine.configuration(0, 1, 0) == 0xffff_ffff)
    machine.out(0xcf8, 0x8001_0000, .dword)
    #expect(machine.in(0xcfc, .dword) == 0xffff_ffff, "another bus")
    machine.out(0xcf8, 0x0000_0000, .dword)
    #expect(machine.in(0xcfc, .dword) == 0xffff_ffff, "not enabled")
    #expect(machine.configuration(1, 0, 0x0c) & 0x0080_0000 != 0, "slot 1 has several functions")
  }

  @Test func `the address is a dword's, and data any width's`() {
    machine.out(0xcfb, 0x01)
    machine.out(0xcf8, 0x8000_0000, .dword)
    machine.out(0xcf8, 0x1234, .word)
    #expect(machine.in(0xcf8, .dword) == 0x8000_0000)
    #expect(machine.in(0xcfc, .word) == 0x8086 && machine.in(0xcfe, .word) == 0x1237)
    #expect((0..<4).map { machine.in(0xcfc + $0) } == [0x86, 0x80, 0x37, 0x12])
    machine.configure(3, 0, 0x3c, 0x0a, .byte)
    #expect(machine.configuration(3, 0, 0x3c, .word) == 0x010a)
  }

  @Test func `all ones in a base address tell its size and kind`() {
    machine.configure(1, 1, 0x20, 0xffff_ffff)
    #expect(machine.configuration(1, 1, 0x20) == 0xffff_fff1)
    machine.configure(3, 0, 0x10, 0xffff_ffff)
    #expect(machine.configuration(3, 0, 0x10) == 0xffff_ffc1)
    machine.configure(3, 0, 0x20, 0xffff_ffff)
    #expect(machine.configuration(3, 0, 0x20) == 0xffff_c000)
    machine.configure(3, 0, 0x14, 0xffff_ffff)
    #expect(machine.configuration(3, 0, 0x14) == 0, "not implemented")
  }

  @Test func `ports follow their base address and the command register`() {
    let before = UInt16(machine.configuration(3, 0, 0x10) & 0xfffc)
    #expect(machine.in(before + 0x0c, .word) == 128)
    machine.configure(3, 0, 0x10, 0x9000)
    #expect(machine.in(before + 0x0c, .word) == 0xffff && machine.in(0x900c, .word) == 128)
    machine.configure(3, 0, 0x04, 0x0006, .word)
    #expect(machine.in(0x900c, .word) == 0xffff)
    machine.configure(3, 0, 0x04, 0x0007, .word)
    machine.configure(3, 0, 0x10, 0x1_9000)
    #expect(machine.in(0x900c, .word) == 0xffff, "there is no such port")
  }

  @Test func `device memory follows its base address and the command register`() {
    func queueCount(_ base: UInt32) -> UInt32 { machine.bus.readMemory(GuestPhysicalAddress(base + 0x12), size: .word) }
    let before = machine.configuration(3, 0, 0x20)
    #expect(queueCount(before) == 1)
    machine.configure(3, 0, 0x20, 0xf000_0000)
    #expect(queueCount(before) == 0xffff && queueCount(0xf000_0000) == 1)
    machine.configure(3, 0, 0x04, 0x0001, .word)
    #expect(queueCount(0xf000_0000) == 0xffff)
  }

  @Test func `a base address over the timer's ports doesn't take them`() {
    machine.configure(3, 0, 0x10, 0x0040)
    machine.out(0x43, 0x36)
    machine.out(0x40, 0x34)
    machine.out(0x40, 0x12)
    machine.configure(3, 0, 0x10, 0xc100)
    #expect(machine.in(0x40) != 0xff || machine.in(0x40) != 0xff)
  }

  @Test func `firmware's layout overlaps nowhere and opens the old IDE ports`() {
    var ports: Set<UInt32> = []
    for (slot, function, device) in machine.pc.pci.all {
      for base in device.function.baseAddresses where base.isPorts {
        let first = machine.configuration(slot, function, UInt16(base.register)) & ~3
        for port in first..<first + UInt32(base.count) { #expect(ports.insert(port).inserted) }
      }
    }
    machine.out(0x1f2, 0x55)
    #expect(machine.configuration(1, 1, 0x40) == 0x8000_8000)
    #expect(machine.configuration(3, 0, 0x3c, .byte) == 11)
    #expect(machine.in(0x4d1) == 0x0c)
  }

  // MARK: Bridges

  @Test func `the attribute map tells which regions became RAM, once each, and again at a reset`() throws {
    let machine = try StorageMachine(settled: false)
    var told: [ShadowRegion] = []
    machine.pc.hostBridge.shadowChanged = { told.append($0) }
    machine.configure(0, 0, 0x59, 0x30, .byte)
    machine.configure(0, 0, 0x5c, 0xff00_0201)
    #expect(machine.configuration(0, 0, 0x58) == 0x3000 && machine.configuration(0, 0, 0x5c) == 0x3300_0201)
    func region(_ start: UInt64, _ count: UInt64, _ reads: Bool, _ writes: Bool) -> ShadowRegion {
      ShadowRegion(start: GuestPhysicalAddress(start), count: count, readsRAM: reads, writesRAM: writes)
    }
    #expect(
      told == [
        region(0xf_0000, 0x1_0000, true, true), region(0xd_0000, 0x4000, true, false),
        region(0xd_8000, 0x4000, false, true), region(0xe_8000, 0x4000, true, true),
        region(0xe_c000, 0x4000, true, true),
      ])
    let changed = told.count
    machine.configure(0, 0, 0x59, 0x30, .byte)
    #expect(told.count == changed)
    machine.bus.reset()
    #expect(told.count == 2 * changed)
    #expect(machine.pc.hostBridge.shadowRegions.allSatisfy { !$0.readsRAM && !$0.writesRAM })
  }

  @Test func `a pin's interrupt goes where the route of its wire says`() {
    let function = machine.pc.virtioDisks[0].function
    let log = WireLog()
    machine.pc.pci.router.listener = log
    function.setInterrupt(true)
    #expect(log.log == ["2 true"], "slot 3, INTA#: PIRQ C")
    #expect(machine.isRequested(11) && machine.takeInterrupt() == 11)
    machine.configure(1, 0, 0x62, 0x05, .byte)
    #expect(!machine.isRequested(11) && machine.isRequested(5))
    machine.configure(1, 0, 0x62, 0x80, .byte)
    #expect(!machine.isRequested(5))
    machine.configure(1, 0, 0x62, 0x0d, .byte)
    #expect(!machine.isRequested(13), "reserved")
    machine.configure(1, 0, 0x62, 0x0a, .byte)
    #expect(machine.takeInterrupt() == 10 && machine.takeInterrupt() == 10, "a level stays")
    function.setInterrupt(false)
    #expect(machine.takeInterrupt() == nil)
    #expect(log.log == ["2 true", "2 false"])
  }

  @Test func `functions share a line: it falls with the last`() throws {
    let disks = try (0..<5).map { _ in Drive(image: try memoryDisk(), interface: .virtio) }
    let machine = try StorageMachine(disks)
    let pins = machine.pc.virtioDisks.map(\.function)
    // Slots 3 and 7 share PIRQ C; slot 4 has PIRQ D, which goes to IRQ 11 too.
    for index in [0, 4, 1] { pins[index].setInterrupt(true) }
    pins[0].setInterrupt(false)
    pins[1].setInterrupt(false)
    #expect(machine.isRequested(11))
    pins[4].setInterrupt(false)
    #expect(!machine.isRequested(11))
  }

  @Test func `a board part and a PCI interrupt on one line don't drop each other`() {
    let line = machine.pc.interrupts.line(11)
    let function = machine.pc.virtioDisks[0].function
    line.set(true)
    function.setInterrupt(true)
    function.setInterrupt(false)
    #expect(machine.isRequested(11))
    line.set(false)
    #expect(!machine.isRequested(11))
  }

  @Test func `a function whose interrupt is disabled shows it in its status alone`() {
    let function = machine.pc.virtioDisks[0].function
    machine.configure(3, 0, 0x04, 0x0407, .word)
    function.setInterrupt(true)
    #expect(machine.configuration(3, 0, 0x06, .word) & 0x08 != 0 && !machine.isRequested(11))
    machine.configure(3, 0, 0x04, 0x0007, .word)
    #expect(machine.isRequested(11))
  }

  @Test func `power management ports stand where firmware puts them`() throws {
    let machine = try StorageMachine(settled: false)
    machine.configure(1, 3, 0x40, 0x0601)
    #expect(machine.in(0x602) == 0xff)
    machine.configure(1, 3, 0x80, 0x01, .byte)
    machine.out(0x602, 0x21)
    #expect(machine.in(0x602) == 0x21 && machine.configuration(1, 3, 0x40) == 0x0601)
    machine.configure(1, 3, 0x40, 0xb000)
    #expect(machine.in(0x602) == 0xff && machine.in(0xb002) == 0x21)
    #expect(machine.configuration(1, 3, 0x58) & 0x0200_0000 != 0, "no SMM to set up")
    machine.bus.reset()
    #expect(machine.in(0xb002) == 0xff)
  }

  @Test func `a machine that nobody holds any more goes, with its memory and its disks`() throws {
    weak var memory: TestMemory?
    weak var image: MemoryDiskImage?
    do {
      let disk = try memoryDisk()
      let machine = try StorageMachine([Drive(image: disk), Drive(image: disk, interface: .virtio)])
      (memory, image) = (machine.memory, disk)
      #expect(memory != nil && image != nil)
    }
    #expect(memory == nil && image == nil)
  }

  @Test func `port 0xCF9 resets when bit 2 rises`() {
    machine.out(0xcf9, 0x02)
    #expect(machine.pc.requests.resetRequestedBy == nil)
    machine.out(0xcf9, 0x06)
    #expect(machine.pc.requests.resetRequestedBy == 0xcf9)
  }

  @Test func `a restored machine has its windows and its interrupts where they were`() throws {
    machine.configure(3, 0, 0x10, 0x9000)
    machine.configure(1, 0, 0x62, 0x05, .byte)
    machine.pc.virtioDisks[0].function.setInterrupt(true)
    let twin = try StorageMachine([Drive(image: try memoryDisk(), interface: .virtio)])
    let states = machine.bus.save()
    try twin.bus.restore(states, at: machine.bus.clock.now)
    #expect(twin.bus.save() == states)
    #expect(twin.in(0x900c, .word) == 128)
    #expect(twin.isRequested(5) && !twin.isRequested(11))
    twin.pc.virtioDisks[0].function.setInterrupt(false)
    #expect(!twin.isRequested(5))
  }
}
