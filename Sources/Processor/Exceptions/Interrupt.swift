// From an interrupt or exception to the first instruction of its handler (SDM 3A, 6.12 and 20.1.4; SDM 2, INT n). One
// way for all origins: external interrupts, exceptions and INT n differ in two checks and one bit of the error codes.
//
//   stack of a handler at an inner level      from virtual-8086 mode, above it
//   +-------------+                           +-------------+
//   | old SS      |                           | old GS      |
//   | old ESP     |                           | old FS      |
//   | old EFLAGS  |                           | old DS      |
//   | old CS      |                           | old ES      |
//   | old EIP     |                           | old SS      |
//   | error code  |  if there is one          | ...         |
//   +-------------+

import ISA

extension CPU {
  /// Delivers an event; EIP is what the handler will find on its stack. Nothing has changed when it throws.
  func interrupt(_ event: InterruptEvent) throws(GuestFault) {
    if !isProtected { return try interruptThroughVectorTable(event) }
    let external = event.external
    let offset = UInt32(event.vector) << 3
    let gateCode = offset | FaultErrorCode.idt.rawValue | external
    if offset | 7 > s.pointee.idtr.limit { throw .generalProtection(gateCode) }
    let gate = SegmentDescriptor(rawValue: try loadSystem(s.pointee.idtr.base &+ offset))
    // Task gate, and 16- and 32-bit interrupt and trap gates.
    guard gate.high & 0x1000 == 0, UInt32(0xc0e0) >> UInt32(gate.type) & 1 != 0 else {
      throw .generalProtection(gateCode)
    }
    if event.origin == .software, gate.dpl < cpl { throw .generalProtection(gateCode) }
    if !gate.isPresent { throw .segmentNotPresent(gateCode) }
    if gate.type == SystemDescriptorType.taskGate.rawValue {
      return try switchTask(throughGateTo: gate.gateSelector, .interrupt, external: external, event: event)
    }

    let selector = gate.gateSelector
    let code = Self.errorCode(selector) | external
    if Self.isNull(selector) { throw .generalProtection(external) }
    let descriptor = try readDescriptor(selector, else: .generalProtection(code))
    guard descriptor.isCode, descriptor.dpl <= cpl else { throw .generalProtection(code) }
    if !descriptor.isPresent { throw .segmentNotPresent(code) }

    let wide = gate.isSystem32Bit
    let isInner = !descriptor.isConforming && descriptor.dpl < cpl
    let isFromVirtual8086 = isVirtual8086
    if isFromVirtual8086, !isInner || descriptor.dpl != 0 { throw .generalProtection(code) }
    let privilege = isInner ? descriptor.dpl : cpl

    let image = eflags | (event.setsResume || resumes ? EFlags.rf.rawValue : 0)
    let stack: SegmentCache
    var frame: FrameCursor
    if isInner {
      let inner = try innerStack(privilege: privilege, external: external)
      stack = inner.segment
      frame = FrameCursor(
        self, stack, esp: inner.esp, isUser: false, fault: .stackFault(Self.errorCode(stack.selector) | external))
    } else {
      stack = segment(.ss).pointee
      frame = FrameCursor(self, stack, esp: esp, isUser: isUser, fault: .stackFault(external))
    }
    let errorSize: UInt32 = event.hasErrorCode ? 4 : 0
    if wide, isInner, !isFromVirtual8086, let host = frame.reserve(20 &+ errorSize) {
      // Nearly every one: a flat inner stack that was used before.
      let words = host + Int(errorSize)
      if event.hasErrorCode { host.storeBytes(of: event.errorCode, as: UInt32.self) }
      words.storeBytes(of: s.pointee.eip, as: UInt32.self)
      words.storeBytes(of: UInt32(segment(.cs).pointee.selector), toByteOffset: 4, as: UInt32.self)
      words.storeBytes(of: image, toByteOffset: 8, as: UInt32.self)
      words.storeBytes(of: esp, toByteOffset: 12, as: UInt32.self)
      words.storeBytes(of: UInt32(segment(.ss).pointee.selector), toByteOffset: 16, as: UInt32.self)
    } else {
      try pushFrame(&frame, event, image: image, wide: wide, isInner: isInner)
    }
    if gate.gateOffset > descriptor.limit { throw .generalProtection(external) }
    let loaded = SegmentCache(
      try markAccessed(descriptor, selector), selector: selector & ~3 | UInt16(privilege))

    // Nothing can fault from here on.
    if isInner {
      segment(.ss).pointee = stack
      s.pointee.cpl = privilege
      if isFromVirtual8086 {
        segment(.es).pointee = .null()
        segment(.ds).pointee = .null()
        segment(.fs).pointee = .null()
        segment(.gs).pointee = .null()
      }
    }
    esp = frame.esp
    segment(.cs).pointee = loaded
    s.pointee.eip = gate.gateOffset
    var cleared = (EFlags.tf.rawValue | EFlags.nt.rawValue | EFlags.vm.rawValue)
    // Interrupt gates have even types.
    if gate.type & 1 == 0 { cleared |= EFlags.if.rawValue }
    s.pointee.systemFlags &= ~cleared
    finishDelivery()
  }

