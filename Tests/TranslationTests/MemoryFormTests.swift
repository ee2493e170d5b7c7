// Every memory operand that can be named, in the instructions that have one.

import ISA
import Testing

@testable import Translation

@Suite("memory operands")
struct MemoryFormTests {
  @Test("an operand reads as it was named, whatever its base, index, factor, displacement and window")
  func everyShape() {
    let code = EmittedCode()
    for memory in HostMemory.all {
      code.expect("mov", [HostRegister.rdx.operand(), memory.operand()]) { $0.load(.rdx, memory) }
    }
  }

  @Test("loads, stores and addresses name every register at every width", arguments: [HostWidth.byte, .word, .dword, .qword])
  func everyRegister(width: HostWidth) {
    let code = EmittedCode()
    for memory in HostMemory.some {
      for register in HostRegister.all {
        // Neither AH beside REX nor an address in a byte.
        if width == .byte, register.number & 12 == 4, memory.needsREX { continue }
        code.expect("mov", [register.operand(width), memory.operand(width)]) { $0.load(register, memory, width: width) }
        code.expect("mov", [memory.operand(width), register.operand(width)]) { $0.store(memory, register, width: width) }
        if width == .byte || memory.isInWindow { continue }
        code.expect("lea", [register.operand(width), memory.operand(width)]) {
          $0.loadAddress(register, memory, width: width)
        }
      }
    }
  }

  @Test("an immediate is stored at the operand's width", arguments: [HostWidth.byte, .word, .dword, .qword])
  func immediates(width: HostWidth) {
    let code = EmittedCode()
    for memory in HostMemory.some {
      for value in [0, 1, 0x7f, 0x80, 0xff, 0x1234, 0x8000, 0x1234_5678, 0x8000_0000, ~0] as [UInt32] {
        let expected: Int64 =
          switch width {
          case .byte: Int64(Int8(truncatingIfNeeded: value))
          case .word: Int64(Int16(truncatingIfNeeded: value))
          case .dword, .qword: Int64(Int32(bitPattern: value))
          }
        let read = code.instructions { $0.store(memory, immediate: value, width: width) }
        guard read.count == 1, read[0].mnemonic == "mov", read[0].operands.first == memory.operand(width),
          case .immediate(let seen) = read[0].operands.last
        else {
          Issue.record("\(memory) = \(value): \(read)")
          continue
        }
        // Capstone shows some immediates without their sign.
        #expect(seen == expected || seen == expected & (1 << (Int64(min(width.rawValue, 4)) * 8) - 1), "\(read[0].text)")
      }
    }
  }

  @Test("a transfer through memory reads a quadword")
  func indirect() {
    let code = EmittedCode()
    for memory in HostMemory.some {
      code.expect("jmp", [memory.operand(.qword)]) { $0.jump(through: memory) }
    }
  }

  @Test("a widening move reads a byte or a word")
  func extensions() {
    let code = EmittedCode()
    for memory in HostMemory.some {
      for register in HostRegister.all {
        for width in [HostWidth.byte, .word] {
          code.expect("movzx", [register.operand(), memory.operand(width)]) {
            $0.zeroExtend(register, .memory(memory), width: width)
          }
        }
      }
    }
  }
}
