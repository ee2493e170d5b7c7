// Call gates: the one way to a more privileged code segment that a program chooses itself, with a change of stacks and
// a copy of the parameters (SDM 3A, 5.8.3 to 5.8.5; SDM 2, CALL).
//
//   outer stack                inner stack, after
//   +-------------+           +-------------+
//   | parameter n |           | old SS      |
//   | ...         |           | old ESP     |
//   | parameter 1 | <- ESP    | parameter n |
//   +-------------+           | ...         |
//                             | parameter 1 |
//                             | old CS      |
//                             | old EIP     | <- ESP
//                             +-------------+

import ISA

extension CPU {
  /// Goes through a call gate whose own privilege and presence have been checked.
  func transferThroughCallGate(_ gate: SegmentDescriptor, isCall: Bool) throws(GuestFault) {
    let selector = gate.gateSelector
    let error = Self.errorCode(selector)
    if Self.isNull(selector) { throw .generalProtection(0) }
    let descriptor = try readDescriptor(selector)
    guard descriptor.isCode, descriptor.dpl <= cpl else { throw .generalProtection(error) }
    if !isCall, !descriptor.isConforming, descriptor.dpl != cpl { throw .generalProtection(error) }
    if !descriptor.isPresent { throw .segmentNotPresent(error) }

    if isCall, !descriptor.isConforming, descriptor.dpl < cpl {
      return try callInner(gate, descriptor, selector)
    }
    let old = segment(.cs).pointee
    let offset = gate.gateOffset
    var stack = StackCursor(self)
    if isCall {
      let size: UInt8 = gate.isSystem32Bit ? 4 : 2
      try stack.push(UInt32(old.selector), size: size)
      try stack.push(s.pointee.eip, size: size)
    }
    if offset > descriptor.limit { throw .generalProtection(0) }
    let code = SegmentCache(try markAccessed(descriptor, selector), selector: selector & ~3 | UInt16(cpl))
    stack.commit()
    enter(code, eip: offset)
    finishTransfer(from: old)
  }

  /// The call to a more privileged level.
  private func callInner(
    _ gate: SegmentDescriptor, _ descriptor: SegmentDescriptor, _ selector: UInt16
  ) throws(GuestFault) {
    let privilege = descriptor.dpl
    let wide = gate.isSystem32Bit
    let inner = try innerStack(privilege: privilege, external: 0)
    if gate.gateOffset > descriptor.limit { throw .generalProtection(0) }

    var frame = FrameCursor(
      self, inner.segment, esp: inner.esp, isUser: false, fault: .stackFault(Self.errorCode(inner.segment.selector)))
    try frame.push(UInt32(segment(.ss).pointee.selector), wide: wide)
    try frame.push(esp, wide: wide)
    let count = UInt32(gate.gateParameterCount)
    let mask: UInt32 = hasBigStack ? 0xffff_ffff : 0xffff
    let size: UInt32 = wide ? 4 : 2
    var n = count
    while n > 0 {
      n &-= 1
      let offset = (esp &+ n &* size) & mask
      let address = try linear(.ss, offset, size: size, write: false)
      if wide {
        try frame.push(load(address, user: isUser, as: UInt32.self))
      } else {
        try frame.push(load(address, user: isUser, as: UInt16.self))
      }
    }
    try frame.push(UInt32(segment(.cs).pointee.selector), wide: wide)
    try frame.push(s.pointee.eip, wide: wide)

    let code = SegmentCache(try markAccessed(descriptor, selector), selector: selector & ~3 | UInt16(privilege))
    s.pointee.cpl = privilege
    segment(.ss).pointee = inner.segment
    esp = frame.esp
    enter(code, eip: gate.gateOffset)
    updateContext()
  }
}
