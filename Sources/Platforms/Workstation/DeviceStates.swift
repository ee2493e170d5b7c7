// Devices' states and storage failures as bytes, to cross from the VMX process to the monitor.

import Devices

/// A list of states: for each, the lengths of name and contents (32 bits each), the version, the two.
enum DeviceStates {
  static func bytes(of states: [DeviceState]) -> [UInt8] {
    var result: [UInt8] = []
    func append(_ number: UInt32) { for shift in [0, 8, 16, 24] { result.append(UInt8(truncatingIfNeeded: number >> shift)) } }
    for state in states {
      append(UInt32(state.name.utf8.count))
      append(UInt32(state.bytes.count))
      append(state.version)
      result += Array(state.name.utf8)
      result += state.bytes
    }
    return result
  }

  /// What is whole of a list.
  static func states(in bytes: [UInt8]) -> [DeviceState] {
    var result: [DeviceState] = []
    var rest = bytes[...]
    func number() -> UInt32? {
      guard rest.count >= 4 else { return nil }
      let value = rest.prefix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      rest = rest.dropFirst(4)
      return value
    }
    while let nameLength = number(), let length = number(), let version = number(),
      rest.count >= Int(nameLength) + Int(length)
    {
      let name = String(decoding: rest.prefix(Int(nameLength)), as: UTF8.self)
      rest = rest.dropFirst(Int(nameLength))
      result.append(DeviceState(name: name, version: version, bytes: Array(rest.prefix(Int(length)))))
      rest = rest.dropFirst(Int(length))
    }
    return result
  }
}

/// A failure: operation, sector, errno, then image and sentence, each on a line.
enum StorageFailures {
  static func bytes(of failure: HostStorageFailure) -> [UInt8] {
    Array(
      [failure.operation.rawValue, String(failure.sector), String(failure.errno), failure.image, failure.description]
        .joined(separator: "\n").utf8)
  }

  static func failure(in bytes: [UInt8]) -> HostStorageFailure? {
    let lines = String(decoding: bytes, as: UTF8.self).split(
      separator: "\n", maxSplits: 4, omittingEmptySubsequences: false
    ).map(String.init)
    guard lines.count == 5, let operation = HostStorageFailure.Operation(rawValue: lines[0]),
      let sector = UInt64(lines[1]), let errno = Int32(lines[2])
    else { return nil }
    return HostStorageFailure(
      image: lines[3], operation: operation, sector: sector, errno: errno, description: lines[4])
  }
}
