// From an instruction's operand to a value: effective address, segment checks, then the linear access. This is the
// general way, right in every mode; flat 32-bit code has fast handlers that skip what can't fail there.

import ISA

extension CPU {
  // MARK: Addresses

  /// The offset of the memory operand within its segment (SDM 1, 3.7.5).
  @inline(__always) func effectiveAddress(_ i: UnsafePointer<Instruction>) -> UInt32 {
    let address =
      register(i.pointee.base, as: UInt32.self)
      &+ register(i.pointee.index, as: UInt32.self) &<< UInt32(i.pointee.scale)
      &+ i.pointee.displacement
    return i.pointee.address16 ? address & 0xffff : address
  }

  /// The linear address of `size` bytes at an offset of a segment, after all segment checks (SDM 3A, 5.3 to 5.5).
  /// Faults with #SS(0) for the stack segment, else #GP(0); with #AC(0) where alignment is checked.
  @inline(__always)
  func linear(_ register: SegmentRegister, _ offset: UInt32, size: UInt32, write: Bool) throws(GuestFault) -> UInt32 {
    let segment = segment(register)
    let last = offset &+ (size &- 1)
    let attributes = segment.pointee.attributes
    // Present, writable, expand-up data: what nearly every access goes through.
    if attributes & 0x9e == 0x92, last <= segment.pointee.limit, last >= offset, !hasAccessChecks {
      return segment.pointee.base &+ offset
    }
    return try linearChecked(register, offset, size: size, write: write)
  }

  /// Alignment checks or data breakpoints are on: every access must be looked at.
  @inline(__always) var hasAccessChecks: Bool { s.pointee.accessChecks }

  @inline(never)
  private func linearChecked(
    _ register: SegmentRegister, _ offset: UInt32, size: UInt32, write: Bool
  ) throws(GuestFault) -> UInt32 {
    let segment = segment(register).pointee
    let fault: GuestFault = register == .ss ? .stackFault(0) : .generalProtection(0)
    let last = offset &+ (size &- 1)
    if !usesParagraphs {
      if !segment.isUsable { throw fault }
      if write ? !segment.isWritable : !segment.isReadable { throw fault }
    }
    if segment.isExpandDown {
      let upper: UInt32 = segment.isBig ? 0xffff_ffff : 0xffff
      if offset <= segment.limit || last > upper || last < offset { throw fault }
    } else if last > segment.limit || last < offset {
      throw fault
    }
    let linear = segment.base &+ offset
    if isAlignmentChecked, linear & (min(size, 16) &- 1) != 0, size.nonzeroBitCount == 1 { throw .alignmentCheck }
    noteDataAccess(linear, size: size, write: write)
    return linear
  }

  /// CR0.AM, EFLAGS.AC and privilege level 3 (SDM 3A, 6.15, interrupt 17).
  var isAlignmentChecked: Bool {
    isUser && s.pointee.cr0 & CR0.am.rawValue != 0 && s.pointee.systemFlags & EFlags.ac.rawValue != 0
  }

  /// Looks for data breakpoints that an access meets; they trap after the instruction (SDM 3B, 17.2.4).
  func noteDataAccess(_ linear: UInt32, size: UInt32, write: Bool) {
    let dr7 = s.pointee.dr7
    if dr7 & 0xff == 0 { return }
    for n in UInt32(0)..<4 where dr7 >> (2 * n) & 3 != 0 {
      let condition = (dr7 >> (16 + 4 * n)) & 3
      guard condition == 3 || (condition == 1 && write) else { continue }
      let length = DR7(rawValue: dr7).length(Int(n))
      let start = breakpointAddress(n) & ~(length - 1)
      if UInt64(linear) < UInt64(start) + UInt64(length), UInt64(start) < UInt64(linear) + UInt64(size) {
        s.pointee.pendingDebug |= 1 << n
      }
    }
  }

  /// DR0 to DR3.
  func breakpointAddress(_ n: UInt32) -> UInt32 {
    switch n {
    case 0: s.pointee.breakpoints.0
    case 1: s.pointee.breakpoints.1
    case 2: s.pointee.breakpoints.2
    default: s.pointee.breakpoints.3
    }
  }

  /// The linear address of an instruction's memory operand.
  @inline(__always)
  func operandAddress(
    _ i: UnsafePointer<Instruction>, size: UInt32, write: Bool
  ) throws(GuestFault) -> UInt32 {
    try linear(i.pointee.segment, effectiveAddress(i), size: size, write: write)
  }

  // MARK: The r/m operand

  /// Reads the r/m operand.
  @inline(__always)
  func readRM<W: OperandWidth>(_ i: UnsafePointer<Instruction>, as: W.Type = W.self) throws(GuestFault) -> W {
    if !i.pointee.hasMemory { return register(i.pointee.rm) }
    return try load(operandAddress(i, size: UInt32(W.bitWidth / 8), write: false), user: isUser)
  }

  /// Writes the r/m operand.
  @inline(__always)
  func writeRM<W: OperandWidth>(_ i: UnsafePointer<Instruction>, _ value: W) throws(GuestFault) {
    if !i.pointee.hasMemory {
      setRegister(i.pointee.rm, value)
    } else {
      try store(value, operandAddress(i, size: UInt32(W.bitWidth / 8), write: true), user: isUser)
    }
  }

  /// Reads, changes and writes the r/m operand; the flags are committed only when the store has succeeded.
  @inline(__always)
  func modifyRM<W: OperandWidth>(
    _ i: UnsafePointer<Instruction>, _ change: (W) -> (W, LazyFlags)
  ) throws(GuestFault) {
    if !i.pointee.hasMemory {
      let (value, flags) = change(register(i.pointee.rm))
      setRegister(i.pointee.rm, value)
      self.flags = flags
    } else {
      let address = try operandAddress(i, size: UInt32(W.bitWidth / 8), write: true)
      try checkWritable(address, size: UInt32(W.bitWidth / 8), user: isUser)
      let (value, flags) = change(try load(address, user: isUser))
      try store(value, address, user: isUser)
      self.flags = flags
    }
  }
}
