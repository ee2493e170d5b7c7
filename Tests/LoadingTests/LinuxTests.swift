import Memory
import Testing

@testable import Loading

/// A bzImage in the making: a setup of five sectors, and a packed kernel behind it.
private struct KernelBuilder {
  var version: UInt16 = 0x20f
  var flags: UInt8 = 1
  var payload: [UInt8] = Self.packed
  var initSize: UInt32 = 0x1_0000
  var longestCommandLine: UInt32 = 64
  var highestInitrd: UInt32 = 0x37ff_ffff

  /// An ELF with four bytes at 1 MiB (mov al, 5; out 0xf4, al), packed by xz.
  static let packed: [UInt8] = [
    0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x01, 0x69, 0x22, 0xde, 0x36, 0x02, 0x00, 0x21, 0x01, 0x16, 0x00, 0x00,
    0x00,
    0x74, 0x2f, 0xe5, 0xa3, 0xe0, 0x00, 0x57, 0x00, 0x2e, 0x5d, 0x00, 0x3f, 0x91, 0x45, 0x84, 0x68, 0x3b, 0xde, 0xde,
    0xa6,
    0x0f, 0x23, 0xd6, 0xe8, 0x80, 0x72, 0x43, 0x53, 0x36, 0xf2, 0xe5, 0xa1, 0xf0, 0x7f, 0x86, 0xc4, 0xb8, 0x44, 0x50,
    0x89,
    0x41, 0xec, 0xc3, 0xad, 0x51, 0xf7, 0xa5, 0x60, 0x41, 0xa1, 0xee, 0xd1, 0x35, 0xe2, 0xea, 0x00, 0x00, 0x00, 0x00,
    0x00,
    0x8e, 0xcb, 0x7f, 0xd1, 0x00, 0x01, 0x46, 0x58, 0x6e, 0x84, 0x15, 0xe3, 0x90, 0x42, 0x99, 0x0d, 0x01, 0x00, 0x00,
    0x00,
    0x00, 0x01, 0x59, 0x5a,
  ]

  func build() -> [UInt8] {
    var image = [UInt8](repeating: 0, count: 5 * 512) + [0xf4] + payload
    image += [UInt8](repeating: 0, count: -image.count & 15)
    image[0x1f1] = 4
    image.put32(UInt32((image.count - 5 * 512) >> 4), at: 0x1f4)
    image.put16(0xaa55, at: 0x1fe)
    image[0x200] = 0xeb
    image[0x201] = 0x66
    image.put32(0x5372_6448, at: 0x202)
    image.put16(version, at: 0x206)
    image[0x211] = flags
    image.put32(highestInitrd, at: 0x22c)
    image.put32(0x1000, at: 0x230)
    image[0x234] = 1
    image.put32(longestCommandLine, at: 0x238)
    image.put32(1, at: 0x248)
    image.put32(UInt32(payload.count), at: 0x24c)
    image.put32(0x10_0000, at: 0x258)
    image.put32(initSize, at: 0x260)
    return image
  }
}

private func request(initrd: [UInt8]? = nil, _ line: String = "", unpacks: Bool = true) -> LoadRequest {
  var request = LoadRequest()
  request.linux = LinuxRequest(initrd: initrd, commandLine: line, unpacks: unpacks)
  return request
}

@Suite("Linux's boot protocol")
struct LinuxTests {
  @Test("a bzImage is unpacked, and its ELF lies where it says") func unpacked() throws {
    let guest = try GuardedMemory()
    let image = try GuestLoader.load(KernelBuilder().build(), request("quiet"), into: guest.memory)
    #expect(image.format == .linux)
    #expect(image.description.hasPrefix("Linux bzImage (xz, unpacked by Trapline)"))
    #expect(guest.bytes(0x10_0000, 4) == [0xb0, 0x05, 0xe6, 0xf4])
    #expect(image.entry.mode == .protected && image.entry.instructionPointer == 0x10_0000)
    #expect(image.entry.codeSelector == 0x10 && image.entry.dataSelector == 0x18)
  }

  @Test("a bzImage that is to unpack itself lies where it prefers") func packed() throws {
    let guest = try GuardedMemory()
    let image = try GuestLoader.load(KernelBuilder().build(), request(unpacks: false), into: guest.memory)
    #expect(image.description.hasSuffix("unpacks itself"))
    #expect(guest.bytes(0x10_0000, 3) == [0xf4, 0xfd, 0x37])
  }

