// Builds the smallest images that show a rule, byte by byte, and a memory that tells when something was written that
// must not be.

import Memory
import Testing

@testable import Loading

#if canImport(Glibc)
  import Glibc
#else
  import Foundation
#endif

extension [UInt8] {
  mutating func put16(_ value: UInt16, at offset: Int) {
    self[offset] = UInt8(truncatingIfNeeded: value)
    self[offset + 1] = UInt8(truncatingIfNeeded: value >> 8)
  }

  mutating func put32(_ value: UInt32, at offset: Int) {
    for index in 0..<4 { self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index)) }
  }

  func word(_ offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(self[offset + $1]) << UInt32(8 * $1) }
  }

  mutating func appendWords(_ words: UInt32...) {
    for word in words {
      append(contentsOf: [0, 0, 0, 0])
      put32(word, at: count - 4)
    }
  }
}

/// An ELF executable in the making.
struct ELFBuilder {
  struct Segment {
    var virtual: UInt32
    var physical: UInt32
    var bytes: [UInt8]
    var memorySize: UInt32

    init(at address: UInt32, virtual: UInt32? = nil, _ bytes: [UInt8], memorySize: UInt32? = nil) {
      self.virtual = virtual ?? address
      physical = address
      self.bytes = bytes
      self.memorySize = memorySize ?? UInt32(bytes.count)
    }
  }

  var entry: UInt32 = 0x10_0000
  var segments: [Segment] = [Segment(at: 0x10_0000, [0xf4, 0xeb, 0xfd])]
  /// Name, address, size, info (1 << 4 | 2: a global function).
  var symbols: [(name: String, address: UInt32, size: UInt32, info: UInt8)] = []

  /// Program headers at 52, then the segments' bytes, then symbols, strings and section headers.
  func build() -> [UInt8] {
    var image = [UInt8](repeating: 0, count: 52 + 32 * segments.count)
    image.replaceSubrange(0..<7, with: [0x7f, 0x45, 0x4c, 0x46, 1, 1, 1])
    image.put16(2, at: 16)
    image.put16(3, at: 18)
    image.put32(1, at: 20)
    image.put32(entry, at: 24)
    image.put32(52, at: 28)
    image.put16(52, at: 40)
    image.put16(32, at: 42)
    image.put16(UInt16(segments.count), at: 44)
    for (index, segment) in segments.enumerated() {
      let header = 52 + 32 * index
      while image.count % 4 != 0 { image.append(0) }
      image.put32(1, at: header)
      image.put32(UInt32(image.count), at: header + 4)
      image.put32(segment.virtual, at: header + 8)
      image.put32(segment.physical, at: header + 12)
      image.put32(UInt32(segment.bytes.count), at: header + 16)
      image.put32(segment.memorySize, at: header + 20)
      image += segment.bytes
    }
    guard !symbols.isEmpty else { return image }
    var strings: [UInt8] = [0]
    while image.count % 4 != 0 { image.append(0) }
    let table = image.count
    image += [UInt8](repeating: 0, count: 16)
    for symbol in symbols {
      image.appendWords(UInt32(strings.count), symbol.address, symbol.size, UInt32(symbol.info) | 1 << 16)
      strings += symbol.name.utf8
      strings.append(0)
    }
    let stringTable = image.count
    image += strings
    while image.count % 4 != 0 { image.append(0) }
    let headers = image.count
    image.appendWords(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    image.appendWords(0, 2, 0, 0, UInt32(table), UInt32(16 * (symbols.count + 1)), 2, 1, 4, 16)
    image.appendWords(0, 3, 0, 0, UInt32(stringTable), UInt32(strings.count), 0, 0, 1, 0)
    image.put32(UInt32(headers), at: 32)
    image.put16(40, at: 46)
    image.put16(3, at: 48)
    image.put16(2, at: 50)
    return image
  }
}

/// A multiboot header, with addresses when they are given.
func multibootHeader(flags: UInt32, addresses: [UInt32] = []) -> [UInt8] {
  var header: [UInt8] = []
  header.appendWords(0x1bad_b002, flags, 0 &- 0x1bad_b002 &- flags)
  for address in addresses { header.appendWords(address) }
  return header
}

/// A multiboot kernel as ELF: the header at the start of its only segment, a symbol `start` behind it.
func multibootELF(flags: UInt32 = 3) -> ELFBuilder {
  var builder = ELFBuilder()
  builder.entry = 0x10_000c
  builder.segments = [.init(at: 0x10_0000, multibootHeader(flags: flags) + [0xfa, 0xf4], memorySize: 0x2345)]
  builder.symbols = [("start", 0x10_000c, 2, 0x12)]
  return builder
}

/// Guest memory with guarded surroundings.
struct GuardedMemory {
  let machine: MachineMemory
  let memory: GuestPhysicalMemory
  let ramSize: Int

  init(ramSize: Int = 4 << 20, extra: Int = 64 << 10) throws {
    self.ramSize = ramSize
    machine = try MachineMemory(size: ramSize + extra)
    memory = try GuestPhysicalMemory(machine: machine, ramSize: UInt64(ramSize))
  }

  /// Whether the frames behind the hole below 1 MiB, and those after RAM, still hold zeros.
  var surroundingsAreUntouched: Bool {
    isZero(0xa_0000..<min(0x10_0000, ramSize)) && isZero(ramSize..<machine.size)
  }

  /// Whether all machine memory holds zeros.
  var isUntouched: Bool { isZero(0..<machine.size) }

  private func isZero(_ range: Range<Int>) -> Bool {
    if range.isEmpty { return true }
    // The first byte is zero, and each byte equals the one before it.
    let start = machine.base + range.lowerBound
    return start.load(as: UInt8.self) == 0 && memcmp(start, start + 1, range.count - 1) == 0
  }

  func bytes(_ address: UInt64, _ count: Int) -> [UInt8]? {
    memory.bytes(at: GuestPhysicalAddress(address), count: count)
  }

  func word(_ address: UInt64) -> UInt32 { bytes(address, 4)?.word(0) ?? 0xdead_dead }

  func string(_ address: UInt64) -> String {
    var result: [UInt8] = []
    while let byte = bytes(address + UInt64(result.count), 1)?[0], byte != 0 { result.append(byte) }
    return String(decoding: result, as: UTF8.self)
  }

  /// The sentence that loading ends in; fails the test when it succeeds or writes something.
  func refusal(
    _ image: [UInt8], _ request: LoadRequest = LoadRequest(), sourceLocation: SourceLocation = #_sourceLocation
  ) -> String {
    do {
      let loaded = try GuestLoader.load(image, request, into: memory)
      Issue.record("loaded: \(loaded.description)", sourceLocation: sourceLocation)
      return ""
    } catch {
      #expect(isUntouched, "a refused image was written in part", sourceLocation: sourceLocation)
      return error.description
    }
  }
}

/// Numbers that repeat with their seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
