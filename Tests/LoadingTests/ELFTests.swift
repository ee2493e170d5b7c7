import Memory
import Testing

@testable import Loading

@Suite("ELF executables")
struct ELFTests {
  @Test("segments go to their physical addresses and the rest of their memory is zeroed")
  func segments() throws {
    let guest = try GuardedMemory()
    let dirt = [UInt8](repeating: 0xaa, count: 64)
    #expect(dirt.withUnsafeBytes { guest.memory.load($0, at: GuestPhysicalAddress(0x10_0000 as UInt64)) })
    var builder = ELFBuilder()
    builder.segments = [
      .init(at: 0x10_0000, [1, 2, 3], memorySize: 16), .init(at: 0x8000, virtual: 0x4000_0000, [9]),
    ]
    let image = try GuestLoader.load(builder.build(), into: guest.memory)
    #expect(guest.bytes(0x10_0000, 17) == [1, 2, 3] + [UInt8](repeating: 0, count: 13) + [0xaa])
    #expect(guest.bytes(0x8000, 2) == [9, 0])
    #expect(image.entry == .flat(entry: 0x10_0000))
    #expect(image.segments.map(\.range) == [0x8000..<0x8001, 0x10_0000..<0x10_0010])
    #expect(image.description == "ELF executable, 2 segments, 17 bytes at 0x8000, entry 0x100000")
  }

  @Test("the entry point of a kernel linked high becomes physical")
  func highHalf() throws {
    let guest = try GuardedMemory()
    var builder = ELFBuilder()
    builder.segments = [.init(at: 0x10_0000, virtual: 0xc010_0000, [0x90, 0xf4])]
    builder.entry = 0xc010_0001
    #expect(try GuestLoader.load(builder.build(), into: guest.memory).entry.instructionPointer == 0x10_0001)
    builder.entry = 0x10_0001
    #expect(try GuestLoader.load(builder.build(), into: guest.memory).entry.instructionPointer == 0x10_0001)
  }

  @Test("--entry replaces the entry point, within what was loaded")
  func entry() throws {
    let guest = try GuardedMemory()
    #expect(guest.refusal(ELFBuilder().build(), LoadRequest(entry: 5)).contains("lies in nothing that was loaded"))
    let image = try GuestLoader.load(ELFBuilder().build(), LoadRequest(entry: 0x10_0002), into: guest.memory)
    #expect(image.entry.instructionPointer == 0x10_0002)
  }

  @Test("symbols come along")
  func symbols() throws {
    let guest = try GuardedMemory()
    var builder = ELFBuilder()
    builder.symbols = [("start", 0x10_0000, 2, 0x12), ("a constant", 7, 0, 0x10), ("file.c", 0, 0, 4)]
    let image = try GuestLoader.load(builder.build(), into: guest.memory)
    #expect(image.symbols.location(of: 0x10_0001)?.description == "start+0x1")
    #expect(image.symbols.count == 2)
    #expect(image.warnings.isEmpty)
    #expect(image.description.hasSuffix(", 2 symbols"))
  }

  static let unsoundTables: [(field: Int, value: UInt32, reason: String)] = [
    (40 + 16, UInt32(0xffff_ff00), "outside the file"), (40 + 20, 17, "16 bytes"), (40 + 24, 7, "missing"),
    (80 + 16, 0xffff_0000, "outside the file"), (80 + 20, 0xffff_ffff, "outside the file"),
    (80 + 20, 3, "doesn't end"), (40 + 36, 0, "16 bytes"),
  ]

  @Test("an unsound symbol table is ignored with a warning", arguments: unsoundTables)
  func unsoundSymbols(field: Int, value: UInt32, reason: String) throws {
    let guest = try GuardedMemory()
    var builder = ELFBuilder()
    builder.symbols = [("start", 0x10_0000, 2, 0x12)]
    var bytes = builder.build()
    bytes.put32(value, at: Int(bytes.word(32)) + field)
    let image = try GuestLoader.load(bytes, into: guest.memory)
    #expect(image.symbols.isEmpty)
    #expect(image.warnings.count == 1)
    #expect(image.warnings.first?.contains(reason) == true)
  }

