// What the oracle can't be asked about the x87 unit: privileged switches, pointers to the last instruction, the layouts of
// other modes, IRQ 13, and the state's way to and from the host's unit.

import ISA
import Testing

@testable import Processor

@Suite("The x87 unit", .enabled(if: HostUnit.isAvailable))
struct X87Tests {
  static let area: UInt32 = 0x6000

  /// Little-endian bytes of an address.
  static func bytes(_ address: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: address >> (8 * $0)) } }

  static let fnstenv: [UInt8] = [0xd9, 0x35] + bytes(area)
  static let fldOne: [UInt8] = [0xd9, 0xe8]
  static let halt: [UInt8] = [0xf4]

  @Test("RESET leaves the control word 40h and eight registers that hold zero")
  func reset() throws {
    let processor = try ProtectedGuest([]).processor
    processor.reset()
    let state = processor.floatingPoint
    #expect(state.control == 0x40 && state.statusWord == 0 && state.occupied == 0xff && state.mxcsr == 0x1f80)
    #expect(state.registers.0 == FloatingPointState.Vector())
  }

  @Test("the environment has the last instruction's address, opcode and operand, in the layout of the operand size")
  func environments() throws {
    let operand: UInt32 = 0x6200
    // fninit; fadd qword [6200h]; fnstenv [6000h]; o16 fnstenv [6100h]
    let code: [UInt8] =
      [0xdb, 0xe3, 0xdc, 0x05] + Self.bytes(operand) + Self.fnstenv + [0x66, 0xd9, 0x35] + Self.bytes(0x6100) + Self.halt
    let guest = try ProtectedGuest(code)
    #expect(guest.run() == .halt)
    #expect(guest.word(Self.area) == 0xffff_037f)
    // The stack was empty: invalid operation by stack fault, SF, IE.
    #expect(guest.word(Self.area + 4) == 0xffff_0041)
    #expect(guest.word(Self.area + 12) == ProtectedGuest.code + 2)
    #expect(guest.word(Self.area + 16) == 0x405 << 16 | UInt32(guest.processor[.cs].selector))
    #expect(guest.word(Self.area + 20) == operand)
    #expect(guest.word(Self.area + 24) == 0xffff_0000 | UInt32(guest.processor[.ds].selector))
    #expect(guest.word(0x6106) == (ProtectedGuest.code + 2) | UInt32(guest.processor[.cs].selector) << 16)
    #expect(guest.word(0x610a) == operand | UInt32(guest.processor[.ds].selector) << 16)
  }

  @Test("in real mode the environment has linear addresses and the opcode")
  func realModeEnvironment() throws {
    let guest = try ProtectedGuest([])
    // At 1000h:0000: fninit; fild word [20h]; fnstenv [0]; o32 fnstenv [40h]; hlt. DS is 1200h.
    guest.put(
      [0xdb, 0xe3, 0xdf, 0x06, 0x20, 0, 0xd9, 0x36, 0, 0, 0x66, 0xd9, 0x36, 0x40, 0, 0xf4], at: 0x1_0000)
    guest.processor.enterRealMode(codeSelector: 0x1000, codeBase: 0x1_0000, dataSelector: 0x1200, instructionPointer: 0)
    #expect(guest.run() == .halt)
    let area: UInt32 = 0x1_2000
    #expect(guest.word(area + 6) == 0x0002 | (0x1000 | 0x706) << 16)
    #expect(guest.word(area + 10) == 0x2020 | 0x1000 << 16)
    #expect(guest.word(area + 0x40 + 12) == 0xffff_0002)
    #expect(guest.word(area + 0x40 + 16) == 0x1 << 12 | 0x706)
    #expect(guest.word(area + 0x40 + 20) == 0xffff_2020)
    #expect(guest.word(area + 0x40 + 24) == 0x1 << 12)
  }

  @Test("CR0.EM and CR0.TS make every ESC instruction #NM, and WAIT needs MP and TS", arguments: [4, 8] as [UInt32])
  func unavailable(bit: UInt32) throws {
    for code in [Self.fldOne, [0xdb, 0xe3], [0xdf, 0xe0], [0x0f, 0xae, 0x05] + Self.bytes(Self.area)] {
      let guest = try ProtectedGuest(code)
      try guest.cpu.setCR0(guest.cpu.s.pointee.cr0 | bit)
      #expect(guest.vectorOfHalt() == 7)
      #expect(guest.stack(0) == ProtectedGuest.code)
    }
    let guest = try ProtectedGuest([0x9b, 0xf4])
    try guest.cpu.setCR0(guest.cpu.s.pointee.cr0 | bit | 2)
    #expect(guest.vectorOfHalt() == (bit == 8 ? 7 : nil))
  }

  @Test("an unmasked exception is #MF at the next waiting instruction with CR0.NE")
  func error() throws {
    // fninit; fldcw [6300h]; fldz; fld1; fdivrp; fnstsw ax; fld1
    let code: [UInt8] =
      [0xdb, 0xe3, 0xd9, 0x2d] + Self.bytes(0x6300) + [0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9, 0xdf, 0xe0] + Self.fldOne
    let guest = try ProtectedGuest(code)
    guest.put([0x7b, 0x03], at: 0x6300)
    try guest.cpu.setCR0(guest.cpu.s.pointee.cr0 | 0x20)
    #expect(guest.vectorOfHalt() == 16)
    #expect(guest.stack(0) == ProtectedGuest.code + UInt32(code.count) - 2)
    #expect(guest.processor[register: 0] & 0xffff == 0xb084)
  }

  @Test("without CR0.NE it raises FERR# and stops, and goes on under IGNNE#")
  func ferr() throws {
    let code: [UInt8] =
      [0xdb, 0xe3, 0xd9, 0x2d] + Self.bytes(0x6300) + [0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xf9] + Self.fldOne
      + Self.fnstenv + Self.halt
    let guest = try ProtectedGuest(code)
    guest.put([0x7b, 0x03], at: 0x6300)
    #expect(guest.run() == .halt)
    #expect(guest.processor.numericErrorLine)
    let stopped = ProtectedGuest.code + 14
    #expect(guest.processor.instructionPointer == stopped)
    guest.processor.numericErrorLine = false
    #expect(guest.run() == .halt)
    #expect(guest.processor.numericErrorLine && guest.processor.instructionPointer == stopped)
    guest.processor.ignoresNumericErrors = true
    #expect(guest.run() == .halt)
    #expect(guest.processor.instructionPointer == ProtectedGuest.code + UInt32(code.count))
    // FLD1 was executed, and the exception is still there.
    #expect(guest.word(Self.area + 4) & 0xffff == 0xa884)
  }

  @Test("the state survives its way to the host's unit and back, whatever it is", arguments: 0..<8)
  func roundTrip(top: Int) throws {
    let processor = try ProtectedGuest([0xd9, 0xd0, 0xf4]).processor
    var state = FloatingPointState()
    state.control = 0x7f | UInt16(top & 3) << 10
    state.statusWord = UInt16(top) << 11 | 0x4521
    state.occupied = UInt8(truncatingIfNeeded: 0b1011_0110 << top)
    withUnsafeMutableBytes(of: &state.registers) {
      for n in 0..<8 {
        $0.storeBytes(of: UInt64(n) &* 0x0123_4567_89ab_cdef, toByteOffset: 16 * n, as: UInt64.self)
        $0.storeBytes(of: UInt64(0x3000 + n * 0x1111), toByteOffset: 16 * n + 8, as: UInt64.self)
      }
    }
    processor.floatingPoint = state
    // FNOP takes it there.
    #expect(processor.run(until: processor.retired + 100) == .halt)
    #expect(processor.floatingPoint.fxsave[0..<6] == state.fxsave[0..<6])
    #expect(processor.floatingPoint.fxsave[32...] == state.fxsave[32...])
  }

  @Test("what FXSAVE stored, FXRSTOR loads, and reserved bits of MXCSR are #GP(0)")
  func fxsave() throws {
    // fxsave [6000h]; fninit; fxrstor [6000h]; hlt
    let code: [UInt8] =
      Self.fldOne + [0x0f, 0xae, 0x05] + Self.bytes(Self.area) + [0xdb, 0xe3, 0x0f, 0xae, 0x0d] + Self.bytes(Self.area)
      + Self.halt
    let guest = try ProtectedGuest(code)
    guest.cpu.s.pointee.cr4 = CR4.osfxsr.rawValue
    guest.cpu.initialiseX87()
    guest.processor.floatingPoint.xmm.3 = FloatingPointState.Vector(3, 4)
    #expect(guest.vectorOfHalt() == nil)
    #expect(guest.processor.floatingPoint.registers.7 == FloatingPointState.Vector(1 << 63, 0x3fff))
    #expect(guest.processor.floatingPoint.occupied == 0x80 && guest.processor.floatingPoint.top == 7)
    #expect(guest.processor.floatingPoint.opcode == 0x1e8)
    #expect(guest.word(Self.area + 160 + 48) == 3)
    guest.put([0, 0, 1, 0], at: Self.area + 24)
    guest.processor.instructionPointer = ProtectedGuest.code + UInt32(code.count) - 8
    #expect(guest.vectorOfHalt() == 13)
  }

  @Test("MMX instructions see the state that x87 instructions left, and leave no register empty")
  func mmx() throws {
    let guest = try ProtectedGuest([0xdb, 0xe3] + Self.fldOne + Self.halt)
    #expect(guest.run() == .halt)
    try guest.cpu.checkMMX()
    guest.cpu.enterMMX()
    guest.cpu.setMMX(2, 7)
    #expect(guest.processor.floatingPoint.occupied == 0xff && guest.processor.floatingPoint.top == 0)
    #expect(guest.processor.floatingPoint.registers.2 == FloatingPointState.Vector(7, 0xffff))
    #expect(guest.processor.floatingPoint.registers.7[0] == 1 << 63)
  }
}
