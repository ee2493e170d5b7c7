// The host's processor as a judge: a Swift face on CHost's oracle.

import CHost

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The host can't run 32-bit code for us; the text says why.
package struct OracleUnavailable: Error, CustomStringConvertible {
  package let reason: String
  package var description: String { "the native oracle is not available: \(reason)" }
}

/// The processor underneath, in 32-bit compatibility mode. A case costs about a microsecond, one that faults or
/// branches about three more.
package struct NativeCPU: GuestCPU, ~Copyable {
  private let fxArea: UnsafeMutableRawPointer

  /// Why this host can't, or nil if it can.
  package static var unavailableReason: String? {
    var reason: UnsafePointer<CChar>?
    return chost_oracle_available(&reason) ? nil : reason.map { String(cString: $0) } ?? "unknown reason"
  }

  /// Whether 16-bit addresses can reach memory (the host lets a process map below 64 KiB).
  package static var hasLowMemory: Bool { unavailableReason == nil && chost_oracle_low() != nil }

  /// Holds the processor for the length of `body`, which stays on this thread; others wait. While it lasts the
  /// thread takes no other signals.
  package static func withSession<Result>(_ body: (inout NativeCPU) throws -> Result) throws -> Result {
    guard chost_oracle_begin() else { throw OracleUnavailable(reason: unavailableReason ?? "no session") }
    defer { chost_oracle_end() }
    var cpu = NativeCPU()
    return try body(&cpu)
  }

  private init() { fxArea = .allocate(byteCount: 512, alignment: 16) }
  deinit { fxArea.deallocate() }

  /// A second handle on the same session's processor: to compare it with itself.
  package func twin() -> NativeCPU { NativeCPU() }

  /// Why these bytes must not run here, or nil.
  package static func refusal(of bytes: [UInt8]) -> String? {
    bytes.withUnsafeBufferPointer { $0.baseAddress.flatMap { chost_oracle_refusal($0, bytes.count) } }
      .map { String(cString: $0) }
  }

  package mutating func run(_ oracleCase: OracleCase) -> OracleOutcome {
    if let reason = Self.refusal(of: oracleCase.bytes) { return OracleOutcome(notRun: reason, of: oracleCase) }
    if !oracleCase.lowMemory.isEmpty && chost_oracle_low() == nil {
      return OracleOutcome(notRun: "this host maps nothing below 64 KiB", of: oracleCase)
    }
    copy(oracleCase.memory, to: chost_oracle_data())
    if let low = chost_oracle_low(), !oracleCase.lowMemory.isEmpty { copy(oracleCase.lowMemory, to: low) }
    var state = Self.state(of: oracleCase)
    if !oracleCase.fx.isEmpty {
      copy(oracleCase.fx, to: fxArea)
      state.fx = fxArea
    }
    oracleCase.bytes.withUnsafeBufferPointer {
      chost_oracle_run(&state, $0.baseAddress!, $0.count, oracleCase.ending.rawValue)
    }
    return OracleOutcome(
      ending: Self.ending(of: state), registers: unsafeBitCast(state.registers, to: SIMD8<UInt32>.self),
      eflags: state.eflags, eip: state.eip, selectors: unsafeBitCast(state.segments, to: Selectors.self),
      memory: bytes(chost_oracle_data(), orUnchanged: oracleCase.memory),
      lowMemory: oracleCase.lowMemory.isEmpty ? [] : bytes(chost_oracle_low()!, orUnchanged: oracleCase.lowMemory),
      fx: oracleCase.fx.isEmpty ? [] : FXUndefined.masked(bytes(fxArea, orUnchanged: oracleCase.fx)))
  }

  /// The answer of a length probe.
  package enum Length: Equatable, Sendable {
    case bytes(Int)
    /// #UD, raised when this many bytes could be fetched.
    case undefined(after: Int)
    case refused(String)
    /// Wants more than it was given (or than 15: then it is #GP, which counts as `bytes`).
    case more
  }

  /// How many of the bytes the processor takes as one instruction, tried from this case's state. `guess` costs two
  /// runs if right, up to fifteen if wrong; a negative one says #UD and costs one; 0 is no guess. The second result is the last run's exception vector.
  package mutating func length(of bytes: [UInt8], from base: OracleCase, guess: Int) -> (Length, vector: Int?) {
    if let reason = Self.refusal(of: bytes) { return (.refused(reason), nil) }
    var state = Self.state(of: base)
    if !base.fx.isEmpty {
      copy(base.fx, to: fxArea)
      state.fx = fxArea
    }
    var outcome = chost_oracle_state()
    var consumed: Int32 = 0
    let result = bytes.withUnsafeBufferPointer {
      chost_oracle_length(&state, $0.baseAddress!, $0.count, Int32(guess), &outcome, &consumed)
    }
    let vector = outcome.ending == UInt32(CHOST_ORACLE_FAULT) ? Int(outcome.vector) : nil
    switch result {
    case Int32(CHOST_ORACLE_LENGTH_UNDEFINED): return (.undefined(after: Int(consumed)), vector)
    case Int32(CHOST_ORACLE_LENGTH_LONGER): return (.more, vector)
    case Int32(CHOST_ORACLE_LENGTH_REFUSED): return (.refused("not run"), vector)
    default: return (.bytes(Int(result)), vector)
    }
  }

  /// Fills the data window (for length probes, which leave it as the tested code did).
  package mutating func setMemory(_ memory: [UInt8]) { copy(memory, to: chost_oracle_data()) }

  private static func state(of oracleCase: OracleCase) -> chost_oracle_state {
    var state = chost_oracle_state()
    withUnsafeMutableBytes(of: &state.registers) { $0.storeBytes(of: oracleCase.registers, as: SIMD8<UInt32>.self) }
    withUnsafeMutableBytes(of: &state.segments) { $0.storeBytes(of: oracleCase.selectors, as: Selectors.self) }
    state.eflags = oracleCase.eflags
    return state
  }

  private static func ending(of state: chost_oracle_state) -> OracleOutcome.Ending {
    switch Int(state.ending) {
    case Int(CHOST_ORACLE_COMPLETED): return .completed
    case Int(CHOST_ORACLE_FAULT):
      let code = state.vector == 14 ? state.error_code & ~0x10 : state.error_code
      return .exception(vector: UInt8(state.vector), errorCode: code, address: state.cr2)
    case Int(CHOST_ORACLE_ENDLESS): return .endless
    default: return .notRun("the host would not enter 32-bit code")
    }
  }
}

private func copy(_ bytes: [UInt8], to target: UnsafeMutableRawPointer) {
  bytes.withUnsafeBytes { target.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
}

/// What is at `source` now; the given array itself if nothing changed, so that most cases allocate nothing.
private func bytes(_ source: UnsafeRawPointer, orUnchanged old: [UInt8]) -> [UInt8] {
  if old.withUnsafeBytes({ memcmp($0.baseAddress!, source, $0.count) == 0 }) { return old }
  return [UInt8](UnsafeRawBufferPointer(start: source, count: old.count))
}