  @Test("section headers outside the file are ignored with a warning")
  func unsoundSections() throws {
    let guest = try GuardedMemory()
    var bytes = multibootELF().build()
    bytes.put32(0xffff_fff0, at: 32)
    let image = try GuestLoader.load(bytes, into: guest.memory)
    #expect(image.warnings == ["the ELF section headers lie outside the file, so there are no symbols"])
  }

  static let foreignFiles: [(offset: Int, patch: [UInt8], sentence: String)] = [
    (4, [2], "for 64-bit machines"), (4, [9], "neither 32 nor 64"), (5, [2], "big-endian"),
    (5, [0], "byte order is 0"), (6, [0], "version is 0"), (16, [1], "object file"), (16, [3], "-no-pie"),
    (16, [4], "core dump"), (16, [9], "type is 9"), (18, [40], "machine 40 (ARM)"), (18, [99], "machine 99, not"),
    (44, [0], "no program headers"), (44, [0xff, 0xff], "absurd"), (42, [31], "31 bytes each"),
    (28, [0, 0, 0, 0xff], "cut short or damaged"), (44, [200], "table of 200 program headers"),
    (52, [6], "no segment to load"), (52 + 16, [200], "only 0x3 in memory"),
    (52 + 4, [0xff, 0xff, 0xff, 0xff], "ELF segment 0 should be at 0xffffffff"),
    (24, [0, 0, 0, 0], "lies in none of the loaded segments"),
    (52 + 12, [0, 0, 0x0a, 0], "no RAM from 640 KiB to 1 MiB"),
    (52 + 12, [0xff, 0xff, 0xff, 0xff], "past the 4 GiB"),
  ]

  @Test("each executable of another kind is refused by name", arguments: foreignFiles)
  func foreign(offset: Int, patch: [UInt8], sentence: String) throws {
    let guest = try GuardedMemory()
    var bytes = ELFBuilder().build()
    bytes.replaceSubrange(offset..<offset + patch.count, with: patch)
    #expect(guest.refusal(bytes).contains(sentence))
  }

  @Test("an executable that asks for 3 GiB is refused with the memory it needs")
  func threeGiB() throws {
    let guest = try GuardedMemory()
    var builder = ELFBuilder()
    builder.segments[0].memorySize = 3 << 30
    #expect(
      guest.refusal(builder.build())
        == "ELF segment 0 takes 0x100000 to 0xc00fffff, but the guest has 4 MiB of RAM: give it --memory 3073M or more")
  }

  @Test("segments that overlap are refused")
  func overlap() throws {
    let guest = try GuardedMemory()
    var builder = ELFBuilder()
    builder.segments = [.init(at: 0x10_0000, [1], memorySize: 0x1001), .init(at: 0x10_1000, [2])]
    #expect(guest.refusal(builder.build()) == "ELF segment 0 and ELF segment 1 overlap at 0x101000: link them apart")
  }

  @Test("thousands of large segments are refused at once")
  func manySegments() throws {
    let guest = try GuardedMemory()
    var builder = ELFBuilder()
    builder.segments = [ELFBuilder.Segment](
      repeating: .init(at: 0x10_0000, [], memorySize: 0x30_0000), count: 60_000)
    #expect(guest.refusal(builder.build()).contains("overlap"))
  }

  @Test("an executable cut short at any byte is refused or loads what it still holds")
  func truncated() throws {
    let guest = try GuardedMemory(ramSize: 2 << 20)
    var builder = ELFBuilder()
    builder.symbols = [("start", 0x10_0000, 2, 0x12), ("end", 0x10_0002, 0, 0x10)]
    let whole = builder.build()
    let lastNeeded = 52 + 32 + builder.segments[0].bytes.count
    for length in 0..<whole.count {
      do throws(LoadingError) {
        let image = try GuestLoader.load(Array(whole[..<length]), into: guest.memory)
        #expect(length >= lastNeeded)
        #expect(image.symbols.isEmpty)
        #expect(image.warnings.count == 1, "cut at \(length)")
      } catch {
        #expect(length < lastNeeded, "cut at \(length)")
        #expect(!error.description.isEmpty)
      }
      #expect(guest.surroundingsAreUntouched)
    }
  }
}
