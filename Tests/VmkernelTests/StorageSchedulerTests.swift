import Devices
import Memory
import Testing
import Tracing

@testable import Vmkernel

@Suite struct StorageSchedulerTests {
  /// Space for requests that are under way.
  private final class Buffer {
    let bytes: UnsafeMutableRawBufferPointer
    init(sectors: Int) { bytes = .allocate(byteCount: sectors * 512, alignment: 8) }
    deinit { bytes.deallocate() }
  }

  private func disk(_ kernel: Vmkernel, _ world: World, sectors: Int = 4096) throws -> VirtualDisk {
    let image = try MemoryDiskImage([UInt8](repeating: 0, count: sectors * 512))
    return VirtualDisk(image, world: world, storage: kernel.storage)
  }

  @Test(arguments: [[1, 2, 4], [1000, 1000, 1000], [200, 1500, 3000, 9000]])
  func `worlds have the adapter by their shares`(shares: [Int]) throws {
    let kernel = try makeVmkernel()
    let buffer = Buffer(sectors: 8)
    var done = [Int](repeating: 0, count: shares.count)
    let disks = try shares.map { try disk(kernel, kernel.world(named: "guest", diskShares: $0)) }
    var numbers = Numbers(state: 3)
    var underWay: [[StorageRequest]] = disks.map { _ in [] }
    while done.reduce(0, +) < 6000 {
      for (index, disk) in disks.enumerated() {
        done[index] += underWay[index].count { $0.isDone }
        underWay[index].removeAll { $0.isDone }
        while underWay[index].count < 12 {
          underWay[index].append(disk.submit(.read(buffer.bytes), UInt64.random(in: 0..<4088, using: &numbers)))
        }
      }
      #expect(kernel.storage.step())
    }
    for (index, part) in shares.enumerated() {
      let due = Double(done.reduce(0, +)) * Double(part) / Double(shares.reduce(0, +))
      #expect(abs(Double(done[index]) / due - 1) < 0.05, "\(done)")
    }
    while kernel.storage.step() {}
  }

  @Test func `a world that asked for nothing has saved nothing up`() throws {
    let kernel = try makeVmkernel()
    let listener = Listener()
    let buffer = Buffer(sectors: 8)
    let disks = try (0..<2).map { try disk(kernel, kernel.world(named: "guest \($0)")) }
    var requests = (0..<100).map { disks[0].submit(.read(buffer.bytes), UInt64($0 * 8)) }
    for _ in 0..<50 { kernel.storage.step() }
    kernel.reporter = listener
    requests += (0..<40).map { disks[1].submit(.read(buffer.bytes), UInt64($0 * 8)) }
    for _ in 0..<40 { kernel.storage.step() }
    let turns = listener.services(.storageDispatch).map(\.b)
    #expect((18...22).contains(turns.prefix(40).count { $0 == 2 }))
    while kernel.storage.step() {}
    #expect(requests.allSatisfy { $0.isDone && $0.status == .good })
  }

  @Test func `inside a world the arm goes upwards, and back once`() throws {
    let kernel = try makeVmkernel()
    let listener = Listener()
    kernel.reporter = listener
    let buffer = Buffer(sectors: 8)
    let disk = try disk(kernel, kernel.world(named: "guest"))
    _ = try disk.bytes(from: 1000, 8)
    listener.clear()
    for sector in [2000, 100, 3000, 900, 1500, 50] as [UInt64] { _ = disk.submit(.read(buffer.bytes), sector) }
    while kernel.storage.step() {}
    #expect(listener.services(.storageDispatch).map(\.a) == [1500, 2000, 3000, 50, 100, 900])
  }

  @Test func `a far request isn't starved by a stream of near ones`() throws {
    let kernel = try makeVmkernel()
    let buffer = Buffer(sectors: 8)
    let disk = try disk(kernel, kernel.world(named: "guest"))
    _ = try disk.bytes(from: 1000, 8)
    let far = disk.submit(.read(buffer.bytes), 10)
    var near: [StorageRequest] = []
    // There are always more just above the arm.
    for number in 0..<60 as Range<UInt64> {
      for next in 0..<6 as Range<UInt64> {
        near.append(disk.submit(.read(buffer.bytes), 1008 + (number * 6 + next) * 8))
      }
      kernel.storage.step()
    }
    #expect(far.isDone && near.contains { !$0.isDone })
    while kernel.storage.step() {}
    #expect(near.allSatisfy { $0.isDone })
  }

