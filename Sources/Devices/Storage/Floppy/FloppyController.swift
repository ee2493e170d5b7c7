// The floppy disk controller of a PC: an 82077AA in AT mode, as far as firmware, DOS and Linux use it (data sheet 290166).
// What the sheet leaves to the drive's mechanics is as lenient as QEMU's: motors needn't run, and a transfer finds its
// cylinder wherever the arm stands.
//
//   registers  0  status A (R)     | INT | nDRV2 | - - - - - - |
//              1  status B (R)     | 1 1 | drive 0 | - - - | motor 1 | motor 0 |
//              2  digital output   | - - | motor 1 | motor 0 | DMA and IRQ on | nRESET | drive (2) |
//              3  tape drive
//              4  main status (R)  | RQM | DIO | NDM | BUSY | drives that seek (4) |
//                 data rate (W)    | reset | - - - - - | rate (2) |
//              5  FIFO
//              7  digital input (R)| CHG | - - - - - - - |
//                 configuration (W)| - - - - - - | rate (2) |
//
// A command goes through three phases: its bytes are taken by the FIFO; it is executed, which takes a little virtual
// time, sector by sector; its results are read from the FIFO. An interrupt tells of the last, or of a seek's end.

/// The floppy disk controller.
public final class FloppyController: Device {
  public let name = "floppy"
  private let clock: VirtualClock
  private let line: InterruptLine
  private let memory: any DMA
  private let dmaController: DMAController
  /// A and B.
  private let drives: [FloppyDrive?]

  // Virtual nanoseconds. A diskette's own pace would be some hundred times slower; but a guest must see that a command
  // takes time, or it misses interrupts that come before it is ready for them.
  private enum Duration {
    static let reset: UInt64 = 10_000
    static let step: UInt64 = 5_000
    static let sector: UInt64 = 20_000
  }

  enum Phase: UInt8 {
    case command, execution, result
  }

  private enum Output {
    static let drive: UInt8 = 0x03
    static let notReset: UInt8 = 0x04
    static let gate: UInt8 = 0x08
    static let motors: UInt8 = 0x30
  }

  private enum MainStatus {
    static let ready: UInt8 = 0x80
    static let toHost: UInt8 = 0x40
    static let withoutDMA: UInt8 = 0x20
    static let busy: UInt8 = 0x10
  }

  /// Of the first 8237.
  private static let channel = 2
  /// After power-on: 250 kbit/s.
  private static let rateAtPowerOn: UInt8 = 2
  private static let versionNumber: UInt8 = 0x90

  private var output: UInt8 = 0
  private var tape: UInt8 = 0
  private var rate: UInt8 = FloppyController.rateAtPowerOn
  private var isInterruptPending = false
  /// The interrupt tells of the results of a transfer, which take it back.
  private var isInterruptForResults = false
  private var isLineHigh = false

  private var phase = Phase.command
  private var command: [UInt8] = []
  private var results: [UInt8] = []
  private var transfer = FloppyTransfer()
  private let buffer = FloppyBuffer()

  private var settings = FloppySettings()
  private var arms = FloppyArms()
  private var resetEnd: UInt64?
  private var sectorEnd: UInt64?
  public private(set) var nextDeadline: UInt64?

  /// - Parameters:
  ///   - line: IRQ 6.
  ///   - dmaController: its channel 2 is the floppy's.
  ///   - drives: one or two, whose images are diskettes by their sizes.
  public init(
    clock: VirtualClock, line: InterruptLine, dmaController: DMAController, memory: any DMA, drives: [Drive]
  ) {
    precondition((1...DriveList.mostFloppy).contains(drives.count), "\(drives.count) floppy drives")
    self.clock = clock
    self.line = line
    self.dmaController = dmaController
    self.memory = memory
    self.drives = (0..<DriveList.mostFloppy).map { index in
      guard index < drives.count else { return nil }
      guard let medium = try? FloppyDrive.Medium(drives[index].image, isReadOnly: drives[index].isReadOnly) else {
        preconditionFailure("the drive list has a floppy drive whose image is none")
      }
      return FloppyDrive(medium)
    }
    reset()
  }

  // MARK: The user's side

  /// Takes the diskette out of a drive, 0 or 1.
  public func eject(_ index: Int) { drive(index)?.change(to: nil) }

