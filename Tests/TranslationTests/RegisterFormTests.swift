// Instructions on registers alone: moves, and those of BMI2 that leave flags alone.

import ISA
import Testing

@testable import Translation

@Suite("instructions on registers")
struct RegisterFormTests {
  private let code = EmittedCode()

  @Test("a move names both registers", arguments: [HostWidth.word, .dword, .qword])
  func moves(width: HostWidth) {
    for a in HostRegister.all {
      for b in HostRegister.all {
        code.expect("mov", [a.operand(width), b.operand(width)]) { $0.move(a, b, width: width) }
      }
    }
  }

  @Test("a number fills the register's lower half, or all of it")
  func numbers() {
    for register in HostRegister.all {
      code.expect("mov", [register.operand(), .immediate(0x7654_3210)]) { $0.move(register, immediate: 0x7654_3210) }
      code.expect("movabs", [register.operand(.qword), .immediate(0x1234_5678_9abc_def0)]) {
        $0.move(register, immediate64: 0x1234_5678_9abc_def0)
      }
    }
  }

  @Test("a widening move names both registers")
  func extensions() {
    for a in HostRegister.all {
      for b in HostRegister.all {
        code.expect("movzx", [a.operand(), b.operand(.word)]) { $0.zeroExtend(a, .register(b), width: .word) }
        if b.number & 12 == 4 { continue }
        code.expect("movzx", [a.operand(), b.operand(.byte)]) { $0.zeroExtend(a, .register(b), width: .byte) }
      }
    }
  }

  @Test("a complement names its register", arguments: [HostWidth.word, .dword, .qword])
  func complements(width: HostWidth) {
    for register in HostRegister.all {
      code.expect("not", [register.operand(width)]) { $0.complement(register, width: width) }
    }
  }

  @Test("a rotation without flags names both registers and its count", arguments: [HostWidth.dword, .qword])
  func rotations(width: HostWidth) {
    for a in HostRegister.all {
      for b in HostRegister.all {
        for count in [1, 24, 63] as [UInt8] {
          code.expect("rorx", [a.operand(width), b.operand(width), .immediate(Int64(count))]) {
            $0.rotateRight(a, b, by: count, width: width)
          }
        }
      }
    }
  }

  @Test("a shift without flags names three registers", arguments: [HostWidth.dword, .qword])
  func shifts(width: HostWidth) {
    let kinds: [(Assembler.Shift, String)] = [(.left, "shlx"), (.right, "shrx"), (.arithmeticRight, "sarx")]
    for (kind, name) in kinds {
      for a in HostRegister.all {
        for b in HostRegister.all {
          for c in HostRegister.all {
            code.expect(name, [a.operand(width), b.operand(width), c.operand(width)]) {
              $0.shift(kind, a, b, by: c, width: width)
            }
          }
        }
      }
    }
  }

  @Test("the stack takes whole registers")
  func stack() {
    for register in HostRegister.all {
      code.expect("push", [register.operand(.qword)]) { $0.push(register) }
      code.expect("pop", [register.operand(.qword)]) { $0.pop(register) }
      code.expect("jmp", [register.operand(.qword)]) { $0.jump(to: register) }
    }
    code.expect("ret", []) { $0.return() }
  }
}
