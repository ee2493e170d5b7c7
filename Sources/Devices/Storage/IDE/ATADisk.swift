// A hard disk: the general feature set, packet commands excepted, and 48-bit addresses (ATA/ATAPI-6, clause 8).
//
// Data moves in blocks. In: the block is read when the host wants it, DRQ and the interrupt say that it is there.
// Out: DRQ asks for the block, without an interrupt for the first; the interrupt says that it is on the disk.

final class ATADisk: IDEDrive {
  private let image: any DiskImage
  private let isReadOnly: Bool
  private let serialNumber: String
  private let nativeGeometry: DiskGeometry

  /// The geometry that INITIALIZE DEVICE PARAMETERS has set, by which CHS addresses are read.
  private var heads: Int
  private var sectorsPerTrack: Int
  /// Sectors in a block of READ and WRITE MULTIPLE; 0 until the host has set it.
  private var multipleCount = 0
  private var mode = TransferMode()
  private var hasWriteCache = true
  private var hasLookAhead = true

  /// The command in progress.
  private var activity = Activity.none
  private var isExtended = false
  private var nextSector: UInt64 = 0
  private var remaining = 0
  private var blockSize = 1

  private enum Activity: UInt8 {
    case none, identify, read, write, readDMA, writeDMA
  }

  static let largestMultiple = 16

  init(_ drive: Drive, serialNumber: String) {
    image = drive.image
    isReadOnly = drive.isReadOnly
    self.serialNumber = serialNumber
    nativeGeometry = drive.geometry ?? DiskGeometry(sectorCount: drive.image.sectorCount)
    heads = nativeGeometry.heads
    sectorsPerTrack = nativeGeometry.sectors
    super.init()
  }

  // MARK: Commands

  override func execute(_ command: UInt8) {
    switch command {
    case 0x20, 0x21: begin(.read, isExtended: false, block: 1)
    case 0x24: begin(.read, isExtended: true, block: 1)
    case 0x25: begin(.readDMA, isExtended: true)
    case 0x27: readNativeMaximum(isExtended: true)
    case 0x29: begin(.read, isExtended: true, block: multipleCount)
    case 0x30, 0x31: begin(.write, isExtended: false, block: 1)
    case 0x34: begin(.write, isExtended: true, block: 1)
    case 0x35: begin(.writeDMA, isExtended: true)
    case 0x39: begin(.write, isExtended: true, block: multipleCount)
    case 0x40, 0x41: verify(isExtended: false)
    case 0x42: verify(isExtended: true)
    case 0x91: initializeParameters()
    case 0xc4: begin(.read, isExtended: false, block: multipleCount)
    case 0xc5: begin(.write, isExtended: false, block: multipleCount)
    case 0xc6: setMultiple()
    case 0xc8, 0xc9: begin(.readDMA, isExtended: false)
    case 0xca, 0xcb: begin(.writeDMA, isExtended: false)
    // Recalibrate and seek: the arm is everywhere.
    case 0x10...0x1f, 0x70...0x7f: succeed()
    // Standby and idle, immediately or by timer, in their old and new numbers; sleep.
    case 0xe0...0xe3, 0xe6, 0x94...0x97, 0x99: succeed()
    case 0xe5, 0x98:
      // Active or idle.
      taskFile.setCount(0xff)
      succeed()
    case 0xe7, 0xea: flush()
    case 0xec: identify()
    case 0xef: setFeatures()
    case 0xf8: readNativeMaximum(isExtended: false)
    default: abort()
    }
  }

  /// The sector that the registers name; nil for a CHS address that the geometry hasn't.
  private func address(isExtended: Bool) -> UInt64? {
    if isExtended || taskFile.device & TaskFile.lbaBit != 0 { return taskFile.lba(isExtended: isExtended) }
    let sector = Int(taskFile.low & 0xff)
    let head = Int(taskFile.device & 0x0f)
    guard (1...sectorsPerTrack).contains(sector), head < heads else { return nil }
    return UInt64((taskFile.byteCount * heads + head) * sectorsPerTrack + sector - 1)
  }

  /// Reads the command's range; one that isn't wholly on the disk has failed then.
  private func takeRange(isExtended: Bool) -> Bool {
    let count = taskFile.sectors(isExtended: isExtended)
    guard let first = address(isExtended: isExtended), first < image.sectorCount,
      UInt64(count) <= image.sectorCount - first
    else {
      fail(IDEError.idNotFound)
      return false
    }
    self.isExtended = isExtended
    nextSector = first
    remaining = count
    return true
  }

