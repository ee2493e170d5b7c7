// FNSTENV, FLDENV, FNSAVE and FRSTOR (SDM 1, 8.1.10): the environment in four layouts, by mode and operand size, and behind
// it the registers in the order of the stack.
//
//          32-bit protected         32-bit real, V86             16-bit protected  16-bit real, V86
//   word 0 control                  control                      control           control
//        1 status                   status                       status            status
//        2 tags                     tags                         tags              tags
//        3 FIP                      FIP 15..0                    FIP               FIP 15..0
//        4 opcode : FCS             0 : FIP 31..16 : 0 : opcode  FCS               FIP 19..16 : 0 : opcode
//        5 FDP                      FDP 15..0                    FDP               FDP 15..0
//        6 FDS                      0 : FDP 31..16 : 0           FDS               FDP 19..16 : 0
//
// A word is 4 or 2 bytes. In real mode the pointers are linear addresses. Upper halves of 4-byte words that hold 2 bytes
// are ones.

import ISA

extension CPU {
  // MARK: Storing

  func storeEnvironment(_ i: UnsafePointer<Instruction>, withRegisters: Bool) throws(GuestFault) {
    parkX87()
    let isWide = i.pointee.operandSize == 4
    let word: UInt32 = isWide ? 4 : 2
    let address = try operandAddress(i, size: 7 * word + (withRegisters ? 80 : 0), write: true)
    try checkWritable(address, size: 7 * word + (withRegisters ? 80 : 0), user: isUser)
    let words = environmentWords(isWide: isWide)
    for n in 0..<7 {
      let at = address &+ UInt32(n) &* word
      if isWide {
        try store(words[n], at, user: isUser)
      } else {
        try store(UInt16(truncatingIfNeeded: words[n]), at, user: isUser)
      }
    }
    if withRegisters {
      for n in 0..<8 {
        let value = physicalRegister((Int(fpu.pointee.top) + n) & 7).pointee
        let at = address &+ 7 &* word &+ UInt32(n) &* 10
        try store(UInt32(truncatingIfNeeded: value[0]), at, user: isUser)
        try store(UInt32(truncatingIfNeeded: value[0] >> 32), at &+ 4, user: isUser)
        try store(UInt16(truncatingIfNeeded: value[1]), at &+ 8, user: isUser)
      }
      initialiseX87()
    } else {
      fpu.pointee.control |= 0x3f
      settleX87Status()
    }
  }

  private func environmentWords(isWide: Bool) -> InlineArray<7, UInt32> {
    let f = fpu.pointee
    var words: InlineArray<7, UInt32> = [
      0xffff_0000 | UInt32(f.control), 0xffff_0000 | UInt32(f.statusWord), 0xffff_0000 | UInt32(tagWord),
      f.instructionPointer, UInt32(f.instructionSelector), f.dataPointer, 0xffff_0000 | UInt32(f.dataSelector),
    ]
    if usesParagraphs {
      let instruction = UInt32(f.instructionSelector) << 4 &+ f.instructionPointer
      let data = UInt32(f.dataSelector) << 4 &+ f.dataPointer
      words[3] = 0xffff_0000 | instruction
      let mask: UInt32 = isWide ? 0x0fff_f000 : 0xf000
      words[4] = (instruction >> 4) & mask | UInt32(f.opcode)
      words[5] = 0xffff_0000 | data
      words[6] = (data >> 4) & mask
    } else if isWide {
      words[4] |= UInt32(f.opcode) << 16
    }
    return words
  }

  /// Two bits for each physical register: 0 valid, 1 zero, 2 special (NaN, infinity, denormal, unsupported), 3 empty.
  private var tagWord: UInt16 {
    var word: UInt16 = 0
    for n in 0..<8 {
      let value = physicalRegister(n).pointee
      let exponent = value[1] & 0x7fff
      let tag: UInt16 =
        fpu.pointee.occupied >> UInt8(n) & 1 == 0
        ? 3 : exponent == 0 && value[0] == 0 ? 1 : exponent == 0 || exponent == 0x7fff || value[0] >> 63 == 0 ? 2 : 0
      word |= tag << UInt16(2 * n)
    }
    return word
  }

  // MARK: Loading

  func loadEnvironment(_ i: UnsafePointer<Instruction>, withRegisters: Bool) throws(GuestFault) {
    try checkPendingX87Error()
    parkX87()
    let isWide = i.pointee.operandSize == 4
    let word: UInt32 = isWide ? 4 : 2
    let address = try operandAddress(i, size: 7 * word + (withRegisters ? 80 : 0), write: false)
    var words = InlineArray<7, UInt32>(repeating: 0)
    for n in 0..<7 {
      let at = address &+ UInt32(n) &* word
      words[n] =
        isWide ? try load(at, user: isUser) : UInt32(try load(at, user: isUser, as: UInt16.self))
    }
    var stack = InlineArray<8, FloatingPointState.Vector>(repeating: FloatingPointState.Vector())
    if withRegisters {
      for n in 0..<8 {
        let at = address &+ 7 &* word &+ UInt32(n) &* 10
        let low: UInt32 = try load(at, user: isUser)
        let high: UInt32 = try load(at &+ 4, user: isUser)
        let rest: UInt16 = try load(at &+ 8, user: isUser)
        stack[n] = FloatingPointState.Vector(UInt64(high) << 32 | UInt64(low), UInt64(rest))
      }
    }

    let f = fpu
    f.pointee.control = UInt16(truncatingIfNeeded: words[0]) & 0x1f7f | 0x40
    f.pointee.statusWord = UInt16(truncatingIfNeeded: words[1])
    f.pointee.occupied = 0
    for n in 0..<8 where words[2] >> UInt32(2 * n) & 3 != 3 { f.pointee.occupied |= 1 << UInt8(n) }
    if usesParagraphs {
      f.pointee.instructionPointer = words[3] & 0xffff | (words[4] & 0x0fff_f000) << 4
      f.pointee.instructionSelector = 0
      f.pointee.opcode = UInt16(words[4] & 0x7ff)
      f.pointee.dataPointer = words[5] & 0xffff | (words[6] & 0x0fff_f000) << 4
      f.pointee.dataSelector = 0
    } else {
      f.pointee.instructionPointer = words[3]
      f.pointee.instructionSelector = UInt16(truncatingIfNeeded: words[4])
      if isWide { f.pointee.opcode = UInt16(words[4] >> 16 & 0x7ff) }
      f.pointee.dataPointer = words[5]
      f.pointee.dataSelector = UInt16(truncatingIfNeeded: words[6])
    }
    if withRegisters {
      for n in 0..<8 { physicalRegister((Int(f.pointee.top) + n) & 7).pointee = stack[n] }
    }
    settleX87Status()
  }
}
