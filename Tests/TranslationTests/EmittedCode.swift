// What an assembler wrote, read back by a disassembler that knows nothing of it; and operands as they should then read,
// made from the arguments alone.

import ISA
import Testing

@testable import Translation

typealias Operand = HostInstruction.Operand

/// A buffer with an assembler that starts over for each instruction.
final class EmittedCode {
  private let buffer = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
  private let disassembler = HostDisassembler()

  deinit { buffer.deallocate() }

  /// The instructions that something emits, from offset 64 on.
  func instructions(_ emit: (inout Assembler) -> Void) -> [HostInstruction] {
    var asm = Assembler(buffer: buffer, capacity: 256, position: 64)
    emit(&asm)
    let read = disassembler.instructions(buffer, 64..<asm.position)
    return read.last?.end == asm.position ? read : []
  }

  /// Checks that one instruction is emitted, and which.
  func expect(
    _ mnemonic: String, _ operands: [Operand], sourceLocation: SourceLocation = #_sourceLocation,
    _ emit: (inout Assembler) -> Void
  ) {
    let read = instructions(emit)
    guard read.count == 1, read[0].mnemonic == mnemonic, read[0].operands == operands else {
      let seen = read.map { "\($0.text) \($0.operands)" }
      Issue.record("expected \(mnemonic) \(operands), emitted \(seen)", sourceLocation: sourceLocation)
      return
    }
  }
}

extension HostRegister {
  static let all = (UInt8(0)..<16).map { HostRegister($0) }
  private static let old = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"]
  private static let low = ["al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"]

  /// The name at a width; bytes as an instruction without REX has them.
  func name(_ width: HostWidth) -> String {
    let number = Int(self.number)
    if number < 8 {
      return switch width {
      case .byte: Self.low[number]
      case .word: Self.old[number]
      case .dword: "e" + Self.old[number]
      case .qword: "r" + Self.old[number]
      }
    }
    return "r\(number)" + (width == .byte ? "b" : width == .word ? "w" : width == .dword ? "d" : "")
  }

  func operand(_ width: HostWidth = .dword) -> Operand { .register(name(width)) }
}

extension HostMemory {
  /// As it must read.
  func operand(_ width: HostWidth = .dword) -> Operand {
    let address: HostWidth = isInWindow ? .dword : .qword
    return .memory(
      HostInstruction.Memory(
        segment: isInWindow ? "gs" : nil, base: base?.name(address), index: index?.name(address),
        scale: index == nil ? 1 : 1 << Int(scale), displacement: Int64(displacement), addressBytes: isInWindow ? 4 : 8,
        bytes: Int(width.rawValue)))
  }

  /// Whether the operand needs REX.
  var needsREX: Bool { (base?.number ?? 0) >= 8 || (index?.number ?? 0) >= 8 }

  static let displacements: [Int32] = [0, 1, -1, 127, -128, 128, -129, 0x1234_5678, .max, .min]

  /// Every base with every index, scale and kind of displacement, in and out of the window.
  static let all: [HostMemory] = [false, true].flatMap { window in
    ([nil] + HostRegister.all).flatMap { (base: HostRegister?) in
      ([nil] + HostRegister.all.filter { $0 != .rsp }).flatMap { (index: HostRegister?) in
        (UInt8(0)..<(index == nil ? 1 : 4)).flatMap { scale in
          displacements.map {
            HostMemory(base: base, index: index, scale: scale, displacement: $0, isInWindow: window)
          }
        }
      }
    }
  }

  /// A few of each shape, for instructions that differ in other things.
  static let some: [HostMemory] = [
    HostMemory(base: .rax), HostMemory(base: .rsp, displacement: 8), HostMemory(base: .rbp),
    HostMemory(base: .r12, displacement: -4, isInWindow: true), HostMemory(base: .r13, isInWindow: true),
    HostMemory(base: .rbx, index: .rsi, scale: 2, displacement: 0x1000, isInWindow: true),
    HostMemory(displacement: 0x7fff_0000, isInWindow: true), HostMemory(displacement: -4096, isInWindow: true),
    HostMemory(index: .rdi, scale: 3, displacement: 16, isInWindow: true), HostMemory(base: .r14, index: .r13),
    HostMemory(base: .r15, index: .r13, scale: 3, displacement: 0x4000),
    HostMemory(base: .r15, displacement: 0x123),
  ]
}
