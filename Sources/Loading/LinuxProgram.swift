// Programs for a Linux guest that has no libraries: 32-bit, for the i386, static (System V ABI, Intel386 supplement).

/// Looks at a program before a kernel does, which would only say "Exec format error".
public enum LinuxProgram {
  private static let interpreterSegment: UInt32 = 3
  private static let machine386: UInt16 = 3
  private static let types: [UInt16] = [2, 3]

  /// Why a guest with nothing but busybox can't run the program; nil when it can. A script is its interpreter's affair.
  public static func objection(to program: [UInt8]) -> String? {
    if program.starts(with: Array("#!".utf8)) { return nil }
    return program.withUnsafeBytes { objection(to: ByteView(bytes: $0)) }
  }

  private static func objection(to view: ByteView) -> String? {
    guard ELF32.hasMagic(view), let fileClass = view.u8(4), let type = view.u16(16), let machine = view.u16(18) else {
      return "is no Linux program: it is neither ELF nor a script"
    }
    guard fileClass == 1, machine == machine386, types.contains(type) else {
      return "is no program for 32-bit x86: build it with -m32"
    }
    guard let table = view.u32(28), let size = view.u16(42), let count = view.u16(44) else { return "is cut short" }
    for index in 0..<UInt64(count) {
      let header = UInt64(table) + index * UInt64(size)
      guard view.holds(header, 32), let kind = view.u32(header) else { return "is cut short" }
      if kind == interpreterSegment {
        return "needs shared libraries, which the guest doesn't have: link it with -static"
      }
    }
    return nil
  }
}
