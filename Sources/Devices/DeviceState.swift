// Saving and restoring devices. A device has one function that names its fields in order; the archive goes through it
// once to write and once to read, so the two directions can't come apart. Integers are little-endian.

/// A device's state as it is kept in a snapshot.
public struct DeviceState: Codable, Equatable, Sendable {
  public var name: String
  public var version: UInt32
  public var bytes: [UInt8]

  public init(name: String, version: UInt32, bytes: [UInt8]) {
    self.name = name
    self.version = version
    self.bytes = bytes
  }
}

/// Why a state can't be restored; one sentence for people.
public struct DeviceStateError: Error, CustomStringConvertible {
  public let description: String
}

/// Writes fields down, or reads them back in the same order.
public struct StateArchive {
  public private(set) var bytes: [UInt8] = []
  /// Whether fields are being replaced from `bytes`.
  public let isRestoring: Bool
  private var position = 0
  private var ranShort = false

  init() { isRestoring = false }

  init(restoring bytes: [UInt8]) {
    self.bytes = bytes
    isRestoring = true
  }

  /// Whether every byte was there and none was left over.
  var isComplete: Bool { !isRestoring || (!ranShort && position == bytes.count) }

  /// An integer; `value` keeps what it has when the archive is too short.
  public mutating func field<T: FixedWidthInteger>(_ value: inout T) {
    let count = T.bitWidth / 8
    if !isRestoring {
      for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
      return
    }
    guard !ranShort, bytes.count - position >= count else {
      ranShort = true
      return
    }
    var result: T = 0
    for index in 0..<count { result |= T(truncatingIfNeeded: bytes[position + index]) << (8 * index) }
    position += count
    value = result
  }

  public mutating func field(_ value: inout Bool) {
    var byte: UInt8 = value ? 1 : 0
    field(&byte)
    if isRestoring { value = byte != 0 }
  }

  public mutating func field<T: FixedWidthInteger>(_ value: inout T?) {
    var present = value != nil
    var number = value ?? 0
    field(&present)
    field(&number)
    if isRestoring { value = present ? number : nil }
  }

  /// A byte string of at most `limit` bytes; a longer one in the archive counts as damage.
  public mutating func field(_ value: inout [UInt8], limit: Int) {
    var count = UInt32(truncatingIfNeeded: value.count)
    field(&count)
    if !isRestoring {
      bytes += value
      return
    }
    guard !ranShort, count <= limit, bytes.count - position >= Int(count) else {
      ranShort = true
      return
    }
    value = Array(bytes[position..<position + Int(count)])
    position += Int(count)
  }
}
