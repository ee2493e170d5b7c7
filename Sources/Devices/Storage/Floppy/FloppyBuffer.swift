// The sector between the diskette and memory, or the guest at the FIFO.

import Memory

/// Why a transfer ended: bits of ST1 and ST2.
struct FloppyFailure {
  var status1: UInt8
  var status2: UInt8 = 0

  static let noData = FloppyFailure(status1: FloppyStatus.noData)
  /// What the host's refusal looks like to the guest.
  static let data = FloppyFailure(status1: FloppyStatus.dataError, status2: FloppyStatus.dataErrorInField)
}

/// One sector's bytes, or the address that a format is given for one.
final class FloppyBuffer {
  private let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: DiskLimits.sectorSize, alignment: 16)
  private var position = 0
  /// Without DMA: the guest must read or write the buffer through the FIFO.
  private(set) var isOpen = false

  init() { fill(with: 0) }
  deinit { bytes.deallocate() }

  private func fill(with byte: UInt8) { bytes.initializeMemory(as: UInt8.self, repeating: byte) }

  // MARK: The FIFO

  func open() {
    position = 0
    isOpen = true
  }

  func close() { isOpen = false }

  /// Lets a byte through the FIFO.
  /// - Returns: whether it was the last of `count`; the buffer is closed then.
  func pass(of count: Int, _ body: (inout UInt8) -> Void) -> Bool {
    body(&bytes[position])
    position += 1
    if position >= count { isOpen = false }
    return !isOpen
  }

  // MARK: The diskette

  func read(_ transfer: FloppyTransfer, from medium: FloppyDrive.Medium) -> FloppyFailure? {
    guard let sector = transfer.sectorNumber(on: medium.format) else { return .noData }
    do {
      try medium.image.read(sector, into: bytes)
      return nil
    } catch { return .data }
  }

  /// Writes the bytes, or what a format makes of the address that they are.
  func write(_ transfer: inout FloppyTransfer, to medium: FloppyDrive.Medium) -> FloppyFailure? {
    if transfer.kind == .format {
      transfer.takeAddress(bytes.prefix(FloppyTransfer.addressLength))
      fill(with: transfer.fill)
    }
    guard let sector = transfer.sectorNumber(on: medium.format) else { return .noData }
    do {
      try medium.image.write(sector, from: UnsafeRawBufferPointer(bytes))
      return nil
    } catch { return .data }
  }

  // MARK: Memory

  /// Puts the first bytes where the channel points; one that only verifies points nowhere.
  func write(_ count: Int, to channel: DMAController.Channel, _ memory: any DMA) {
    if channel.direction == 0 { return }
    for run in Self.runs(channel, count) {
      memory.write(run.address, from: UnsafeRawBufferPointer(rebasing: bytes[run.range]))
    }
  }

  /// Takes bytes from where the channel points; the rest are zeros, as the controller pads a sector.
  func read(_ count: Int, from channel: DMAController.Channel, _ memory: any DMA) {
    fill(with: 0)
    if channel.direction == 0 { return }
    for run in Self.runs(channel, count) {
      memory.read(run.address, into: UnsafeMutableRawBufferPointer(rebasing: bytes[run.range]))
    }
  }

  /// The 8237's address has 16 bits: behind the last byte of its page comes the first.
  private static func runs(
    _ channel: DMAController.Channel, _ count: Int
  ) -> [(address: GuestPhysicalAddress, range: Range<Int>)] {
    let first = min(count, 0x1_0000 - Int(channel.address & 0xffff))
    return [
      (GuestPhysicalAddress(channel.address), 0..<first),
      (GuestPhysicalAddress(channel.address & ~0xffff), first..<count),
    ].filter { !$0.1.isEmpty }
  }

  // MARK: State

  /// - Parameter length: bytes that the transfer moves at a time.
  func transferState(_ archive: inout StateArchive, length: Int) {
    var content = Array(bytes)
    archive.field(&content, limit: DiskLimits.sectorSize)
    archive.field(&position)
    archive.field(&isOpen)
    guard archive.isRestoring else { return }
    bytes.copyBytes(from: content)
    if !(0..<length).contains(position) { (position, isOpen) = (0, false) }
  }
}
