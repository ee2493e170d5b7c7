import Devices
import Testing

@testable import Platforms

@Suite struct WorldSwitchTests {
  @Test("the host's world goes on where it left, with its own registers, and both ways are counted") func goesOn() throws {
    var log: [Int] = []
    var number = 0
    let world = try WorldSwitch {
      number += 1
      // Floating-point state is each world's own.
      log.append(Int(Double(number) * 1.5))
    }
    var sum = 0.25
    for _ in 0..<4 {
      world.enterHost()
      sum *= 2
    }
    #expect(log == [1, 3, 4, 6])
    #expect(sum == 4)
    #expect(world.toHost == 4 && world.toMonitor == 4)
    #expect(WorldSwitch.stateSize > 500)
  }

  @Test("worlds of several machines don't meet") func several() throws {
    var visits = [0, 0, 0]
    let worlds = try (0..<3).map { index in try WorldSwitch { visits[index] += 1 } }
    for round in 0..<9 { worlds[round % 3].enterHost() }
    #expect(visits == [3, 3, 3])
  }
}

@Suite struct ServingTableTests {
  @Test("a row moves unless it says why not") func moving() throws {
    var table = ServingTable()
    #expect(table["rtc"] == .vmx)
    try table.serve("rtc", by: .monitor)
    #expect(table["rtc"] == .monitor)
    #expect(throws: PlatformError.self) { try table.serve("pic", by: .vmx) }
    #expect(throws: PlatformError.self) { try table.serve("nothing", by: .vmx) }
    try table.serve("pic", by: .monitor)
  }

  @Test("what the table doesn't know is the VMX's, for its back end's sake") func unknown() {
    #expect(ServingTable()["virtio3"] == .vmx)
    #expect(ServingTable().reason(against: "virtio3") != nil)
  }

  @Test("its devices are those of the board") func names() {
    let devices = PCDevices(PCDevices.Configuration(ramSize: 1 << 20, hasAPIC: true)).bus.devices.map(\.name)
    let absent: Set = ["com2", "floppy", "vga", "pcnet", "ide0", "ide1"]
    for row in ServingTable().rows where !absent.contains(row.device) {
      #expect(devices.contains(row.device), "\(row.device)")
    }
  }
}

@Suite struct VMXConfigurationTests {
  @Test("the board crosses to another process as text, names with spaces too") func roundTrip() throws {
    var board = VMXConfiguration()
    board.ramSize = 64 << 20
    board.machineSize = 99 << 20
    board.unixTime = -5
    board.hasAPIC = false
    board.bootMedium = .cdrom
    board.serial = [.init(input: 0, output: 1), .init(input: nil, output: 7)]
    board.debugConsole = 8
    board.images = [
      .init(
        descriptor: 16, interface: .ide, medium: .disk, isReadOnly: false, imageIsReadOnly: true,
        geometry: DiskGeometry(cylinders: 3, heads: 2, sectors: 1), label: "my disk, the first.img"),
      .init(
        descriptor: 17, interface: .floppy, medium: .floppy, isReadOnly: true, imageIsReadOnly: true, geometry: nil,
        label: "x"),
    ]
    board.monitorDevices = ["pic", "io apic"]
    #expect(VMXConfiguration(parsing: board.text) == board)
  }

  @Test("a text from somebody else is none", arguments: ["ram", "drive 1 2", "colour red", "boot moon", "serial 1"])
  func refusals(text: String) { #expect(VMXConfiguration(parsing: text) == nil) }

  @Test("devices' states and a storage failure cross as bytes; half of them is none") func states() {
    let states = [
      DeviceState(name: "pit", version: 2, bytes: [1, 2, 3]), DeviceState(name: "a b", version: 1, bytes: []),
    ]
    let bytes = DeviceStates.bytes(of: states)
    #expect(DeviceStates.states(in: bytes) == states)
    #expect(DeviceStates.states(in: bytes.dropLast()) == [states[0]])
    let failure = HostStorageFailure(
      image: "a.img", operation: .write, sector: 7, errno: 5, description: "can't write: input/output error")
    #expect(StorageFailures.failure(in: StorageFailures.bytes(of: failure)) == failure)
    #expect(StorageFailures.failure(in: [1, 2, 3]) == nil)
  }
}
