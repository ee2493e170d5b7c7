// The 82441FX (440FX) as far as firmware uses it: its configuration space, and the programmable attribute map that turns
// the ROM between 768 KiB and 1 MiB into RAM (data sheet 290549, 3.2.18).
//
//   59  | F0000-FFFFF | reserved    |     each nibble  | 0 | 0 | WE | RE |
//   5A  | C4000       | C0000       |     RE: reads come from RAM, else from the ROM
//   5B  | CC000       | C8000       |     WE: writes go to RAM, else nowhere
//   5C  | D4000       | D0000       |
//   5D  | DC000       | D8000       |
//   5E  | E4000       | E0000       |
//   5F  | EC000       | E8000       |     16 KiB each but for the first

import Memory

/// How one piece of the firmware's space below 1 MiB is decoded.
public struct ShadowRegion: Equatable, Sendable {
  public let start: GuestPhysicalAddress
  public let count: UInt64
  public var readsRAM: Bool
  public var writesRAM: Bool
}

/// The host bridge, 00:00.0.
public final class HostBridge: ConfigurationOnlyDevice {
  public let name = "host bridge"
  public let function: PCIFunction
  /// Told of each region whose decoding changed; also when the machine is reset or restored. The machine maps memory so.
  public var shadowChanged: ((ShadowRegion) -> Void)?
  /// What was last told.
  private var told: [ShadowRegion]

  private static let attributeMap = 0x59

  public init() {
    function = PCIFunction(PCIIdentity(vendor: 0x8086, device: 0x1237, revision: 2, classCode: 0x06_00_00))
    function.space.define(ConfigurationSpace.Offset.status, UInt16(0x0280))
    // It is the memory's master, always.
    function.space.define(ConfigurationSpace.Offset.command, UInt16(0x0006), writable: 0x0140)
    for register in Self.attributeMap...0x5f { function.space.define(register, UInt8(0), writable: 0x33) }
    told = []
    told = shadowRegions
  }

  /// The regions in ascending order.
  public var shadowRegions: [ShadowRegion] {
    let map = function.space.bytes[Self.attributeMap...0x5f].map { $0 }
    func region(_ start: UInt64, _ count: UInt64, _ nibble: UInt8) -> ShadowRegion {
      ShadowRegion(
        start: GuestPhysicalAddress(start), count: count, readsRAM: nibble & 1 != 0, writesRAM: nibble & 2 != 0)
    }
    let small = (0..<12).map { index in
      region(0xc_0000 + UInt64(index) << 14, 0x4000, map[1 + index / 2] >> (index & 1 == 0 ? 0 : 4))
    }
    return small + [region(0xf_0000, 0x1_0000, map[0] >> 4)]
  }

  private func tell() {
    let regions = shadowRegions
    for (before, after) in zip(told, regions) where before != after { shadowChanged?(after) }
    told = regions
  }

  public func writeConfiguration(_ offset: Int, size: AccessSize, value: UInt32) {
    function.write(offset, size: size, value: value)
    tell()
  }

  public func reset() {
    function.reset()
    tell()
  }

  public func transferState(_ archive: inout StateArchive) {
    function.transferState(&archive)
    if archive.isRestoring { tell() }
  }
}
