import Memory
import Testing

@testable import Devices

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

@Suite struct DiskImageTests {
  /// A file that goes with the test.
  final class File {
    let path: String
    init(_ bytes: [UInt8]) {
      var name = Array("/tmp/trapline-disk-XXXXXX".utf8CString)
      let descriptor = mkstemp(&name)
      path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      precondition(descriptor >= 0 && write(descriptor, bytes, bytes.count) == bytes.count)
      close(descriptor)
    }
    deinit { unlink(path) }
  }

  private func refusal(_ path: String, isReadOnly: Bool = false) -> DiskImageError? {
    do throws(DiskImageError) {
      _ = try RawDiskImage(path: path, isReadOnly: isReadOnly)
      return nil
    } catch {
      return error
    }
  }

  @Test func `sectors written to a file are there when it is opened again`() throws {
    let file = File(pattern(sectors: 0..<10))
    let data = pattern(sectors: 90..<92)
    do {
      let image = try RawDiskImage(path: file.path)
      #expect(image.sectorCount == 10)
      try data.withUnsafeBytes { try image.write(8, from: $0) }
      try image.flush()
    }
    let image = try RawDiskImage(path: file.path, isReadOnly: true)
    var read = [UInt8](repeating: 0, count: 1536)
    try read.withUnsafeMutableBytes { try image.read(7, into: $0) }
    #expect(read == pattern(sectors: 7..<8) + data)
  }

  @Test func `a file that is missing, empty, cut short or no file is refused in one sentence`() {
    let missing = refusal("/nonexistent/disk.img")
    #expect(missing?.description == "can't open the disk image /nonexistent/disk.img: no such file or directory")
    #expect(
      refusal("/nonexistent/\u{1b}[2J")?.description.hasSuffix("/nonexistent/?[2J: no such file or directory") == true)
    #expect(refusal("") != nil && refusal("a\0b") != nil)
    let empty = File([])
    #expect(refusal(empty.path) == .empty(image: empty.path))
    let short = File([UInt8](repeating: 0, count: 1000))
    #expect(refusal(short.path) == .partialSector(image: short.path, size: 1000, sectorSize: 512))
    #expect(refusal("/tmp", isReadOnly: true) == .notAFile(image: "/tmp"))
    #expect(refusal("/dev/null") == .notAFile(image: "/dev/null"))
  }

  @Test func `one writer locks the file, readers share it`() throws {
    let file = File(pattern(sectors: 0..<1))
    do {
      let writer = try RawDiskImage(path: file.path)
      #expect(refusal(file.path) == .inUse(image: writer.label))
    }
    let first = try RawDiskImage(path: file.path, isReadOnly: true)
    let second = try RawDiskImage(path: file.path, isReadOnly: true)
    #expect(first.isReadOnly && second.isReadOnly)
  }

  @Test func `a file that shrinks under the guest is a failure that is told`() throws {
    let file = File(pattern(sectors: 0..<10))
    let image = try RawDiskImage(path: file.path)
    #expect(truncate(file.path, 1024) == 0)
    var read = [UInt8](repeating: 0, count: 512)
    #expect(throws: DiskRequestError.self) { try read.withUnsafeMutableBytes { try image.read(5, into: $0) } }
    #expect(
      image.failure?.description == "can't read the disk image \(file.path) at sector 5: the file has become shorter")
  }

  @Test func `absurd geometries and too many drives are refused`() throws {
    let image = try memoryDisk()
    for geometry in [(0, 16, 63), (1, 17, 63), (1, 16, 64), (20000, 1, 1), (3, 16, 63)] {
      let drive = Drive(
        image: image, geometry: DiskGeometry(cylinders: geometry.0, heads: geometry.1, sectors: geometry.2))
      #expect(throws: DiskImageError.self) { try DriveList([drive]) }
    }
    #expect(throws: DiskImageError.tooManyDrives(interface: .ide, limit: 4)) {
      try DriveList([Drive](repeating: Drive(image: image), count: 5))
    }
    #expect(throws: DiskImageError.misplaced(image: "memory", medium: .cdrom, interface: .virtio)) {
      try DriveList([Drive(image: image, interface: .virtio, medium: .cdrom)])
    }
    let odd = try MemoryDiskImage(pattern(sectors: 0..<3))
    #expect(throws: DiskImageError.partialSector(image: "memory", size: 1536, sectorSize: 2048)) {
      try DriveList([Drive(image: odd, medium: .cdrom)])
    }
    #expect(throws: DiskImageError.self) { try MemoryDiskImage([1, 2, 3]) }
  }

  @Test func `guest memory takes DMA page by page, and what isn't RAM takes none`() throws {
    let machine = try MachineMemory(size: 4 << 20)
    let memory = try GuestPhysicalMemory(machine: machine, ramSize: 2 << 20)
    let dma = GuestMemoryDMA(memory: memory)
    var told: [(UInt64, Int)] = []
    dma.wrote = { told.append(($0.value, $1)) }
    let data = pattern(sectors: 0..<10)
    data.withUnsafeBytes { dma.write(GuestPhysicalAddress(0x9_f000 as UInt32), from: $0) }
    #expect(told.map(\.0) == [0x9_f000] && told.map(\.1) == [4096], "video memory is no RAM")
    var back = [UInt8](repeating: 0, count: 5120)
    back.withUnsafeMutableBytes { dma.read(GuestPhysicalAddress(0x9_f000 as UInt32), into: $0) }
    #expect(back == Array(data[..<4096]) + [UInt8](repeating: 0xff, count: 1024))
    back.withUnsafeMutableBytes { dma.read(GuestPhysicalAddress(UInt64.max - 10), into: $0) }
    data.withUnsafeBytes { dma.write(GuestPhysicalAddress(UInt64.max - 10), from: $0) }
    #expect(back[0] == 0xff && told.count > 1 && told[1] == (0, 4096))
  }
}
