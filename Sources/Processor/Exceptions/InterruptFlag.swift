// The instructions that read and write the flags that interrupts depend on (SDM 2: PUSHF, POPF, CLI, STI). There are no
// virtual-mode extensions: what IOPL forbids is #GP(0).

import ISA

extension CPU {
  // MARK: Ordinary bodies

  /// PUSHF, PUSHFD: VM and RF are pushed as zero.
  func pushf(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if isVirtual8086, ioPrivilege < 3 { throw .generalProtection(0) }
    var stack = StackCursor(self)
    try stack.push(eflags & ~(EFlags.vm.rawValue | EFlags.rf.rawValue), size: i.pointee.operandSize)
    stack.commit()
  }

  /// POPF, POPFD: VM, VIF and VIP never change; IOPL only at level 0, IF only where IOPL allows.
  func popf(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if isVirtual8086, ioPrivilege < 3 { throw .generalProtection(0) }
    var stack = StackCursor(self)
    let image = try stack.pop(size: i.pointee.operandSize)
    var mask = Self.anyLevelFlags
    if i.pointee.operandSize == 4 { mask |= EFlags.ac.rawValue | EFlags.id.rawValue }
    if cpl <= ioPrivilege { mask |= EFlags.if.rawValue }
    if cpl == 0 { mask |= EFlags.iopl.rawValue }
    stack.commit()
    let old = s.pointee.systemFlags
    eflags = eflags & ~mask | image & mask
    let changed = old ^ s.pointee.systemFlags
    if changed & Self.modeFlags != 0 { updateContext() }
    if changed & EFlags.if.rawValue != 0 { noteInterruptWindow() }
  }

  func cli(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if cpl > ioPrivilege { throw .generalProtection(0) }
    s.pointee.systemFlags &= ~EFlags.if.rawValue
  }

  /// STI: if IF was clear, interrupts are held off until the next instruction is over.
  func sti(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    if cpl > ioPrivilege { throw .generalProtection(0) }
    if systemFlag(EFlags.if.rawValue) { return }
    s.pointee.systemFlags |= EFlags.if.rawValue
    shadow(after: retired(before: i) &+ 1, debug: false)
    noteInterruptWindow()
  }
}
