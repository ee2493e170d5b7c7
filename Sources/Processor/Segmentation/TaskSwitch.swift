// The task switch (SDM 3A, 7.3): by JMP, CALL, IRET, or an interrupt through a task gate. Up to the commit point a fault
// belongs to the old task and nothing has changed; after it the new task runs, and faults are its own.
//
// Everything that can fault for the old task is tried before the first store. The stores themselves can be repeated (a
// restart for a device changes nothing that the checks look at: the new task's busy bit is written last). After the
// commit point there is no restart: a descriptor table in device memory counts as an invalid TSS there.

import ISA

/// What causes a task switch.
enum TaskSwitch: BitwiseCopyable {
  case jump, call, interrupt
  /// IRET with NT set.
  case `return`

  /// The old task waits for the new one: back link and NT.
  var nests: Bool { self == .call || self == .interrupt }
}

extension CPU {
  /// Switches to the task that a task gate names, after the checks of its TSS descriptor.
  func switchTask(
    throughGateTo selector: UInt16, _ kind: TaskSwitch, external: UInt32, event: InterruptEvent? = nil
  ) throws(GuestFault) {
    let code = Self.errorCode(selector) | external
    guard selector & 4 == 0 else { throw .generalProtection(code) }
    let descriptor = try readDescriptor(selector, else: .generalProtection(code))
    guard descriptor.isAvailableTSS else { throw .generalProtection(code) }
    if !descriptor.isPresent { throw .segmentNotPresent(code) }
    try switchTask(to: selector, descriptor, kind, external: external, event: event)
  }

  /// IRET with NT set: back to the task that the running one's back link names.
  func returnToPreviousTask() throws(GuestFault) {
    let selector: UInt16 = try loadSystem(s.pointee.tr.base)
    let code = Self.errorCode(selector)
    guard selector & 4 == 0 else { throw .invalidTSS(code) }
    let descriptor = try readDescriptor(selector, else: .invalidTSS(code))
    guard descriptor.isBusyTSS else { throw .invalidTSS(code) }
    if !descriptor.isPresent { throw .segmentNotPresent(code) }
    try switchTask(to: selector, descriptor, .return, external: 0)
  }

  /// The switch itself. Type, privilege and presence of the new TSS descriptor have been checked.
  /// - Parameters:
  ///   - external: the EXT bit of error codes.
  ///   - event: the interrupt or exception that causes the switch.
  func switchTask(
    to selector: UInt16, _ descriptor: SegmentDescriptor, _ kind: TaskSwitch, external: UInt32,
    event: InterruptEvent? = nil
  ) throws(GuestFault) {
    let layout: TaskStateLayout = descriptor.isSystem32Bit ? .wide : .narrow
    let code = Self.errorCode(selector) | external
    if descriptor.limit < layout.minimumLimit { throw .invalidTSS(code) }
    let old = s.pointee.tr
    let oldLayout: TaskStateLayout = old.attributes & 8 != 0 ? .wide : .narrow
    if old.limit < oldLayout.eip &+ oldLayout.savedSize &- 1 {
      throw .invalidTSS(Self.errorCode(old.selector) | external)
    }

    // Everything that can fault.
    let task = try readTask(descriptor.base, layout)
    try checkWritable(old.base &+ oldLayout.eip, size: oldLayout.savedSize, user: false)
    let oldDescriptor = kind.nests || Self.isNull(old.selector) ? nil : descriptorAddress(old.selector)
    if let oldDescriptor { try checkWritable(oldDescriptor &+ 5, size: 1, user: false) }
    let newDescriptor = kind == .return ? nil : descriptorAddress(selector)
    if let newDescriptor { try checkWritable(newDescriptor &+ 5, size: 1, user: false) }
    if kind.nests { try checkWritable(descriptor.base, size: 2, user: false) }

    // Stores; they could be repeated.
    var image = eflags
    if kind == .return { image &= ~EFlags.nt.rawValue }
    if let event, event.setsResume { image |= EFlags.rf.rawValue }
    try saveTask(old.base, oldLayout, eflags: image)
    if kind.nests { try storeSystem(old.selector, descriptor.base) }
    if let oldDescriptor {
      let access: UInt8 = try loadSystem(oldDescriptor &+ 5)
      try storeSystem(access & ~2, oldDescriptor &+ 5)
    }
    if let newDescriptor { try storeBusy(true, descriptor, at: newDescriptor) }

    // The commit point.
    commitTask(task, selector, descriptor, kind)
    do throws(GuestFault) {
      try loadTaskSegments(task, code: code, external: external)
      if let event, event.hasErrorCode {
        var frame = FrameCursor(
          self, segment(.ss).pointee, esp: esp, isUser: isUser, fault: .stackFault(external))
        try frame.push(event.errorCode, wide: layout.isWide)
        esp = frame.esp
      }
      if s.pointee.eip > segment(.cs).pointee.limit { throw .generalProtection(external) }
    } catch {
      updateContext()
      let fault = error.kind == .deviceAccess ? GuestFault.invalidTSS(code) : error
      // The delivery that caused the switch goes on from here, with double faults and all.
      if event != nil, event?.origin != .software { throw fault }
      // An instruction caused it, and is over: thrown, the fault would be taken for the old task's.
      owner.pending = .fault(fault)
      s.pointee.attention |= Attention.single
      return
    }
    updateContext()
    noteInterruptWindow()
    if task.traps {
      s.pointee.pendingDebug |= DR6.bt.rawValue
      // The run loop must look before the task's first instruction.
      s.pointee.attention |= Attention.single
    }
  }

