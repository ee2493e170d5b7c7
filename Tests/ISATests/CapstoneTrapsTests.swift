// What Capstone reports wrongly or not at all, and the decoder must have right.

import ISA
import Testing

@Suite("Capstone's traps")
struct CapstoneTrapsTests {
  @Test(
    "the operand size of a repeated string operation comes from 66, wherever it stands",
    arguments: [[0x66, 0xf3, 0xa5], [0xf3, 0x66, 0xa5], [0x66, 0x66, 0xf3, 0xa5]] as [[UInt8]])
  func repeatedWordMove(bytes: [UInt8]) {
    let instruction = decode(bytes)
    #expect(instruction.operation == .movs)
    #expect(instruction.operandSize == 2)
    #expect(instruction.flags.contains(.rep))
  }

  @Test("of stacked prefixes in a group the last counts")
  func stackedPrefixes() {
    #expect(decode(0x64, 0x65, 0x8b, 0x00).segment == .gs)
    #expect(decode(0x65, 0x64, 0x8b, 0x00).segment == .fs)
    #expect(decode(0xf2, 0xf3, 0xa4).flags.contains(.rep))
    #expect(!decode(0xf2, 0xf3, 0xa4).flags.contains(.repne))
    #expect(decode(0xf3, 0xf2, 0xa4).flags.contains(.repne))
    #expect(!decode(0xf3, 0xf2, 0xa4).flags.contains(.rep))
  }

  @Test("a string MOVSD is a string operation, and the SSE MOVSD isn't one")
  func twoMovsd() {
    #expect(decode(0xa5).operation == .movs)
    #expect(decode(0xf2, 0x0f, 0x10, 0x00).operation == .simd)
    #expect(decode(0xf2, 0x0f, 0x10, 0x00).simd?.mnemonic == "movsd")
  }

  @Test("immediates are extended as the opcode says, then cut to the operand size")
  func immediates() {
    #expect(decode(0x6a, 0xff).immediate == 0xffff_ffff)
    #expect(decode(0x66, 0x6a, 0xff).immediate == 0xffff)
    #expect(decode(0x83, 0xc0, 0xff).immediate == 0xffff_ffff)
    #expect(decode(0x66, 0x83, 0xc0, 0xff).immediate == 0xffff)
    #expect(decode(0x80, 0xc0, 0xff).immediate == 0xff)
    #expect(decode(0x82, 0xc0, 0xff).immediate == 0xff)
    #expect(decode(0x68, 0xff, 0xff, 0xff, 0xff).immediate == 0xffff_ffff)
    #expect(decode(0x66, 0x81, 0xc0, 0x34, 0x92).immediate == 0x9234)
    #expect(decode(0x6b, 0xc1, 0x80).immediate == 0xffff_ff80)
    #expect(decode(0xc1, 0xe0, 0xff).immediate == 0xff)
  }

  @Test("a near branch with 66 has a 16-bit displacement and operand size 2, so that EIP is cut")
  func nearBranches() {
    let call = decode(0x66, 0xe8, 0x00, 0x90)
    #expect(call.operation == .call && call.length == 4 && call.operandSize == 2)
    #expect(call.immediate == 0xffff_9000)
    #expect(call.branchTarget(from: 0x1000) == 0xa004)
    let short = decode(0x66, 0x74, 0xfe)
    #expect(short.operation == .jcc && short.condition == 4 && short.immediate == 0xffff_fffe)
    #expect(decode(0x66, 0x0f, 0x84, 0x00, 0x10).length == 5)
    #expect(decode(0x0f, 0x84, 0x00, 0x10, 0, 0).condition == 4)
  }

  @Test("67 before LOOP and JCXZ means CX")
  func countRegister() {
    #expect(decode(0x67, 0xe3, 0x10).address16)
    #expect(decode(0x67, 0xe2, 0x10).address16)
    #expect(!decode(0xe2, 0x10).address16)
    #expect(!decode(0x67, 0xe2, 0x10, size: .bits16).address16)
  }

  @Test("far pointers and ENTER keep both their parts")
  func farPointers() {
    let call = decode(0x9a, 0x78, 0x56, 0x34, 0x12, 0x08, 0x00)
    #expect(call.operation == .callFar && call.form == .far)
    #expect(call.immediate == 0x1234_5678 && call.selector == 8 && call.operandSize == 4)
    let jump = decode(0x66, 0xea, 0x34, 0x12, 0xcd, 0xab)
    #expect(jump.operation == .jmpFar && jump.immediate == 0x1234 && jump.selector == 0xabcd && jump.operandSize == 2)
    let enter = decode(0xc8, 0x10, 0x80, 0x03)
    #expect(enter.operation == .enter && enter.immediate == 0x8010 && enter.selector == 3)
    let input = decode(0x66, 0xe5, 0x10)
    #expect(input.operation == .in && input.form == .imm && input.operandSize == 2 && input.immediate == 0x10)
  }

  @Test("66 halves the operand of far indirect transfers and segment loads")
  func farIndirect() {
    #expect(decode(0xff, 0x18).operandSize == 4)
    #expect(decode(0x66, 0xff, 0x18).operandSize == 2)
    #expect(decode(0x66, 0xc5, 0x00).operandSize == 2)
    #expect(decode(0xc5, 0x00).operation == .lds)
    #expect(decode(0x66, 0xd9, 0x30).operandSize == 2)
    #expect(decode(0xdd, 0x30).operandSize == 4)
  }

  @Test("implied operands are made explicit where Capstone lists none")
  func impliedOperands() {
    #expect(decode(0xd5, 0x0a).immediate == 10)
    #expect(decode(0xd4, 0x00).immediate == 0)
    let xlat = decode(0x64, 0xd7)
    #expect(xlat.operation == .xlat && xlat.hasMemory && xlat.base == 3 && xlat.segment == .fs)
    #expect(xlat.index == Instruction.noRegister)
    #expect(decode(0x67, 0xd7).address16)
    #expect(decode(0x60).operandSize == 4 && decode(0x66, 0x60).operandSize == 2)
  }

  @Test("TEST is TEST, /1 included")
  func test() {
    for reg: UInt8 in [0, 1] {
      let instruction = decode(0xf6, 0x00 | reg << 3, 0x10)
      #expect(instruction.operation == .test && instruction.immediate == 0x10 && instruction.form == .rmImm)
    }
  }

  @Test("ENDBR32 and ENDBR64 are NOPs of four bytes")
  func endbr() {
    #expect(decode(0xf3, 0x0f, 0x1e, 0xfb).operation == .nop)
    #expect(decode(0xf3, 0x0f, 0x1e, 0xfa).length == 4)
  }

  @Test("VEX prefixes are #UD, and their memory forms are LES, LDS and BOUND")
  func vex() {
    #expect(decode(0xc5, 0xf8, 0x10, 0x00).operation == .undefined)
    #expect(decode(0xc4, 0xe2, 0x7b, 0xf5).operation == .undefined)
    #expect(decode(0x62, 0xf1, 0x7c, 0x48).operation == .undefined)
    #expect(decode(0xc4, 0x00).operation == .les)
    #expect(decode(0xc5, 0x00).operation == .lds)
    #expect(decode(0x62, 0x00).operation == .bound)
  }

  @Test("a ModRM byte of zero is seen")
  func zeroModRM() {
    let instruction = decode(0x01, 0x00)
    #expect(instruction.hasMemory && instruction.base == 0 && instruction.length == 2)
  }
}
