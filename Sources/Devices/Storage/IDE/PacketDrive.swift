// A CD-ROM drive: ATA's packet feature set (ATA/ATAPI-6, 8.23 and 9.8) around the few SCSI commands (MMC-3, SPC-2) with
// which firmware and systems read a disc. Data goes through the data port only.
//
//   sector count register   bit 0: C/D   bit 1: I/O
//     01  send the 12 bytes of the packet     02  data to the host     03  the command is over

final class PacketDrive: IDEDrive {
  private let image: any DiskImage
  private let serialNumber: String

  private var activity = Activity.none
  /// Sectors of 2048 bytes that READ has still to bring.
  private var nextSector: UInt64 = 0
  private var remaining = 0
  /// An answer that isn't sectors; what was not yet offered begins at `answered`.
  private var answer: [UInt8] = []
  private var answered = 0
  private var byteLimit = PacketDrive.largestBlock
  private var sense = Sense.none

  private enum Activity: UInt8 {
    case none, identify, packet, answer, read
  }

  private enum Sense: UInt8 {
    case none, invalidCommand, invalidField, outOfRange, readError

    /// Sense key and additional code.
    var codes: (key: UInt8, code: UInt8) {
      switch self {
      case .none: (0x0, 0x00)
      case .invalidCommand: (0x5, 0x20)
      case .invalidField: (0x5, 0x24)
      case .outOfRange: (0x5, 0x21)
      case .readError: (0x3, 0x11)
      }
    }
  }

  private static let sectorSize = 2048
  private static let packetSize = 12
  private static let largestBlock = 0xfffe
  private static let longestAnswer = 256

  init(_ drive: Drive, serialNumber: String) {
    image = drive.image
    self.serialNumber = serialNumber
    super.init()
    reset()
  }

  override var signature: Int { 0xeb14 }
  override var statusAfterReset: UInt8 { 0 }

  private var sectorCount: UInt64 { image.sectorCount * UInt64(DiskLimits.sectorSize) / UInt64(Self.sectorSize) }

  // MARK: ATA commands

  override func execute(_ command: UInt8) {
    switch command {
    case 0x08: reset()
    case 0xa0: awaitPacket()
    case 0xa1: identify()
    case 0xec, 0x20:
      // A disk's commands: the signature says what this is instead.
      taskFile.setSignature(signature)
      abort()
    case 0xe0...0xe3, 0xe6, 0xef: succeed()
    case 0xe5:
      taskFile.setCount(0xff)
      succeed()
    default: abort()
    }
  }

  override func cancelCommand() {
    activity = .none
    remaining = 0
    answer = []
    answered = 0
  }

  private func identify() {
    var data = IdentifyData()
    // A packet device, a CD-ROM, removable; DRQ comes at once; packets of 12 bytes.
    data[0] = 0x85c0
    data.setText(serialNumber, words: 10..<20)
    data.setText("1.0", words: 23..<27)
    data.setText("Trapline CD-ROM", words: 27..<47)
    // IORDY and LBA; no DMA.
    data[49] = 0x0a00
    data[51] = 0x0200
    data[53] = 0x0002
    data[64] = 0x0003
    for word in 65...68 { data[word] = 120 }
    data[80] = 0x0070
    // The packet feature set, device reset.
    data[82] = 0x0210
    data[83] = 0x4000
    data[84] = 0x4000
    data[85] = 0x0210
    data[87] = 0x4000
    data.store(to: buffer)
    activity = .identify
    offerBlock(DiskLimits.sectorSize)
  }

  private func awaitPacket() {
    // DMA was not promised.
    if taskFile.features & 1 != 0 { return abort() }
    let limit = taskFile.byteCount & ~1
    byteLimit = limit == 0 ? Self.largestBlock : limit
    activity = .packet
    taskFile.setCount(0x01)
    awaitBlock(Self.packetSize, interrupts: false)
  }

  override func finishBlock() {
    switch activity {
    case .none, .identify: cancelCommand()
    case .packet: carryOutPacket()
    case .answer, .read: offerMore()
    }
  }

  // MARK: Data

  /// The next block, as large as the host allows, or the end.
  private func offerMore() {
    let count = activity == .read ? readSectors() : copyAnswer()
    guard let count else { return end(.readError) }
    if count == 0 { return end(.none) }
    taskFile.setCount(0x02)
    taskFile.setByteCount(count)
    offerBlock(count)
  }

