// One cable with up to two drives, and the bus master at its end (ATA/ATAPI-6, clauses 7 and 9.16). Both drives hear every
// write to the command block; the one that the device register names answers.
//
//   registers  0-7  command block (ports 0x1F0 or 0x170); 0 is 16 or 32 bits wide, the others 8
//              8    device control / alternate status (ports 0x3F6 or 0x376)
//
//                     7    6  5  4  3   2      1     0
//   device control | HOB | -  -  -  - | SRST | nIEN | 0 |

/// An IDE channel.
public final class IDEChannel: Device {
  public let name: String
  private let line: InterruptLine
  private let dma: any DMA
  private let drives: [IDEDrive?]

  @exclusivity(unchecked) private var selected = 0
  private var control: UInt8 = 0
  private var isLineHigh = false
  var busMaster = BusMaster()
  /// The guest allows the controller to be bus master.
  var mayMasterBus = false

  private enum Control {
    static let previous: UInt8 = 0x80
    static let reset: UInt8 = 0x04
    static let interruptsOff: UInt8 = 0x02
  }

  /// - Parameter drives: master and slave.
  init(name: String, line: InterruptLine, drives: [Drive?], dma: any DMA) {
    self.name = name
    self.line = line
    self.dma = dma
    self.drives = drives.enumerated().map { index, drive in
      drive.map { drive in
        let serialNumber = "TL-\(name)-\(index)"
        return drive.medium == .cdrom
          ? PacketDrive(drive, serialNumber: serialNumber) : ATADisk(drive, serialNumber: serialNumber)
      }
    }
    reset()
  }

  // MARK: Registers

  public func read(_ offset: UInt32, size: AccessSize) -> UInt32 {
    if offset == 0 {
      let value = drives[selected]?.readData(size) ?? 0
      updateLine()
      return value
    }
    // Wider reads of narrow registers are reads of each.
    var value: UInt32 = 0
    for index in 0..<UInt32(size.rawValue) { value |= UInt32(readByte(offset + index)) << (8 * index) }
    return value
  }

  private func readByte(_ register: UInt32) -> UInt8 {
    // An empty cable reads as zero: pulled-down, and never busy.
    guard drives[0] != nil || drives[1] != nil else { return 0 }
    switch register {
    case 1: return answering.error
    case 7:
      let status = selectedStatus
      drives[selected]?.isInterruptPending = false
      updateLine()
      return status
    case 8: return selectedStatus
    default: return answering.taskFile.read(register, previous: control & Control.previous != 0)
    }
  }

  /// The selected drive, or the other, which shows its registers for one that isn't there.
  private var answering: IDEDrive {
    guard let drive = drives[selected] ?? drives[1 - selected] else { preconditionFailure("the cable isn't empty") }
    return drive
  }

  /// For a drive that isn't there its companion shows a status of zero.
  private var selectedStatus: UInt8 {
    guard let drive = drives[selected] else { return 0 }
    return control & Control.reset != 0 ? IDEStatus.busy : drive.status
  }

  public func write(_ offset: UInt32, size: AccessSize, value: UInt32) {
    if offset == 0 {
      drives[selected]?.writeData(size, value)
      updateLine()
      return
    }
    for index in 0..<UInt32(size.rawValue) {
      writeByte(offset + index, UInt8(truncatingIfNeeded: value >> (8 * index)))
    }
  }

  private func writeByte(_ register: UInt32, _ byte: UInt8) {
    switch register {
    case 1...6:
      control &= ~Control.previous
      for drive in drives { drive?.taskFile.write(register, byte) }
      if register == 6 { selected = byte & TaskFile.deviceBit == 0 ? 0 : 1 }
    case 7:
      control &= ~Control.previous
      execute(byte)
    case 8: writeControl(byte)
    default: break
    }
    updateLine()
  }

  private func execute(_ command: UInt8) {
    if control & Control.reset != 0 { return }
    if command == 0x90 { return diagnose() }
    drives[selected]?.write(command: command)
    runDMA()
  }

  /// EXECUTE DEVICE DIAGNOSTIC is for both drives, and drive 0 reports.
  private func diagnose() {
    resetDrives()
    (drives[0] ?? drives[1])?.isInterruptPending = true
  }

  private func writeControl(_ byte: UInt8) {
    let rose = byte & ~control & Control.reset != 0
    control = byte & (Control.previous | Control.reset | Control.interruptsOff)
    if rose { resetDrives() }
  }

  private func resetDrives() {
    selected = 0
    for drive in drives {
      drive?.taskFile.device = 0
      drive?.reset()
    }
  }

  // MARK: Interrupt and DMA

  private func updateLine() {
    let level = control & Control.interruptsOff == 0 && drives[selected]?.isInterruptPending == true
    guard level != isLineHigh else { return }
    isLineHigh = level
    if level { busMaster.noteInterrupt() }
    line.set(level)
  }

  /// Writes a bus master register.
  func writeBusMaster(_ register: UInt32, _ byte: UInt8) {
    busMaster.write(register, byte)
    runDMA()
  }

  /// Moves the data when both sides are ready: the engine started, the drive asking.
  func runDMA() {
    guard mayMasterBus, busMaster.isActive, let drive = drives[selected] else { return }
    let needed = drive.bytesForDMA
    guard needed > 0 else { return }
    var buffers = busMaster.regions(needed, dma)
    switch drive.runDMA(&buffers, dma) {
    case .finished(let fits): busMaster.finish(isTableDone: fits)
    case .stalled: busMaster.stall()
    }
    updateLine()
  }

  // MARK: Device

  /// Power-on.
  public func reset() {
    control = 0
    busMaster.reset()
    resetDrives()
    for drive in drives { drive?.restart() }
    updateLine()
  }

  public func transferState(_ archive: inout StateArchive) {
    for drive in drives { drive?.transferState(&archive) }
    archive.field(&selected)
    archive.field(&control)
    archive.field(&isLineHigh)
    busMaster.transferState(&archive)
    if archive.isRestoring {
      selected &= 1
      line.set(isLineHigh)
    }
  }
}
