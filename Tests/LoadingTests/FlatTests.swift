import Memory
import Testing

@testable import Loading

@Suite("Flat binaries and ROMs")
struct FlatTests {
  @Test("a real-mode binary lies at 7c00 and starts at 0:7c00")
  func bootSector() throws {
    let guest = try GuardedMemory()
    let image = try GuestLoader.load([0xf4, 1, 2], LoadRequest(mode: .real), into: guest.memory)
    #expect(guest.bytes(0x7c00, 4) == [0xf4, 1, 2, 0])
    #expect(image.entry == .real(selector: 0, offset: 0x7c00))
    #expect(image.description == "flat binary, real mode, 3 bytes at 0x7c00, entry 0x7c00")
    #expect(image.segments == [PlacedSegment(purpose: .image, range: 0x7c00..<0x7c03)])
  }

  @Test("a protected-mode binary lies at 1 MiB and starts there with flat segments")
  func protected() throws {
    let guest = try GuardedMemory()
    let image = try GuestLoader.load([0x90, 0xf4], LoadRequest(mode: .protected), into: guest.memory)
    #expect(image.entry == .flat(entry: 0x10_0000))
    #expect(image.entry.linearEntry == 0x10_0000)
  }

  @Test("a real-mode binary above 64 KiB starts with its own segment")
  func highReal() throws {
    let guest = try GuardedMemory()
    let request = LoadRequest(mode: .real, loadAddress: 0x2_0000, entry: 0x2_0001)
    let image = try GuestLoader.load([0, 0xf4], request, into: guest.memory)
    #expect(image.entry == .real(selector: 0x2000, offset: 1))
    #expect(image.entry.linearEntry == 0x2_0001)
  }

  @Test("a mode makes an ELF file a flat binary")
  func modeComesFirst() throws {
    let guest = try GuardedMemory()
    let image = try GuestLoader.load(ELFBuilder().build(), LoadRequest(mode: .protected), into: guest.memory)
    #expect(image.format == .flat)
  }

  @Test("a binary that doesn't fit is refused with the memory it needs")
  func tooHigh() throws {
    let guest = try GuardedMemory()
    let sentence = guest.refusal([1, 2, 3], LoadRequest(mode: .protected, loadAddress: 0x3f_ffff))
    #expect(
      sentence
        == "the flat binary takes 0x3fffff to 0x400001, but the guest has 4 MiB of RAM: give it --memory 5M or more")
  }

  static let impossiblePlaces: [(request: LoadRequest, sentence: String)] = [
    (LoadRequest(mode: .real, loadAddress: 0x9_ffff), "no RAM from 640 KiB to 1 MiB"),
    (LoadRequest(mode: .protected, loadAddress: 0xffff_ffff), "past the 4 GiB"),
    (LoadRequest(mode: .protected, loadAddress: .max), "past the 4 GiB"),
    (LoadRequest(mode: .protected, loadAddress: 0xe000_0000), "3584 MiB at most"),
    (LoadRequest(mode: .protected, entry: 0x10_0002), "outside the flat binary"),
    (LoadRequest(mode: .real, loadAddress: 0x20_0000), "can't be reached in real mode"),
    (LoadRequest(loadAddress: 0x1000), "say --mode real or --mode protected"),
    (LoadRequest(mode: .real, modules: [GuestModule(commandLine: "", bytes: [])]), "only multiboot kernels"),
    (LoadRequest(mode: .real, isROM: true), "a ROM starts from the reset vector"),
  ]

  @Test("each impossible place is refused", arguments: impossiblePlaces)
  func impossible(request: LoadRequest, sentence: String) throws {
    let guest = try GuardedMemory()
    #expect(guest.refusal([0xf4, 0xf4], request).contains(sentence))
  }

  @Test("a ROM ends at 4 GiB, is seen below 1 MiB, and starts from the reset vector")
  func rom() throws {
    let guest = try GuardedMemory(extra: 1 << 20)
    var rom = [UInt8](repeating: 0, count: 256 << 10)
    rom[0] = 0x11
    rom[128 << 10] = 0x22
    rom[rom.count - 16] = 0xea
    let image = try GuestLoader.load(rom, LoadRequest(isROM: true), into: guest.memory)
    #expect(image.entry == .reset)
    #expect(image.entry.linearEntry == 0xffff_fff0)
    #expect(guest.bytes(0xfffc_0000, 1) == [0x11])
    #expect(guest.bytes(0xffff_fff0, 1) == [0xea])
    #expect(guest.bytes(0xe_0000, 1) == [0x22])
    #expect(guest.bytes(0xf_fff0, 1) == [0xea])
    #expect(guest.memory.backing(of: GuestPhysicalAddress(0xd_f000 as UInt64)) == .bus)
  }

  @Test("a ROM of odd size is filled up in front")
  func oddROM() throws {
    let guest = try GuardedMemory(extra: 1 << 20)
    let image = try GuestLoader.load([UInt8](1...20), LoadRequest(isROM: true), into: guest.memory)
    #expect(guest.bytes(0xffff_ffeb, 2) == [0xff, 1])
    #expect(guest.bytes(0xf_ffec, 20) == [UInt8](1...20))
    #expect(image.segments.map(\.range) == [0xf_f000..<0x10_0000, 0xffff_f000..<0x1_0000_0000])
  }

  @Test("a ROM is refused when it is too small, too large, or has no machine memory")
  func badROMs() throws {
    let guest = try GuardedMemory()
    #expect(guest.refusal([1], LoadRequest(isROM: true)).contains("too few to hold a reset vector"))
    let huge = [UInt8](repeating: 0, count: (16 << 20) + 1)
    #expect(guest.refusal(huge, LoadRequest(isROM: true)).contains("at most 16 MiB"))
    let large = [UInt8](repeating: 0, count: 128 << 10)
    #expect(guest.refusal(large, LoadRequest(isROM: true)).contains("machine memory is too small"))
  }
}
