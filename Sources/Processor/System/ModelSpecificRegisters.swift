// RDMSR and WRMSR (SDM 2): the table says which registers exist; any other number is #GP(0), and so is every write of a
// reserved bit.

import ISA

/// IA32_APIC_BASE (SDM 3A, 11.4.4):
///
/// ```
///   63     36 35          12   11     9-10   8   7-0
///  | reserved | APIC's base | enable | res | BSP | res |
/// ```
enum APICBase {
  static let address: UInt64 = 0xfee0_0000
  static let enabled: UInt64 = 1 << 11
  static let bootstrap: UInt64 = 1 << 8
  static let reset = address | enabled | bootstrap
}

/// One model-specific register.
private struct ModelSpecificRegisterRow: Sendable {
  let register: ModelSpecificRegister
  let read: @Sendable (CPU) throws(GuestFault) -> UInt64
  let write: @Sendable (CPU, UInt64) throws(GuestFault) -> Void
}

private let modelSpecificRegisters: [ModelSpecificRegisterRow] = [
  // The count includes WRMSR itself: RDTSC right after it gives what was written, or a little more.
  .init(
    register: .tsc, read: { $0.s.pointee.timestampOffset &+ UInt64(bitPattern: $0.retired) },
    write: { cpu, value in cpu.s.pointee.timestampOffset = value &- UInt64(bitPattern: cpu.retired) }),
  .init(
    register: .sysenterCS, read: { $0.s.pointee.sysenterCS }, write: { cpu, value in cpu.s.pointee.sysenterCS = value }),
  .init(
    register: .sysenterESP, read: { $0.s.pointee.sysenterESP },
    write: { cpu, value in cpu.s.pointee.sysenterESP = value }),
  .init(
    register: .sysenterEIP, read: { $0.s.pointee.sysenterEIP },
    write: { cpu, value in cpu.s.pointee.sysenterEIP = value }),
  .init(
    register: .efer, read: { $0.s.pointee.efer }, write: { (cpu, value) throws(GuestFault) in try cpu.setEFER(value) }),
  .init(
    register: .apicBase,
    read: { (cpu) throws(GuestFault) in
      guard cpu.s.pointee.hasLocalAPIC else { throw .generalProtection(0) }
      return cpu.s.pointee.apicBase
    }, write: { (cpu, value) throws(GuestFault) in try cpu.setAPICBase(value) }),
  // Every part of the family has these two, without a CPUID bit: no platform straps, no microcode update loaded.
  .init(
    register: .platformID, read: { _ in 0 }, write: { (_, _) throws(GuestFault) in throw .generalProtection(0) }),
  .init(register: .microcodeRevision, read: { _ in 0 }, write: { _, _ in }),
]

extension CPU {
  // MARK: Ordinary body

  func rdmsr(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if cpl != 0 { throw .generalProtection(0) }
    var value: UInt64
    if ecx == ModelSpecificRegister.tsc.rawValue {
      // The one whose value depends on the place in the block.
      value = timestamp(before: i)
    } else {
      value = try modelSpecificRegister(ecx).read(self)
    }
    eax = UInt32(truncatingIfNeeded: value)
    edx = UInt32(truncatingIfNeeded: value >> 32)
  }

  // MARK: Transfer body

  func wrmsr(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if cpl != 0 { throw .generalProtection(0) }
    try modelSpecificRegister(ecx).write(self, UInt64(edx) << 32 | UInt64(eax))
  }

  private func modelSpecificRegister(_ number: UInt32) throws(GuestFault) -> ModelSpecificRegisterRow {
    for row in modelSpecificRegisters where row.register.rawValue == number { return row }
    throw .generalProtection(0)
  }

  /// EFER: execute-disable is all there is.
  func setEFER(_ value: UInt64) throws(GuestFault) {
    if value & ~EFER.nxe.rawValue != 0 { throw .generalProtection(0) }
    let changed = s.pointee.efer ^ value
    s.pointee.efer = value
    if changed != 0 { flushTLB(keepingGlobal: false) }
  }

  /// IA32_APIC_BASE: the APIC can be switched off and on, but it stays where it is.
  func setAPICBase(_ value: UInt64) throws(GuestFault) {
    guard s.pointee.hasLocalAPIC, value & ~(APICBase.enabled | APICBase.bootstrap) == APICBase.address else {
      throw .generalProtection(0)
    }
    s.pointee.apicBase = value
    s.pointee.cpuidNumber = CPUIDTable.noLeaf
  }

  /// The time-stamp counter as an ordinary instruction sees it.
  func timestamp(before i: UnsafePointer<Instruction>) -> UInt64 {
    s.pointee.timestampOffset &+ UInt64(bitPattern: retired(before: i))
  }
}
