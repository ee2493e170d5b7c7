// MOV to and from the debug registers (SDM 2; SDM 3B, 17.2).

import ISA

extension CPU {
  // MARK: Transfer body

  func movToDebug(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let number = try debugRegister(i.pointee.reg)
    let value: UInt32 = register(i.pointee.rm)
    switch number {
    case 0: s.pointee.breakpoints.0 = value
    case 1: s.pointee.breakpoints.1 = value
    case 2: s.pointee.breakpoints.2 = value
    case 3: s.pointee.breakpoints.3 = value
    case 6: s.pointee.dr6 = value & DR6.writable.rawValue | DR6.fixed.rawValue
    default:
      s.pointee.dr7 = value & DR7.writable.rawValue | DR7.fixed.rawValue
      updateContext()
    }
  }

  // MARK: Ordinary body

  func movFromDebug(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let number = try debugRegister(i.pointee.reg)
    let value: UInt32
    switch number {
    case 6: value = s.pointee.dr6
    case 7: value = s.pointee.dr7
    default: value = breakpointAddress(UInt32(number))
    }
    setRegister(i.pointee.rm, value)
  }

  /// The register that a number means, after all checks. DR4 and DR5 are names of DR6 and DR7 unless CR4.DE is set.
  private func debugRegister(_ number: UInt8) throws(GuestFault) -> UInt8 {
    let isAlias = number == 4 || number == 5
    if isAlias, s.pointee.cr4 & CR4.de.rawValue != 0 { throw .invalidOpcode }
    if cpl != 0 { throw .generalProtection(0) }
    if s.pointee.dr7 & DR7.gd.rawValue != 0 { throw .debug(DR6.bd.rawValue) }
    return isAlias ? number &+ 2 : number & 7
  }
}
