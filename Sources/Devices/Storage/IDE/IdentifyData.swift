// The 512 bytes by which a drive describes itself (ATA/ATAPI-6, 8.15 and 8.16).

struct IdentifyData {
  private var words = [UInt16](repeating: 0, count: 256)

  subscript(word: Int) -> UInt16 {
    get { words[word] }
    set { words[word] = newValue }
  }

  /// Text has its first character in the high byte and is padded with spaces.
  mutating func setText(_ text: String, words range: Range<Int>) {
    var characters = Array(text.utf8.prefix(2 * range.count))
    characters += [UInt8](repeating: 0x20, count: 2 * range.count - characters.count)
    for (index, word) in range.enumerated() {
      words[word] = UInt16(characters[2 * index]) << 8 | UInt16(characters[2 * index + 1])
    }
  }

  mutating func setNumber(_ value: UInt64, words range: Range<Int>) {
    for (index, word) in range.enumerated() { words[word] = UInt16(truncatingIfNeeded: value >> (16 * UInt64(index))) }
  }

  /// Puts the words, with their checksum (word 255), where the data port takes them from.
  func store(to target: UnsafeMutableRawPointer) {
    var sealed = words
    sealed[255] = 0x00a5
    let sum = sealed.reduce(UInt8(0)) { $0 &+ UInt8(truncatingIfNeeded: $1) &+ UInt8(truncatingIfNeeded: $1 >> 8) }
    sealed[255] |= UInt16(0 &- sum) << 8
    for (index, word) in sealed.enumerated() {
      target.storeBytes(of: word.littleEndian, toByteOffset: 2 * index, as: UInt16.self)
    }
  }
}

/// How the host wants data moved (SET FEATURES, 03): of the DMA modes at most one is chosen.
struct TransferMode {
  /// As SET FEATURES takes it: 0x20 | n multiword, 0x40 | n ultra; 0 for PIO.
  private(set) var dmaMode: UInt8 = 0x22

  /// - Returns: false for modes that the drive hasn't.
  mutating func set(_ value: UInt8) -> Bool {
    switch value {
    // PIO default and flow control modes 0 to 4.
    case 0x00, 0x01, 0x08...0x0c: return true
    case 0x20...0x22, 0x40...0x45:
      dmaMode = value
      return true
    default: return false
    }
  }

  /// Words 63 and 88: supported modes, and the one that is chosen.
  func describe(in data: inout IdentifyData) {
    data[63] = 0x0007 | (dmaMode & 0xf8 == 0x20 ? 0x0100 << UInt16(dmaMode & 7) : 0)
    data[88] = 0x003f | (dmaMode & 0xf8 == 0x40 ? 0x0100 << UInt16(dmaMode & 7) : 0)
  }

  mutating func transferState(_ archive: inout StateArchive) {
    archive.field(&dmaMode)
    if archive.isRestoring, !(0x20...0x22).contains(dmaMode), !(0x40...0x45).contains(dmaMode) { dmaMode = 0x22 }
  }
}