  @Test("what isn't packed with xz unpacks itself") func otherPacking() throws {
    var builder = KernelBuilder()
    builder.payload = [0x1f, 0x8b, 8, 0]
    let guest = try GuardedMemory()
    #expect(
      try GuestLoader.load(builder.build(), request(), into: guest.memory).description.hasSuffix("unpacks itself"))
  }

  @Test("boot_params has the map, the command line, the initrd and the kernel's own header") func parameters() throws {
    let guest = try GuardedMemory()
    let image = try GuestLoader.load(
      KernelBuilder().build(), request(initrd: [1, 2, 3], "console=ttyS0"), into: guest.memory)
    let zeroPage = try #require(guest.bytes(UInt64(image.entry.esi), 4096))
    #expect(zeroPage.word(0x202) == 0x5372_6448 && zeroPage[0x210] == 0xff && zeroPage[0x211] & 1 == 1)
    #expect(zeroPage.word(0x230) == 0x1000, "its own alignment")
    let line = guest.bytes(UInt64(zeroPage.word(0x228)), 14)
    #expect(line == Array("console=ttyS0\0".utf8))
    #expect(zeroPage.word(0x21c) == 3 && zeroPage.word(0x218) & 0xfff == 0)
    #expect(guest.bytes(UInt64(zeroPage.word(0x218)), 3) == [1, 2, 3])
    #expect(UInt64(zeroPage.word(0x218)) == guest.memory.ramSize - 4096, "as high as it may be")
    // 640 KiB less the EBDA, and from 1 MiB on.
    let count = Int(zeroPage[0x1e8])
    let ram = (0..<count).map { 0x2d0 + 20 * $0 }.filter { zeroPage.word($0 + 16) == 1 }
      .map { UInt64(zeroPage.word($0))..<UInt64(zeroPage.word($0)) + UInt64(zeroPage.word($0 + 8)) }
    #expect(ram.first?.lowerBound == 0 && ram.first!.upperBound <= 0xa_0000)
    #expect(ram.last == 0x10_0000..<guest.memory.ramSize)
    let table = try #require(image.entry.descriptorTable)
    #expect(table.limit == 31)
    #expect(guest.bytes(UInt64(table.base) + 16, 8) == [0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0])
  }

  @Test("an initrd stays below what the kernel allows") func initrdLimit() throws {
    var builder = KernelBuilder()
    builder.highestInitrd = 0x2f_ffff
    let guest = try GuardedMemory()
    let image = try GuestLoader.load(builder.build(), request(initrd: [9]), into: guest.memory)
    #expect(guest.bytes(0x2f_f000, 1) == [9])
    #expect(image.segments.contains { $0.purpose == .module && $0.range == 0x2f_f000..<0x2f_f001 })
  }

  @Test("a vmlinux starts at its entry with a header of ours") func vmlinux() throws {
    let guest = try GuardedMemory()
    let image = try GuestLoader.load(ELFBuilder().build(), request("x"), into: guest.memory)
    #expect(image.description.hasPrefix("Linux vmlinux"))
    #expect(guest.bytes(UInt64(image.entry.esi) + 0x202, 4) == Array("HdrS".utf8))
  }

  // MARK: Refusals

  @Test("a file that is cut off says where, whatever the length")
  func truncated() throws {
    let whole = KernelBuilder().build()
    for length in [1, 512, 0x202, 0x210, 0x238, 0x267, 5 * 512, whole.count - 32] {
      for unpacks in [true, false] {
        let guest = try GuardedMemory()
        let sentence = guest.refusal(Array(whole.prefix(length)), request(unpacks: unpacks))
        #expect(
          ["cut off", "ends within", "no Linux kernel"].contains { sentence.contains($0) }, "\(length): \(sentence)")
      }
    }
  }

  @Test("a packed kernel that is damaged is refused") func damaged() throws {
    var builder = KernelBuilder()
    builder.payload[60] ^= 0xff
    #expect(try GuardedMemory().refusal(builder.build(), request()).contains("the packed kernel is damaged"))
  }

  static let refusals: [(change: @Sendable (inout LoadRequest) -> Void, sentence: String)] = [
    ({ $0.linux!.initrd = [] }, "the initrd is empty"),
    ({ $0.linux!.initrd = [UInt8](repeating: 1, count: 5 << 20) }, "doesn't fit beside the kernel"),
    ({ $0.linux!.commandLine = String(repeating: "x", count: 65) }, "has 65 bytes, and the kernel takes 64"),
    ({ $0.linux!.commandLine = "a\0b" }, "can't hold a NUL"),
    ({ $0.mode = .real }, "leave out --mode"),
    ({ $0.isROM = true }, "leave out --mode, --load-address, --entry and --rom"),
    ({ $0.modules = [GuestModule(commandLine: "m", bytes: [1])] }, "whose files are in its initrd"),
  ]

  @Test("what can't be is a sentence", arguments: refusals.indices) func refusal(index: Int) throws {
    var wrong = request()
    Self.refusals[index].change(&wrong)
    let sentence = try GuardedMemory().refusal(KernelBuilder().build(), wrong)
    #expect(sentence.contains(Self.refusals[index].sentence), "\(sentence)")
  }

  @Test("old protocols and low kernels are refused") func oldKernels() throws {
    var builder = KernelBuilder()
    builder.version = 0x203
    #expect(try GuardedMemory().refusal(builder.build(), request()).contains("boot protocol 2.3"))
    builder.version = 0x20f
    builder.flags = 0
    #expect(try GuardedMemory().refusal(builder.build(), request()).contains("zImage"))
  }

  @Test("a kernel that needs more memory than there is says so") func tooBig() throws {
    var builder = KernelBuilder()
    builder.initSize = 64 << 20
    let sentence = try GuardedMemory().refusal(builder.build(), request(unpacks: false))
    #expect(sentence.contains("while it unpacks itself") && sentence.contains("--memory"), "\(sentence)")
  }

  @Test("no header makes the loader trap", arguments: [1, 2, 3, 4] as [UInt64]) func mutations(seed: UInt64) throws {
    var generator = SeededGenerator(state: seed)
    let whole = KernelBuilder().build()
    for _ in 0..<500 {
      var image = whole
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        let at =
          Int.random(in: 0..<4, using: &generator) == 0
          ? Int.random(in: 0..<image.count, using: &generator) : Int.random(in: 0x1f1..<0x268, using: &generator)
        image[at] = UInt8.random(in: 0...255, using: &generator)
      }
      let guest = try GuardedMemory()
      _ = try? GuestLoader.load(
        image, request(initrd: [1], unpacks: Bool.random(using: &generator)), into: guest.memory)
    }
  }
}

