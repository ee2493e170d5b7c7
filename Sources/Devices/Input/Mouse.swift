// The PS/2 mouse behind the 8042: three buttons, no wheel. A packet is made when the host is ready for one; movement in
// the meantime adds up.
//
//            7    6    5    4    3    2     1     0
//   byte 0 | YO | XO | YS | XS | 1  | mid | right | left |    O overflow, S sign
//   byte 1 |                 X movement                  |
//   byte 2 |                 Y movement (up is positive) |

struct Mouse {
  private var answers = ByteQueue(capacity: 16)
  private var packet = ByteQueue(capacity: 4)
  private var lastSent: UInt8 = 0
  /// The command whose parameter comes next; 0 when none does.
  private var awaited: UInt8 = 0
  private var isReporting = false
  private var isRemote = false
  private var isWrapping = false
  private var doublesScale = false
  private var resolution: UInt8 = 2
  private var sampleRate: UInt8 = 100
  private var buttons: UInt8 = 0
  private var reportedButtons: UInt8 = 0
  private var x: Int16 = 0
  private var y: Int16 = 0

  private static let acknowledge: UInt8 = 0xfa

  /// - Parameters:
  ///   - x: to the right.
  ///   - y: up.
  ///   - buttons: left, right and middle, from bit 0.
  mutating func move(x: Int, y: Int, buttons: UInt8) {
    func sum(_ a: Int16, _ b: Int) -> Int16 { Int16(clamping: Int(a) + min(max(b, -32768), 32767)) }
    self.x = sum(self.x, x)
    self.y = sum(self.y, y)
    self.buttons = buttons & 7
  }

  mutating func next() -> UInt8? {
    if answers.isEmpty, packet.isEmpty, isReporting, !isRemote, !isWrapping,
      x != 0 || y != 0 || buttons != reportedButtons
    {
      for byte in takePacket() { _ = packet.append(byte) }
    }
    // A packet that has begun is not torn apart by an answer; a command has thrown it away.
    guard let byte = packet.takeFirst() ?? answers.takeFirst() else { return nil }
    lastSent = byte
    return byte
  }

  private mutating func takePacket() -> [UInt8] {
    func step(_ left: inout Int16) -> (byte: UInt8, sign: Bool) {
      let part = min(max(left, -256), 255)
      left -= part
      return (UInt8(truncatingIfNeeded: part), part < 0)
    }
    let dx = step(&x)
    let dy = step(&y)
    reportedButtons = buttons
    return [0x08 | buttons | (dx.sign ? 0x10 : 0) | (dy.sign ? 0x20 : 0), dx.byte, dy.byte]
  }

  /// A byte from the host.
  mutating func receive(_ byte: UInt8) {
    packet.removeAll()
    if isWrapping, byte != 0xec, byte != 0xff { return answer(byte) }
    let command = awaited
    awaited = 0
    // Anything from E6 on is a command, even where a parameter was due.
    if command != 0, byte < 0xe6 {
      if command == 0xe8 { resolution = byte & 3 } else { sampleRate = byte }
      return answer(Self.acknowledge)
    }
    switch byte {
    case 0xe6, 0xe7: doublesScale = byte == 0xe7
    case 0xe8, 0xf3: awaited = byte
    case 0xe9: return answer(Self.acknowledge, status, resolution, sampleRate)
    case 0xea: isRemote = false
    case 0xeb:
      answer(Self.acknowledge)
      for byte in takePacket() { answer(byte) }
      return
    case 0xec: isWrapping = false
    case 0xee: isWrapping = true
    case 0xf0: isRemote = true
    // A plain mouse.
    case 0xf2: return answer(Self.acknowledge, 0x00)
    case 0xf4: isReporting = true
    case 0xf5: isReporting = false
    case 0xf6: setDefaults()
    case 0xfe: return answer(lastSent)
    case 0xff:
      answers.removeAll()
      setDefaults()
      return answer(Self.acknowledge, 0xaa, 0x00)
    default: return answer(0xfe)
    }
    answer(Self.acknowledge)
  }

  /// Left, middle and right from bit 2 down: not the order of a packet.
  private var status: UInt8 {
    let pressed = (buttons & 1) << 2 | (buttons & 4) >> 1 | (buttons & 2) >> 1
    return pressed | (doublesScale ? 0x10 : 0) | (isReporting ? 0x20 : 0) | (isRemote ? 0x40 : 0)
  }

  private mutating func answer(_ bytes: UInt8...) {
    for byte in bytes { _ = answers.append(byte) }
  }

  private mutating func setDefaults() {
    isReporting = false
    isRemote = false
    isWrapping = false
    doublesScale = false
    resolution = 2
    sampleRate = 100
    x = 0
    y = 0
    reportedButtons = buttons
  }

  mutating func transferState(_ archive: inout StateArchive) {
    answers.transferState(&archive)
    packet.transferState(&archive)
    archive.field(&lastSent)
    archive.field(&awaited)
    archive.field(&isReporting)
    archive.field(&isRemote)
    archive.field(&isWrapping)
    archive.field(&doublesScale)
    archive.field(&resolution)
    archive.field(&sampleRate)
    archive.field(&buttons)
    archive.field(&reportedButtons)
    archive.field(&x)
    archive.field(&y)
    if archive.isRestoring {
      resolution &= 3
      buttons &= 7
    }
  }
}
