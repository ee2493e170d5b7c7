// The arms of the four drives that the controller can have, and what SENSE INTERRUPT STATUS has to tell of each (data
// sheet 290166, 5.2.3): that its seek has ended, or that there was a reset.

struct FloppyArms {
  static let count = 4

  private struct Arm {
    var cylinder: UInt8 = 0
    /// When its seek ends, and ST0 for then.
    var seekEnd: UInt64?
    var seekEnding: UInt8 = 0
    /// ST0 that nobody has asked for yet.
    var ending: UInt8?

    var tellsOfReset: Bool { ending.map { $0 & FloppyStatus.readyChanged == FloppyStatus.readyChanged } ?? false }
  }

  private var arms = [Arm](repeating: Arm(), count: FloppyArms.count)

  var cylinders: [UInt8] { arms.map(\.cylinder) }
  /// A bit for each drive that seeks.
  var busy: UInt8 { arms.indices.reduce(0) { $0 | (arms[$1].seekEnd == nil ? 0 : 1 << UInt8($1)) } }
  var nextEnd: UInt64 { arms.reduce(.max) { min($0, $1.seekEnd ?? .max) } }

  /// Moves an arm.
  /// - Returns: the steps that it takes.
  mutating func move(_ unit: Int, to cylinder: UInt8) -> UInt64 {
    defer { arms[unit].cylinder = cylinder }
    return UInt64(abs(Int(cylinder) - Int(arms[unit].cylinder)))
  }

  mutating func beginSeek(_ unit: Int, end: UInt64, ending: UInt8) {
    arms[unit].seekEnd = end
    arms[unit].seekEnding = ending
  }

  /// Ends the seeks that are due.
  /// - Returns: whether there were any.
  mutating func endSeeks(at now: UInt64) -> Bool {
    var any = false
    for unit in arms.indices {
      guard let end = arms[unit].seekEnd, end <= now else { continue }
      if !any { forgetReset() }
      any = true
      arms[unit].seekEnd = nil
      arms[unit].ending = arms[unit].seekEnding
    }
    return any
  }

  /// What SENSE INTERRUPT answers, if there is anything to tell, and whether that calls for an interrupt once more.
  mutating func takeEnding() -> (results: [UInt8], hasMore: Bool)? {
    guard let unit = arms.firstIndex(where: { $0.ending != nil }), let ending = arms[unit].ending else { return nil }
    arms[unit].ending = nil
    return ([ending, arms[unit].cylinder], arms.contains { $0.ending != nil && !$0.tellsOfReset })
  }

  /// The reset is over: all tell of it.
  mutating func endReset() {
    for unit in arms.indices { arms[unit].ending = FloppyStatus.readyChanged | UInt8(unit) }
  }

  /// What nobody has asked about since a reset lapses with the next interrupt.
  mutating func forgetReset() {
    for unit in arms.indices where arms[unit].tellsOfReset { arms[unit].ending = nil }
  }

  mutating func transferState(_ archive: inout StateArchive) {
    for unit in arms.indices {
      archive.field(&arms[unit].cylinder)
      archive.field(&arms[unit].seekEnd)
      archive.field(&arms[unit].seekEnding)
      archive.field(&arms[unit].ending)
    }
  }
}
