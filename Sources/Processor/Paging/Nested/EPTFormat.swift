// Extended page tables: guest-physical to machine addresses, in four levels (SDM 3C, 28.2.2 and tables 28-1 to 28-6).
//
//    63  52 51      36 35               12 11   10  9 8  7  6  5   3  2   1   0
//   +------+----------+-------------------+----+---+-+-+--+---+-----+---+---+---+
//   | 0    | reserved | machine frame     | L  | 0 |D|A|PS|IPT|type | X | W | R |
//   +------+----------+-------------------+----+---+-+-+--+---+-----+---+---+---+
//
// A, D and PS, IPT and the memory type are a leaf's (A a table's too). L is ours, in a bit that the processor ignores: the
// entry lost its W to the dirty log. R = 0 with W = 1 is a misconfiguration: that is how device memory is marked.

enum EPTFormat: PageFormat {
  static let entrySize: UInt64 = 8
  static let levels = 4
  static let indexBits: UInt64 = 9
  static let frameMask = PAEFormat.frameMask
  static let dirty: UInt64 = 1 << 9
  static func accessed(_ level: Int) -> UInt64 { 1 << 8 }

  static let readable: UInt64 = 1
  static let writable: UInt64 = 2
  static let executable: UInt64 = 4
  static let writeBack: UInt64 = 6 << 3
  static let large: UInt64 = 0x80
  static let logged: UInt64 = 1 << 11
  /// A misconfiguration on purpose.
  static let device: UInt64 = writable | executable

  @inline(__always) static func isPresent(_ entry: UInt64) -> Bool { entry & 7 != 0 }

  @inline(__always) static func reserved(level: Int, isLarge: Bool, _ mode: PagingMode) -> UInt64 {
    let above = ~UInt64(0) << CPU.physicalAddressBits & 0xf_ffff_ffff_ffff
    switch level {
    case 0: return above
    case 1: return above | (isLarge ? 0x1f_f000 : 0x78)
    // 1 GiB pages are an option that this EPT doesn't have.
    default: return above | 0xf8
    }
  }

  /// Write without read, execute alone (an option too), or a memory type that isn't one.
  @inline(__always) static func isMisconfigured(_ entry: UInt64) -> Bool {
    let rights = entry & 7, type = entry >> 3 & 7
    return rights & 3 == 2 || rights == 4 || type == 2 || type == 3 || type == 7
  }

  @inline(__always) static func rights(_ entry: UInt64, level: Int) -> PageRights {
    let bits = UInt8(truncatingIfNeeded: entry)
    return PageRights(rawValue: bits & 3 | bits << 1 & 8 | PageRights.user.rawValue)
  }
}
