// The PS/2 keyboard behind the 8042, after IBM's reference. It takes commands a byte at a time and answers with ACK,
// and has scan codes in set 2 (or in set 1, made by the translation, for who asks for it).

struct Keyboard {
  /// Answers to commands; they go before keys.
  private var answers = ByteQueue(capacity: 16)
  private var keys = ByteQueue(capacity: 16)
  private var lastSent: UInt8 = 0
  /// The command whose parameter comes next; 0 when none does.
  private var awaited: UInt8 = 0
  /// Keys are sent; F5 stops that.
  private(set) var isScanning = true
  /// The host has said that it wants keys (F4), and nothing since that would undo it. After a reset they just come.
  private(set) var wasAskedToScan = false
  private var codeSet: UInt8 = 2
  /// Scroll, num and caps lock, from bit 0.
  private(set) var indicators: UInt8 = 0
  private var typematic: UInt8 = 0x2b

  private static let acknowledge: UInt8 = 0xfa
  private static let again: UInt8 = 0xfe

  /// Nobody has read the last key's code yet.
  var hasUnreadKeys: Bool { !keys.isEmpty }

  /// - Returns: false when the key is lost: the keyboard doesn't scan, or its buffer is full.
  mutating func send(_ event: KeyEvent) -> Bool {
    var code = event.code
    guard isScanning, !code.isEmpty else { return false }
    if codeSet == 1 {
      var translator = ScanCodeTranslator()
      code = code.compactMap { translator.translate($0) }
    }
    guard keys.capacity - keys.count >= code.count else { return false }
    for byte in code { _ = keys.append(byte) }
    return true
  }

  mutating func next() -> UInt8? {
    guard let byte = answers.takeFirst() ?? keys.takeFirst() else { return nil }
    lastSent = byte
    return byte
  }

  /// A byte from the host.
  mutating func receive(_ byte: UInt8) {
    let command = awaited
    awaited = 0
    // Anything from ED on is a command, even where a parameter was due.
    if command != 0, byte < 0xed { return parameter(byte, of: command) }
    switch byte {
    case 0xed, 0xf0, 0xf3:
      awaited = byte
      answer(Self.acknowledge)
    case 0xee: answer(0xee)
    case 0xf2: answer(Self.acknowledge, 0xab, 0x83)
    case 0xf4:
      isScanning = true
      wasAskedToScan = true
      keys.removeAll()
      answer(Self.acknowledge)
    case 0xf5, 0xf6:
      setDefaults()
      isScanning = byte == 0xf6
      answer(Self.acknowledge)
    // Make/break and typematic by key exist in set 3 only, which isn't there: taken, without effect.
    case 0xf7...0xfa: answer(Self.acknowledge)
    case 0xfe: answer(lastSent)
    case 0xff:
      answers.removeAll()
      setDefaults()
      isScanning = true
      answer(Self.acknowledge, 0xaa)
    default: answer(Self.again)
    }
  }

  private mutating func parameter(_ byte: UInt8, of command: UInt8) {
    switch command {
    case 0xed: indicators = byte & 7
    case 0xf3: typematic = byte & 0x7f
    default:
      switch byte {
      case 0: return answer(Self.acknowledge, codeSet)
      case 1, 2: codeSet = byte
      default: return answer(Self.again)
      }
    }
    answer(Self.acknowledge)
  }

  private mutating func answer(_ bytes: UInt8...) {
    for byte in bytes { _ = answers.append(byte) }
  }

  private mutating func setDefaults() {
    keys.removeAll()
    wasAskedToScan = false
    codeSet = 2
    indicators = 0
    typematic = 0x2b
  }

  mutating func transferState(_ archive: inout StateArchive) {
    answers.transferState(&archive)
    keys.transferState(&archive)
    archive.field(&lastSent)
    archive.field(&awaited)
    archive.field(&isScanning)
    archive.field(&wasAskedToScan)
    archive.field(&codeSet)
    archive.field(&indicators)
    archive.field(&typematic)
    if archive.isRestoring {
      codeSet = codeSet == 1 ? 1 : 2
      indicators &= 7
    }
  }
}
