import Memory
import Testing

@testable import Devices

@Suite struct ACPITableTests {
  let base: UInt64 = 0xe_0000

  /// The tables as they stand in memory, read as a system reads them.
  struct Reader {
    let start: UInt64
    let bytes: [UInt8]

    init(_ configuration: ACPITables.Configuration, at base: UInt64) {
      let pieces = ACPITables.build(configuration, at: GuestPhysicalAddress(base))
      var image = [UInt8](repeating: 0, count: 0x4000)
      for piece in pieces {
        let at = Int(piece.address.value - base)
        image.replaceSubrange(at..<at + piece.bytes.count, with: piece.bytes)
      }
      start = base
      bytes = image
    }

    func load(_ address: UInt64, _ count: Int) -> UInt64 {
      (0..<count).reduce(0) { $0 | UInt64(bytes[Int(address - start) + $1]) << (8 * UInt64($1)) }
    }
    func text(_ address: UInt64, _ count: Int) -> String {
      String(decoding: bytes[Int(address - start)..<Int(address - start) + count], as: UTF8.self)
    }
    func sum(_ address: UInt64, _ count: Int) -> UInt8 {
      bytes[Int(address - start)..<Int(address - start) + count].reduce(0, &+)
    }
    /// Addresses of the tables that the RSDT names, by signature.
    var tables: [String: UInt64] {
      let root = load(start + 16, 4)
      let count = (Int(load(root + 4, 4)) - 36) / 4
      return Dictionary(
        uniqueKeysWithValues: (0..<count).map {
          let at = load(root + 36 + 4 * UInt64($0), 4)
          return (text(at, 4), at)
        })
    }
  }

  @Test(arguments: [false, true])
  func `a system finds every table, and every sum is zero`(hasAPIC: Bool) {
    let memory = Reader(ACPITables.Configuration(hasAPIC: hasAPIC), at: base)
    #expect(memory.text(base, 8) == "RSD PTR ")
    #expect(memory.sum(base, 20) == 0)
    let root = memory.load(base + 16, 4)
    #expect(memory.text(root, 4) == "RSDT")
    #expect(Set(memory.tables.keys) == (hasAPIC ? ["FACP", "APIC"] : ["FACP"]))
    let fixed = memory.tables["FACP"]!
    let system = memory.load(fixed + 40, 4)
    let control = memory.load(fixed + 36, 4)
    #expect(memory.text(system, 4) == "DSDT" && memory.text(control, 4) == "FACS")
    #expect(control % 64 == 0)
    for table in Array(memory.tables.values) + [root, system] {
      #expect(memory.sum(table, Int(memory.load(table + 4, 4))) == 0, "\(memory.text(table, 4))")
    }
  }

