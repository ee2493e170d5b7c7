// How the run loop gets exceptions and interrupts to their handlers, and what happens when that faults itself: double
// and triple faults (SDM 3A, 6.15, interrupt 8).
//
// A delivery changes nothing of the processor before its last memory access. If one of them needs a device, the delivery
// stays in `CPUState.delivery` and starts again when the answer is in the log.

import ISA
import Tracing

extension CPU {
  /// Delivers the fault of the instruction at EIP.
  func deliverFault(_ fault: GuestFault) -> Delivery {
    // What devices answered to the instruction is no business of the delivery; nor are traps of what didn't finish.
    forgetDeviceLog()
    s.pointee.pendingDebug = 0
    if fault.kind == .shutdown { return shutDown() }
    return begin(.fault, InterruptEvent(fault))
  }

  /// Delivers an external interrupt that the controller has acknowledged.
  func deliverInterrupt(vector: UInt8) -> Delivery {
    s.pointee.counters.interrupts &+= 1
    return begin(.interrupt, .external(vector))
  }

  /// Delivers #DB for the conditions in `pendingDebug`, after the instruction that met them.
  func deliverDebugTrap() -> Delivery {
    var event = InterruptEvent(vector: ExceptionVector.debug.rawValue, origin: .exception)
    event.errorCode = s.pointee.pendingDebug
    s.pointee.pendingDebug = 0
    return begin(.debugTrap, event)
  }

  /// Goes on with a delivery that had to wait for a device. Only when `delivery.isPending`.
  func resumeDelivery() -> Delivery {
    s.pointee.eip = s.pointee.delivery.eip
    return deliver(isResumed: true)
  }

  private func begin(_ kind: PendingDelivery.Kind, _ event: InterruptEvent) -> Delivery {
    s.pointee.delivery.kind = kind
    s.pointee.delivery.event = event
    s.pointee.delivery.eip = s.pointee.eip
    return deliver(isResumed: false)
  }

  private func deliver(isResumed: Bool) -> Delivery {
    var event = s.pointee.delivery.event
    while true {
      if !isResumed, s.pointee.eventMask != 0 { recordDelivery(event) }
      do throws(GuestFault) {
        if event.vector == ExceptionVector.debug.rawValue, event.origin == .exception {
          noteDebugException(event.errorCode)
        }
        try interrupt(event)
        s.pointee.delivery.kind = .none
        if s.pointee.deviceLogCount != 0 { forgetDeviceLog() }
        if event.origin == .exception { s.pointee.counters.exceptions &+= 1 }
        return .delivered
      } catch {
        guard let next = escalate(event, error) else {
          return error.kind == .deviceAccess ? .needsDevice : shutDown()
        }
        event = next
      }
    }
  }

  /// What is to be delivered after `fault` came up in the delivery of `event`; nil for a wait or a shutdown.
  @inline(never)
  private func escalate(_ event: InterruptEvent, _ fault: GuestFault) -> InterruptEvent? {
    guard fault.kind == .exception else { return nil }
    guard event.origin == .exception, let first = ExceptionVector(rawValue: event.vector),
      let second = ExceptionVector(rawValue: fault.vector)
    else { return InterruptEvent(fault) }
    switch first.followed(by: second) {
    case .serial: return InterruptEvent(fault)
    case .doubleFault: return InterruptEvent(.exception(ExceptionVector.doubleFault.rawValue, code: 0))
    case .shutdown: return nil
    }
  }

  private func shutDown() -> Delivery {
    s.pointee.delivery.kind = .none
    forgetDeviceLog()
    record(.shutdown)
    return .shutdown
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
