// CMOS memory as a PC's firmware leaves it: what old systems and boot loaders read to learn the memory size.

/// Builds the contents of CMOS memory.
public enum CMOSContents {
  /// - Parameters:
  ///   - ramSize: bytes of RAM from address 0.
  ///   - bootMedium: what firmware tries first.
  ///   - floppies: drives A and B.
  /// - Returns: 128 bytes; the clock's registers (0 to 13) are 0.
  ///
  /// ```
  /// 0x10       kinds of floppy drives, a nibble each: A's is the high one
  /// 0x14       equipment: FPU, VGA, floppy drives (bit 0: any; bits 7-6: how many more)
  /// 0x15-0x16  base memory, KiB
  /// 0x17-0x18  memory above 1 MiB, KiB, at most 65535 (again at 0x30-0x31)
  /// 0x2E-0x2F  sum of 0x10 to 0x2D, high byte first
  /// 0x34-0x35  memory above 16 MiB, in 64 KiB
  /// 0x38, 0x3D third; second and first thing to boot from, a nibble each: 1 floppy, 2 disk, 3 CD
  /// 0x5B-0x5D  memory above 4 GiB, in 64 KiB
  /// ```
  static func firmware(
    ramSize: UInt64, bootMedium: Drive.Medium = .disk, floppies: [FloppyDriveKind] = []
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 128)
    func put(_ value: UInt64, at index: Int) {
      bytes[index] = UInt8(truncatingIfNeeded: value)
      bytes[index + 1] = UInt8(truncatingIfNeeded: value >> 8)
    }
    let mebibyte: UInt64 = 1 << 20
    let extended = ramSize > mebibyte ? min((ramSize - mebibyte) >> 10, 0xffff) : 0
    let above16 = ramSize > 16 * mebibyte ? min((ramSize - 16 * mebibyte) >> 16, 0xffff) : 0
    bytes[0x14] = 0x02
    for (index, kind) in floppies.prefix(2).enumerated() {
      bytes[0x10] |= kind.rawValue << (index == 0 ? 4 : 0)
      bytes[0x14] = 0x03 | UInt8(index) << 6
    }
    put(min(ramSize >> 10, 640), at: 0x15)
    put(extended, at: 0x17)
    put(extended, at: 0x30)
    put(above16, at: 0x34)
    let order: [UInt8] =
      switch bootMedium {
      case .floppy: [1, 2, 3]
      case .disk: [2, 3, 1]
      case .cdrom: [3, 2, 1]
      }
    bytes[0x3d] = order[1] << 4 | order[0]
    if !floppies.isEmpty { bytes[0x38] = order[2] << 4 }
    let sum = bytes[0x10...0x2d].reduce(UInt64(0)) { $0 + UInt64($1) }
    bytes[0x2e] = UInt8(truncatingIfNeeded: sum >> 8)
    bytes[0x2f] = UInt8(truncatingIfNeeded: sum)
    return bytes
  }
}
