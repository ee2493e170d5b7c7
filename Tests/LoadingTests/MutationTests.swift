// Files from a fuzzer's point of view: whatever they say, loading ends, with a guest or with a sentence, and writes
// nothing but RAM.

import Memory
import Testing

@testable import Loading

@Suite("Damaged images")
struct MutationTests {
  private static let interesting: [UInt32] = [
    0, 1, 2, 3, 0x7f, 0xff, 0x1000, 0x7fff, 0xffff, 0x9_f000, 0xa_0000, 0x10_0000, 0x1f_f000, 0x7fff_ffff,
    0x8000_0000, 0xffff_f000, 0xffff_ffff,
  ]

  private func seeds() -> [[UInt8]] {
    var plain = ELFBuilder()
    plain.segments.append(.init(at: 0x8000, virtual: 0xc000_8000, [1, 2, 3, 4], memorySize: 0x5000))
    plain.symbols = [("start", 0x10_0000, 2, 0x12), ("table", 0x8000, 4, 0x11)]
    let flat =
      multibootHeader(flags: 0x1_0003, addresses: [0x10_0000, 0x10_0000, 0x10_0022, 0x10_1000, 0x10_0020])
      + [0xfa, 0xf4]
    return [plain.build(), multibootELF().build(), flat]
  }

  @Test("20,000 mutated images neither trap nor write outside RAM")
  func mutated() throws {
    let guest = try GuardedMemory(ramSize: 2 << 20)
    let seeds = seeds()
    var random = SeededGenerator(state: 0x7ea9_11e5)
    var loaded = 0
    let modules = [GuestModule(commandLine: "m", bytes: [1, 2, 3])]
    for round in 0..<20_000 {
      let seed = seeds[round % seeds.count]
      var image = seed
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        switch Int.random(in: 0..<5, using: &random) {
        case 0: image[Int.random(in: 0..<image.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        case 1: image[Int.random(in: 0..<image.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2 where image.count >= 8:
          let offset = Int.random(in: 0...(image.count - 4) / 4, using: &random) * 4
          image.put32(Self.interesting.randomElement(using: &random)!, at: min(offset, image.count - 4))
        case 3 where image.count >= 8:
          let offset = Int.random(in: 0...image.count - 2, using: &random)
          image.put16(
            UInt16(truncatingIfNeeded: Self.interesting.randomElement(using: &random)!), at: offset)
        default:
          if Int.random(in: 0..<8, using: &random) == 0, image.count > 16 {
            image.removeLast(Int.random(in: 1..<image.count - 8, using: &random))
          }
        }
      }
      // Multiboot images keep a right checksum half of the time, or they'd hardly ever get past it.
      if round % 2 == 0, let header = (0..<max(image.count - 12, 0)).first(where: { image.word($0) == 0x1bad_b002 }) {
        image.put32(0 &- 0x1bad_b002 &- image.word(header + 4), at: header + 8)
      }
      do throws(LoadingError) {
        let request = LoadRequest(fileName: "k", modules: round % 3 == 0 ? [] : modules)
        let result = try GuestLoader.load(image, request, into: guest.memory)
        loaded += 1
        let ranges = result.segments.map(\.range).filter { !$0.isEmpty }
        for (one, next) in zip(ranges, ranges.dropFirst()) where one.upperBound > next.lowerBound {
          Issue.record("round \(round): \(one) and \(next) overlap")
        }
        for range in ranges
        where !guest.memory.isRAM(GuestPhysicalAddress(range.lowerBound), count: UInt64(range.count)) {
          Issue.record("round \(round): \(range) isn't RAM")
        }
        _ = result.symbols.location(of: result.entry.linearEntry)
      } catch {
        if error.description.isEmpty { Issue.record("round \(round): no sentence") }
      }
      if round % 500 == 0 { #expect(guest.surroundingsAreUntouched, "by round \(round)") }
    }
    #expect(guest.surroundingsAreUntouched)
    #expect(loaded > 500, "the mutations are too wild to test anything but refusals")
  }

  @Test("20,000 files of random bytes are refused")
  func noise() throws {
    let guest = try GuardedMemory(ramSize: 1 << 20)
    var random = SeededGenerator(state: 99)
    for _ in 0..<20_000 {
      var image = (0..<Int.random(in: 1...120, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      if Bool.random(using: &random), image.count > 7 {
        image.replaceSubrange(0..<7, with: [0x7f, 0x45, 0x4c, 0x46, 1, 1, 1])
      }
      if let loaded = try? GuestLoader.load(image, into: guest.memory) { Issue.record("\(image): \(loaded)") }
    }
    #expect(guest.isUntouched)
  }
}