  @Test func `the FADT says where the power management registers are`() {
    let memory = Reader(ACPITables.Configuration(hasAPIC: false, powerPorts: 0xb000), at: base)
    let fixed = memory.tables["FACP"]!
    #expect(memory.load(fixed + 4, 4) == 244)
    #expect(memory.load(fixed + 46, 2) == 9)
    #expect(
      memory.load(fixed + 48, 4) == 0xb2 && memory.load(fixed + 52, 1) == 0xf1 && memory.load(fixed + 53, 1) == 0xf0)
    #expect(memory.load(fixed + 56, 4) == 0xb000 && memory.load(fixed + 64, 4) == 0xb004)
    #expect(memory.load(fixed + 76, 4) == 0xb008 && memory.load(fixed + 91, 1) == 4)
    #expect(memory.load(fixed + 109, 2) == 3, "an 8042")
    #expect(memory.load(fixed + 120, 8) == 0xcf9 && memory.load(fixed + 128, 1) == 0x0f)
    #expect(memory.load(fixed + 152, 8) == 0xb000 && memory.load(fixed + 176, 8) == 0xb004)
    #expect(memory.load(fixed + 212, 8) == 0xb008)
  }

  @Test func `the MADT has one processor, one I/O APIC, and IRQ 0 at input 2`() {
    let memory = Reader(ACPITables.Configuration(hasAPIC: true), at: base)
    let table = memory.tables["APIC"]!
    #expect(memory.load(table + 36, 4) == 0xfee0_0000)
    var at = table + 44
    var entries: [UInt64: Int] = [:]
    while at < table + memory.load(table + 4, 4) {
      let kind = memory.load(at, 1)
      entries[kind, default: 0] += 1
      if kind == 1 { #expect(memory.load(at + 4, 4) == 0xfec0_0000) }
      if kind == 2, memory.load(at + 3, 1) == 0 { #expect(memory.load(at + 4, 4) == 2) }
      if kind == 2, memory.load(at + 3, 1) == 9 { #expect(memory.load(at + 8, 2) == 0x0d) }
      at += memory.load(at + 1, 1)
    }
    #expect(entries == [0: 1, 1: 1, 2: 2, 4: 1])
  }

  @Test func `AML encodes names, numbers and lengths as the specification has them`() {
    #expect(AML.name("\\_SB.PCI0") == [0x5c, 0x2e] + Array("_SB_PCI0".utf8))
    #expect(AML.name("ISA") == Array("ISA_".utf8))
    #expect(AML.name("A.B.C") == [0x2f, 3] + Array("A___B___C___".utf8))
    #expect(AML.eisaID("PNP0A03") == [0x0c, 0x41, 0xd0, 0x0a, 0x03])
    #expect(AML.integer(0x1234) == [0x0b, 0x34, 0x12])
    #expect(AML.package([UInt8](repeating: 0, count: 62)).first == 63)
    #expect(AML.package([UInt8](repeating: 0, count: 63)).prefix(2) == [0x41, 0x04])
    #expect(AML.package([UInt8](repeating: 0, count: 4093)).prefix(2) == [0x4f, 0xff])
    #expect(AML.package([UInt8](repeating: 0, count: 4094)).prefix(3) == [0x81, 0x00, 0x01])
  }

  @Test func `firmware that follows the loader's script gets the same tables`() {
    let configuration = ACPITables.Configuration(hasAPIC: true)
    var files = Dictionary(uniqueKeysWithValues: ACPITables.firmwareFiles(configuration).map { ($0.name, $0.bytes) })
    let script = files.removeValue(forKey: "etc/table-loader")!
    #expect(script.count % 128 == 0)
    let places: [String: UInt32] = ["etc/acpi/rsdp": 0xe_0000, "etc/acpi/tables": 0xe_0040]
    var allocated: Set<String> = []
    for start in stride(from: 0, to: script.count, by: 128) {
      let command = Array(script[start..<start + 128])
      func word(_ at: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(command[at + $1]) << (8 * UInt32($1)) } }
      func name(_ at: Int) -> String { String(decoding: command[at..<at + 56].prefix { $0 != 0 }, as: UTF8.self) }
      switch word(0) {
      case 1:
        allocated.insert(name(4))
        #expect(places[name(4)]! % word(60) == 0)
      case 2:
        #expect(allocated.contains(name(4)) && allocated.contains(name(60)) && command[120] == 4)
        let at = Int(word(116))
        let old = (0..<4).reduce(UInt32(0)) { $0 | UInt32(files[name(4)]![at + $1]) << (8 * UInt32($1)) }
        files[name(4)]!.replaceSubrange(at..<at + 4, with: AML.little(old + places[name(60)]!))
      case 3:
        let range = Int(word(64))..<Int(word(64) + word(68))
        let sum = files[name(4)]![range].reduce(0, &+)
        files[name(4)]![Int(word(60))] &-= sum
      default: Issue.record("command \(word(0))")
      }
    }
    let built = ACPITables.build(configuration)
    #expect(files["etc/acpi/rsdp"] == built[0].bytes)
    #expect(files["etc/acpi/tables"] == built[1].bytes)
  }
}

@Suite struct PowerManagementTests {
  let machine = TestMachine()
  var power: PowerManagement { machine.pc.power }

  init() { machine.pc.settleAsFirmware() }

  var isInterrupting: Bool { machine.pc.interrupts.registers.requests & 1 << 9 != 0 }

  @Test func `the system takes power management over by the command port`() {
    #expect(machine.in(0x604, .word) & 1 == 0)
    machine.out(0xb2, 0xf1)
    #expect(machine.in(0x604, .word) & 1 == 1)
    machine.out(0xb2, 0xf0)
    #expect(machine.in(0x604, .word) & 1 == 0)
    machine.out(0xb3, 0x5a)
    #expect(machine.in(0xb2, .word) == 0x5af0)
  }

  @Test func `soft off ends the machine, other sleep states don't`() {
    machine.out(0x604, 0x2001 | 3 << 10, .word)
    #expect(!machine.pc.requests.areWaiting)
    machine.out(0x604, 0x0001, .word)
    #expect(!machine.pc.requests.areWaiting)
    machine.out(0x604, 0x2001, .word)
    #expect(machine.pc.requests.areWaiting && machine.pc.requests.isPowerOffRequested)
    machine.pc.requests.clear()
    #expect(!machine.pc.requests.isPowerOffRequested)
    machine.out(0x605, 0x20)
    #expect(machine.pc.requests.isPowerOffRequested)
  }

  @Test func `the timer runs at 3.579545 MHz, 24 bits wide`() {
    machine.bus.advance(to: 1_000_000_000)
    #expect(machine.in(0x608, .dword) == 3_579_545)
    machine.bus.advance(to: 10_000_000_000)
    #expect(machine.in(0x608, .dword) == 35_795_450 & 0xff_ffff)
    #expect(machine.in(0x60a) == 35_795_450 >> 16 & 0xff)
  }

  @Test func `the timer's event comes when bit 23 changes, and interrupts when it is enabled`() {
    machine.out(0xb2, 0xf1)
    machine.out(0x602, 0x0001, .word)
    let turn = TickRate(hertz: PowerManagement.frequency).time(of: 1 << 23)
    #expect(power.nextDeadline == turn)
    machine.run(to: turn - 1)
    #expect(!isInterrupting)
    machine.run(to: turn)
    #expect(isInterrupting)
    #expect(machine.in(0x600, .word) & 1 == 1)
    #expect(power.nextDeadline == nil)
    machine.out(0x600, 0x0001, .word)
    #expect(!isInterrupting)
    #expect(power.nextDeadline != nil)
    machine.out(0x602, 0x0000, .word)
    machine.run(to: turn * 5)
    #expect(machine.in(0x600, .word) & 1 == 1 && !isInterrupting)
  }

  @Test func `the power button interrupts a system that listens`() {
    power.pressPowerButton()
    #expect(machine.in(0x600, .word) == 0x0100 && !isInterrupting)
    machine.out(0x600, 0x0100, .word)
    machine.out(0x604, 0x0001, .word)
    machine.out(0x602, 0x0100, .word)
    power.pressPowerButton()
    #expect(isInterrupting)
    machine.out(0x601, 0x01)
    #expect(!isInterrupting)
  }

  @Test(arguments: [61, 62] as [UInt64])
  func `nothing written here hurts, and a restored device goes on as the saved one`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let twin = PowerManagementTests()
    func attack(_ test: PowerManagementTests, _ generator: inout SeededGenerator) {
      for _ in 0..<200 {
        let port = UInt16.random(in: 0x600...0x640, using: &generator)
        let size = AccessSize.allCases.randomElement(using: &generator)!
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: test.power.pressPowerButton()
        case 1:
          test.machine.bus.advance(to: test.machine.bus.clock.now + UInt64.random(in: 0...4 << 30, using: &generator))
        case 2: test.machine.out(0xb2, UInt32.random(in: 0...(.max), using: &generator), size)
        case 3, 4: _ = test.machine.in(port, size)
        default: test.machine.out(port, UInt32.random(in: 0...(.max), using: &generator), size)
        }
        test.machine.pc.requests.clear()
      }
    }
    for _ in 0..<50 {
      attack(self, &generator)
      let states = machine.bus.save()
      try twin.machine.bus.restore(states, at: machine.bus.clock.now)
      #expect(twin.machine.bus.nextDeadline == machine.bus.nextDeadline)
      var (here, there) = (generator, generator)
      attack(self, &here)
      attack(twin, &there)
      HostilityTests.expectSame(twin.machine.bus.save(), machine.bus.save())
      generator = here
      var state = twin.power.save()
      for index in state.bytes.indices { state.bytes[index] = UInt8.random(in: 0...255, using: &generator) }
      try twin.power.restore(state)
      _ = twin.machine.bus.nextDeadline
      _ = twin.machine.in(0x600, .dword)
    }
  }
}