@Suite("Boot media and programs")
struct RecognitionTests {
  private func disk(_ change: (inout [UInt8]) -> Void = { _ in }) -> [UInt8] {
    var image = [UInt8](repeating: 0, count: BootableImage.lookedAt)
    image.put16(0xaa55, at: 510)
    change(&image)
    return image
  }

  @Test("a boot sector makes a disk, a Linux kernel's mark doesn't") func disks() {
    #expect(BootableImage.isBootable(disk()))
    #expect(BootableImage.isBootable(Array(disk().prefix(512))))
    #expect(!BootableImage.isBootable(disk { $0.put16(0, at: 510) }))
    #expect(!BootableImage.isBootable(disk { $0.put32(0x5372_6448, at: 0x202) }))
    #expect(!BootableImage.isBootable(disk { $0.put32(0x464c_457f, at: 0) }))
    #expect(!BootableImage.isBootable([]))
  }

  @Test("a boot record makes a CD") func discs() {
    func disc(_ record: String) -> [UInt8] {
      var image = [UInt8](repeating: 0, count: BootableImage.lookedAt)
      image.replaceSubrange(0x8001..<0x8006, with: "CD001".utf8)
      image.replaceSubrange(0x8807..<0x8807 + record.utf8.count, with: record.utf8)
      return image
    }
    #expect(
      BootableImage.isCD(disc("EL TORITO SPECIFICATION")) && BootableImage.isBootable(disc("EL TORITO SPECIFICATION")))
    #expect(!BootableImage.isCD(disc("")))
  }

  @Test("a static program for the i386 will do, and anything else has its reason") func programs() {
    let fixed = ELFBuilder().build()
    #expect(LinuxProgram.objection(to: fixed) == nil)
    #expect(LinuxProgram.objection(to: Array("#!/bin/sh\n".utf8)) == nil)
    var dynamic = fixed
    dynamic.put32(3, at: 52)
    #expect(LinuxProgram.objection(to: dynamic)?.contains("-static") == true)
    var wide = fixed
    wide[4] = 2
    #expect(LinuxProgram.objection(to: wide)?.contains("-m32") == true)
    #expect(LinuxProgram.objection(to: Array("hello".utf8))?.contains("neither ELF nor a script") == true)
    for length in 0..<84 {
      #expect(LinuxProgram.objection(to: Array(fixed.prefix(length))) != nil)
    }
  }
}
