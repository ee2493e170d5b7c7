// Stack instructions (SDM 1, 6.2), but for those that touch segments, flags or privilege.

import ISA

extension CPU {
  func push(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let value: UInt32
    switch i.pointee.form {
    case .rm: value = i.pointee.operandSize == 2 ? UInt32(try readRM(i, as: UInt16.self)) : try readRM(i, as: UInt32.self)
    default: value = i.pointee.immediate
    }
    var stack = StackCursor(self)
    try stack.push(value, size: i.pointee.operandSize)
    stack.commit()
  }

  /// POP to memory addresses it with the stack pointer already incremented (SDM 2B, POP).
  func pop(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    var stack = StackCursor(self)
    let value = try stack.pop(size: i.pointee.operandSize)
    if i.pointee.hasMemory {
      let old = esp
      stack.commit()
      do {
        if i.pointee.operandSize == 2 {
          try writeRM(i, UInt16(truncatingIfNeeded: value))
        } else {
          try writeRM(i, value)
        }
      } catch {
        esp = old
        throw error
      }
    } else {
      stack.commit()
      if i.pointee.operandSize == 2 {
        setRegister(i.pointee.rm, UInt16(truncatingIfNeeded: value))
      } else {
        setRegister(i.pointee.rm, value)
      }
    }
  }

  func pusha(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    var stack = StackCursor(self)
    for number in UInt8(0)..<8 {
      try stack.push(register(number, as: UInt32.self), size: i.pointee.operandSize)
    }
    stack.commit()
  }

  /// The saved stack pointer is skipped.
  func popa(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    var stack = StackCursor(self)
    var values = InlineArray<8, UInt32>(repeating: 0)
    for number in stride(from: 7, through: 0, by: -1) {
      values[number] = try stack.pop(size: i.pointee.operandSize)
    }
    stack.commit()
    for number in UInt8(0)..<8 where number != 4 {
      if i.pointee.operandSize == 2 {
        setRegister(number, UInt16(truncatingIfNeeded: values[Int(number)]))
      } else {
        setRegister(number, values[Int(number)])
      }
    }
  }

  /// ENTER (SDM 2A): the frame pointer is saved, `selector` mod 32 display entries are copied, and the frame's last
  /// byte is checked for writing, before anything is committed.
  func enter(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    let size = i.pointee.operandSize
    let level = i.pointee.selector & 31
    let mask: UInt32 = hasBigStack ? 0xffff_ffff : 0xffff
    var stack = StackCursor(self)
    try stack.push(ebp, size: size)
    let frame = stack.pointer
    if level > 0 {
      var display = ebp
      for _ in 1..<max(level, 1) {
        display = (display &- UInt32(size)) & mask
        let entry: UInt32
        if size == 2 {
          entry = UInt32(try load(linear(.ss, display, size: 2, write: false), user: isUser, as: UInt16.self))
        } else {
          entry = try load(linear(.ss, display, size: 4, write: false), user: isUser)
        }
        try stack.push(entry, size: size)
      }
      try stack.push(frame, size: size)
    }
    stack.skip(0 &- i.pointee.immediate)
    // A write to the new top of stack must be possible.
    let top = try linear(.ss, stack.pointer, size: UInt32(size), write: true)
    try checkWritable(top, size: UInt32(size), user: isUser)
    stack.commit()
    if size == 2 { setRegister(5, UInt16(truncatingIfNeeded: frame)) } else { ebp = frame }
  }

  func leave(_ i: UnsafePointer<Instruction>) throws(GuestFault) {
    var stack = StackCursor(self)
    stack.pointer = hasBigStack ? ebp : ebp & 0xffff
    let value = try stack.pop(size: i.pointee.operandSize)
    stack.commit()
    if i.pointee.operandSize == 2 { setRegister(5, UInt16(truncatingIfNeeded: value)) } else { ebp = value }
  }
}
