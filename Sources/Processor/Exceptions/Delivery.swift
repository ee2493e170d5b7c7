// How the run loop gets exceptions and interrupts to their handlers, and what happens when that faults itself: double
// and triple faults (SDM 3A, 6.15, interrupt 8).
//
// A delivery changes nothing of the processor before its last memory access. If one of them needs a device, the run
// loop keeps it in `Processor.pending` and calls again when the answer is in the log. A fault that takes the place of
// the one being delivered takes its place in `pending` too, so that a restart begins with it.

import ISA
import Tracing

extension CPU {
  /// Delivers the fault of the instruction at EIP.
  func deliverFault(_ fault: GuestFault) -> Delivery {
    fault.kind == .exception ? deliver(InterruptEvent(fault)) : .shutdown
  }

  /// Delivers an external interrupt that the controller has acknowledged.
  func deliverInterrupt(vector: UInt8) -> Delivery {
    deliver(.external(vector))
  }

  /// Delivers #DB for the conditions in `pendingDebug`, after the instruction that met them.
  func deliverDebugTrap() -> Delivery {
    let causes = s.pointee.pendingDebug
    var event = InterruptEvent(vector: ExceptionVector.debug.rawValue, origin: .exception)
    event.errorCode = causes
    // What the delivery itself meets comes after it.
    s.pointee.pendingDebug = 0
    let outcome = deliver(event)
    if outcome == .needsDevice { s.pointee.pendingDebug |= causes }
    return outcome
  }

  /// One attempt. A guest can make each delivery fault benignly for ever (an #AC handler at level 3 with a misaligned
  /// stack: CVE-2015-5307 was a host that hung on it), so the next attempt is the run loop's, which counts them.
  private func deliver(_ event: InterruptEvent) -> Delivery {
    // With answers in the log this is a restart, which was recorded when it began.
    if s.pointee.deviceLogCount == 0 {
      if !owner.deliversReplacement { owner.faultHistory.note(event, self) }
      if s.pointee.eventMask != 0 { recordDelivery(event) }
    }
    owner.deliversReplacement = false
    if event.vector == ExceptionVector.debug.rawValue, event.origin == .exception {
      noteDebugException(event.errorCode)
    }
    do throws(GuestFault) {
      try interrupt(event)
      if event.origin == .external {
        s.pointee.counters.interrupts &+= 1
      } else {
        s.pointee.counters.exceptions &+= 1
      }
      return .delivered
    } catch {
      if error.kind == .deviceAccess { return .needsDevice }
      let escalated = escalate(event, error)
      owner.faultHistory.note(error, during: event, next: escalated, self)
      guard let next = escalated else { return .shutdown }
      owner.pending = .fault(next)
      owner.deliversReplacement = true
      forgetDeviceLog()
      return .replaced
    }
  }

  /// What is to be delivered after `fault` came up in the delivery of `event`; nil for a shutdown.
  @inline(never)
  private func escalate(_ event: InterruptEvent, _ fault: GuestFault) -> GuestFault? {
    guard fault.kind == .exception else { return nil }
    guard event.origin == .exception, let first = ExceptionVector(rawValue: event.vector),
      let second = ExceptionVector(rawValue: fault.vector)
    else { return fault }
    switch first.followed(by: second) {
    case .serial: return fault
    case .doubleFault: return .exception(ExceptionVector.doubleFault.rawValue, code: 0)
    case .shutdown: return nil
    }
  }

  private func recordDelivery(_ event: InterruptEvent) {
    if event.origin == .external {
      record(.interruptInjected, code: UInt32(event.vector))
    } else {
      record(
        .exception, code: UInt32(event.vector), a: event.hasErrorCode ? UInt64(event.errorCode) : 0,
        b: event.vector == ExceptionVector.pageFault.rawValue ? UInt64(s.pointee.cr2) : 0)
    }
  }
}
