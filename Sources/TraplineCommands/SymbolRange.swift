// What a name on the command line stands for.

import Loading

extension SymbolTable {
  /// The addresses of a symbol's code: by its size, else up to the next symbol. The end is 64 bits wide to be able to lie
  /// past the last.
  func range(of name: String) -> Range<UInt64>? {
    guard let address = address(of: name) else { return nil }
    let symbols = symbols
    let size = symbols.first { $0.address == address && $0.size > 0 }?.size
    let next = symbols.first { $0.address > address }.map { UInt64($0.address) } ?? 1 << 32
    return UInt64(address)..<(size.map { UInt64(address) + UInt64($0) } ?? next)
  }
}
