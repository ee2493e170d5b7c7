// The instructions that raise an interrupt or exception themselves (SDM 2: INT n/INTO/INT3/INT1, BOUND).

import ISA

extension CPU {
  // MARK: Transfer bodies

  /// INT n (CD ib). In virtual-8086 mode only IOPL 3 may.
  func intN(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if isVirtual8086, ioPrivilege < 3 { throw .generalProtection(0) }
    let vector = UInt8(truncatingIfNeeded: i.pointee.immediate)
    if s.pointee.eventMask & Self.softwareInterruptEvents == 0 { return try interrupt(.software(vector)) }
    let caller = SystemCallSite(self)
    try interrupt(.software(vector))
    recordSoftwareInterrupt(vector, from: caller)
  }

  /// INT3 (CC): not subject to IOPL in virtual-8086 mode.
  func int3(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    try raise(.software(ExceptionVector.breakpoint.rawValue))
  }

  /// INTO: #OF as a trap, if OF is set.
  func into(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if flags.overflow { try raise(.software(ExceptionVector.overflow.rawValue)) }
  }

  /// INT1 (F1): #DB without a look at the gate's privilege, and without a cause in DR6.
  func icebp(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    var event = InterruptEvent(vector: ExceptionVector.debug.rawValue, origin: .exception)
    event.setsResume = false
    try raise(event)
  }

  private func raise(_ event: InterruptEvent) throws(GuestFault) {
    let eip = s.pointee.eip
    try interrupt(event)
    s.pointee.counters.exceptions &+= 1
    record(.exception, code: UInt32(event.vector), eip: eip)
  }

  // MARK: Ordinary bodies

  /// BOUND: #BR unless lower <= index <= upper, all signed.
  func bound(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    guard i.pointee.hasMemory else { throw .invalidOpcode }
    let size = UInt32(i.pointee.operandSize)
    let start = effectiveAddress(i)
    let next = i.pointee.address16 ? (start &+ size) & 0xffff : start &+ size
    let lower = try linear(i.pointee.segment, start, size: size, write: false)
    let upper = try linear(i.pointee.segment, next, size: size, write: false)
    let index: Int32
    let low: Int32
    let high: Int32
    if size == 4 {
      index = Int32(bitPattern: register(i.pointee.reg))
      low = Int32(bitPattern: try load(lower, user: isUser))
      high = Int32(bitPattern: try load(upper, user: isUser))
    } else {
      index = Int32(Int16(bitPattern: register(i.pointee.reg)))
      low = Int32(Int16(bitPattern: try load(lower, user: isUser)))
      high = Int32(Int16(bitPattern: try load(upper, user: isUser)))
    }
    if index < low || index > high { throw .boundRange }
  }
}
