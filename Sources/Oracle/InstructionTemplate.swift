// A row of the generator's table: one encoding, in the manual's own notation, and what makes a good case of it.

import ISA

package enum InstructionClass: String, CaseIterable, Sendable {
  case dataMovement, arithmetic, logic, decimal, shiftRotate, bits, string, controlTransfer, flags, stack, conditional
  case segment, privileged, undefined
  case mmx, sse, sse2Double, sse2Integer, conversion
  case x87LoadStore, x87Arithmetic, x87Compare, x87Transcendental, x87Control
}

package struct InstructionTemplate: Sendable {
  /// The size of the r/m operand: one byte, the operand size, or fixed.
  enum Width: Sendable { case byte, operand, word, none }
  enum RM: Sendable { case any, memory, register }
  enum Reg: Sendable {
    case none, any
    case digit(UInt8)
    case choices([UInt8])
  }
  /// What follows ModRM. `iz` is 2 or 4 bytes by the operand size, `relative` too; `pointer` is an offset of that size
  /// and a selector; `offset` an address of the address size.
  enum Immediate: Sendable { case none, byte, word, iz, enter, relative8, relative, pointer, offset }

  struct Options: OptionSet, Sendable {
    let rawValue: Int
    static let lock = Options(rawValue: 1)
    static let rep = Options(rawValue: 2)
    static let repne = Options(rawValue: 4)
    /// Locks the bus without being asked (XCHG), so the operand must not cross a cache line: hosts punish split locks.
    static let locksAnyway = Options(rawValue: 8)
    /// The processor goes elsewhere, or may.
    static let branches = Options(rawValue: 16)
    /// No operand-size prefix: it would select another instruction or one whose effect vendors disagree on.
    static let no66 = Options(rawValue: 32)
    /// Not even a forbidden LOCK: some AMD processors take it.
    static let neverLock = Options(rawValue: 64)
  }

  /// What registers and memory need, besides random values, for the instruction to get somewhere.
  enum Setup: Sendable {
    case plain, push, pop, string, division, bitString, shiftCL, shiftImmediate, xlat, selectorOperand
    case farPointerOperand, farPointerImmediate, popSegment, popFlags, enter, leave, bound, indirect, loop, ret, retFar
    case iret, compareExchange, compareExchange8, asciiBase, interrupt
    /// The x87 state, and a memory operand of this kind.
    case x87(X87Operand)
  }

  package var name: String
  package let operation: Operation
  package let instructionClass: InstructionClass
  let opcode: [UInt8]
  let plusRegister: Bool
  let reg: Reg
  let immediate: Immediate
  let width: Width
  let rm: RM
  let options: Options
  let setup: Setup
  /// The line of `SIMDTable` that the row was made of.
  var simd: SIMDInstruction?

  var hasModRM: Bool { if case .none = reg { false } else { true } }

  /// - Parameter encoding: opcode bytes in hex, then any of `+r`, `/r`, `/0` to `/7`, `ib iw iz iw,ib cb cz ptr moffs`
  ///   (`cb` is opcode CB when it comes first).
  init(
    _ instructionClass: InstructionClass, _ operation: Operation, _ encoding: String, _ width: Width = .operand,
    rm: RM = .any, reg choices: [UInt8]? = nil, _ options: Options = [], _ setup: Setup = .plain
  ) {
    var opcode: [UInt8] = []
    var plusRegister = false
    var reg = Reg.none
    var immediate = Immediate.none
    for token in encoding.split(separator: " ") {
      switch token {
      case "+r": plusRegister = true
      case "/r": reg = choices.map { .choices($0) } ?? .any
      case "ib": immediate = .byte
      case "iw": immediate = .word
      case "iz": immediate = .iz
      case "iw,ib": immediate = .enter
      case "cb" where !opcode.isEmpty: immediate = .relative8
      case "cz": immediate = .relative
      case "ptr": immediate = .pointer
      case "moffs": immediate = .offset
      default:
        if token.first == "/" {
          reg = .digit(UInt8(token.dropFirst())!)
        } else {
          opcode.append(UInt8(token, radix: 16)!)
        }
      }
    }
    self.name = "\(operation) \(encoding)"
    self.operation = operation
    self.instructionClass = instructionClass
    self.opcode = opcode
    self.plusRegister = plusRegister
    self.reg = reg
    self.immediate = immediate
    self.width = width
    self.rm = rm
    self.options = options
    self.setup = setup
  }

  /// The same for an operand of the operand size that may be register or memory.
  init(
    _ instructionClass: InstructionClass, _ operation: Operation, _ encoding: String, _ options: Options,
    _ setup: Setup = .plain
  ) {
    self.init(instructionClass, operation, encoding, .operand, rm: .any, reg: nil, options, setup)
  }
}