  /// What every delivery does last: nothing is held off any more, and the mode may be another.
  @inline(__always)
  private func finishDelivery() {
    s.pointee.resumeAt = -1
    s.pointee.shadowAt = -1
    s.pointee.pendingDebug &= ~DR6.bs.rawValue
    updateContext()
  }

  /// The frame word by word, whatever it takes.
  @inline(never)
  private func pushFrame(
    _ frame: inout FrameCursor, _ event: InterruptEvent, image: UInt32, wide: Bool, isInner: Bool
  ) throws(GuestFault) {
    if isVirtual8086 {
      try frame.push(UInt32(segment(.gs).pointee.selector), wide: wide)
      try frame.push(UInt32(segment(.fs).pointee.selector), wide: wide)
      try frame.push(UInt32(segment(.ds).pointee.selector), wide: wide)
      try frame.push(UInt32(segment(.es).pointee.selector), wide: wide)
    }
    if isInner {
      try frame.push(UInt32(segment(.ss).pointee.selector), wide: wide)
      try frame.push(esp, wide: wide)
    }
    try frame.push(image, wide: wide)
    try frame.push(UInt32(segment(.cs).pointee.selector), wide: wide)
    try frame.push(s.pointee.eip, wide: wide)
    if event.hasErrorCode { try frame.push(event.errorCode, wide: wide) }
  }

  /// Real-address mode: four-byte vectors, three words on the stack, never an error code.
  private func interruptThroughVectorTable(_ event: InterruptEvent) throws(GuestFault) {
    let offset = UInt32(event.vector) << 2
    if offset | 3 > s.pointee.idtr.limit {
      throw .generalProtection(UInt32(event.vector) << 3 | FaultErrorCode.idt.rawValue | event.external)
    }
    let vector: UInt32 = try loadSystem(s.pointee.idtr.base &+ offset)
    let code = paragraphCode(UInt16(truncatingIfNeeded: vector >> 16))
    let eip = vector & 0xffff
    var frame = FrameCursor(
      self, segment(.ss).pointee, esp: esp, isUser: false, fault: .stackFault(event.external))
    try frame.push(eflags, wide: false)
    try frame.push(UInt32(segment(.cs).pointee.selector), wide: false)
    try frame.push(s.pointee.eip, wide: false)
    if eip > code.limit { throw .generalProtection(event.external) }

    esp = frame.esp
    enter(code, eip: eip)
    s.pointee.systemFlags &= ~(EFlags.if.rawValue | EFlags.tf.rawValue | EFlags.ac.rawValue)
    finishDelivery()
  }
}
