// Flag control (SDM 1, 5.1.11), but for IF, which is a matter of privilege.

import ISA

extension CPU {
  func clc(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    flags = flags.with(carry: false, overflow: flags.overflow)
  }

  func stc(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    flags = flags.with(carry: true, overflow: flags.overflow)
  }

  func cmc(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    flags = flags.with(carry: !flags.carry, overflow: flags.overflow)
  }

  func cld(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    s.pointee.systemFlags &= ~EFlags.df.rawValue
  }

  func std(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    s.pointee.systemFlags |= EFlags.df.rawValue
  }

  /// SALC, undocumented and everywhere: AL = CF ? FF : 00.
  func salc(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    al = flags.carry ? 0xff : 0
  }
}
