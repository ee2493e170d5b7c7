// What disks and packet drives have in common on a channel: registers, status, the interrupt, and the block of data that
// goes through the data port (ATA/ATAPI-6, clauses 7 and 9). A command does its work at once; what takes time for the
// guest is moving the data.
//
//            7     6      5     4     3     2     1     0
//   status | BSY | DRDY | DF  | DSC | DRQ |  -  |  -  | ERR |
//   error  |  -  | UNC  |  -  | IDNF|  -  | ABRT|  -  |  -  |

enum IDEStatus {
  static let busy: UInt8 = 0x80
  static let ready: UInt8 = 0x40
  static let seekComplete: UInt8 = 0x10
  static let dataRequest: UInt8 = 0x08
  static let error: UInt8 = 0x01
  static let idle = ready | seekComplete
}

enum IDEError {
  static let uncorrectable: UInt8 = 0x40
  static let idNotFound: UInt8 = 0x10
  static let aborted: UInt8 = 0x04
}

class IDEDrive {
  final var taskFile = TaskFile()
  @exclusivity(unchecked) final var status: UInt8 = IDEStatus.idle
  final var error: UInt8 = 1
  /// The drive wants INTRQ; the channel drives the line of the one that is selected.
  @exclusivity(unchecked) final var isInterruptPending = false

  /// The block that goes through the data port: `position` up to `end` are still to come.
  final let buffer: UnsafeMutableRawPointer
  @exclusivity(unchecked) final private(set) var position = 0
  @exclusivity(unchecked) final private(set) var end = 0
  final private(set) var isDataFromHost = false

  /// Large enough for any block: 65,534 bytes of a packet drive.
  static let capacity = 1 << 16

  init() { buffer = .allocate(byteCount: Self.capacity, alignment: 16) }
  deinit { buffer.deallocate() }

  // MARK: What a kind of drive does

  /// LBA high and mid after a reset.
  var signature: Int { 0 }
  /// Status after a reset.
  var statusAfterReset: UInt8 { IDEStatus.idle }
  func execute(_ command: UInt8) { abort() }
  /// The host took or gave the whole block.
  func finishBlock() {}
  /// Power-on: what commands have set goes.
  func restart() {}
  /// Bytes that wait for the bus master; 0 when none do.
  var bytesForDMA: UInt64 { 0 }
  /// Moves data between the medium and memory.
  func runDMA(_ buffers: inout GuestBuffers, _ dma: any DMA) -> DMAOutcome { .stalled }
  /// Forgets a command in progress.
  func cancelCommand() {}
  func transferCommandState(_ archive: inout StateArchive) {}

  enum DMAOutcome {
    /// The command is over; `fits` says that memory had room for exactly its data.
    case finished(fits: Bool)
    /// Memory ended before the data.
    case stalled
  }

  // MARK: Commands

  final func write(command: UInt8) {
    isInterruptPending = false
    cancelCommand()
    endBlock()
    error = 0
    execute(command)
  }

  final func succeed() {
    status = IDEStatus.idle
    isInterruptPending = true
  }

  final func fail(_ bits: UInt8) {
    cancelCommand()
    endBlock()
    error = bits
    status = IDEStatus.idle | IDEStatus.error
    isInterruptPending = true
  }

  final func abort() { fail(IDEError.aborted) }

  /// Software reset, or the first half of a diagnostic.
  final func reset() {
    cancelCommand()
    endBlock()
    isInterruptPending = false
    error = 1
    status = statusAfterReset
    taskFile.setSignature(signature)
  }

  // MARK: Data port

  /// Offers `count` bytes of the buffer to the host.
  final func offerBlock(_ count: Int, interrupts: Bool = true) {
    startBlock(count, fromHost: false)
    isInterruptPending = isInterruptPending || interrupts
  }

  /// Waits for `count` bytes from the host.
  final func awaitBlock(_ count: Int, interrupts: Bool) {
    startBlock(count, fromHost: true)
    isInterruptPending = isInterruptPending || interrupts
  }

  private final func startBlock(_ count: Int, fromHost: Bool) {
    position = 0
    end = count
    isDataFromHost = fromHost
    status = IDEStatus.idle | IDEStatus.dataRequest
  }

  private final func endBlock() {
    position = 0
    end = 0
  }

  final func readData(_ size: AccessSize) -> UInt32 {
    if size == .dword { return readWord() | readWord() << 16 }
    return readWord() & size.mask
  }

  /// Two bytes at a time, as the cable is wide.
  private final func readWord() -> UInt32 {
    guard position < end, !isDataFromHost else { return 0 }
    let value = buffer.load(fromByteOffset: position, as: UInt16.self)
    advance()
    return UInt32(UInt16(littleEndian: value))
  }

  final func writeData(_ size: AccessSize, _ value: UInt32) {
    writeWord(UInt16(truncatingIfNeeded: value))
    if size == .dword { writeWord(UInt16(truncatingIfNeeded: value >> 16)) }
  }

  private final func writeWord(_ value: UInt16) {
    guard position < end, isDataFromHost else { return }
    buffer.storeBytes(of: value.littleEndian, toByteOffset: position, as: UInt16.self)
    advance()
  }

  private final func advance() {
    position += 2
    guard position >= end else { return }
    endBlock()
    status = IDEStatus.idle
    finishBlock()
  }

  // MARK: State

  final func transferState(_ archive: inout StateArchive) {
    taskFile.transferState(&archive)
    archive.field(&status)
    archive.field(&error)
    archive.field(&isInterruptPending)
    archive.field(&isDataFromHost)
    archive.field(&position)
    archive.field(&end)
    var content = Array(UnsafeRawBufferPointer(start: buffer, count: archive.isRestoring ? 0 : end))
    archive.field(&content, limit: Self.capacity)
    if archive.isRestoring {
      content.withUnsafeBytes {
        buffer.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(buffer), byteCount: $0.count)
      }
      let isWhole = content.count == end && end & 1 == 0 && position & 1 == 0 && (0...end).contains(position)
      if !isWhole { endBlock() }
    }
    transferCommandState(&archive)
  }
}
