// An assembler for the x86-64 forms that translated code is made of (SDM 2A, chapter 2). It writes into memory that its
// owner has made large enough, and knows nothing of guests.
//
//   [66] [65 67] [F2/F3] [REX] opcode [ModRM [SIB] [displacement]] [immediate]       or a VEX prefix before the opcode
//
// Byte registers 4 to 7 are AH CH DH BH in an instruction without REX and SPL BPL SIL DIL in one with it. Translated code
// uses the former only, so an instruction that needs REX refuses them.

/// Writes instructions.
package struct Assembler {
  /// Where the buffer starts; instructions are addressed by their offset from there.
  package let buffer: UnsafeMutablePointer<UInt8>
  /// Bytes that the buffer has.
  package let capacity: Int
  /// Offset of the next byte.
  package var position: Int

  package init(buffer: UnsafeMutablePointer<UInt8>, capacity: Int, position: Int = 0) {
    self.buffer = buffer
    self.capacity = capacity
    self.position = position
  }

  // MARK: Bytes

  @inline(__always) package mutating func byte(_ value: UInt8) {
    buffer[position] = value
    position &+= 1
  }

  @inline(__always) package mutating func dword(_ value: UInt32) {
    UnsafeMutableRawPointer(buffer + position).storeBytes(of: value, as: UInt32.self)
    position &+= 4
  }

  @inline(__always) private mutating func immediate(_ value: UInt32, bytes: UInt8) {
    switch bytes {
    case 0: break
    case 1: byte(UInt8(truncatingIfNeeded: value))
    case 2:
      byte(UInt8(truncatingIfNeeded: value))
      byte(UInt8(truncatingIfNeeded: value >> 8))
    default: dword(value)
    }
  }

  // MARK: The general form

  /// Emits an instruction with ModRM.
  /// - Parameters:
  ///   - opcode: one byte, or two as 0x0Fxx.
  ///   - reg: ModRM.reg: a register's number or an opcode's extension.
  ///   - width: of the operands; `.byte` says nothing of the opcode, only that `byteRegisters` are.
  ///   - byteReg, byteRM: the operand is a byte register, numbers 4 to 7 being AH to BH.
  ///   - immediateBytes: how many of `immediate` follow.
  ///   - prefix: F2, F3 or 66 where the opcode's meaning has it; 0 for none.
  package mutating func encode(
    _ opcode: UInt16, reg: UInt8, _ rm: HostOperand, width: HostWidth, byteReg: Bool = false, byteRM: Bool = false,
    immediate value: UInt32 = 0, immediateBytes: UInt8 = 0, prefix: UInt8 = 0
  ) {
    if width == .word { byte(0x66) }
    var rex: UInt8 = width == .qword ? 0x48 : 0
    if reg >= 8 { rex |= 0x44 }
    switch rm {
    case .register(let register):
      if register.number >= 8 { rex |= 0x41 }
      if prefix != 0 { byte(prefix) }
      finishRex(rex, hasHighByte: byteReg && reg & 12 == 4 || byteRM && register.number & 12 == 4)
      self.opcode(opcode)
      byte(0xc0 | (reg & 7) << 3 | register.number & 7)
    case .memory(let memory):
      if memory.isInWindow {
        byte(0x65)
        byte(0x67)
      }
      if let index = memory.index, index.number >= 8 { rex |= 0x42 }
      if let base = memory.base, base.number >= 8 { rex |= 0x41 }
      if prefix != 0 { byte(prefix) }
      finishRex(rex, hasHighByte: byteReg && reg & 12 == 4)
      self.opcode(opcode)
      modRM(reg, memory)
    }
    immediate(value, bytes: immediateBytes)
  }

  @inline(__always) private mutating func finishRex(_ rex: UInt8, hasHighByte: Bool) {
    if rex == 0 { return }
    precondition(!hasHighByte, "AH to BH can't be named beside REX")
    byte(rex)
  }

  @inline(__always) private mutating func opcode(_ opcode: UInt16) {
    if opcode > 0xff { byte(UInt8(truncatingIfNeeded: opcode >> 8)) }
    byte(UInt8(truncatingIfNeeded: opcode))
  }

  private mutating func modRM(_ reg: UInt8, _ memory: HostMemory) {
    let field = (reg & 7) << 3
    guard let base = memory.base else {
      // No base: the SIB form, since ModRM alone would mean RIP.
      byte(field | 4)
      byte(memory.scale << 6 | ((memory.index?.number ?? 4) & 7) << 3 | 5)
      dword(UInt32(bitPattern: memory.displacement))
      return
    }
    var mod: UInt8 = 0
    if memory.displacement != 0 || base.number & 7 == 5 {
      mod = memory.displacement == Int32(Int8(truncatingIfNeeded: memory.displacement)) ? 0x40 : 0x80
    }
    if memory.index != nil || base.number & 7 == 4 {
      byte(mod | field | 4)
      byte(memory.scale << 6 | ((memory.index?.number ?? 4) & 7) << 3 | base.number & 7)
    } else {
      byte(mod | field | base.number & 7)
    }
    if mod == 0x40 {
      byte(UInt8(truncatingIfNeeded: memory.displacement))
    } else if mod == 0x80 {
      dword(UInt32(bitPattern: memory.displacement))
    }
  }

  // MARK: Moves

  package mutating func move(_ to: HostRegister, _ from: HostRegister, width: HostWidth = .dword) {
    encode(0x8b, reg: to.number, .register(from), width: width)
  }

  /// Writes all of a register: the upper half becomes zero.
  package mutating func move(_ to: HostRegister, immediate: UInt32) {
    if to.number >= 8 { byte(0x41) }
    byte(0xb8 | to.number & 7)
    dword(immediate)
  }

  package mutating func move(_ to: HostRegister, immediate64 value: UInt64) {
    byte(to.number >= 8 ? 0x49 : 0x48)
    byte(0xb8 | to.number & 7)
    dword(UInt32(truncatingIfNeeded: value))
    dword(UInt32(truncatingIfNeeded: value >> 32))
  }

  package mutating func load(_ to: HostRegister, _ from: HostMemory, width: HostWidth = .dword) {
    encode(width == .byte ? 0x8a : 0x8b, reg: to.number, .memory(from), width: width, byteReg: width == .byte)
  }

  package mutating func store(_ to: HostMemory, _ from: HostRegister, width: HostWidth = .dword) {
    encode(width == .byte ? 0x88 : 0x89, reg: from.number, .memory(to), width: width, byteReg: width == .byte)
  }

  package mutating func store(_ to: HostMemory, immediate value: UInt32, width: HostWidth = .dword) {
    encode(
      width == .byte ? 0xc6 : 0xc7, reg: 0, .memory(to), width: width, immediate: value,
      immediateBytes: min(width.rawValue, 4))
  }

  package mutating func loadAddress(_ to: HostRegister, _ of: HostMemory, width: HostWidth = .dword) {
    encode(0x8d, reg: to.number, .memory(of), width: width)
  }

  package mutating func zeroExtend(_ to: HostRegister, _ from: HostOperand, width: HostWidth) {
    encode(width == .byte ? 0x0fb6 : 0x0fb7, reg: to.number, from, width: .dword)
  }

  // MARK: Without flags

  package mutating func complement(_ register: HostRegister, width: HostWidth) {
    encode(0xf7, reg: 2, .register(register), width: width)
  }

  /// RORX (BMI2): rotates right and leaves flags alone.
  package mutating func rotateRight(_ to: HostRegister, _ from: HostRegister, by count: UInt8, width: HostWidth = .dword) {
    vex(to.number, from.number, third: 0, map: 3, prefix: 3, wide: width == .qword, opcode: 0xf0)
    byte(count)
  }

  package enum Shift: UInt8 {
    case left = 1
    case arithmeticRight = 2
    case right = 3
  }

  /// SHLX, SARX, SHRX (BMI2): shift by the low 5 (32-bit) or 6 (64-bit) bits of a register and leave flags alone.
  package mutating func shift(
    _ kind: Shift, _ to: HostRegister, _ from: HostRegister, by count: HostRegister, width: HostWidth = .dword
  ) {
    vex(to.number, from.number, third: count.number, map: 2, prefix: kind.rawValue, wide: width == .qword, opcode: 0xf7)
  }

  /// PEXT (BMI2): the bits of `from` that `mask` has, side by side.
  package mutating func extract(_ to: HostRegister, _ from: HostRegister, mask: HostRegister) {
    vex(to.number, mask.number, third: from.number, map: 2, prefix: 2, wide: false, opcode: 0xf5)
  }

  /// PDEP (BMI2): the reverse.
  package mutating func deposit(_ to: HostRegister, _ from: HostRegister, mask: HostRegister) {
    vex(to.number, mask.number, third: from.number, map: 2, prefix: 3, wide: false, opcode: 0xf5)
  }

  /// A three-byte VEX prefix, opcode and a register-register ModRM (SDM 2A, 2.3.5).
  private mutating func vex(
    _ reg: UInt8, _ rm: UInt8, third: UInt8, map: UInt8, prefix: UInt8, wide: Bool, opcode: UInt8
  ) {
    byte(0xc4)
    byte((reg < 8 ? 0x80 : 0) | 0x40 | (rm < 8 ? 0x20 : 0) | map)
    byte((wide ? 0x80 : 0) | (~third & 15) << 3 | prefix)
    byte(opcode)
    byte(0xc0 | (reg & 7) << 3 | rm & 7)
  }

  // MARK: Control transfer. Each returns the offset behind its displacement, for `setTarget`.

  @discardableResult
  package mutating func jump(to target: Int? = nil) -> Int {
    byte(0xe9)
    return relative(target)
  }

  @discardableResult
  package mutating func jump(if condition: UInt8, to target: Int? = nil) -> Int {
    byte(0x0f)
    byte(0x80 | condition)
    return relative(target)
  }

  @discardableResult
  package mutating func call(_ target: Int? = nil) -> Int {
    byte(0xe8)
    return relative(target)
  }

  package mutating func jump(through memory: HostMemory) { encode(0xff, reg: 4, .memory(memory), width: .dword) }
  package mutating func jump(to register: HostRegister) { encode(0xff, reg: 4, .register(register), width: .dword) }
  package mutating func `return`() { byte(0xc3) }
  package mutating func push(_ register: HostRegister) {
    if register.number >= 8 { byte(0x41) }
    byte(0x50 | register.number & 7)
  }
  package mutating func pop(_ register: HostRegister) {
    if register.number >= 8 { byte(0x41) }
    byte(0x58 | register.number & 7)
  }

  /// JRCXZ, or JECXZ for `.dword`: the branch that looks at no flag. Short only; see `setShortTarget`.
  package mutating func jumpIfCounterIsZero(width: HostWidth = .qword) -> Int {
    if width == .dword { byte(0x67) }
    byte(0xe3)
    byte(0)
    return position
  }

  private mutating func relative(_ target: Int?) -> Int {
    dword(0)
    if let target { setTarget(position, target) }
    return position
  }

  /// Makes the branch whose displacement ends at `end` go to `target`.
  @inline(__always) package func setTarget(_ end: Int, _ target: Int) {
    UnsafeMutableRawPointer(buffer + end - 4).storeBytes(
      of: Int32(truncatingIfNeeded: target - end), as: Int32.self)
  }

  package func setShortTarget(_ end: Int, _ target: Int) {
    precondition(target - end == Int(Int8(truncatingIfNeeded: target - end)))
    buffer[end - 1] = UInt8(truncatingIfNeeded: target - end)
  }
}
