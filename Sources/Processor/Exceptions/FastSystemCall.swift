// SYSENTER and SYSEXIT: level 3 to 0 and back with flat segments made up on the spot, no descriptor read, no stack
// touched (SDM 3A, 5.8.7; SDM 2).

import ISA

extension CPU {
  // MARK: Transfer bodies

  func sysenter(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    guard isProtected, s.pointee.sysenterCS & 0xfffc != 0 else { throw .generalProtection(0) }
    let site = SystemCallSite(self)
    let selector = UInt16(truncatingIfNeeded: s.pointee.sysenterCS) & 0xfffc
    s.pointee.systemFlags &= ~(EFlags.vm.rawValue | EFlags.if.rawValue)
    s.pointee.resumeAt = -1
    setFlatSegments(code: selector, stack: selector &+ 8, privilege: 0)
    esp = UInt32(truncatingIfNeeded: s.pointee.sysenterESP)
    s.pointee.eip = UInt32(truncatingIfNeeded: s.pointee.sysenterEIP)
    updateContext()
    if s.pointee.eventMask & Self.systemCallEvents != 0, site.cpl == 3 {
      recordSystemCallEntry(code: OpenSystemCalls.sysenter, from: site)
    }
  }

  func sysexit(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    guard isProtected, cpl == 0, s.pointee.sysenterCS & 0xfffc != 0 else { throw .generalProtection(0) }
    let selector = UInt16(truncatingIfNeeded: s.pointee.sysenterCS) & 0xfffc
    setFlatSegments(code: (selector &+ 16) | 3, stack: (selector &+ 24) | 3, privilege: 3)
    esp = ecx
    s.pointee.eip = edx
    updateContext()
    recordSystemCallReturn()
  }

  /// 4 GiB of present, accessed, 32-bit code (readable) and data (writable) from 0.
  @inline(__always)
  private func setFlatSegments(code: UInt16, stack: UInt16, privilege: UInt8) {
    let dpl = UInt16(privilege) << 5
    segment(.cs).pointee = SegmentCache(selector: code, base: 0, limit: 0xffff_ffff, attributes: 0xc09b | dpl)
    segment(.ss).pointee = SegmentCache(selector: stack, base: 0, limit: 0xffff_ffff, attributes: 0xc093 | dpl)
    s.pointee.cpl = privilege
  }
}
