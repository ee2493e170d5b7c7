import Devices
import Memory
import Testing

@testable import Vmkernel

/// The controllers alone, with descriptors that no driver of ours would write.
@Suite struct ControllerTests {
  private final class Counter: InterruptReceiver {
    var interrupts = 0
    func interrupt() { interrupts += 1 }
  }

  private let memory: MachineMemory
  private let bus: MachineBus

  init() throws {
    memory = try MachineMemory(size: 1 << 20)
    bus = MachineBus(memory)
  }

  private func place(_ address: UInt64, _ count: Int) throws -> UnsafeMutableRawBufferPointer {
    try #require(bus.bytes(at: MachineAddress(address), count: count))
  }

  /// Carries out one command, and gives its status.
  private func status(
    _ change: (inout StorageCommand) -> Void, isReadOnly: Bool = false
  ) throws -> StorageStatus? {
    let controller = StorageController(bus: bus, report: ActivityReport())
    _ = controller.attach(try MemoryDiskImage(pattern(100 * 512), isReadOnly: isReadOnly))
    controller.program(StorageRings(commands: MachineAddress(0), completions: MachineAddress(4096), entries: 4))
    var command = StorageCommand(.read, target: 0, sector: 0, sectors: 8, buffer: MachineAddress(8192), tag: 77)
    change(&command)
    let entry = try place(0, StorageCommand.size)
    command.store(entry)
    #expect(StorageCommand(entry) == command)
    controller.doorbell(1)
    #expect(controller.step() && !controller.step())
    let completion = StorageCompletion(try place(4096, StorageCompletion.size))
    #expect(completion.tag == command.tag && completion.phase == 1 && completion.consumer == 1)
    return StorageStatus(rawValue: completion.status)
  }

  @Test func `a bad command has a status and does nothing`() throws {
    #expect(try status { _ in } == .good)
    #expect(try status { $0.operation = 0 } == .badCommand)
    #expect(try status { $0.operation = 255 } == .badCommand)
    #expect(try status { $0.sectors = 0 } == .badCommand)
    #expect(try status { $0.sectors = .max } == .badCommand)
    #expect(try status { $0.target = 1 } == .badTarget)
    #expect(try status { $0.target = .max } == .badTarget)
    #expect(try status { $0.sector = 93 } == .outOfRange)
    #expect(try status { $0.sector = .max } == .outOfRange)
    #expect(try status { $0.buffer = MachineAddress(1 << 20) } == .badAddress)
    #expect(try status { $0.buffer = MachineAddress((1 << 20) - 4095) } == .badAddress)
    #expect(try status { $0.buffer = MachineAddress(UInt64.max - 4095) } == .badAddress)
    #expect(try status({ $0.operation = 2 }, isReadOnly: true) == .writeProtected)
  }

  @Test func `registers that can't be right are a fault until the controller is programmed again`() throws {
    let counter = Counter()
    let controller = StorageController(bus: bus, report: ActivityReport())
    controller.receiver = counter
    let good = StorageRings(commands: MachineAddress(0), completions: MachineAddress(4096), entries: 4)
    var bad: [StorageRings] = []
    for entries in [0, 3, 2048, UInt32.max] {
      bad.append(StorageRings(commands: good.commands, completions: good.completions, entries: entries))
    }
    for address in [(1 << 20) - 8, .max] as [UInt64] {
      bad.append(StorageRings(commands: MachineAddress(address), completions: good.completions, entries: 4))
      bad.append(StorageRings(commands: good.commands, completions: MachineAddress(address), entries: 4))
    }
    for rings in bad {
      controller.program(rings)
      #expect(controller.isFaulted && !controller.step())
      controller.doorbell(1)
      #expect(!controller.step())
    }
    controller.program(good)
    #expect(!controller.isFaulted)
    controller.doorbell(5)
    #expect(controller.isFaulted && !controller.step())
    controller.program(good)
    controller.acknowledge(1)
    #expect(controller.isFaulted)
    #expect(counter.interrupts == 0)
  }

