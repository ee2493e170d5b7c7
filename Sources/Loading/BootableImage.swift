// Images that a PC's firmware starts: a boot sector's last two bytes (BIOS Boot Specification 1.01, 6.5.1), or a boot
// record among an ISO 9660 file system's descriptors (El Torito 1.0, figure 1).

/// Tells boot media from what a loader takes.
public enum BootableImage {
  /// Bytes from an image's beginning that decide.
  public static let lookedAt = 0x9000

  /// - Parameter beginning: an image's first bytes, `lookedAt` of them or all there are.
  public static func isBootable(_ beginning: [UInt8]) -> Bool { isCD(beginning) || isDisk(beginning) }

  /// A disk with a boot sector. Linux kernels have its mark, too. (A multiboot header says nothing: GRUB's own image has one.)
  public static func isDisk(_ beginning: [UInt8]) -> Bool {
    guard beginning.count >= 512, beginning[510] == 0x55, beginning[511] == 0xaa else { return false }
    return !has("HdrS", at: 0x202, beginning) && !has("\u{7f}ELF", at: 0, beginning)
  }

  /// An ISO 9660 file system with El Torito's boot record.
  public static func isCD(_ beginning: [UInt8]) -> Bool {
    has("CD001", at: 0x8001, beginning) && has("EL TORITO SPECIFICATION", at: 0x8807, beginning)
  }

  private static func has(_ text: String, at offset: Int, _ bytes: [UInt8]) -> Bool {
    bytes.count >= offset + text.utf8.count && bytes[offset...].starts(with: text.utf8)
  }
}