  private func begin(_ activity: Activity, isExtended: Bool, block: Int = 1) {
    let writes = activity == .write || activity == .writeDMA
    // READ or WRITE MULTIPLE before SET MULTIPLE; or nothing to write on.
    if block == 0 || (writes && isReadOnly) { return abort() }
    guard takeRange(isExtended: isExtended) else { return }
    self.activity = activity
    blockSize = block
    switch activity {
    case .read: readBlock()
    case .write: awaitBlock(blockBytes, interrupts: false)
    case .none, .identify, .readDMA, .writeDMA: status = IDEStatus.busy | IDEStatus.idle
    }
  }

  override func cancelCommand() {
    activity = .none
    remaining = 0
  }

  // MARK: Blocks

  private var blockBytes: Int { min(blockSize, remaining) * DiskLimits.sectorSize }

  private func readBlock() {
    let block = UnsafeMutableRawBufferPointer(start: buffer, count: blockBytes)
    do throws(DiskRequestError) {
      try image.read(nextSector, into: block)
      offerBlock(block.count)
    } catch {
      failAtSector(IDEError.uncorrectable)
    }
  }

  override func finishBlock() {
    switch activity {
    case .read:
      advance(by: min(blockSize, remaining))
      if remaining > 0 { readBlock() } else { cancelCommand() }
    case .write: writeBlock()
    case .none, .identify, .readDMA, .writeDMA: cancelCommand()
    }
  }

  private func writeBlock() {
    let block = UnsafeRawBufferPointer(start: buffer, count: blockBytes)
    do throws(DiskRequestError) {
      try write(block)
    } catch {
      return failAtSector(IDEError.aborted)
    }
    advance(by: block.count / DiskLimits.sectorSize)
    if remaining > 0 {
      awaitBlock(blockBytes, interrupts: true)
    } else {
      cancelCommand()
      succeed()
    }
  }

  /// Without a write cache, what is written has to last.
  private func write(_ block: UnsafeRawBufferPointer) throws(DiskRequestError) {
    try image.write(nextSector, from: block)
    if !hasWriteCache { try image.flush() }
  }

  private func advance(by sectors: Int) {
    remaining -= sectors
    nextSector += UInt64(sectors)
  }

  /// The host's disk refused: the guest learns the sector.
  private func failAtSector(_ bits: UInt8) {
    taskFile.setLBA(nextSector, isExtended: isExtended)
    fail(bits)
  }

  // MARK: DMA

  override var bytesForDMA: UInt64 {
    activity == .readDMA || activity == .writeDMA ? UInt64(remaining * DiskLimits.sectorSize) : 0
  }

  override func runDMA(_ buffers: inout GuestBuffers, _ dma: any DMA) -> DMAOutcome {
    let needed = bytesForDMA
    var available = Int(min(needed, buffers.total)) / DiskLimits.sectorSize
    let isWrite = activity == .writeDMA
    while available > 0 {
      let sectors = min(available, Self.capacity / DiskLimits.sectorSize)
      let block = UnsafeMutableRawBufferPointer(start: buffer, count: sectors * DiskLimits.sectorSize)
      do throws(DiskRequestError) {
        if isWrite {
          _ = buffers.read(into: block, dma)
          try write(UnsafeRawBufferPointer(block))
        } else {
          try image.read(nextSector, into: block)
          buffers.write(UnsafeRawBufferPointer(block), dma)
        }
      } catch {
        failAtSector(isWrite ? IDEError.aborted : IDEError.uncorrectable)
        return .finished(fits: buffers.total == needed)
      }
      advance(by: sectors)
      available -= sectors
    }
    if remaining > 0 { return .stalled }
    cancelCommand()
    succeed()
    return .finished(fits: buffers.total == needed)
  }

  // MARK: Commands without data

  private func verify(isExtended: Bool) {
    guard takeRange(isExtended: isExtended) else { return }
    cancelCommand()
    succeed()
  }

  private func flush() {
    do throws(DiskRequestError) {
      try image.flush()
      succeed()
    } catch {
      abort()
    }
  }

  private func readNativeMaximum(isExtended: Bool) {
    let last = image.sectorCount - 1
    taskFile.setLBA(isExtended ? last : min(last, Self.most28Bits - 1), isExtended: isExtended)
    succeed()
  }

  private func initializeParameters() {
    let (heads, sectors) = (Int(taskFile.device & 0x0f) + 1, Int(taskFile.count & 0xff))
    guard sectors > 0 else { return abort() }
    self.heads = heads
    sectorsPerTrack = sectors
    succeed()
  }

  private func setMultiple() {
    let count = Int(taskFile.count & 0xff)
    guard count <= Self.largestMultiple, count & (count - 1) == 0 else { return abort() }
    multipleCount = count
    succeed()
  }

