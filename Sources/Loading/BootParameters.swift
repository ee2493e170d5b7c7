// The "zero page" that a Linux kernel is handed (arch/x86/include/uapi/asm/bootparam.h): screen, memory map, and the setup
// header with what the loader fills in.

import Memory

struct BootParameters {
  private(set) var bytes = [UInt8](repeating: 0, count: 4096)

  /// - Parameter header: from the kernel's own file; nil for a vmlinux, which has none.
  init(header: UnsafeRawBufferPointer?) {
    if let header {
      for (n, byte) in header.enumerated() { bytes[0x1f1 + n] = byte }
    } else {
      put(UInt16(0xaa55), at: 0x1fe)
      put(LinuxSetupHeader.magic, at: 0x202)
      put(UInt16(0x20f), at: 0x206)
      put(UInt32(0x10_0000), at: 0x214)
    }
    // An unregistered loader; the kernel is high, and no heap of the setup code's is there.
    bytes[0x210] = 0xff
    bytes[0x211] |= 1
    // An 80x25 colour text screen, as the firmware leaves it.
    bytes[0x06] = 3
    bytes[0x07] = 80
    bytes[0x0e] = 25
    bytes[0x0f] = 1
    put(UInt16(16), at: 0x10)
  }

  mutating func setCommandLine(at address: UInt64) { put(UInt32(truncatingIfNeeded: address), at: 0x228) }

  mutating func setInitrd(_ range: Range<UInt64>) {
    put(UInt32(truncatingIfNeeded: range.lowerBound), at: 0x218)
    put(UInt32(truncatingIfNeeded: UInt64(range.count)), at: 0x21c)
  }

  /// What E820 would tell.
  mutating func setMemoryMap(_ map: [E820Entry]) {
    precondition(map.count <= 128, "the map is our own")
    bytes[0x1e8] = UInt8(map.count)
    for (n, entry) in map.enumerated() {
      let at = 0x2d0 + n * 20
      put(entry.range.lowerBound, at: at)
      put(UInt64(entry.range.count), at: at + 8)
      put(entry.type.rawValue, at: at + 16)
    }
    // In KiB above 1 MiB, for those who look no further.
    let extended = (map.last { $0.type == .ram }?.range.upperBound ?? 0) >> 10
    put(UInt32(truncatingIfNeeded: extended > 1024 ? extended - 1024 : 0), at: 0x1e0)
  }

  private mutating func put<T: FixedWidthInteger>(_ value: T, at offset: Int) {
    for n in 0..<T.bitWidth / 8 { bytes[offset + n] = UInt8(truncatingIfNeeded: value >> T(n * 8)) }
  }
}

/// A line of the PC's memory map (ACPI 6, 15: INT 15h, E820h).
public struct E820Entry: Equatable, Sendable {
  public enum Kind: UInt32, Sendable {
    case ram = 1
    case reserved = 2
    case acpi = 3
  }

  public var range: Range<UInt64>
  public var type: Kind

  public init(range: Range<UInt64>, type: Kind) {
    self.range = range
    self.type = type
  }

  /// The map of a PC with so much RAM and nothing else: the last KiB below 640 is the BIOS's.
  public static func map(ramSize: UInt64) -> [E820Entry] {
    var map = [E820Entry(range: 0..<min(0x9_fc00, ramSize), type: .ram)]
    if ramSize > 0xa_0000 { map.append(E820Entry(range: 0x9_fc00..<0xa_0000, type: .reserved)) }
    map.append(E820Entry(range: 0xf_0000..<0x10_0000, type: .reserved))
    if ramSize > 0x10_0000 { map.append(E820Entry(range: 0x10_0000..<ramSize, type: .ram)) }
    return map
  }
}