  /// Puts a diskette into a drive, in place of the one that is there.
  /// - Throws: when there is no such drive, or the image is no diskette of its kind.
  public func insert(_ image: any DiskImage, isReadOnly: Bool = false, into index: Int) throws(DiskImageError) {
    guard let drive = drive(index) else { throw .noFloppyDrive(image: image.label, drive: index) }
    let medium = try FloppyDrive.Medium(image, isReadOnly: isReadOnly)
    guard drive.kind.takes(medium.format) else {
      throw .wrongFloppy(image: image.label, size: image.sectorCount << 9)
    }
    drive.change(to: medium)
  }

  /// The first failure of the host on an image that is in a drive.
  var failure: HostStorageFailure? { drives.lazy.compactMap { $0?.medium?.image.failure }.first }

  func drive(_ index: Int) -> FloppyDrive? { drives.indices.contains(index) ? drives[index] : nil }

  // MARK: Registers

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    defer { update() }
    return UInt32(readByte(offset))
  }

  private func readByte(_ register: UInt32) -> UInt8 {
    switch register {
    case 0: return (isInterruptPending ? 0x80 : 0) | (drives[1] == nil ? 0x40 : 0)
    case 1: return 0xc0 | output >> 4 & 3 | (output & 1) << 5
    case 2: return output
    case 3: return tape
    case 4: return mainStatus
    case 5: return readFIFO()
    case 7: return drive(Int(output & Output.drive))?.hasChanged == true ? 0x80 : 0
    default: return 0
    }
  }

  private var isInReset: Bool { output & Output.notReset == 0 }

  private var mainStatus: UInt8 {
    if isInReset { return 0 }
    var status = arms.busy
    switch phase {
    case .command: status |= MainStatus.ready | (command.isEmpty ? 0 : MainStatus.busy)
    case .execution:
      status |= MainStatus.busy
      guard !usesDMA, transfer.kind != .readID else { break }
      status |= MainStatus.withoutDMA
      if buffer.isOpen { status |= MainStatus.ready | (transfer.isToMemory ? MainStatus.toHost : 0) }
    case .result: status |= MainStatus.ready | MainStatus.toHost | MainStatus.busy
    }
    return status
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    switch offset {
    case 2: writeOutput(byte)
    case 3: tape = byte & 3
    case 4:
      rate = byte & 3
      if byte & 0x80 != 0, !isInReset {
        resetChip()
        resetEnd = clock.now &+ Duration.reset
      }
    case 5: writeFIFO(byte)
    case 7: rate = byte & 3
    default: break
    }
    update()
  }

  private func writeOutput(_ byte: UInt8) {
    let wasInReset = isInReset
    output = byte & (Output.motors | Output.gate | Output.notReset | Output.drive)
    if isInReset {
      if !wasInReset { resetChip() }
      resetEnd = nil
    } else if wasInReset {
      resetEnd = clock.now &+ Duration.reset
    }
  }

  // MARK: FIFO

  private func readFIFO() -> UInt8 {
    if isInReset { return 0 }
    switch phase {
    case .execution where buffer.isOpen && transfer.isToMemory:
      isInterruptPending = false
      var byte: UInt8 = 0
      if buffer.pass(of: transfer.unitLength, { byte = $0 }) { finishBuffer() }
      return byte
    case .result:
      if isInterruptForResults { (isInterruptPending, isInterruptForResults) = (false, false) }
      // There is at least one as long as the phase lasts.
      let byte = results.removeFirst()
      if results.isEmpty { phase = .command }
      return byte
    case .command, .execution: return 0
    }
  }

  private func writeFIFO(_ byte: UInt8) {
    if isInReset { return }
    switch phase {
    case .execution where buffer.isOpen && !transfer.isToMemory:
      isInterruptPending = false
      if buffer.pass(of: transfer.unitLength, { $0 = byte }) { finishBuffer() }
    case .command:
      command.append(byte)
      let row = FloppyCommand.decode(command[0])
      guard command.count > row.parameters else { return }
      execute(row.operation)
      command.removeAll(keepingCapacity: true)
    case .result, .execution: break
    }
  }

  // MARK: Commands

  private func execute(_ operation: FloppyCommand.Operation) {
    switch operation {
    case .invalid: answer([FloppyStatus.invalid])
    case .read: begin(FloppyTransfer(.read, command: command))
    case .write: begin(FloppyTransfer(.write, command: command))
    case .format: begin(FloppyTransfer(format: command))
    case .readID: begin(FloppyTransfer(readID: command))
    case .recalibrate:
      let unit = Int(command[1] & 3)
      // Where no drive is, none ever says that it has reached track 0.
      let isThere = drive(unit) != nil
      seek(
        unit, to: 0,
        ending: FloppyStatus.seekEnd | UInt8(unit)
          | (isThere ? 0 : FloppyStatus.abnormal | FloppyStatus.equipmentCheck))
    case .seek:
      let unit = Int(command[1] & 3)
      seek(unit, to: command[2], ending: FloppyStatus.seekEnd | command[1] & 7)
    case .senseInterrupt: senseInterrupt()
    case .senseDrive: senseDrive(command[1] & 7)
    case .specify: settings.specify(command)
    case .configure: settings.configure(command)
    case .version: answer([Self.versionNumber])
    case .dumpRegisters: answer(arms.cylinders + settings.dump)
    case .perpendicular: settings.setPerpendicular(command)
    case .lock: answer([settings.lock(command)])
    }
  }

  private func answer(_ bytes: [UInt8]) {
    results = bytes
    phase = .result
  }

  private func seek(_ unit: Int, to cylinder: UInt8, ending: UInt8) {
    arms.beginSeek(unit, end: clock.now &+ moveArm(of: unit, to: cylinder) &+ Duration.step, ending: ending)
  }

  /// - Returns: how long it takes.
  private func moveArm(of unit: Int, to cylinder: UInt8) -> UInt64 {
    let steps = arms.move(unit, to: cylinder)
    if steps > 0 { drive(unit)?.armMoved() }
    return steps * Duration.step
  }

  private func senseInterrupt() {
    guard let (results, hasMore) = arms.takeEnding() else { return answer([FloppyStatus.invalid]) }
    isInterruptPending = false
    if hasMore {
      // The line goes down and up again.
      update()
      isInterruptPending = true
    }
    answer(results)
  }

  private func senseDrive(_ selection: UInt8) {
    let unit = Int(selection & 3)
    var status = FloppyStatus.always | selection
    if let drive = drive(unit) {
      if arms.cylinders[unit] == 0 { status |= FloppyStatus.trackZero }
      if drive.medium?.isReadOnly ?? true { status |= FloppyStatus.writeProtected }
    }
    answer([status])
  }

  // MARK: Transfers

  /// Data goes by DMA unless SPECIFY has said otherwise, or the board's gate is closed.
  private var usesDMA: Bool { settings.usesDMA && output & Output.gate != 0 }

  private func begin(_ transfer: FloppyTransfer) {
    self.transfer = transfer
    phase = .execution
    sectorEnd = clock.now &+ Duration.sector
    guard transfer.kind != .readID else { return }
    settings.lastOfTrack = transfer.last
    if settings.seeksBeforeTransfers, transfer.kind != .format {
      sectorEnd = clock.now &+ moveArm(of: Int(transfer.unit), to: transfer.cylinder) &+ Duration.sector
    }
  }

  /// The diskette of the transfer; without one that can be read or written as it must, the transfer ends.
  private func usableMedium() -> FloppyDrive.Medium? {
    guard let medium = drive(Int(transfer.unit))?.medium, medium.format.rate == rate else {
      end(FloppyFailure(status1: FloppyStatus.missingMark))
      return nil
    }
    guard transfer.isToMemory || transfer.kind == .readID || !medium.isReadOnly else {
      end(FloppyFailure(status1: FloppyStatus.notWritable))
      return nil
    }
    return medium
  }

  /// The next sector has come under the head.
  private func reachSector() {
    guard phase == .execution, let medium = usableMedium() else { return }
    if transfer.kind == .readID { return readID(medium.format) }
    if transfer.kind == .format, transfer.last == 0 { return end() }
    if usesDMA { return moveByDMA(medium) }
    if transfer.isToMemory, let failure = buffer.read(transfer, from: medium) { return end(failure) }
    buffer.open()
    raise()
  }

  /// Without DMA: the guest has read or written the whole buffer.
  private func finishBuffer() {
    // It may have been exchanged.
    guard let medium = usableMedium() else { return }
    if !transfer.isToMemory, let failure = buffer.write(&transfer, to: medium) { return end(failure) }
    // Nobody tells that enough has been moved: the end of the track does, as in QEMU and Bochs.
    if transfer.goOn() { sectorEnd = clock.now &+ Duration.sector } else { end() }
  }

  private func moveByDMA(_ medium: FloppyDrive.Medium) {
    let channel = dmaController.channel(Self.channel)
    guard !channel.isMasked, channel.direction == transfer.direction || channel.direction == 0 else {
      return end(FloppyFailure(status1: FloppyStatus.overrun))
    }
    let count = min(transfer.unitLength, channel.count)
    if transfer.isToMemory {
      if let failure = buffer.read(transfer, from: medium) { return end(failure) }
      buffer.write(count, to: channel, memory)
    } else {
      buffer.read(count, from: channel, memory)
      if let failure = buffer.write(&transfer, to: medium) { return end(failure) }
    }
    let isCountOver = dmaController.advance(channel: Self.channel, by: count)
    let hasNext = transfer.goOn()
    // A format ends with its track, whatever the channel says.
    if transfer.kind == .format ? !hasNext : isCountOver { return end() }
    if hasNext {
      sectorEnd = clock.now &+ Duration.sector
    } else {
      end(FloppyFailure(status1: FloppyStatus.endOfTrack))
    }
  }

  private func readID(_ format: FloppyFormat) {
    let cylinder = Int(arms.cylinders[Int(transfer.unit)]) / format.stepsPerCylinder
    guard cylinder < format.cylinders, Int(transfer.head) < format.heads else {
      return end(FloppyFailure(status1: FloppyStatus.missingMark))
    }
    transfer.cylinder = UInt8(cylinder)
    // The diskette turns.
    transfer.sector = UInt8(1 + clock.now / Duration.sector % UInt64(format.sectors))
    end()
  }

  /// Ends the transfer with its results.
  private func end(_ failure: FloppyFailure? = nil) {
    buffer.close()
    let status0 = (failure == nil ? 0 : FloppyStatus.abnormal) | (transfer.head & 1) << 2 | transfer.unit
    answer([
      status0, failure?.status1 ?? 0, failure?.status2 ?? 0,
      transfer.cylinder, transfer.head, transfer.sector, transfer.sizeCode,
    ])
    raise()
    isInterruptForResults = true
  }

  // MARK: Time and interrupt

  private func raise() {
    arms.forgetReset()
    isInterruptPending = true
  }

  public func advance(to now: UInt64) {
    if let end = resetEnd, end <= now {
      resetEnd = nil
      arms.endReset()
      isInterruptPending = true
    }
    if arms.endSeeks(at: now) { isInterruptPending = true }
    if let end = sectorEnd, end <= now {
      sectorEnd = nil
      reachSector()
    }
    update()
  }

  /// Drives the line, which the board's gate may hold down, and asks for the next turn.
  private func update() {
    let level = isInterruptPending && output & Output.gate != 0 && !isInReset
    if level != isLineHigh {
      isLineHigh = level
      line.set(level)
    }
    let deadline = min(resetEnd ?? .max, sectorEnd ?? .max, arms.nextEnd)
    let next = deadline == .max ? nil : deadline
    if next != nextDeadline {
      nextDeadline = next
      clock.deadlinesChanged()
    }
  }

  // MARK: Device

  /// What reset does by any way: the command in progress is forgotten, and the arms count from 0.
  private func resetChip() {
    phase = .command
    command = []
    results = []
    buffer.close()
    (isInterruptPending, isInterruptForResults) = (false, false)
    settings.reset()
    arms = FloppyArms()
    (resetEnd, sectorEnd) = (nil, nil)
  }

  /// Power-on.
  public func reset() {
    output = 0
    tape = 0
    rate = Self.rateAtPowerOn
    settings = FloppySettings()
    resetChip()
    update()
  }

  public func transferState(_ archive: inout StateArchive) {
    for drive in drives { drive?.transferState(&archive) }
    var number = phase.rawValue
    archive.field(&number)
    archive.field(&output)
    archive.field(&tape)
    archive.field(&rate)
    archive.field(&isInterruptPending)
    archive.field(&isInterruptForResults)
    archive.field(&isLineHigh)
    archive.field(&command, limit: FloppyCommand.longest)
    archive.field(&results, limit: 10)
    transfer.transferState(&archive)
    buffer.transferState(&archive, length: transfer.unitLength)
    settings.transferState(&archive)
    arms.transferState(&archive)
    archive.field(&resetEnd)
    archive.field(&sectorEnd)
    if archive.isRestoring { mend(phase: number) }
  }

  /// Takes up what has been restored, unless nothing would ever come of it.
  private func mend(phase number: UInt8) {
    phase = Phase(rawValue: number) ?? .command
    let goesOn =
      switch phase {
      case .command: command.count <= (command.first.map { FloppyCommand.decode($0).parameters } ?? 0)
      case .execution: buffer.isOpen ? transfer.kind != .readID : sectorEnd != nil
      case .result: !results.isEmpty
      }
    if !goesOn { resetChip() }
    line.set(isLineHigh)
    update()
  }
}
