import Devices
import Memory
import Testing
import Tracing

@testable import Vmkernel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@Suite struct VirtualDiskTests {
  @Test func `what goes through the vmkernel is what the image has`() throws {
    let kernel = try makeVmkernel()
    let image = try MemoryDiskImage(pattern(2000 * 512))
    let disk = kernel.disk(image, world: kernel.world(named: "guest"))
    #expect(disk.sectorCount == 2000 && disk.label == "memory" && !disk.isReadOnly)
    var numbers = Numbers(state: 1)
    var expected = image.bytes
    for round in 0..<300 {
      let sectors = Int.random(in: 1...300, using: &numbers)
      let sector = Int.random(in: 0...2000 - sectors, using: &numbers)
      if Bool.random(using: &numbers) {
        let bytes = pattern(sectors * 512, seed: round + 2)
        try disk.put(bytes, at: UInt64(sector))
        expected.replaceSubrange(sector * 512..<(sector + sectors) * 512, with: bytes)
      } else {
        let bytes = try disk.bytes(from: UInt64(sector), sectors)
        #expect(bytes == Array(expected[sector * 512..<(sector + sectors) * 512]))
      }
    }
    #expect(image.bytes == expected)
    try disk.flush()
    #expect(image.flushCount == 1)
  }

  @Test func `a read goes down through the stack to the controller, and comes back by its interrupt`() throws {
    let kernel = try makeVmkernel()
    let listener = Listener()
    kernel.reporter = listener
    let disk = kernel.disk(try MemoryDiskImage(pattern(10 * 512)), world: kernel.world(named: "guest"))
    _ = try disk.bytes(from: 3, 2)
    #expect(
      listener.names == [
        "storageRequest", "storageEnqueue", "storageDispatch", "storageIssue", "controllerCommand", "dma out 32",
        "dma in 1024", "dma in 16", "hostInterrupt", "storageComplete",
      ])
    #expect(listener.services(.storageRequest).map { [$0.a, $0.b] } == [[3, 2]])
    #expect(listener.lines.allSatisfy { ($0.kind == .dmaTransfer) == ($0.context == .device) })
  }

  @Test func `a request beyond the adapter's transfer goes in pieces, with one doorbell and one interrupt`() throws {
    let kernel = try makeVmkernel()
    let listener = Listener()
    kernel.reporter = listener
    let disk = kernel.disk(try MemoryDiskImage(pattern(400 * 512)), world: kernel.world(named: "guest"))
    _ = try disk.bytes(from: 10, 300)
    #expect(listener.services(.storageDispatch).map(\.a) == [10, 138, 266])
    #expect(listener.lines.filter { $0.kind == .controllerCommand }.map(\.b) == [3])
    #expect(listener.lines.filter { $0.kind == .hostInterrupt }.count == 1)
  }

  @Test func `the host's calls are the hardware's own, one for a read`() throws {
    var name = Array("/tmp/trapline-vmkernel-XXXXXX".utf8CString)
    let descriptor = mkstemp(&name)
    try #require(descriptor >= 0)
    let path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { unlink(path) }
    let content = pattern(8 * 512)
    try #require(write(descriptor, content, content.count) == content.count)
    close(descriptor)
    let kernel = try makeVmkernel()
    let listener = Listener()
    kernel.reporter = listener
    let world = kernel.world(named: "guest")
    let first = kernel.disk(try MemoryDiskImage(content), world: world)
    let disk = kernel.disk(try RawDiskImage(path: path), world: world)
    #expect(try disk.bytes(from: 2, 4) == first.bytes(from: 2, 4))
    try disk.flush()
    let calls = listener.lines.indices.filter { listener.lines[$0].kind == .hostSystemCall }
    #expect(calls.map { listener.lines[$0].code } == [17, 75])
    #expect(calls.map { listener.lines[$0].a } == [2048, 0])
    #expect(calls.allSatisfy { listener.lines[$0].context == .device && listener.firstArguments[$0] == 1 })
  }

  @Test func `an image's failure is the disk's`() throws {
    let kernel = try makeVmkernel()
    let image = try MemoryDiskImage(pattern(600 * 512))
    image.badSector = 300
    let disk = kernel.disk(image, world: kernel.world(named: "guest"))
    #expect(throws: DiskRequestError.self) { try disk.bytes(from: 100, 400) }
    #expect(disk.failure?.sector == 228 && disk.failure == image.failure)
    #expect(try disk.bytes(from: 0, 256) == Array(image.bytes[..<(256 * 512)]))
    image.failsFlush = true
    #expect(throws: DiskRequestError.self) { try disk.flush() }
    #expect(throws: DiskRequestError.self) { try disk.put(pattern(512), at: 300) }
  }

  @Test func `an ejected image is let go, and its place is used again`() throws {
    let kernel = try makeVmkernel()
    let world = kernel.world(named: "guest")
    weak var gone: MemoryDiskImage?
    do {
      let image = try MemoryDiskImage(pattern(512))
      gone = image
      _ = try kernel.disk(image, world: world).bytes(from: 0, 1)
    }
    #expect(gone == nil)
    let disk = try #require(kernel.disk(try MemoryDiskImage(pattern(1024)), world: world) as? VirtualDisk)
    #expect(disk.target == 0)
    #expect(try disk.bytes(from: 0, 2) == pattern(1024))
  }

  @Test func `a machine without room for rings is refused`() {
    #expect(throws: VmkernelError.self) { try Vmkernel(memory: MachineMemory(size: Vmkernel.memorySize - 4096)) }
  }
}
