import Memory
import Testing

@testable import Loading

@Suite("Multiboot kernels")
struct MultibootTests {
  @Test("the machine state is the specification's")
  func state() throws {
    let guest = try GuardedMemory()
    let image = try GuestLoader.load(multibootELF().build(), into: guest.memory)
    #expect(image.format == .multiboot)
    #expect(image.entry.mode == .protected)
    #expect(image.entry.eax == 0x2bad_b002)
    #expect(image.entry.instructionPointer == 0x10_000c)
    #expect(image.entry.codeBase == 0)
    #expect(image.symbols.address(of: "start") == 0x10_000c)
    #expect(
      image.description == "multiboot kernel, ELF, 1 segment, 9 KiB at 0x100000, entry 0x10000c, 1 symbol")
  }

  @Test("the information structure tells memory, command line, loader and map")
  func information() throws {
    let guest = try GuardedMemory()
    let request = LoadRequest(fileName: "build/kernel.elf", append: "console=ttyS0 quiet")
    let image = try GuestLoader.load(multibootELF().build(), request, into: guest.memory)
    let info = UInt64(image.entry.ebx)
    let flags = guest.word(info)
    #expect(flags == 1 << 0 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 9)
    #expect(guest.word(info + 4) == 640)
    #expect(guest.word(info + 8) == 3072)
    #expect(guest.string(UInt64(guest.word(info + 16))) == "build/kernel.elf console=ttyS0 quiet")
    #expect(guest.string(UInt64(guest.word(info + 64))) == "Trapline")
    #expect(guest.word(info + 20) == 0)
    let map = UInt64(guest.word(info + 48))
    #expect(guest.word(info + 44) == 72)
    let words = (0..<18).map { guest.word(map + UInt64($0) * 4) }
    #expect(
      words == [
        20, 0, 0, 0xa_0000, 0, 1, 20, 0xa_0000, 0, 0x6_0000, 0, 2, 20, 0x10_0000, 0, 0x30_0000, 0, 1,
      ])
  }

  @Test("section headers are passed on, with symbols where the kernel can read them")
  func sections() throws {
    let guest = try GuardedMemory()
    let bytes = multibootELF().build()
    let image = try GuestLoader.load(bytes, into: guest.memory)
    let info = UInt64(image.entry.ebx)
    #expect([0, 4, 12].map { guest.word(info + 28 + $0) } == [3, 40, 2])
    let headers = UInt64(guest.word(info + 36))
    let strings = UInt64(guest.word(headers + 80 + 12))
    #expect(guest.string(strings + 1) == "start")
    let symbols = UInt64(guest.word(headers + 40 + 12))
    #expect(guest.word(symbols + 16 + 4) == 0x10_000c)
    let segment = try #require(image.segments.first { $0.purpose == .bootInformation })
    #expect(segment.range.contains(strings) && segment.range.contains(symbols))
  }

  @Test("modules lie on pages above the kernel, apart from each other and from all else")
  func modules() throws {
    let guest = try GuardedMemory()
    let modules = [
      GuestModule(commandLine: "initrd a=1", bytes: [UInt8](repeating: 1, count: 5000)),
      GuestModule(commandLine: "empty", bytes: []), GuestModule(commandLine: "", bytes: [3]),
    ]
    let image = try GuestLoader.load(
      multibootELF().build(), LoadRequest(fileName: "k", modules: modules), into: guest.memory)
    let info = UInt64(image.entry.ebx)
    #expect(guest.word(info + 20) == 3)
    let list = UInt64(guest.word(info + 24))
    #expect(
      (0..<3).map { [guest.word(list + $0 * 16), guest.word(list + $0 * 16 + 4)] } == [
        [0x10_3000, 0x10_4388], [0x10_5000, 0x10_5000], [0x10_6000, 0x10_6001],
      ])
    #expect(guest.string(UInt64(guest.word(list + 8))) == "initrd a=1")
    #expect(guest.string(UInt64(guest.word(list + 40))) == "")
    #expect(guest.bytes(0x10_4387, 2) == [1, 0])
    #expect(guest.bytes(0x10_6000, 1) == [3])
    let ranges = image.segments.map(\.range).filter { !$0.isEmpty }
    for (one, next) in zip(ranges, ranges.dropFirst()) { #expect(one.upperBound <= next.lowerBound) }
    #expect(image.description.contains(", 3 modules"))
  }

  @Test("a module that doesn't fit is refused by name")
  func largeModule() throws {
    let guest = try GuardedMemory()
    let module = GuestModule(commandLine: "disk.img ro", bytes: [UInt8](repeating: 1, count: 3 << 20))
    #expect(
      guest.refusal(multibootELF().build(), LoadRequest(modules: [module]))
        == "module 1 (disk.img) of 3 MiB doesn't fit above the kernel in 4 MiB of RAM: give more --memory")
  }

  @Test("a kernel and its modules fit in less than 1 MiB")
  func small() throws {
    let guest = try GuardedMemory(ramSize: 256 << 10)
    var builder = multibootELF()
    builder.segments = [.init(at: 0x8000, builder.segments[0].bytes, memorySize: 0x1800)]
    builder.entry = 0x800c
    let image = try GuestLoader.load(
      builder.build(), LoadRequest(modules: [GuestModule(commandLine: "m", bytes: [1])]), into: guest.memory)
    #expect(image.segments.first { $0.purpose == .module }?.range == 0xa000..<0xa001)
    #expect(guest.word(UInt64(image.entry.ebx) + 8) == 0)
  }

  @Test("load addresses in the header place a file that isn't ELF")
  func addresses() throws {
    let guest = try GuardedMemory()
    let padding = [UInt8](repeating: 0x55, count: 64)
    // The header is 64 bytes into the file; loading starts 32 bytes before it and stops 4 bytes after its 32.
    let header = multibootHeader(
      flags: 0x1_0003, addresses: [0x10_0020, 0x10_0000, 0x10_0044, 0x10_0100, 0x10_0040])
    let image = try GuestLoader.load(padding + header + [0xfa, 0xf4, 1, 2, 3], into: guest.memory)
    #expect(image.entry.instructionPointer == 0x10_0040)
    #expect(guest.bytes(0x10_0000, 32) == [UInt8](repeating: 0x55, count: 32))
    #expect(guest.bytes(0x10_0020, 32) == header)
    #expect(guest.bytes(0x10_0040, 5) == [0xfa, 0xf4, 1, 2, 0])
    #expect(image.segments.contains(PlacedSegment(purpose: .image, range: 0x10_0000..<0x10_0100)))
    #expect(guest.word(UInt64(image.entry.ebx)) & 1 << 5 == 0)
  }

  @Test("no end of the load means the whole file")
  func wholeFile() throws {
    let guest = try GuardedMemory()
    let header = multibootHeader(flags: 0x1_0000, addresses: [0x20_0000, 0x20_0000, 0, 0, 0x20_0020])
    let image = try GuestLoader.load(header + [0xf4], into: guest.memory)
    #expect(image.segments.contains(PlacedSegment(purpose: .image, range: 0x20_0000..<0x20_0021)))
  }

  static let impossible: [(addresses: [UInt32], sentence: String)] = [
    ([UInt32(0x10_0000), 0x10_0001, 0, 0, 0], "above its own address"),
    ([0x10_0010, 0x10_0000, 0, 0, 0], "0x10 bytes before the start of the file"),
    ([0x10_0000, 0x10_0000, 0x10_0000, 0, 0], "before the header itself"),
    ([0x10_0000, 0x10_0000, 0x10_1000, 0, 0], "cut short or damaged"),
    ([0x10_0000, 0x10_0000, 0xffff_ffff, 0, 0], "cut short or damaged"),
    ([0x10_0000, 0x10_0000, 0, 0x10_0001, 0], "before the end of what it loads"),
    ([0x10_0000, 0x10_0000, 0, 0, 0x30_0000], "outside what it loads"),
    ([0x10_0000, 0x10_0000, 0, 0xffff_ffff, 0x10_0000], "but the guest has 4 MiB"),
    ([0xffff_fff0, 0xffff_fff0, 0, 0, 0xffff_fff0], "past the 4 GiB"),
    ([0xa_0000, 0xa_0000, 0, 0, 0xa_0000], "no RAM from 640 KiB"),
    ([1, 2], "load addresses (flag 16) are missing"),
  ]

  @Test("each impossible load address is refused", arguments: impossible)
  func badAddresses(addresses: [UInt32], sentence: String) throws {
    let guest = try GuardedMemory()
    #expect(guest.refusal(multibootHeader(flags: 0x1_0000, addresses: addresses)).contains(sentence))
  }

  @Test("the header is found at each multiple of 4 in the first 8 KiB, and only there")
  func search() throws {
    let guest = try GuardedMemory()
    for offset in [0, 4, 20, 4096, 8192 - 12] {
      var builder = multibootELF()
      let prefix = [UInt8](repeating: 0x90, count: offset)
      builder.segments[0].bytes = prefix + builder.segments[0].bytes
      builder.segments[0].memorySize = 0x4000
      // The file's own headers take the first 84 bytes.
      let shift = 84
      let isInside = offset + shift + 12 <= 8192
      let image = try GuestLoader.load(builder.build(), into: guest.memory)
      #expect(image.format == (isInside ? .multiboot : .elf))
    }
    let odd = [0x90, 0x90] + multibootHeader(flags: 0)
    guard case .none = try odd.withUnsafeBytes({ try MultibootHeader.search(ByteView(bytes: $0)) }) else {
      Issue.record("found at an odd address")
      return
    }
  }

  @Test("a wrong checksum is told: alone it is a refusal, in an ELF file a warning")
  func checksum() throws {
    let guest = try GuardedMemory()
    var header = multibootHeader(flags: 0)
    header[8] ^= 1
    #expect(guest.refusal(header + [0, 0, 0, 0]).contains("header at 0x0 has a wrong checksum"))
    var builder = multibootELF()
    builder.segments[0].bytes[8] ^= 1
    let image = try GuestLoader.load(builder.build(), into: guest.memory)
    #expect(image.format == .elf)
    #expect(image.warnings.first?.contains("wrong checksum") == true)
  }

  @Test("flags that must be understood are refused one by one")
  func flags() throws {
    let guest = try GuardedMemory()
    #expect(guest.refusal(multibootELF(flags: 4).build()).contains("video mode"))
    for bit in 3..<16 {
      #expect(guest.refusal(multibootELF(flags: 1 << UInt32(bit)).build()).contains("demands feature \(bit),"))
    }
  }

  @Test("optional flags are ignored")
  func optionalFlags() throws {
    let guest = try GuardedMemory()
    #expect(try GuestLoader.load(multibootELF(flags: 0xfffe_0000).build(), into: guest.memory).format == .multiboot)
  }

  @Test("a header without addresses in a file that isn't ELF is refused")
  func noAddresses() throws {
    let guest = try GuardedMemory()
    #expect(guest.refusal(multibootHeader(flags: 3)).contains("gives no load addresses"))
  }

  @Test("a 64-bit kernel with a multiboot header is refused as 64-bit")
  func sixtyFourBit() throws {
    let guest = try GuardedMemory()
    var bytes = multibootELF().build()
    bytes[4] = 2
    #expect(guest.refusal(bytes).contains("64-bit"))
  }

  @Test("a kernel that fills low memory gets its information elsewhere")
  func fullLowMemory() throws {
    let guest = try GuardedMemory()
    var builder = multibootELF()
    builder.segments.append(.init(at: 0x1000, [1], memorySize: 0x9_f000))
    let image = try GuestLoader.load(builder.build(), into: guest.memory)
    #expect(image.entry.ebx >= 0x10_2345)
    #expect(guest.surroundingsAreUntouched)
  }

  @Test("a command line that is longer than low memory goes above, or is refused")
  func longCommandLine() throws {
    let guest = try GuardedMemory()
    let long = String(repeating: "x", count: 0xa_0000)
    let image = try GuestLoader.load(multibootELF().build(), LoadRequest(append: long), into: guest.memory)
    #expect(image.entry.ebx > 0x10_0000)
    let fresh = try GuardedMemory()
    let sentence = fresh.refusal(multibootELF().build(), LoadRequest(append: long + long + long + long + long + long))
    #expect(sentence.contains("doesn't fit in memory beside the kernel"))
  }

  @Test("a NUL in the command line ends it")
  func nulInCommandLine() throws {
    let guest = try GuardedMemory()
    let image = try GuestLoader.load(multibootELF().build(), LoadRequest(fileName: "a\0b"), into: guest.memory)
    #expect(guest.string(UInt64(guest.word(UInt64(image.entry.ebx) + 16))) == "a")
  }
}