  @Test func `nothing passes a flush, and it passes nothing; other disks aren't held up`() throws {
    let kernel = try makeVmkernel()
    let listener = Listener()
    kernel.reporter = listener
    let buffer = Buffer(sectors: 8)
    let world = kernel.world(named: "guest")
    let first = try disk(kernel, world)
    let second = try disk(kernel, world)
    let early = [500, 300, 400].map { first.submit(.write(UnsafeRawBufferPointer(buffer.bytes)), $0) }
    let flush = first.submit(.flush, 0)
    let late = first.submit(.write(UnsafeRawBufferPointer(buffer.bytes)), 100)
    let other = second.submit(.read(buffer.bytes), 3999)
    while !flush.isDone {
      #expect(!late.isDone)
      kernel.storage.step()
      if flush.isDone { #expect(early.allSatisfy { $0.isDone }) }
    }
    while kernel.storage.step() {}
    #expect(late.isDone && other.isDone)
    #expect(listener.services(.storageDispatch).map(\.a) == [300, 400, 500, 3999, 0, 100])
  }

  @Test func `what comes after a flush isn't even given to the adapter before it is done`() throws {
    let kernel = try makeVmkernel()
    let listener = Listener()
    kernel.reporter = listener
    let buffer = Buffer(sectors: 8)
    let disk = try disk(kernel, kernel.world(named: "guest"))
    _ = disk.submit(.flush, 0)
    _ = disk.submit(.read(buffer.bytes), 8)
    while kernel.storage.step() {}
    let order = listener.names.filter { $0 == "storageDispatch" || $0 == "storageComplete" }
    #expect(order == ["storageDispatch", "storageComplete", "storageDispatch", "storageComplete"])
  }

  @Test func `requests that touch the same sectors stay in order`() throws {
    let kernel = try makeVmkernel()
    let disk = try disk(kernel, kernel.world(named: "guest"), sectors: 64)
    var numbers = Numbers(state: 9)
    var expected = [UInt8](repeating: 0, count: 64)
    for round in 0..<50 {
      var buffers: [(buffer: Buffer, sector: Int, expected: [UInt8]?)] = []
      for number in 0..<20 {
        let sectors = Int.random(in: 1...8, using: &numbers)
        let sector = Int.random(in: 0...64 - sectors, using: &numbers)
        let buffer = Buffer(sectors: sectors)
        let range = sector..<sector + sectors
        if Bool.random(using: &numbers) {
          let value = UInt8(truncatingIfNeeded: round * 20 + number)
          for index in buffer.bytes.indices { buffer.bytes[index] = value }
          for index in range { expected[index] = value }
          _ = disk.submit(.write(UnsafeRawBufferPointer(buffer.bytes)), UInt64(sector))
          buffers.append((buffer, sector, nil))
        } else {
          _ = disk.submit(.read(buffer.bytes), UInt64(sector))
          buffers.append((buffer, sector, Array(expected[range])))
        }
        if Int.random(in: 0..<15, using: &numbers) == 0 { _ = disk.submit(.flush, 0) }
      }
      while kernel.storage.step() {}
      for (buffer, _, expected) in buffers {
        guard let expected else { continue }
        #expect(expected.indices.map { buffer.bytes[$0 * 512] } == expected)
      }
    }
  }

  @Test func `two runs do the same in the same order`() throws {
    func run() throws -> [Listener.Line] {
      let kernel = try makeVmkernel()
      let listener = Listener()
      kernel.reporter = listener
      let buffer = Buffer(sectors: 200)
      var numbers = Numbers(state: 5)
      let disks = try (1...3).map { try disk(kernel, kernel.world(named: "guest", diskShares: $0 * 100)) }
      for _ in 0..<200 {
        let disk = disks[Int.random(in: 0..<3, using: &numbers)]
        _ = disk.submit(.read(buffer.bytes), UInt64.random(in: 0..<3000, using: &numbers))
        if Bool.random(using: &numbers) { kernel.storage.step() }
      }
      while kernel.storage.step() {}
      return listener.lines
    }
    #expect(try run() == run())
  }
}
