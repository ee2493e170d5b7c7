import ISA
import Testing

@Suite("Operands")
struct OperandTests {
  @Test("short forms of the accumulator and of opcode registers look like their long forms")
  func shortForms() {
    let add = decode(0x05, 1, 0, 0, 0)
    #expect(add.operation == .add && add.form == .rmImm && add.rm == 0 && add.immediate == 1 && !add.hasMemory)
    let increment = decode(0x43)
    #expect(increment.operation == .inc && increment.form == .rm && increment.rm == 3)
    let move = decode(0xb4, 0x7f)
    #expect(move.operation == .mov && move.rm == 4 && move.operandSize == 1 && move.immediate == 0x7f)
    let exchange = decode(0x93)
    #expect(exchange.operation == .xchg && exchange.form == .rmReg && exchange.rm == 3 && exchange.reg == 0)
    #expect(decode(0x90).operation == .nop && decode(0xf3, 0x90).operation == .nop)
    let swap = decode(0x66, 0x0f, 0xc9)
    #expect(swap.operation == .bswap && swap.rm == 1 && swap.operandSize == 2)
    let push = decode(0x57)
    #expect(push.operation == .push && push.form == .rm && push.rm == 7)
  }

  @Test("direction of a ModRM form is its opcode's")
  func direction() {
    #expect(decode(0x89, 0xd8).form == .rmReg)
    #expect(decode(0x8b, 0xd8).form == .regRM)
    let move = decode(0x89, 0xd8)
    #expect(move.reg == 3 && move.rm == 0)
  }

  @Test("bare offsets have neither base nor index and take an override")
  func bareOffsets() {
    let load = decode(0x64, 0xa1, 0x78, 0x56, 0x34, 0x92)
    #expect(load.operation == .mov && load.form == .regRM && load.hasMemory && load.segment == .fs)
    #expect(load.base == Instruction.noRegister && load.index == Instruction.noRegister)
    #expect(load.displacement == 0x9234_5678 && load.reg == 0)
    let store = decode(0x67, 0x66, 0xa3, 0x34, 0x92)
    #expect(store.form == .rmReg && store.operandSize == 2 && store.address16 && store.length == 5)
    #expect(store.displacement & 0xffff == 0x9234)
  }

  @Test("shifts by one, by a byte and by CL")
  func shifts() {
    let one = decode(0xd1, 0xe0)
    #expect(one.operation == .shl && one.form == .rmImm && one.immediate == 1)
    #expect(decode(0xd0, 0xf0).operation == .shl)
    #expect(decode(0xd3, 0xf8).operation == .sar && decode(0xd3, 0xf8).form == .rmCL)
    let double = decode(0x0f, 0xa4, 0xc1, 0xff)
    #expect(double.operation == .shld && double.form == .rmRegImm && double.immediate == 0xff)
    #expect(decode(0x0f, 0xad, 0xc1).form == .rmRegCL)
  }

  @Test("segment registers: a word in memory, the operand size in a register")
  func segments() {
    let store = decode(0x8c, 0x18)
    #expect(store.operation == .movFromSegment && store.form == .rmReg && store.reg == 3 && store.operandSize == 2)
    #expect(decode(0x8c, 0xd8).operandSize == 4 && decode(0x66, 0x8c, 0xd8).operandSize == 2)
    let load = decode(0x8e, 0xd0)
    #expect(load.operation == .movToSegment && load.form == .regRM && load.reg == 2 && load.operandSize == 2)
    #expect(decode(0x06).reg == 0 && decode(0x0e).reg == 1 && decode(0x17).reg == 2 && decode(0x1f).reg == 3)
    #expect(decode(0x0f, 0xa0).reg == 4 && decode(0x0f, 0xa9).reg == 5)
    #expect(decode(0x0f, 0xa9).operation == .popSegment)
  }

  @Test("MOV to and from control and debug registers ignores ModRM.mod")
  func controlRegisters() {
    for modRM: UInt8 in [0x1c, 0x5c, 0x9c, 0xdc] {
      let instruction = decode(0x0f, 0x22, modRM)
      #expect(instruction.operation == .movToControl && instruction.reg == 3 && instruction.rm == 4)
      #expect(instruction.length == 3 && !instruction.hasMemory && instruction.operandSize == 4)
    }
    #expect(decode(0x0f, 0x21, 0xf8).operation == .movFromDebug && decode(0x0f, 0x21, 0xf8).reg == 7)
    #expect(decode(0x0f, 0x23, 0xe0).operation == .movToDebug && decode(0x0f, 0x23, 0xe0).form == .regRM)
  }

  @Test("string operations go through their source segment")
  func strings() {
    let move = decode(0x64, 0xf3, 0x67, 0xa4)
    #expect(move.operation == .movs && move.segment == .fs && move.address16 && move.operandSize == 1 && move.hasMemory)
    #expect(decode(0xa5).segment == .ds)
    #expect(decode(0x6d).operation == .ins && decode(0x6e).operandSize == 1)
  }

  @Test("port instructions: a byte or DX; 1, 2 or 4 wide")
  func ports() {
    #expect(decode(0xec).form == .none && decode(0xec).operandSize == 1)
    #expect(decode(0xed).operandSize == 4 && decode(0x66, 0xed).operandSize == 2)
    #expect(decode(0xed, size: .bits16).operandSize == 2)
    #expect(decode(0xe6, 0x80).operation == .out && decode(0xe6, 0x80).immediate == 0x80)
  }

  @Test("conditions come from the opcode's low nibble")
  func conditions() {
    for condition: UInt8 in 0..<16 {
      #expect(decode(0x70 | condition, 0).condition == condition)
      #expect(decode(0x0f, 0x90 | condition, 0xc0).condition == condition)
      #expect(decode(0x0f, 0x40 | condition, 0xc0).operation == .cmovcc)
    }
  }

  @Test("x87 opcodes keep their place, their register form and their memory form")
  func x87() {
    let load = decode(0xdd, 0x45, 0xf8)
    #expect(load.operation == .x87 && load.condition == 5 && load.reg == 0 && load.base == 5 && load.segment == .ss)
    let add = decode(0xde, 0xc1)
    #expect(add.operation == .x87 && add.condition == 6 && add.reg == 0 && add.rm == 1 && !add.hasMemory)
  }

  @Test("the descriptor-table instructions")
  func descriptorTables() {
    let operations: [Operation] = [.sgdt, .sidt, .lgdt, .lidt, .smsw, .undefined, .lmsw, .invlpg]
    for (reg, operation) in operations.enumerated() {
      #expect(decode(0x0f, 0x01, UInt8(reg << 3)).operation == operation)
    }
    for reg: UInt8 in [0, 1, 2, 3, 7] { #expect(decode(0x0f, 0x01, 0xc0 | reg << 3).operation == .undefined) }
    #expect(decode(0x0f, 0x01, 0xe0).operandSize == 4 && decode(0x0f, 0x01, 0x20).operandSize == 2)
    let first: [Operation] = [.sldt, .str, .lldt, .ltr, .verr, .verw, .undefined, .undefined]
    for (reg, operation) in first.enumerated() {
      #expect(decode(0x0f, 0x00, 0xc0 | UInt8(reg << 3)).operation == operation)
    }
  }
}
