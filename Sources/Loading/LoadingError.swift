// Why a file could not be started. Users see the sentence as it stands, so it says what was wrong, where, and what to
// do about it.

/// A refusal, in one sentence.
public struct LoadingError: Error, CustomStringConvertible, Equatable, Sendable {
  public let description: String

  public init(_ description: String) { self.description = description }
}

extension FixedWidthInteger where Self: UnsignedInteger {
  /// `0x` and hexadecimal digits, as every sentence of this module writes an address.
  var hex: String { "0x" + String(self, radix: 16) }
}

/// A count of bytes for people: exact below 1 KiB and rounded up above, so that "at least so much" stays true.
func sizeForPeople(_ bytes: UInt64) -> String {
  switch bytes {
  case 1: return "1 byte"
  case ..<1024: return "\(bytes) bytes"
  case ..<(1 << 20): return "\((bytes + 1023) >> 10) KiB"
  default: return "\((bytes >> 20) + (bytes & 0xf_ffff == 0 ? 0 : 1)) MiB"
  }
}
