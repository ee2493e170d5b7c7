// What commands set up for those that follow (data sheet 290166, 5.2 and 5.3).
//
//   SPECIFY        | step rate (4) | head unload (4) |   | head load (7) | no DMA |
//   CONFIGURE      | 0 | implied seek | FIFO off | polling off | threshold (4) |   and the track of precompensation
//   PERPENDICULAR  | overwrite | 0 | drives (4) | gap | write gate |

struct FloppySettings {
  private static let impliedSeek: UInt8 = 0x40
  private static let configurationAtReset: UInt8 = 0x20
  private static let drivesOfPerpendicular: UInt8 = 0x3c

  /// Both bytes of SPECIFY.
  private var timing: UInt8 = 0
  private var loading: UInt8 = 0
  private var configuration = FloppySettings.configurationAtReset
  private var precompensation: UInt8 = 0
  private var perpendicular: UInt8 = 0
  /// CONFIGURE's settings outlive a reset.
  private(set) var isLocked = false
  /// The last sector of the track, as the last transfer had it.
  var lastOfTrack: UInt8 = 0

  var usesDMA: Bool { loading & 1 == 0 }
  var seeksBeforeTransfers: Bool { configuration & Self.impliedSeek != 0 }

  mutating func specify(_ command: [UInt8]) { (timing, loading) = (command[1], command[2]) }
  mutating func configure(_ command: [UInt8]) { (configuration, precompensation) = (command[2] & 0x7f, command[3]) }

  mutating func setPerpendicular(_ command: [UInt8]) {
    // The drives' bits change only when the first bit says so.
    let changed: UInt8 = command[1] & 0x80 != 0 ? 0x3f : 0x03
    perpendicular = perpendicular & ~changed | command[1] & changed
  }

  /// LOCK or UNLOCK.
  /// - Returns: the result.
  mutating func lock(_ command: [UInt8]) -> UInt8 {
    isLocked = command[0] & 0x80 != 0
    return isLocked ? 0x10 : 0
  }

  /// What DUMPREG shows behind the cylinders.
  var dump: [UInt8] {
    [timing, loading, lastOfTrack, (isLocked ? 0x80 : 0) | perpendicular, configuration, precompensation]
  }

  mutating func reset() {
    perpendicular &= Self.drivesOfPerpendicular
    if !isLocked { (configuration, precompensation) = (Self.configurationAtReset, 0) }
  }

  mutating func transferState(_ archive: inout StateArchive) {
    archive.field(&timing)
    archive.field(&loading)
    archive.field(&configuration)
    archive.field(&precompensation)
    archive.field(&perpendicular)
    archive.field(&isLocked)
    archive.field(&lastOfTrack)
  }
}