  private func setFeatures() {
    switch taskFile.features & 0xff {
    case 0x02: hasWriteCache = true
    case 0x82:
      hasWriteCache = false
      // What was cached must be on the medium when it is turned off.
      return flush()
    case 0x03: if !mode.set(UInt8(taskFile.count & 0xff)) { return abort() }
    case 0x55: hasLookAhead = false
    case 0xaa: hasLookAhead = true
    // Whether settings outlive a software reset: they do.
    case 0x66, 0xcc: break
    default: return abort()
    }
    succeed()
  }

  // MARK: Identity

  private static let most28Bits: UInt64 = 0x0fff_ffff

  private func identify() {
    var data = IdentifyData()
    data[0] = 0x0040
    data[1] = UInt16(nativeGeometry.cylinders)
    data[3] = UInt16(nativeGeometry.heads)
    data[6] = UInt16(nativeGeometry.sectors)
    data.setText(serialNumber, words: 10..<20)
    data.setText("1.0", words: 23..<27)
    data.setText("Trapline disk", words: 27..<47)
    data[47] = 0x8000 | UInt16(Self.largestMultiple)
    // Dwords through the data port.
    data[48] = 0x0001
    // IORDY, LBA, DMA.
    data[49] = 0x0b00
    data[51] = 0x0200
    data[52] = 0x0200
    // Words 54-58, 64-70 and 88 mean something.
    data[53] = 0x0007
    let cylinders = min(image.sectorCount / UInt64(heads * sectorsPerTrack), 65535)
    data[54] = UInt16(cylinders)
    data[55] = UInt16(heads)
    data[56] = UInt16(sectorsPerTrack)
    data.setNumber(cylinders * UInt64(heads * sectorsPerTrack), words: 57..<59)
    data[59] = multipleCount == 0 ? 0 : 0x0100 | UInt16(multipleCount)
    data.setNumber(min(image.sectorCount, Self.most28Bits), words: 60..<62)
    // PIO modes 3 and 4; cycle times in nanoseconds.
    data[64] = 0x0003
    for word in 65...68 { data[word] = 120 }
    // ATA-4 to ATA-6.
    data[80] = 0x0070
    // Look-ahead, write cache, power management; flush in both sizes, 48-bit addresses.
    data[82] = 0x0068
    data[83] = 0x7400
    data[84] = 0x4000
    data[85] = 0x0008 | (hasWriteCache ? 0x0020 : 0) | (hasLookAhead ? 0x0040 : 0)
    data[86] = 0x3400
    data[87] = 0x4000
    mode.describe(in: &data)
    // The result of a hardware reset: an 80-conductor cable, the device number known by jumper.
    data[93] = 0x6000 | (taskFile.device & TaskFile.deviceBit == 0 ? 0x0003 : 0x0300)
    data.setNumber(image.sectorCount, words: 100..<104)
    data.store(to: buffer)
    activity = .identify
    offerBlock(DiskLimits.sectorSize)
  }

  // MARK: State

  override func restart() {
    heads = nativeGeometry.heads
    sectorsPerTrack = nativeGeometry.sectors
    multipleCount = 0
    mode = TransferMode()
    hasWriteCache = true
    hasLookAhead = true
  }

  override func transferCommandState(_ archive: inout StateArchive) {
    archive.field(&heads)
    archive.field(&sectorsPerTrack)
    archive.field(&multipleCount)
    mode.transferState(&archive)
    archive.field(&hasWriteCache)
    archive.field(&hasLookAhead)
    var active = activity.rawValue
    archive.field(&active)
    archive.field(&isExtended)
    archive.field(&nextSector)
    archive.field(&remaining)
    archive.field(&blockSize)
    if archive.isRestoring {
      activity = Activity(rawValue: active) ?? .none
      repairState()
    }
  }

  /// A damaged snapshot must not lead beyond the disk or the buffer.
  private func repairState() {
    if !(1...16).contains(heads) || !(1...255).contains(sectorsPerTrack) {
      heads = nativeGeometry.heads
      sectorsPerTrack = nativeGeometry.sectors
    }
    if !(0...Self.largestMultiple).contains(multipleCount) { multipleCount = 0 }
    let isInside =
      (0...1 << 16).contains(remaining) && nextSector <= image.sectorCount
      && UInt64(remaining) <= image.sectorCount - nextSector && (1...Self.largestMultiple).contains(blockSize)
    let isBlockWhole: Bool
    switch activity {
    case .none: return cancelCommand()
    case .identify: isBlockWhole = end == DiskLimits.sectorSize
    case .read, .write: isBlockWhole = end == blockBytes && end > 0 && isDataFromHost == (activity == .write)
    case .readDMA, .writeDMA: isBlockWhole = remaining > 0
    }
    let mayWrite = !isReadOnly || (activity != .write && activity != .writeDMA)
    if !isInside || !isBlockWhole || !mayWrite { reset() }
  }
}
