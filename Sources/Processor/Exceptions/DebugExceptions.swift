// #DB: what it leaves in DR6 and DR7, and the breakpoints that are looked at before an instruction (SDM 3B, 17.2, 17.3).

import ISA

extension GuestFault {
  /// A debug fault: an instruction breakpoint or general detect. The bits go to DR6 when it is delivered; nothing is
  /// pushed.
  static func debug(_ bits: UInt32) -> GuestFault {
    GuestFault(kind: .exception, vector: ExceptionVector.debug.rawValue, errorCode: bits)
  }
}

extension CPU {
  /// Before each instruction while breakpoints are armed: the fault of an instruction breakpoint at CS:EIP. RF holds it
  /// off, and so does a load of SS just before.
  func debugCheckBeforeInstruction() -> GuestFault? {
    let dr7 = DR7(rawValue: s.pointee.dr7)
    if dr7.isDisjoint(with: .anyEnabled) || resumes { return nil }
    if s.pointee.shadowsDebug, s.pointee.shadowAt == retired { return nil }
    let linear = segment(.cs).pointee.base &+ s.pointee.eip
    var met: UInt32 = 0
    for n in 0..<4 where dr7.isEnabled(n) && dr7.condition(n) == .execute {
      if breakpointAddress(UInt32(n)) == linear { met |= 1 << UInt32(n) }
    }
    return met == 0 ? nil : .debug(met)
  }

  /// What the delivery of #DB writes: the causes to DR6 (only the breakpoint bits are replaced, the rest gathers), and
  /// GD off, so that the handler can use the debug registers.
  func noteDebugException(_ causes: UInt32) {
    s.pointee.dr6 = s.pointee.dr6 & ~DR6.breakpoints.rawValue | causes & DR6.writable.rawValue
    s.pointee.dr7 &= ~DR7.gd.rawValue
  }

  /// Looks for I/O breakpoints that a port access meets; they trap after the instruction.
  func notePortAccess(_ port: UInt16, size: UInt8) {
    let dr7 = DR7(rawValue: s.pointee.dr7)
    if dr7.isDisjoint(with: .anyEnabled) || s.pointee.cr4 & CR4.de.rawValue == 0 { return }
    let first = UInt64(port)
    let end = first &+ UInt64(size)
    for n in 0..<4 where dr7.isEnabled(n) && dr7.condition(n) == .io {
      let length = UInt64(dr7.length(n))
      let start = UInt64(breakpointAddress(UInt32(n))) & ~(length &- 1)
      if first < start &+ length, start < end { s.pointee.pendingDebug |= 1 << UInt32(n) }
    }
  }
}
