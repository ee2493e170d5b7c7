// How an instruction waits for a device. Devices live outside the processor: an access to one leaves the engine as an
// exit, and the instruction starts again from its beginning with the answer in a log. It asks for the same accesses in
// the same order, finds the answers that are there already, and goes one further; a store that is in the log has been
// carried out and is not repeated. So every device access happens exactly once, whatever the instruction does besides,
// and a faulting instruction still changes nothing.

extension CPU {
  /// Accesses that one restart can hold; the longest instruction makes far fewer (PUSHA crossing into device memory
  /// makes 32 byte accesses, a task switch 30).
  static let deviceLogCapacity = 128

  /// A load from a place that isn't memory.
  @inline(never)
  func deviceLoad<W: FixedWidthInteger & UnsignedInteger>(_ physical: UInt64) throws(GuestFault) -> W {
    if W.bitWidth == 64 {
      let low: UInt32 = try deviceLoad(physical)
      let high: UInt32 = try deviceLoad(physical &+ 4)
      return W(truncatingIfNeeded: UInt64(low) | UInt64(high) << 32)
    }
    return W(
      truncatingIfNeeded: try access(
        DeviceAccess(address: physical, value: 0, size: UInt8(W.bitWidth / 8), kind: .memoryRead)))
  }

  /// A store to a place that isn't memory.
  @inline(never)
  func deviceStore<W: FixedWidthInteger & UnsignedInteger>(_ value: W, _ physical: UInt64) throws(GuestFault) {
    if W.bitWidth == 64 {
      try deviceStore(UInt32(truncatingIfNeeded: value), physical)
      try deviceStore(UInt32(truncatingIfNeeded: value >> 32), physical &+ 4)
      return
    }
    _ = try access(
      DeviceAccess(
        address: physical, value: UInt32(truncatingIfNeeded: value), size: UInt8(W.bitWidth / 8), kind: .memoryWrite))
  }

  /// A port read in the middle of an instruction (INS).
  func portLoad(_ port: UInt16, size: UInt8) throws(GuestFault) -> UInt32 {
    try access(DeviceAccess(address: UInt64(port), value: 0, size: size, kind: .portRead))
  }

  /// A port write in the middle of an instruction (OUTS).
  func portStore(_ port: UInt16, _ value: UInt32, size: UInt8) throws(GuestFault) {
    _ = try access(DeviceAccess(address: UInt64(port), value: value, size: size, kind: .portWrite))
  }

  private func access(_ wanted: DeviceAccess) throws(GuestFault) -> UInt32 {
    let log = owner.deviceLog
    let cursor = s.pointee.deviceLogCursor
    if cursor < s.pointee.deviceLogCount {
      s.pointee.deviceLogCursor = cursor + 1
      return log[cursor].value
    }
    s.pointee.exitAccess = wanted
    throw .deviceAccess
  }

  /// The next access to a device has been made already: the instruction starts over with its answer.
  var repeatsDeviceAccess: Bool {
    s.pointee.deviceLogCursor < s.pointee.deviceLogCount || s.pointee.repeatsTranslatedAccess
  }

  /// The answer to `exitAccess`: the instruction will find it when it starts again.
  func answerDevice(_ value: UInt32) {
    let count = s.pointee.deviceLogCount
    precondition(count < Self.deviceLogCapacity, "no instruction makes that many device accesses")
    let log = owner.deviceLog
    log[count] = s.pointee.exitAccess
    log[count].value = value
    s.pointee.deviceLogCount = count + 1
    s.pointee.deviceLogCursor = 0
    s.pointee.attention |= Attention.deviceLog
  }

  /// The instruction that the answers were for is over.
  @inline(__always) func forgetDeviceLog() {
    s.pointee.deviceLogCount = 0
    s.pointee.deviceLogCursor = 0
    s.pointee.attention &= ~Attention.deviceLog
  }
}
