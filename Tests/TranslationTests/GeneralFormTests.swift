// `encode`: opcodes of one and two bytes, extensions, byte registers, immediates and prefixes.

import ISA
import Testing

@testable import Translation

@Suite("the general form")
struct GeneralFormTests {
  private static let wide: [HostWidth] = [.word, .dword, .qword]

  @Test("two registers are both named, at every width", arguments: wide)
  func registers(width: HostWidth) {
    let code = EmittedCode()
    for a in HostRegister.all {
      for b in HostRegister.all {
        code.expect("add", [b.operand(width), a.operand(width)]) {
          $0.encode(0x01, reg: a.number, .register(b), width: width)
        }
        code.expect("imul", [a.operand(width), b.operand(width)]) {
          $0.encode(0x0faf, reg: a.number, .register(b), width: width)
        }
      }
    }
  }

  @Test("byte registers 4 to 7 are AH to BH where no REX is needed")
  func bytes() {
    let code = EmittedCode()
    for a in HostRegister.all {
      for b in HostRegister.all {
        let needsREX = a.number >= 8 || b.number >= 8
        if needsREX, a.number & 12 == 4 || b.number & 12 == 4 { continue }
        code.expect("sub", [b.operand(.byte), a.operand(.byte)]) {
          $0.encode(0x28, reg: a.number, .register(b), width: .byte, byteReg: true, byteRM: true)
        }
      }
      code.expect("setg", [a.operand(.byte)]) {
        $0.encode(0x0f9f, reg: 0, .register(a), width: .byte, byteRM: true)
      }
    }
  }

  @Test("AH beside REX is refused")
  func refusal() async {
    await #expect(processExitsWith: .failure) {
      var asm = Assembler(buffer: .allocate(capacity: 16), capacity: 16)
      asm.encode(0x88, reg: 4, .memory(HostMemory(base: .r12)), width: .byte, byteReg: true)
    }
  }

  @Test("an extension chooses the operation, and its immediate follows in full", arguments: wide)
  func extensions(width: HostWidth) {
    let code = EmittedCode()
    let names = ["add", "or", "adc", "sbb", "and", "sub", "xor", "cmp"]
    let bytes = min(width.rawValue, 4)
    for (number, name) in names.enumerated() {
      for register in HostRegister.all {
        code.expect(name, [register.operand(width), .immediate(0x12)]) {
          $0.encode(0x83, reg: UInt8(number), .register(register), width: width, immediate: 0x12, immediateBytes: 1)
        }
        code.expect(name, [register.operand(width), .immediate(bytes == 2 ? 0x5678 : 0x1234_5678)]) {
          $0.encode(
            0x81, reg: UInt8(number), .register(register), width: width, immediate: 0x1234_5678, immediateBytes: bytes)
        }
      }
      for memory in HostMemory.some {
        code.expect(name, [memory.operand(width), .immediate(bytes == 2 ? 0x5678 : 0x1234_5678)]) {
          $0.encode(
            0x81, reg: UInt8(number), .memory(memory), width: width, immediate: 0x1234_5678, immediateBytes: bytes)
        }
      }
    }
  }

  @Test("a prefix that belongs to the opcode stands before REX")
  func prefixes() {
    let code = EmittedCode()
    for a in HostRegister.all {
      for b in HostRegister.all {
        let x = Operand.register("xmm\(a.number)"), y = Operand.register("xmm\(b.number)")
        code.expect("movss", [x, y]) { $0.encode(0x0f10, reg: a.number, .register(b), width: .dword, prefix: 0xf3) }
        code.expect("addsd", [x, y]) { $0.encode(0x0f58, reg: a.number, .register(b), width: .dword, prefix: 0xf2) }
        code.expect("pxor", [x, y]) { $0.encode(0x0fef, reg: a.number, .register(b), width: .dword, prefix: 0x66) }
      }
      for memory in HostMemory.some {
        code.expect("movsd", [.register("xmm\(a.number)"), memory.operand(.qword)]) {
          $0.encode(0x0f10, reg: a.number, .memory(memory), width: .dword, prefix: 0xf2)
        }
      }
    }
  }
}