  private func copyAnswer() -> Int? {
    let part = answer[answered..<min(answered + byteLimit, answer.count)]
    part.withUnsafeBytes { buffer.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(buffer), byteCount: $0.count) }
    answered += part.count
    return part.count
  }

  /// Whole sectors as far as the limit goes; a limit below that cuts the sector up.
  private func readSectors() -> Int? {
    if answered < answer.count { return copyAnswer() }
    if remaining == 0 { return 0 }
    let sectors = max(1, min(remaining, byteLimit / Self.sectorSize))
    let target = UnsafeMutableRawBufferPointer(start: buffer, count: sectors * Self.sectorSize)
    do throws(DiskRequestError) {
      try image.read(nextSector * UInt64(Self.sectorSize / DiskLimits.sectorSize), into: target)
    } catch {
      return nil
    }
    nextSector += UInt64(sectors)
    remaining -= sectors
    if target.count <= byteLimit { return target.count }
    answer = Array(target)
    answered = 0
    return copyAnswer()
  }

  private func end(_ sense: Sense) {
    self.sense = sense
    taskFile.setCount(0x03)
    if sense == .none {
      cancelCommand()
      return succeed()
    }
    fail(sense.codes.key << 4 | IDEError.aborted)
  }

  private func reply(_ bytes: [UInt8], limit: Int) {
    // The data port moves words.
    answer = Array(bytes.prefix(limit))
    if answer.count & 1 != 0 { answer.append(0) }
    answered = 0
    activity = .answer
    offerMore()
  }

  // MARK: Packets

  private func carryOutPacket() {
    let packet = (0..<Self.packetSize).map { buffer.load(fromByteOffset: $0, as: UInt8.self) }
    func number(_ range: Range<Int>) -> Int { range.reduce(0) { $0 << 8 | Int(packet[$1]) } }
    switch packet[0] {
    // Test unit ready, start or stop, prevent removal.
    case 0x00, 0x1b, 0x1e: end(.none)
    case 0x03:
      let codes = sense.codes
      sense = .none
      reply([0x70, 0, codes.key, 0, 0, 0, 0, 10, 0, 0, 0, 0, codes.code, 0, 0, 0, 0, 0], limit: number(4..<5))
    case 0x12: reply(inquiry, limit: number(3..<5))
    case 0x25: reply(bigEndian(sectorCount - 1) + bigEndian(UInt64(Self.sectorSize)), limit: 8)
    case 0x28: read(UInt64(number(2..<6)), count: number(7..<9))
    case 0x43: readContents(format: packet[2] & 0x0f | packet[9] >> 6, inMinutes: packet[1] & 2 != 0, number(7..<9))
    case 0x5a: senseMode(page: packet[2] & 0x3f, limit: number(7..<9))
    case 0xa8: read(UInt64(number(2..<6)), count: number(6..<10))
    default: end(.invalidCommand)
    }
  }

  private func bigEndian(_ value: UInt64) -> [UInt8] {
    let value = UInt32(min(value, UInt64(UInt32.max)))
    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  private func read(_ sector: UInt64, count: Int) {
    guard sector <= sectorCount, UInt64(count) <= sectorCount - sector else { return end(.outOfRange) }
    nextSector = sector
    remaining = count
    activity = .read
    offerMore()
  }

  private var inquiry: [UInt8] {
    func text(_ text: String, _ count: Int) -> [UInt8] {
      Array(text.utf8.prefix(count)) + [UInt8](repeating: 0x20, count: max(0, count - text.utf8.count))
    }
    // A CD-ROM, removable; an ATAPI answer, with 31 bytes behind these five.
    return [0x05, 0x80, 0x00, 0x21, 31, 0, 0, 0] + text("TRAPLINE", 8) + text("CD-ROM", 16) + text("1.0", 4)
  }

  /// One data track from sector 0 and the lead-out behind it, or the only session.
  private func readContents(format: UInt8, inMinutes: Bool, _ limit: Int) {
    func place(_ sector: UInt64) -> [UInt8] {
      guard inMinutes else { return bigEndian(sector) }
      let frames = min(sector, 449_849) + 150
      return [0, UInt8(frames / 4500), UInt8(frames / 75 % 60), UInt8(frames % 75)]
    }
    let first: [UInt8] = [0, 0x14, 1, 0] + place(0)
    switch format {
    case 0: reply([0, 18, 1, 1] + first + [0, 0x14, 0xaa, 0] + place(sectorCount), limit: limit)
    case 1: reply([0, 10, 1, 1] + first, limit: limit)
    default: end(.invalidField)
    }
  }

  /// Page 2A: what the drive can do, which is to read discs with data.
  private func senseMode(page: UInt8, limit: Int) {
    guard page == 0x2a || page == 0x3f else { return end(.invalidField) }
    let body: [UInt8] = [0x2a, 18, 0x03, 0, 0, 0x20, 0x21, 0, 0x02, 0xc2, 0, 2, 0, 0, 0x02, 0xc2, 0, 0, 0, 0]
    reply([0, UInt8(body.count + 6), 0x01, 0, 0, 0, 0, 0] + body, limit: limit)
  }

  // MARK: State

  override func transferCommandState(_ archive: inout StateArchive) {
    var (active, cause) = (activity.rawValue, sense.rawValue)
    archive.field(&active)
    archive.field(&cause)
    archive.field(&nextSector)
    archive.field(&remaining)
    archive.field(&answered)
    archive.field(&answer, limit: max(Self.sectorSize, Self.longestAnswer))
    archive.field(&byteLimit)
    guard archive.isRestoring else { return }
    activity = Activity(rawValue: active) ?? .none
    sense = Sense(rawValue: cause) ?? .none
    let isInside =
      remaining >= 0 && nextSector <= sectorCount && UInt64(remaining) <= sectorCount - nextSector
      && (0...answer.count).contains(answered) && (2...Self.largestBlock).contains(byteLimit) && byteLimit & 1 == 0
    let isPacketWhole = activity != .packet || (end == Self.packetSize && isDataFromHost)
    if !isInside || !isPacketWhole { reset() }
  }
}