  @Test func `the controller waits while the completion ring is full`() throws {
    let counter = Counter()
    let controller = StorageController(bus: bus, report: ActivityReport())
    controller.receiver = counter
    controller.program(StorageRings(commands: MachineAddress(0), completions: MachineAddress(4096), entries: 4))
    controller.doorbell(4)
    for _ in 0..<4 { #expect(controller.step()) }
    #expect(counter.interrupts == 1)
    controller.doorbell(8)
    #expect(!controller.step() && !controller.isFaulted)
    controller.acknowledge(2)
    #expect(controller.step() && controller.step() && !controller.step())
    #expect(counter.interrupts == 2)
    let completion = StorageCompletion(try place(4096, StorageCompletion.size))
    #expect(completion.phase == 0, "the second lap")
  }

  @Test func `random commands never leave memory or the disk`() throws {
    var numbers = Numbers(state: 11)
    let controller = StorageController(bus: bus, report: ActivityReport())
    let image = try MemoryDiskImage(pattern(64 * 512))
    _ = controller.attach(image)
    controller.program(StorageRings(commands: MachineAddress(0), completions: MachineAddress(4096), entries: 16))
    var done: UInt32 = 0
    for _ in 0..<5000 {
      let entry = try place(UInt64(done & 15) * 32, 32)
      for index in entry.indices { entry[index] = UInt8.random(in: 0...3, using: &numbers) }
      for offset in 8..<24 where offset % 8 > 2 { entry[offset] = 0 }
      if Bool.random(using: &numbers) {
        entry.storeBytes(of: UInt32.random(in: 0...200, using: &numbers), toByteOffset: 4, as: UInt32.self)
        entry.storeBytes(of: UInt64.random(in: 0...80, using: &numbers), toByteOffset: 8, as: UInt64.self)
        entry[2] = 0
        entry[3] = 0
      }
      if Int.random(in: 0..<8, using: &numbers) == 0 {
        for offset in 8..<24 { entry[offset] = UInt8.random(in: 0...255, using: &numbers) }
      }
      done &+= 1
      controller.doorbell(done)
      #expect(controller.step())
      controller.acknowledge(done)
    }
    #expect(!controller.isFaulted && image.bytes.count == 64 * 512)
  }

  @Test func `a network descriptor that can't be right fails, and the others go`() throws {
    let counter = Counter()
    let wire = Wire()
    let controller = NetworkController(wire: wire, bus: bus, report: ActivityReport())
    controller.receiver = counter
    controller.program(NetworkRings(transmit: MachineAddress(0), receive: MachineAddress(4096), entries: 8))
    let descriptors = [
      NetworkDescriptor(buffer: MachineAddress(8192), length: 60, state: .ready),
      NetworkDescriptor(buffer: MachineAddress(8192), length: 60, state: .idle),
      NetworkDescriptor(buffer: MachineAddress(8192), length: 13, state: .ready),
      NetworkDescriptor(buffer: MachineAddress(8192), length: .max, state: .ready),
      NetworkDescriptor(buffer: MachineAddress((1 << 20) - 59), length: 60, state: .ready),
      NetworkDescriptor(buffer: MachineAddress(.max), length: 60, state: .ready),
      NetworkDescriptor(buffer: MachineAddress((1 << 20) - 60), length: 60, state: .ready),
    ]
    for (index, descriptor) in descriptors.enumerated() { descriptor.store(try place(UInt64(index) * 16, 16)) }
    controller.transmitDoorbell(7)
    let states = try descriptors.indices.map { NetworkDescriptor(try place(UInt64($0) * 16, 16)).state }
    #expect(states == [2, 3, 3, 3, 3, 3, 2] && wire.sent.count == 2 && counter.interrupts == 1)

    NetworkDescriptor(buffer: MachineAddress(.max), length: 2048, state: .ready).store(try place(4096, 16))
    NetworkDescriptor(buffer: MachineAddress(8192), length: 59, state: .ready).store(try place(4112, 16))
    NetworkDescriptor(buffer: MachineAddress(8192), length: 2048, state: .ready).store(try place(4128, 16))
    wire.waiting = (1...4).map { frame(to: 1, from: 2, [$0]) }
    controller.receiveDoorbell(3)
    controller.poll()
    let received = try [4096, 4112, 4128].map { NetworkDescriptor(try place($0, 16)).state }
    let buffer = try place(8192, 60)
    #expect(received == [3, 3, 2] && buffer[14] == 3 && wire.waiting.count == 1)
    controller.receiveDoorbell(100)
    #expect(controller.isFaulted)
    controller.poll()
    #expect(wire.waiting.count == 1)
    controller.program(NetworkRings(transmit: MachineAddress(.max), receive: MachineAddress(0), entries: 8))
    #expect(controller.isFaulted)
  }
}
