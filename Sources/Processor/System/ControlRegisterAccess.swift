// CR0, CR2, CR3 and CR4: which values they take, and what a change does to translations and the mode (SDM 2, MOV to and
// from control registers; SDM 3A, 2.5, 4.4.1, 4.10.4).

import ISA
import Memory

extension CPU {
  // MARK: Transfer bodies

  func movToControl(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    try checkControlRegister(i.pointee.reg)
    let value: UInt32 = register(i.pointee.rm)
    switch i.pointee.reg {
    case 0: try setCR0(value)
    case 2: s.pointee.cr2 = value
    case 3: try setCR3(value)
    default: try setCR4(value)
    }
  }

  /// LMSW: the low four bits of CR0; PE can be set but not cleared.
  func lmsw(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if cpl != 0 { throw .generalProtection(0) }
    let source = UInt32(try readRM(i, as: UInt16.self)) & CR0.machineStatusWord.rawValue
    let kept = s.pointee.cr0 & ~(CR0.machineStatusWord.rawValue & ~CR0.pe.rawValue)
    try setCR0(kept | source)
  }

  // MARK: Ordinary bodies

  func movFromControl(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    try checkControlRegister(i.pointee.reg)
    let value: UInt32
    switch i.pointee.reg {
    case 0: value = s.pointee.cr0
    case 2: value = s.pointee.cr2
    case 3: value = s.pointee.cr3
    default: value = s.pointee.cr4
    }
    setRegister(i.pointee.rm, value)
  }

  /// SMSW, which no level is kept from. A 32-bit register gets all of CR0, as on every processor since the 486.
  func smsw(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if !i.pointee.hasMemory, i.pointee.operandSize == 4 {
      setRegister(i.pointee.rm, s.pointee.cr0)
    } else {
      try writeRM(i, UInt16(truncatingIfNeeded: s.pointee.cr0))
    }
  }

  func clts(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if cpl != 0 { throw .generalProtection(0) }
    s.pointee.cr0 &= ~CR0.ts.rawValue
    updateObstacles()
  }

  private func checkControlRegister(_ number: UInt8) throws(GuestFault) {
    guard number == 0 || number == 2 || number == 3 || number == 4 else { throw .invalidOpcode }
    if cpl != 0 { throw .generalProtection(0) }
  }

  // MARK: The registers

  /// CR0 as MOV and LMSW write it: reserved bits are ignored, ET stays one.
  func setCR0(_ value: UInt32) throws(GuestFault) {
    let new = value & CR0.all.rawValue | CR0.et.rawValue
    if new & CR0.pg.rawValue != 0, new & CR0.pe.rawValue == 0 { throw .generalProtection(0) }
    if new & CR0.nw.rawValue != 0, new & CR0.cd.rawValue == 0 { throw .generalProtection(0) }
    let changed = s.pointee.cr0 ^ new
    let reloading = CR0.pg.rawValue | CR0.cd.rawValue | CR0.nw.rawValue
    if changed & reloading != 0, new & CR0.pg.rawValue != 0, s.pointee.cr4 & CR4.pae.rawValue != 0 {
      s.pointee.pdptes = try readPDPTEs(s.pointee.cr3, invalid: .generalProtection(0))
    }
    s.pointee.cr0 = new
    if changed & (CR0.pg.rawValue | CR0.wp.rawValue | CR0.pe.rawValue) != 0 { flushTLB(keepingGlobal: false) }
    updateObstacles()
    if changed & ~CR0.ts.rawValue != 0 { updateContext() }
  }

  /// CR3 as MOV writes it.
  func setCR3(_ value: UInt32) throws(GuestFault) {
    try loadCR3(value, invalid: .generalProtection(0))
  }

  /// A new address space: translations go, but for the global ones.
  /// - Parameter fault: thrown when PAE's page-directory pointers are invalid.
  func loadCR3(_ value: UInt32, invalid fault: GuestFault) throws(GuestFault) {
    let paging = s.pointee.cr0 & CR0.pg.rawValue != 0
    if paging, s.pointee.cr4 & CR4.pae.rawValue != 0 { s.pointee.pdptes = try readPDPTEs(value, invalid: fault) }
    let old = s.pointee.cr3
    s.pointee.cr3 = value
    s.pointee.paging.addressSpaceSwitches &+= 1
    if paging { flushTLB(keepingGlobal: true) }
    record(.addressSpaceSwitch, a: UInt64(value), b: UInt64(old))
    if s.pointee.eventMask & Self.systemCallEvents != 0 { owner.systemCalls.follow(from: old, to: value) }
  }

  /// The bits of CR4 that can be set: what CPUID offers, and nothing else.
  static let supportedCR4: UInt32 =
    CR4([.tsd, .de, .pse, .pae, .pge]).rawValue | (HostUnit.isAvailable ? CR4.osfxsr.rawValue : 0)
    | (SIMDUnit.isAvailable ? CR4([.osfxsr, .osxmmexcpt]).rawValue : 0)

  /// CR4 as MOV writes it.
  func setCR4(_ value: UInt32) throws(GuestFault) {
    if value & ~Self.supportedCR4 != 0 { throw .generalProtection(0) }
    let changed = s.pointee.cr4 ^ value
    let flushing = CR4([.pse, .pae, .pge]).rawValue
    if changed & flushing != 0, value & CR4.pae.rawValue != 0, s.pointee.cr0 & CR0.pg.rawValue != 0 {
      s.pointee.pdptes = try readPDPTEs(s.pointee.cr3, invalid: .generalProtection(0))
    }
    s.pointee.cr4 = value
    if changed & flushing != 0 { flushTLB(keepingGlobal: false) }
    updateContext()
  }

  /// PAE's four page-directory pointers, read when CR3 is loaded and not again (SDM 3A, 4.4.1).
  private func readPDPTEs(
    _ cr3: UInt32, invalid fault: GuestFault
  ) throws(GuestFault) -> (UInt64, UInt64, UInt64, UInt64) {
    let table = UInt64(cr3 & ~0x1f) & s.pointee.addressMask
    // Outside memory nothing answers: all ones.
    guard let pointer = physicalPointer(table) else { throw fault }
    // 32 bytes at a multiple of 32 lie within a page.
    let entries = pointer.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self)
    guard isValidPDPTE(entries.0), isValidPDPTE(entries.1), isValidPDPTE(entries.2), isValidPDPTE(entries.3) else {
      throw fault
    }
    return entries
  }

  /// Bits 1, 2, 5 to 8 and those above the physical address are reserved in a present pointer.
  private func isValidPDPTE(_ entry: UInt64) -> Bool {
    entry & PageEntry.present == 0 || entry & (~0 << Self.physicalAddressBits | 0x1e6) == 0
  }
}
