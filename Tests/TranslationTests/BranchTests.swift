// Branches within the buffer: given their targets at once, or later.

import ISA
import Testing

@testable import Translation

@Suite("branches")
struct BranchTests {
  private let code = EmittedCode()
  private static let conditions = [
    "jo", "jno", "jb", "jae", "je", "jne", "jbe", "ja", "js", "jns", "jp", "jnp", "jl", "jge", "jle", "jg",
  ]

  @Test("a branch goes to its target, before it or behind it", arguments: [0, 40, 64, 64 + 200, 1 << 24])
  func targets(target: Int) {
    let operand = [Operand.immediate(Int64(target))]
    code.expect("jmp", operand) { $0.jump(to: target) }
    code.expect("call", operand) { $0.call(target) }
    for (number, name) in Self.conditions.enumerated() {
      code.expect(name, operand) { $0.jump(if: UInt8(number), to: target) }
    }
  }

  @Test("a target can be set, and set again, when it is known")
  func later() {
    code.expect("jmp", [.immediate(80)]) { asm in
      let end = asm.jump()
      asm.setTarget(end, 90)
      asm.setTarget(end, 80)
    }
    code.expect("jne", [.immediate(10)]) { asm in asm.setTarget(asm.jump(if: 5), 10) }
    code.expect("call", [.immediate(0)]) { asm in asm.setTarget(asm.call(), 0) }
  }

  @Test("the branch that looks at no flag looks at all of RCX, or at ECX")
  func counters() {
    for target in [64 - 100, 64, 64 + 100] {
      code.expect("jrcxz", [.immediate(Int64(target))]) { asm in asm.setShortTarget(asm.jumpIfCounterIsZero(), target) }
      code.expect("jecxz", [.immediate(Int64(target))]) { asm in
        asm.setShortTarget(asm.jumpIfCounterIsZero(width: .dword), target)
      }
    }
  }

  @Test("a short branch can't go far")
  func tooFar() async {
    await #expect(processExitsWith: .failure) {
      var asm = Assembler(buffer: .allocate(capacity: 16), capacity: 16)
      asm.setShortTarget(asm.jumpIfCounterIsZero(), 200)
    }
  }
}
