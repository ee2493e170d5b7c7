// What the bus asks of a part of the machine. A device numbers its registers from 0 and never learns where they stand:
// the port map is data in one place (PCDevices), and the same part can be put elsewhere or twice.

/// How many bytes one access moves.
public enum AccessSize: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  case byte = 1
  case word = 2
  case dword = 4

  /// The width of a processor's access: 1, 2 or 4 bytes.
  @inlinable public init(bytes: some BinaryInteger) { self = bytes == 1 ? .byte : bytes == 2 ? .word : .dword }

  /// The bits of a value that an access of this size moves; also what an empty bus reads as.
  @inlinable public var mask: UInt32 {
    switch self {
    case .byte: 0xff
    case .word: 0xffff
    case .dword: 0xffff_ffff
    }
  }
}

/// A part of the machine that answers at ports or at memory addresses, and lives in virtual time.
///
/// Whatever a guest writes is harmless: no call traps, allocates without bound, or loops longer than a few dozen turns.
public protocol Device: AnyObject {
  /// Names the device in a snapshot and in reports; unique in a machine.
  var name: String { get }

  /// Reads a register.
  /// - Parameters:
  ///   - offset: the register, from 0 for the device's first.
  ///   - size: never wider than the claim on the bus allows.
  /// - Returns: bits beyond `size` are ignored.
  func read(_ offset: UInt32, size: AccessSize) -> UInt32

  /// Writes a register; bits of `value` beyond `size` are zero.
  func write(_ offset: UInt32, size: AccessSize, value: UInt32)

  /// What the machine's reset line does.
  func reset()

  /// Virtual nanoseconds at which the device next wants `advance(to:)`, or nil. Whoever changes it tells the clock
  /// (`VirtualClock.deadlinesChanged`).
  var nextDeadline: UInt64? { get }

  /// Does everything that was due up to and including `now`. Several periods that went by at once are done as one.
  func advance(to now: UInt64)

  /// The version of the layout that `transferState` writes.
  var stateVersion: UInt32 { get }

  /// Passes each field of the state through the archive, which either writes it down or replaces it.
  func transferState(_ archive: inout StateArchive)
}

extension Device {
  public var nextDeadline: UInt64? { nil }
  public func advance(to now: UInt64) {}
  public var stateVersion: UInt32 { 1 }

  /// The device's state, to be kept.
  public func save() -> DeviceState {
    var archive = StateArchive()
    transferState(&archive)
    return DeviceState(name: name, version: stateVersion, bytes: archive.bytes)
  }

  /// Takes up a state that `save` gave.
  /// - Throws: when the state is another device's, of another version, or damaged; the device has been reset then.
  public func restore(_ state: DeviceState) throws(DeviceStateError) {
    guard state.name == name else {
      throw DeviceStateError(description: "the state of '\(state.name)' was given to '\(name)'")
    }
    guard state.version == stateVersion else {
      throw DeviceStateError(
        description: "the state of '\(name)' has version \(state.version); this build reads \(stateVersion)")
    }
    var archive = StateArchive(restoring: state.bytes)
    transferState(&archive)
    guard archive.isComplete else {
      reset()
      throw DeviceStateError(description: "the state of '\(name)' is damaged")
    }
  }
}