  /// The registers of the new task; its segments have selectors but can't be used yet.
  private func commitTask(
    _ task: TaskState, _ selector: UInt16, _ descriptor: SegmentDescriptor, _ kind: TaskSwitch
  ) {
    s.pointee.tr = SegmentCache(descriptor.markedBusy(true), selector: selector)
    s.pointee.cr0 |= CR0.ts.rawValue
    updateObstacles()
    s.pointee.dr7 &= ~(DR7.localEnables.rawValue | DR7.le.rawValue)
    s.pointee.eip = task.eip
    eflags = task.eflags | (kind.nests ? EFlags.nt.rawValue : 0)
    resumes = task.eflags & EFlags.rf.rawValue != 0
    for n in 0..<8 { setRegister(UInt8(n), task.registers[n]) }
    for n in 0..<6 { segment(Self.segmentRegister(UInt8(n))).pointee = .null(task.selectors[n]) }
    s.pointee.ldtr = .null(task.ldt)
    s.pointee.cpl = isVirtual8086 ? 3 : UInt8(task.selectors[1] & 3)
    s.pointee.shadowAt = -1
  }

  /// What of a task switch can fault in the new task: address space, LDT, segments.
  private func loadTaskSegments(_ task: TaskState, code: UInt32, external: UInt32) throws(GuestFault) {
    if s.pointee.tr.attributes & 8 != 0, s.pointee.cr0 & Self.pagingEnabled != 0 {
      try loadCR3(task.cr3, invalid: .invalidTSS(code))
    }
    try loadTaskLDT(task.ldt, external: external)
    if isVirtual8086 {
      for register in SegmentRegister.allCases { loadParagraph(register, task.selectors[Int(register.rawValue)]) }
      return
    }
    segment(.cs).pointee = try taskCode(task.selectors[1], external: external)
    segment(.ss).pointee = try taskStack(task.selectors[2], external: external)
    for register in [SegmentRegister.es, .ds, .fs, .gs] {
      segment(register).pointee = try taskData(task.selectors[Int(register.rawValue)], external: external)
    }
  }

  private func loadTaskLDT(_ selector: UInt16, external: UInt32) throws(GuestFault) {
    if Self.isNull(selector) { return }
    let fault = GuestFault.invalidTSS(Self.errorCode(selector) | external)
    guard selector & 4 == 0 else { throw fault }
    let descriptor = try readDescriptor(selector, else: fault)
    guard descriptor.systemType == .ldt, descriptor.isPresent else { throw fault }
    s.pointee.ldtr = SegmentCache(descriptor, selector: selector)
  }

  private func taskCode(_ selector: UInt16, external: UInt32) throws(GuestFault) -> SegmentCache {
    let code = Self.errorCode(selector) | external
    if Self.isNull(selector) { throw .invalidTSS(code) }
    let descriptor = try readDescriptor(selector, else: .invalidTSS(code))
    let rpl = UInt8(selector & 3)
    guard descriptor.isCode, descriptor.isConforming ? descriptor.dpl <= rpl : descriptor.dpl == rpl else {
      throw .invalidTSS(code)
    }
    if !descriptor.isPresent { throw .segmentNotPresent(code) }
    return SegmentCache(try markAccessed(descriptor, selector), selector: selector)
  }

  private func taskStack(_ selector: UInt16, external: UInt32) throws(GuestFault) -> SegmentCache {
    let code = Self.errorCode(selector) | external
    if Self.isNull(selector) { throw .invalidTSS(code) }
    let descriptor = try readDescriptor(selector, else: .invalidTSS(code))
    guard descriptor.isWritable, descriptor.dpl == cpl, selector & 3 == UInt16(cpl) else { throw .invalidTSS(code) }
    if !descriptor.isPresent { throw .stackFault(code) }
    return SegmentCache(try markAccessed(descriptor, selector), selector: selector)
  }

  private func taskData(_ selector: UInt16, external: UInt32) throws(GuestFault) -> SegmentCache {
    if Self.isNull(selector) { return .null(selector) }
    let code = Self.errorCode(selector) | external
    let descriptor = try readDescriptor(selector, else: .invalidTSS(code))
    guard descriptor.isLoadableAsData, descriptor.isConforming || descriptor.dpl >= max(cpl, UInt8(selector & 3))
    else { throw .invalidTSS(code) }
    if !descriptor.isPresent { throw .segmentNotPresent(code) }
    return SegmentCache(try markAccessed(descriptor, selector), selector: selector)
  }
}
