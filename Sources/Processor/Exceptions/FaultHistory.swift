// The last exceptions and interrupts on their way to their handlers, so that a triple fault can be told fault by fault.
// Written when one is delivered or fails to be, which is nowhere near the hot path.

import ISA

/// One exception or interrupt that was to be delivered.
public struct FaultRecord: BitwiseCopyable, Equatable, Sendable {
  /// Where it came from.
  public enum Cause: Equatable, Sendable, BitwiseCopyable {
    /// The program: an instruction's fault, or a debug trap after one.
    case instruction
    /// The interrupt controller.
    case external
    /// It came up while this vector was being delivered.
    case delivery(of: UInt8)
    /// #DF: the two records before this one make it.
    case escalation
  }

  public var vector: UInt8
  public var cause: Cause
  public var hasErrorCode: Bool
  public var codeSelector: UInt16
  public var errorCode: UInt32
  /// The instruction that it belongs to, or before which it was taken.
  public var eip: UInt32
  /// CR2 at that time; means something for page faults.
  public var cr2: UInt32
  /// Instructions retired before it.
  public var retired: UInt64
}

/// The last deliveries, oldest first.
public struct FaultHistory: BitwiseCopyable, Sendable {
  public static let capacity = 16

  /// Deliveries and failures of deliveries noted so far.
  public private(set) var total = 0
  private var records = InlineArray<16, FaultRecord>(
    repeating: FaultRecord(
      vector: 0, cause: .instruction, hasErrorCode: false, codeSelector: 0, errorCode: 0, eip: 0, cr2: 0, retired: 0))

  /// The records that are still there, oldest first.
  public var recent: [FaultRecord] {
    (max(0, total - Self.capacity)..<total).map { records[$0 % Self.capacity] }
  }

  /// The last fault that an instruction or an interrupt began, and all that came of it.
  public var chain: [FaultRecord] {
    let all = recent
    let start = all.lastIndex { $0.cause == .instruction || $0.cause == .external }
    return Array(all[(start ?? 0)...])
  }

  /// An event sets out for its handler.
  mutating func note(_ event: InterruptEvent, _ cpu: CPU) {
    append(
      event.vector, event.origin == .external ? .external : .instruction,
      code: event.hasErrorCode ? event.errorCode : nil, cpu)
  }

  /// The delivery of `event` failed by `fault`; `next` is delivered instead, or the processor shuts down.
  mutating func note(_ fault: GuestFault, during event: InterruptEvent, next: GuestFault?, _ cpu: CPU) {
    guard fault.kind == .exception else { return }
    append(fault.vector, .delivery(of: event.vector), code: fault.hasErrorCode ? fault.errorCode : nil, cpu)
    if let next, next.vector != fault.vector { append(next.vector, .escalation, code: next.errorCode, cpu) }
  }

  private mutating func append(_ vector: UInt8, _ cause: FaultRecord.Cause, code: UInt32?, _ cpu: CPU) {
    records[total % Self.capacity] = FaultRecord(
      vector: vector, cause: cause, hasErrorCode: code != nil, codeSelector: cpu.segment(.cs).pointee.selector,
      errorCode: code ?? 0, eip: cpu.s.pointee.eip, cr2: cpu.s.pointee.cr2, retired: UInt64(cpu.retired))
    total += 1
  }
}
