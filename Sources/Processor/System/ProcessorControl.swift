// The small system instructions: caches and translations, time and halting (SDM 2: INVLPG, INVD, WBINVD,
// RDTSC, RDPMC, HLT).

import ISA

extension CPU {
  // MARK: Ordinary bodies

  /// INVLPG: the address is not checked against the segment.
  func invlpg(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    guard i.pointee.hasMemory else { throw .invalidOpcode }
    if cpl != 0 { throw .generalProtection(0) }
    invalidatePage(segment(i.pointee.segment).pointee.base &+ effectiveAddress(i))
  }

  /// There are no caches to empty.
  func invd(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if cpl != 0 { throw .generalProtection(0) }
  }

  func wbinvd(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if cpl != 0 { throw .generalProtection(0) }
  }

  func rdtsc(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if cpl != 0, s.pointee.cr4 & CR4.tsd.rawValue != 0 { throw .generalProtection(0) }
    let value = timestamp(before: i)
    eax = UInt32(truncatingIfNeeded: value)
    edx = UInt32(truncatingIfNeeded: value >> 32)
  }

  /// RDPMC: no counter exists, so every number is wrong (and CR4.PCE can't be set).
  func rdpmc(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    throw .generalProtection(0)
  }

  // MARK: For the engine's own handlers

  /// HLT's check; the engine does the rest.
  func checkHalt() throws(GuestFault) {
    if cpl != 0 { throw .generalProtection(0) }
  }
}
