// The command set of the 82077AA (data sheet 290166, 5.0), of which systems use this much. The rest is answered as an
// invalid command is: with 80 as the only result.
//
//   byte 0     | MT | MFM | SK | command (5) |      MT: go on under the other head; MFM and SK change nothing here
//   byte 1     | -  -  -  -  - | HDS | DS (2) |     head and drive, where a command is for one drive

/// One row of the command set.
struct FloppyCommand {
  enum Operation: UInt8 {
    case invalid, read, write, format, readID, recalibrate, seek, senseInterrupt, senseDrive
    case specify, configure, version, dumpRegisters, perpendicular, lock
  }

  let operation: Operation
  let code: UInt8
  /// The bits of the first byte that tell the command.
  let mask: UInt8
  /// Bytes behind the first.
  let parameters: Int

  static let longest = 9

  private static let all = [
    FloppyCommand(operation: .specify, code: 0x03, mask: 0xff, parameters: 2),
    FloppyCommand(operation: .senseDrive, code: 0x04, mask: 0xff, parameters: 1),
    FloppyCommand(operation: .write, code: 0x05, mask: 0x1f, parameters: 8),
    FloppyCommand(operation: .read, code: 0x06, mask: 0x1f, parameters: 8),
    FloppyCommand(operation: .recalibrate, code: 0x07, mask: 0xff, parameters: 1),
    FloppyCommand(operation: .senseInterrupt, code: 0x08, mask: 0xff, parameters: 0),
    FloppyCommand(operation: .readID, code: 0x0a, mask: 0xbf, parameters: 1),
    FloppyCommand(operation: .format, code: 0x0d, mask: 0xbf, parameters: 5),
    FloppyCommand(operation: .dumpRegisters, code: 0x0e, mask: 0xff, parameters: 0),
    FloppyCommand(operation: .seek, code: 0x0f, mask: 0xff, parameters: 2),
    FloppyCommand(operation: .version, code: 0x10, mask: 0xff, parameters: 0),
    FloppyCommand(operation: .perpendicular, code: 0x12, mask: 0xff, parameters: 1),
    FloppyCommand(operation: .configure, code: 0x13, mask: 0xff, parameters: 3),
    FloppyCommand(operation: .lock, code: 0x14, mask: 0x7f, parameters: 0),
  ]

  private static let invalid = FloppyCommand(operation: .invalid, code: 0, mask: 0, parameters: 0)

  /// What the first byte of a command begins.
  static func decode(_ byte: UInt8) -> FloppyCommand { all.first { byte & $0.mask == $0.code } ?? invalid }
}

/// Bits of the result bytes ST0 to ST3 (data sheet, 6.0).
enum FloppyStatus {
  // ST0: bits 1-0 the drive, bit 2 the head.
  static let abnormal: UInt8 = 0x40
  static let invalid: UInt8 = 0x80
  static let readyChanged: UInt8 = 0xc0
  static let seekEnd: UInt8 = 0x20
  static let equipmentCheck: UInt8 = 0x10
  // ST1
  static let endOfTrack: UInt8 = 0x80
  static let dataError: UInt8 = 0x20
  static let overrun: UInt8 = 0x10
  static let noData: UInt8 = 0x04
  static let notWritable: UInt8 = 0x02
  static let missingMark: UInt8 = 0x01
  // ST2
  static let dataErrorInField: UInt8 = 0x20
  // ST3
  static let writeProtected: UInt8 = 0x40
  static let trackZero: UInt8 = 0x10
  /// Ready, and two-sided: always so on an 82077AA.
  static let always: UInt8 = 0x28
}
