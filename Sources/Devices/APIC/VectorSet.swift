// The 256-bit registers of the local APIC: one bit for each interrupt vector (SDM 3A, 11.8.4).

/// A set of vectors, as IRR, ISR and TMR are.
struct VectorSet {
  /// As the guest reads them, 32 vectors a register.
  private var words = InlineArray<8, UInt32>(repeating: 0)

  /// The registers, 0 to 7.
  subscript(word number: Int) -> UInt32 { words[number & 7] }

  func contains(_ vector: UInt8) -> Bool { words[Int(vector >> 5)] & 1 << UInt32(vector & 31) != 0 }
  mutating func insert(_ vector: UInt8) { words[Int(vector >> 5)] |= 1 << UInt32(vector & 31) }
  mutating func remove(_ vector: UInt8) { words[Int(vector >> 5)] &= ~(1 << UInt32(vector & 31)) }

  /// The vector with the highest priority.
  var highest: UInt8? {
    for index in stride(from: 7, through: 0, by: -1) where words[index] != 0 {
      return UInt8(index * 32 + 31 - words[index].leadingZeroBitCount)
    }
    return nil
  }

  mutating func transferState(_ archive: inout StateArchive) {
    for index in 0..<8 {
      var word = words[index]
      archive.field(&word)
      words[index] = word
    }
  }
}
