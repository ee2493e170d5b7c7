// IRET (SDM 2, IRET/IRETD): from a handler back to where it was called from, in every mode, with exactly those flags
// that the level may change.

import ISA

extension CPU {
  // MARK: Transfer body

  func iret(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let wide = i.pointee.operandSize == 4
    if usesParagraphs { return try iretToParagraph(wide: wide) }
    if systemFlag(EFlags.nt.rawValue) { return try returnToPreviousTask() }

    let size = i.pointee.operandSize
    var stack = StackCursor(self)
    let eip: UInt32
    let image: UInt32
    let selector: UInt16
    // A frame of five words in one page of a flat stack is read at once.
    let frame = wide ? stackTop(20) : nil
    if let frame {
      eip = frame.loadUnaligned(as: UInt32.self)
      selector = frame.loadUnaligned(fromByteOffset: 4, as: UInt16.self)
      image = frame.loadUnaligned(fromByteOffset: 8, as: UInt32.self)
      stack.skip(12)
    } else {
      eip = try stack.pop(size: size)
      selector = UInt16(truncatingIfNeeded: try stack.pop(size: size))
      image = try stack.pop(size: size)
    }
    if wide, image & EFlags.vm.rawValue != 0, cpl == 0 {
      return try iretToVirtual8086(&stack, eip: eip, selector: selector, image: image)
    }

    let code = try returnCode(selector)
    let mask = iretFlags(wide: wide)
    if selector & 3 == UInt16(cpl) {
      if eip > code.limit { throw .generalProtection(0) }
      let old = segment(.cs).pointee
      stack.commit()
      enter(code, eip: eip)
      let changesMode = restoreFlags(image, mask: mask, wide: wide)
      if changesMode || !code.describesSameSegment(as: old) { updateContext() }
    } else {
      let outerESP: UInt32
      let outerSelector: UInt16
      if let frame {
        outerESP = frame.loadUnaligned(fromByteOffset: 12, as: UInt32.self)
        outerSelector = frame.loadUnaligned(fromByteOffset: 16, as: UInt16.self)
      } else {
        outerESP = try stack.pop(size: size)
        outerSelector = UInt16(truncatingIfNeeded: try stack.pop(size: size))
      }
      let outerSS = try returnStack(outerSelector, privilege: UInt8(selector & 3))
      if eip > code.limit { throw .generalProtection(0) }
      enterOuter(code, eip: eip, outerSS, esp: outerESP)
      _ = restoreFlags(image, mask: mask, wide: wide)
      updateContext()
      if isUser { recordSystemCallReturn() }
    }
    noteInterruptWindow()
  }

  // MARK: Parts

  /// The flags that IRET changes at the current privilege; RF comes apart.
  @inline(__always)
  private func iretFlags(wide: Bool) -> UInt32 {
    var mask = Self.anyLevelFlags
    if wide { mask |= EFlags.ac.rawValue | EFlags.id.rawValue }
    if cpl <= ioPrivilege { mask |= EFlags.if.rawValue }
    if cpl == 0 {
      mask |= EFlags.iopl.rawValue
      if wide { mask |= EFlags.vif.rawValue | EFlags.vip.rawValue }
    }
    return mask
  }

  /// The status flags, TF, DF and NT: every level may change them.
  static let anyLevelFlags: UInt32 =
    EFlags.status.rawValue | EFlags.tf.rawValue | EFlags.df.rawValue | EFlags.nt.rawValue

  /// Puts flags of an image in place, and RF, which a 16-bit image clears.
  /// - Returns: whether the mode depends on what changed.
  @inline(__always)
  private func restoreFlags(_ image: UInt32, mask: UInt32, wide: Bool) -> Bool {
    let old = s.pointee.systemFlags
    eflags = eflags & ~mask | image & mask
    resumes = wide && image & EFlags.rf.rawValue != 0
    return (old ^ s.pointee.systemFlags) & Self.modeFlags != 0
  }

  /// Flags that `updateContext()` looks at.
  static let modeFlags: UInt32 = EFlags.tf.rawValue | EFlags.ac.rawValue | EFlags.vm.rawValue

  /// In real-address and virtual-8086 mode.
  private func iretToParagraph(wide: Bool) throws(GuestFault) {
    if isVirtual8086, ioPrivilege < 3 { throw .generalProtection(0) }
    let size: UInt8 = wide ? 4 : 2
    var stack = StackCursor(self)
    let eip = try stack.pop(size: size)
    let selector = UInt16(truncatingIfNeeded: try stack.pop(size: size))
    let image = try stack.pop(size: size)
    let code = paragraphCode(selector)
    if eip > code.limit { throw .generalProtection(0) }

    // VM, VIF and VIP stay; so does IOPL in virtual-8086 mode.
    var mask = Self.anyLevelFlags | EFlags.if.rawValue
    if !isVirtual8086 { mask |= EFlags.iopl.rawValue }
    if wide { mask |= EFlags.ac.rawValue | EFlags.id.rawValue }
    let old = segment(.cs).pointee
    stack.commit()
    enter(code, eip: eip)
    let changesMode = restoreFlags(image, mask: mask, wide: wide)
    if changesMode || !code.describesSameSegment(as: old) { updateContext() }
    if isUser { recordSystemCallReturn() }
    noteInterruptWindow()
  }

  /// From level 0 into a virtual-8086 task.
  private func iretToVirtual8086(
    _ stack: inout StackCursor, eip: UInt32, selector: UInt16, image: UInt32
  ) throws(GuestFault) {
    let outerESP = try stack.pop(UInt32.self)
    // SS ES DS FS GS
    var selectors = InlineArray<5, UInt16>(repeating: 0)
    for n in 0..<5 { selectors[n] = UInt16(truncatingIfNeeded: try stack.pop(UInt32.self)) }
    if eip > 0xffff { throw .generalProtection(0) }

    eflags = image
    resumes = image & EFlags.rf.rawValue != 0
    s.pointee.cpl = 3
    esp = outerESP
    s.pointee.eip = eip
    loadParagraph(.cs, selector)
    loadParagraph(.ss, selectors[0])
    loadParagraph(.es, selectors[1])
    loadParagraph(.ds, selectors[2])
    loadParagraph(.fs, selectors[3])
    loadParagraph(.gs, selectors[4])
    updateContext()
    recordSystemCallReturn()
    noteInterruptWindow()
  }
}
