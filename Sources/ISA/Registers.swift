// The numbers and names that encodings give to registers. SDM volume 2, section 2.1.5, tables 2-1 and 2-2.

/// A general register, by its encoding.
public enum GeneralRegister: UInt8, CaseIterable, Sendable, BitwiseCopyable {
  case eax, ecx, edx, ebx, esp, ebp, esi, edi

  /// The name of the whole register, its lower half, or the byte that this encoding means.
  ///
  /// - Parameter size: 1, 2 or 4 bytes. Byte encodings 4 to 7 are AH, CH, DH, BH.
  public func name(size: UInt8) -> String {
    switch size {
    case 1: ["al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"][Int(rawValue)]
    case 2: ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"][Int(rawValue)]
    default: ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"][Int(rawValue)]
    }
  }
}

/// The sixteen conditions of Jcc, SETcc and CMOVcc, by the low nibble of the opcode; an odd one negates its
/// neighbour.
public enum Condition: UInt8, CaseIterable, Sendable, BitwiseCopyable {
  case o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g

  /// As in `jne`, `setne`.
  public var mnemonic: String {
    ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"][Int(rawValue)]
  }
}
